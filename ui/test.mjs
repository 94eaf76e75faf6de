// SPDX-License-Identifier: EUPL-1.2
// Tables for the parts of src/lib that are plain functions. TAP on standard output.
import { build } from "esbuild";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const lib = join(dirname(fileURLToPath(import.meta.url)), "src/lib");
const vietnamese = {
	name: "vietnamese",
	setup: (b) => {
		b.onResolve({ filter: /\/lang\.svelte$/ }, () => ({ path: "lang", namespace: "stand-in" }));
		b.onLoad({ filter: /./, namespace: "stand-in" }, () => ({ contents: 'export const language = () => "vi";' }));
	},
};
const { outputFiles } = await build({
	stdin: { contents: 'export * from "./query"; export * from "./format"; export * from "./time";', resolveDir: lib, loader: "ts" },
	bundle: true, write: false, format: "esm", plugins: [vietnamese],
});
const l = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);

let count = 0;
function same(got, wanted, name) {
	const good = JSON.stringify(got) === JSON.stringify(wanted);
	console.log(`${good ? "ok" : "not ok"} ${++count} - ${name}`);
	if (good) return;
	console.log(`# got    ${JSON.stringify(got)}\n# wanted ${JSON.stringify(wanted)}`);
	process.exitCode = 1;
}

for (const [value, wanted] of [
	["root", "user.name:root"],
	["Nguyễn Văn A", 'user.name:"Nguyễn Văn A"'],
	['say "hi"', 'user.name:"say \\"hi\\""'],
	["a*b", 'user.name:"a*b"'],
	["-v", 'user.name:"-v"'],
	["C:\\Windows\\", "user.name:C:\\Windows\\"],
	["fe80::1", "user.name:fe80::1"],
	["::1", 'user.name:"::1"'],
	["", "-user.name:*"],
])
	same(l.addTerm("user.name", value, false), wanted, `a term for ${JSON.stringify(value)}`);

same(l.terms('a  "b c" -d:"e \\" f" g'), ["a", '"b c"', '-d:"e \\" f"', "g"], "quotes hold a term together");
same(l.joinTerm("a -host.name:x", "host.name:x"), "a host.name:x", "a term drives out its opposite");
same(l.joinTerm("a host.name:x", "host.name:x"), "a host.name:x", "a term never stands twice");
same(l.withoutTerm('a "b c" d', '"b c"'), "a d", "a term is taken away whole");
same(l.wordsToMark('sshd user:root -ip:10.* url.path:/admin* "x y" https://a'), ["sshd", "root", "/admin", "x y", "https://a"], "what is marked in a line");

same(l.pieces("a root b ROOT", ["root"]).map((p) => [p.text, p.hit]), [["a ", false], ["root", true], [" b ", false], ["ROOT", true]], "a line is cut at what it holds");
same(l.pieces("a.b axb", ["a.b"]).filter((p) => p.hit).length, 1, "a dot is a dot");
same(l.pieces("<b>x</b>", []).length, 1, "nothing to mark, nothing cut");
same(l.plain("Đồng Tâm ƯỚC"), "dong tam uoc", "letters without marks");

const noon = Date.UTC(2026, 10, 22, 5, 0, 0);
same(l.full(noon), "22/11/2026 12:00:00", "five in the morning at Greenwich is noon here");
same(l.fromText("22/11/2026 12:00:00"), noon, "a time as it is written");
same(l.fromText("22/11/2026 12h00"), noon, "a time as it is spoken");
for (const wrong of ["31/02/2026 10:00", "22/11/2026 25:00", "11/22/2026", "yesterday", ""]) same(l.fromText(wrong), null, `no time: ${wrong}`);
console.log(`1..${count}`);
