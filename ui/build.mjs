// SPDX-License-Identifier: EUPL-1.2
// Bundles the interface into ui/dist (or the folder named after --out). Plain esbuild, one plugin: Svelte components,
// sentences of content/lang, and the outlines of the icons that are used. Usage: node build.mjs [--out DIR] [--watch]
import { build, context, transform } from "esbuild";
import { compile, compileModule } from "svelte/compiler";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const args = process.argv.slice(2);
const out = args.includes("--out") ? resolve(args[args.indexOf("--out") + 1]) : join(here, "dist");
const languages = { vi: join(here, "../content/lang/vi.yaml"), en: join(here, "../content/lang/en.yaml") };

/* ---- sentences -------------------------------------------------------------------------------------------------- */

// Faults that texts written or pasted in a browser can have; those of options and start-up are said on the command line.
const faults = "fault(?=\\.(?:feed|indicator|json|lookback|merger|register|rule|system|table|yaml)[._])";

async function readSentences(path, group = "ui") {
	const table = {};
	const sentence = new RegExp(`^(?:${group})\\.([a-z0-9_.]+): "((?:[^"\\\\]|\\\\.)*)"\\s*$`);
	for (const line of (await readFile(path, "utf8")).split("\n")) {
		const m = sentence.exec(line);
		if (m) table[m[1]] = m[2].replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
	}
	return table;
}

async function sourceFiles(folder) {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	return entries.filter((e) => e.isFile() && /\.(ts|svelte)$/.test(e.name)).map((e) => join(e.path ?? e.parentPath, e.name));
}

// Sentences come in two tables. ui.* is there from the first moment. office.* is what the screens of the register and of
// the administration say: it is fetched with the first of them (officeScreen() in lib/lang.svelte.ts). The source names
// both without the group: t("people.title") is ui.people.title or office.people.title, never both.
const readAll = async (path) => {
	const [ui, office] = [await readSentences(path), await readSentences(path, "office")];
	const twice = Object.keys(office).filter((key) => key in ui);
	if (twice.length) throw new Error(`both ui. and office.: ${twice.join(", ")}`);
	return { ...ui, ...office };
};

// Every key that the source names exists in both languages, and no sentence is left that nobody says. A key may be
// named in full, t("queue.title"), or by its beginning, t(`level.${...}`) or t(`import.format_${...}`).
async function checkSentences() {
	const [vi, en] = await Promise.all([readAll(languages.vi), readAll(languages.en)]);
	const said = new Set(), begun = new Set(), problems = [];
	for (const file of await sourceFiles(join(here, "src"))) {
		const text = await readFile(file, "utf8");
		for (const m of text.matchAll(/["'`]([a-z0-9_]+(?:\.[a-z0-9_]+)+)["'`]/g)) said.add(m[1]);
		for (const m of text.matchAll(/`([a-z0-9_.]+[._])\$\{|\bword\("([\w.]+)"/g)) begun.add(m[1] ?? `${m[2]}.`);
		for (const m of text.matchAll(/\bt\(\s*["']([^"']+)["']/g)) {
			said.add(m[1]);
			if (!(m[1] in vi) || !(m[1] in en)) problems.push(`${file}: no sentence ui.${m[1]}`);
		}
	}
	for (const key of new Set([...Object.keys(vi), ...Object.keys(en)])) {
		if (!(key in vi) || !(key in en)) problems.push(`ui.${key} stands in one language only`);
		if (!said.has(key) && ![...begun].some((b) => key.startsWith(b))) problems.push(`ui.${key} is never said`);
	}
	if (problems.length) throw new Error(problems.join("\n"));
}

/* ---- icons ------------------------------------------------------------------------------------------------------ */

// Lucide draws with several shapes; one path per icon is smaller and needs no markup at run time.
const shapes = {
	path: (a) => a.d,
	line: (a) => `M${a.x1} ${a.y1}L${a.x2} ${a.y2}`,
	polyline: (a) => `M${a.points}`,
	polygon: (a) => `M${a.points}z`,
	circle: (a) => ellipse(+a.cx, +a.cy, +a.r, +a.r),
	ellipse: (a) => ellipse(+a.cx, +a.cy, +a.rx, +a.ry),
	rect: (a) => {
		const [x, y, w, h, r] = [a.x ?? 0, a.y ?? 0, a.width, a.height, a.rx ?? a.ry ?? 0].map(Number);
		const corner = (dx, dy) => `a${r} ${r} 0 0 1 ${dx} ${dy}`;
		return `M${x + r} ${y}h${w - 2 * r}${corner(r, r)}v${h - 2 * r}${corner(-r, r)}h${2 * r - w}${corner(-r, -r)}v${2 * r - h}${corner(r, -r)}z`;
	},
};
const ellipse = (x, y, rx, ry) => `M${x - rx} ${y}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0`;

async function readIcon(name) {
	const svg = await readFile(join(here, "node_modules/lucide-static/icons", `${name}.svg`), "utf8");
	let d = ""; // every shape starts at the origin: a path may begin with a relative move
	for (const [, tag, text] of svg.matchAll(/<(path|line|polyline|polygon|circle|ellipse|rect)\s([^>]*?)\/>/g))
		d += "M0 0" + shapes[tag](Object.fromEntries([...text.matchAll(/([\w-]+)="([^"]*)"/g)].map((m) => [m[1], m[2]])));
	return d;
}

async function readIcons() {
	const names = JSON.parse(await readFile(join(here, "src/icons.json"), "utf8"));
	return Object.fromEntries(await Promise.all(names.map(async (n) => [n, await readIcon(n)])));
}

/* ---- the plugin ------------------------------------------------------------------------------------------------- */

const compiled = async (path) => compile(await readFile(path, "utf8"), { filename: path, generate: "client", dev: false, css: "external", runes: true });

// Screens are fetched when they are first wanted, and esbuild gives such a piece a style sheet that nobody loads. So the
// sheets of all components stand in one module that the entry imports.
async function allStyles() {
	const files = (await sourceFiles(join(here, "src"))).filter((f) => f.endsWith(".svelte")).sort();
	const sheets = await Promise.all(files.map(async (f) => (await compiled(f)).css?.code ?? ""));
	return { contents: sheets.join("\n"), loader: "css", resolveDir: here, watchFiles: files };
}

const khien = {
	name: "khien",
	setup(b) {
		b.onStart(checkSentences);
		b.onResolve({ filter: /^(lang|office|faults|measure|icons):/ }, (a) => ({ path: a.path, namespace: "made" }));
		b.onLoad({ filter: /^lang:/, namespace: "made" }, async (a) => {
			const path = languages[a.path.slice(5)];
			return { contents: JSON.stringify(await readSentences(path)), loader: "json", watchFiles: [path] };
		});
		b.onLoad({ filter: /^office:/, namespace: "made" }, async (a) => {
			const path = languages[a.path.slice(7)];
			return { contents: JSON.stringify(await readSentences(path, "office")), loader: "json", watchFiles: [path] };
		});
		b.onLoad({ filter: /^faults:/, namespace: "made" }, async (a) => {
			const path = languages[a.path.slice(7)];
			return { contents: JSON.stringify(await readSentences(path, faults)), loader: "json", watchFiles: [path] };
		});
		b.onLoad({ filter: /^measure:/, namespace: "made" }, async (a) => {
			const path = languages[a.path.slice(8)];
			return { contents: JSON.stringify(await readSentences(path, "measure")), loader: "json", watchFiles: [path] };
		});
		b.onLoad({ filter: /^icons:/, namespace: "made" }, async () => ({
			contents: JSON.stringify(await readIcons()), loader: "json", watchFiles: [join(here, "src/icons.json")],
		}));
		b.onResolve({ filter: /^style:all$/ }, (a) => ({ path: a.path, namespace: "style" }));
		b.onLoad({ filter: /./, namespace: "style" }, allStyles);
		b.onLoad({ filter: /\.svelte$/ }, async (a) => {
			const { js, warnings } = await compiled(a.path);
			return { contents: js.code, loader: "ts", resolveDir: dirname(a.path), warnings: warnings.map((w) => ({ text: w.message, location: { file: a.path, line: w.start?.line, column: w.start?.column } })) };
		});
		b.onLoad({ filter: /\.svelte\.ts$/ }, async (a) => {
			const { code } = await transform(await readFile(a.path, "utf8"), { loader: "ts", target: "es2022" });
			return { contents: compileModule(code, { filename: a.path, generate: "client", dev: false }).js.code, loader: "js" };
		});
	},
};

const options = {
	absWorkingDir: here,
	entryPoints: { app: "src/main.ts", theme: "src/theme.ts" },
	outdir: out,
	bundle: true, splitting: true, format: "esm", minify: true, metafile: true, target: "es2022",
	legalComments: "none",
	chunkNames: "[name]-[hash]",
	assetNames: "[name]",
	loader: { ".woff2": "file" },
	conditions: ["browser", "production"],
	define: { "process.env.NODE_ENV": '"production"' },
	plugins: [khien],
	logLevel: "warning",
};

/* ---- licences ----------------------------------------------------------------------------------------------------- */

// Whatever is bundled brings its licence along; the interface links to the file.
async function writeLicences(metafile) {
	const names = new Set(["lucide-static"]);
	for (const path of Object.keys(metafile.inputs)) {
		const m = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
		if (m) names.add(m[1]);
	}
	let text = "";
	for (const name of [...names].sort()) {
		const folder = join(here, "node_modules", name);
		const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
		const file = (await readdir(folder)).find((f) => /^licen[cs]e/i.test(f));
		text += `${name} ${version} (${license})\n\n${file ? await readFile(join(folder, file), "utf8") : ""}\n\n`;
	}
	await writeFile(join(out, "licences.txt"), text);
}

/* ---- build ------------------------------------------------------------------------------------------------------ */

async function report(metafile) {
	const sizes = await Promise.all(Object.keys(metafile.outputs).map(async (path) => {
		const bytes = await readFile(join(here, path));
		return [path.split("/").pop(), bytes.length, gzipSync(bytes, { level: 9 }).length];
	}));
	for (const [name, raw, packed] of sizes.sort((a, b) => b[2] - a[2]))
		console.log(`${name.padEnd(48)} ${String(raw).padStart(8)} ${String(packed).padStart(8)} gzip`);
}

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await copyFile(join(here, "src/index.html"), join(out, "index.html"));
await copyFile(join(here, "src/shield.svg"), join(out, "shield.svg"));
if (args.includes("--watch")) {
	await (await context(options)).watch();
} else {
	const { metafile } = await build(options).catch(() => process.exit(1)); // esbuild has said why
	await writeLicences(metafile);
	if (!args.includes("--quiet")) await report(metafile);
}
