// Where we are is in the address bar: path, filter, sort, selection and panel. Back, reload and a copied link all work.

export const route = $state({ path: location.pathname, query: new URLSearchParams(location.search) });

function settle() {
	route.path = location.pathname;
	route.query = new URLSearchParams(location.search);
}

addEventListener("popstate", settle);

export function go(address: string, replace = false) {
	if (address === location.pathname + location.search) return;
	history[replace ? "replaceState" : "pushState"](null, "", address);
	settle();
}

type Change = Record<string, string | number | null | undefined>;

/** The same place with some parameters changed; null takes one away. */
export function withParams(change: Change, path = route.path, from: URLSearchParams = route.query) {
	const query = new URLSearchParams(from);
	for (const [name, value] of Object.entries(change)) {
		if (value === null || value === undefined || value === "") query.delete(name);
		else query.set(name, String(value));
	}
	const text = query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
	return text ? `${path}?${text}` : path;
}

/** What stands for ":id" in the address of this screen. */
export const pathId = () => decodeURIComponent(route.path.slice(route.path.lastIndexOf("/") + 1));
export const change = (params: Change, replace = true) => go(withParams(params), replace);
export const param = (name: string) => route.query.get(name) ?? "";
export const place = (path: string, params: Change = {}) => withParams(params, path, new URLSearchParams());

/** Plain clicks on our own links stay in the page; everything else is the browser's. */
export function followLinks(e: MouseEvent) {
	if (e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
	const link = (e.target as Element).closest?.("a");
	if (!link || link.target || link.origin !== location.origin || link.hasAttribute("download")) return;
	if (link.protocol !== location.protocol || link.pathname.startsWith("/api/") || link.hash) return;
	e.preventDefault();
	go(link.pathname + link.search, link.dataset.replace !== undefined);
}
