// Runs before the rest, so that a person who chose dark never sees a white flash.
try {
	const chosen = JSON.parse(localStorage.getItem("khien.preferences") ?? "{}");
	document.documentElement.dataset.theme = chosen.theme ?? "auto";
	document.documentElement.dataset.density = chosen.density ?? "comfortable";
} catch {
	document.documentElement.dataset.theme = "auto";
}
export {};
