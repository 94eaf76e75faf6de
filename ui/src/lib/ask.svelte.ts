// The dialogs that any value on any screen may open: they stand in the shell, once.
export const asked = $state<{ indicator: { value: string; kind?: string } | null }>({ indicator: null });

const ip = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:]+)(?:\/\d+)?$/i;
const hash = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i;
const domain = /^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}$/i;
const url = /^https?:\/\/\S+$/i;
const mail = /^[^\s@]+@[^\s@]+\.[a-z]{2,}$/i;

/** What kind of indicator a value of a field could be; empty when it could be none. */
export function kindOf(name: string, value: string): string {
	if (url.test(value)) return "url";
	if (mail.test(value)) return "mail";
	if (ip.test(value)) return "ip";
	if (hash.test(value)) return "hash";
	// Names of files and of programs look like domains; only fields that hold names of hosts may offer them.
	if (domain.test(value) && /domain|dns|host|url|server|query|sni/i.test(name) && !/\.(?:exe|dll|sh|php|log|conf|ps1|bat)$/i.test(value)) return "domain";
	return "";
}
