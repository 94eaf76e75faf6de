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
		b.onResolve({ filter: /^measure:/ }, () => ({ path: "measure", namespace: "sentences" }));
		b.onLoad({ filter: /./, namespace: "sentences" }, () => ({
			contents: 'export default { limit: "({0})", least: "từ {0}", most: "không quá {0}", more: "trên {0}", less: "dưới {0}", exactly: "đúng {0}", other: "khác {0}", hosts: "Số máy", reason_above_usual: "hơn thường ngày" }',
		}));
		b.onLoad({ filter: /./, namespace: "stand-in" }, () => ({ contents: 'export const language = () => "vi"; export const t = (key) => key;' }));
	},
};
const { outputFiles } = await build({
	stdin: { contents: 'export * from "./query"; export * from "./format"; export * from "./time"; export * from "./indicators"; export * from "./measures";', resolveDir: lib, loader: "ts" },
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

const scan = [["source.ip", "10.1.1.1"], ["hosts", "1040"], ["limit.hosts", "40"], ["jitter_percent", "2.5"], ["limit.jitter_percent", "15"], ["window_s", "300"]];
const pairs = (list) => list.map(([name, value]) => ({ name, value }));
const say = await l.measureWords();
same(l.fieldsOf(pairs(scan)), pairs([["source.ip", "10.1.1.1"]]), "a measure is no field to except");
same(l.fieldsOf(pairs([["reason", "admin"], ["user", "an"]])), pairs([["reason", "admin"], ["user", "an"]]), "a device's own field stays one, whatever its name");
same(say(pairs(scan)).map((m) => `${m.label}: ${m.value}`), ["Số máy: 1.040 (từ 40)", "jitter_percent: 2,5 % (không quá 15 %)", "window_s: 5 phút"], "each measure stands beside its threshold");
same(say(pairs([["reason", "above_usual"], ["hour_of_week", "26"], ["bytes_out", "5000000"], ["limit.bytes_out", "1e6"]])).map((m) => m.value),
	["hơn thường ngày", "02:00 Thứ Ba", "5 MB (từ 1 MB)"], "words, hours and bytes");
same(say(pairs([["indicator.value", "203.0.113.9"], ["indicator.confidence", "50"], ["indicator.tlp", "amber+strict"]])).map((m) => m.value), ["50 %", "TLP:AMBER+STRICT"], "how sure an indicator is marks no line and is no field");
same(say(pairs([["host.name", "a"], ["event_count", "12"]])).map((m) => m.value), ["12"], "a correlation says what it counted");
for (const [bounds, wanted] of [[["10"], "12 (từ 10)"], [[">5"], "12 (trên 5)"], [[">3", "<=20", "!=7"], "12 (trên 3, không quá 20, khác 7)"], [["<100"], "12 (dưới 100)"], [["=12"], "12 (đúng 12)"]])
	same(say(pairs([["event_count", "12"], ...bounds.map((b) => ["limit.event_count", b]), ["window_s", "300"]])).map((m) => m.value), [wanted, "5 phút"], `and what had to be met: ${bounds}`);

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

for (const [kind, value, wanted] of [
	["domain", "a.b.example", "a[.]b[.]example"],
	["url", "https://a.example/x.html?y=1.2", "hxxps://a[.]example/x.html?y=1.2"],
	["mail", "who@a.example", "who@a[.]example"],
	["ip", "203.0.113.9", "203.0.113.9"],
]) {
	same(l.defanged(kind, value), wanted, `${value} made harmless`);
	same(l.refanged(wanted), value, `${wanted} as it was`);
}
same(l.refanged(" hxxp://a(.)example{.}org[:]80 "), "http://a.example.org:80", "harmless in other ways");
for (const [name, value, wanted] of [
	["source.ip", "203.0.113.9", "ip"],
	["x", "2001:db8::1", "ip"],
	["dns.question.name", "xau.example", "domain"],
	["process.name", "svchost.exe", ""],
	["file.hash", "d41d8cd98f00b204e9800998ecf8427e", "hash"],
	["url.full", "http://xau.example/a", "url"],
	["user.name", "root", ""],
	["@timestamp", "12:30:00", ""],
])
	same(l.kindOf(name, value), wanted, `${name} ${value} could be ${wanted || "no indicator"}`);
same(l.formatOf("a.txt", "203.0.113.9\nxau.example\n"), "list", "one value a line is a list");
same(l.formatOf("a.txt", "# x, y\nvalue;kind\n1.2.3.4;ip\n"), "csv", "columns are a table");
same(l.formatOf("a.json", '{"Event": {"Attribute": []}}'), "misp", "an event is MISP");
same(l.formatOf("a.json", '{"type": "bundle"}'), "stix", "a bundle is STIX");
const long = ["value,note", ...Array.from({ length: 90_000 }, (_, i) => `10.0.${i >> 8}.${i & 255},dòng ${i}`)];
const parts = l.partsOf(long.join("\n"), "csv");
same(parts.length > 1 && parts.every((p) => p.text.startsWith("value,note\n") && JSON.stringify(p.text).length < 1_000_000), true, "a long table is cut, each part with its head");
same(parts.flatMap((p) => p.text.trimEnd().split("\n").slice(1)).join("\n"), long.slice(1).join("\n"), "nothing is lost between parts");
same(parts.every((p) => p.text.split("\n")[1] === long[p.line + 1]), true, "a line number of a part leads back to the whole");
const lines = l.partsOf(long.join("\n"), "list");
same(lines.every((p) => p.text.split("\n")[0] === long[p.line]), true, "and of a list");
same(l.partsOf(`{"a":"${"x".repeat(800_000)}"}`, "stix"), null, "what is no list is not cut");
console.log(`1..${count}`);
