// The program behind a User-Agent, in words a person knows. A guess from what it says of itself; what we do not know stays
// as it came.
const browsers: [RegExp, string][] = [
	[/\bEdg(?:e|A|iOS)?\//, "Edge"],
	[/\bOPR\//, "Opera"],
	[/coc_coc_browser|CocCoc/i, "Cốc Cốc"],
	[/\bSamsungBrowser\//, "Samsung Internet"],
	[/\bFirefox\/|\bFxiOS\//, "Firefox"],
	[/\bHeadlessChrome\/|\bChrome\/|\bCriOS\//, "Chrome"],
	[/\bSafari\//, "Safari"],
	[/^curl\//, "curl"],
	[/^[Pp]ython/, "Python"],
];
const systems: [RegExp, string][] = [
	[/iPhone/, "iPhone"],
	[/iPad/, "iPad"],
	[/Android/, "Android"],
	[/Windows/, "Windows"],
	[/Mac OS X|Macintosh/, "macOS"],
	[/CrOS/, "ChromeOS"],
	[/Linux/, "Linux"],
];

export function programOf(agent: string) {
	const find = (list: [RegExp, string][]) => list.find(([sign]) => sign.test(agent))?.[1];
	return [find(browsers), find(systems)].filter(Boolean).join(" · ") || agent.slice(0, 40);
}
