# SPDX-License-Identifier: EUPL-1.2
"""Rules and events that were made to hurt: each is refused at its place or borne, in bounded memory, and whatever stands
beside them goes on. Through khien check, khien scan and a live desk. Times are told, not judged."""
import re, resource
from desk import *

folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-hostile-"))
rules = folder / "rules"
rules.mkdir()
shutil.copy(SOURCE / "content/rules/map.yaml", rules)
MEGABYTES = 600  # what check and scan may take with all of this, and every role of the desk; the machine's own share included
count = 0


def rule(detection, head="", tail=""):
    global count
    count += 1
    return (f"title: Number {count}\nid: 0f0e0d0c-0000-4000-8000-{count:012}\n{head}logsource: {{product: windows}}\n"
            f"detection:\n{detection}{tail}")


def listed(field, values, condition="s"):
    return f"  s:\n    {field}:\n" + "".join(f"      - '{v}'\n" for v in values) + f"  condition: {condition}\n"


def nested(n, inner="s", outer="not ("):
    return "  s: {CommandLine: x}\n  condition: " + outer * n + inner + ")" * n + "\n"


def bomb(depth, width):
    text = "title: bomb\nlogsource: {product: linux}\nx0: &a0 [lol]\n"
    for i in range(1, depth):
        text += f"x{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * width) + "]\n"
    return text + "detection:\n  s: {CommandLine: x}\n  condition: s\n"


regex = lambda pattern: f"  s:\n    CommandLine|re: '{pattern}'\n  condition: s\n"
# name: (text, the line of its fault; None: it is a rule like any other)
HOSTILE = {
    "ten_thousand_values": (rule(listed("CommandLine|contains", (f"needle{i}x" for i in range(10000)))), None),
    "ten_thousand_ends": (rule(listed("CommandLine|endswith", (f"\\\\needle{i}.exe" for i in range(10000)))), None),
    "ten_thousand_wildcards": (rule(listed("CommandLine", (f"*a{i}*b*" for i in range(10000)))), None),
    "forty_thousand_values": (rule(listed("CommandLine|contains", (f"v{i}" for i in range(40000)))), 0),
    "windash_times_ten_thousand": (rule(listed("CommandLine|windash|contains", (f" -a{i} -b -c" for i in range(10000)))), 0),
    "nested_60": (rule(nested(60)), None),
    "nested_100": (rule(nested(100)), 6),
    "nested_100000": (rule(nested(100000, outer="(")), 6),
    "every_value_thousand_times": (rule(listed("CommandLine|contains", (f"v{i}" for i in range(3000)), "s" + " and s" * 1000)), 0),
    "no_closing": (rule("  s: {CommandLine: x}\n  condition: " + "(" * 50 + "s\n"), 6),
    "regex_nested_plus": (rule(regex("(a+)+$")), None),
    "regex_nested_star": (rule(regex("^(([a-z])+.)+[A-Z]([a-z])+$")), None),
    "regex_alternatives": (rule(regex("(a|aa)+$|(a|a?)+$|(x+x+)+y")), None),
    "regex_dots": (rule(regex("(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^,]")), None),
    "regex_huge_repeat": (rule(regex("(a{1,30000}){1,30000}")), 0),
    "regex_wide_repeat": (rule(regex("(?:a?){500}a{500}")), None),
    "regex_long": (rule(regex("a" * 5000)), 6),
    "regex_backreference": (rule(regex(r"(a+)\1")), 6),
    "regex_lookahead": (rule(regex("foo(?=bar)")), 6),
    "regex_lookbehind": (rule(regex("(?<!foo)bar")), 6),
    "regex_unclosed": (rule(regex("(a")), 6),
    "regex_bad_class": (rule(regex("[z-a]")), 6),
    "regex_recursion": (rule(regex("(?R)")), 6),
    "regex_atomic": (rule(regex("(?>a+)b")), 6),
    "regex_many": (rule(listed("CommandLine|re", (f"a{i}.*b[0-9]+" for i in range(1000)))), 0),
    "placeholder_of_nobody": (rule("  s:\n    CommandLine|expand: '%nobody_said_this%'\n  condition: s\n"), 6),
    "alias_bomb": (bomb(12, 10), 0),
    "alias_of_itself": ("title: &a [*a]\n", 1),
    "alias_of_nothing": ("title: *a\n", 1),
    "one_megabyte": (rule(f"  s: {{CommandLine|contains: '{'m' * (1 << 20)}'}}\n  condition: s\n"), None),
    "one_megabyte_of_title": (rule("  s: {CommandLine: nothing}\n  condition: s\n").replace("title: ", "title: " + "t" * (1 << 20)), None),
    "five_megabytes": (rule(f"  s: {{CommandLine|contains: '{'m' * (5 << 20)}'}}\n  condition: s\n"), "file"),
    "same_key_twice": (rule("  s: {CommandLine: x}\n  s: {CommandLine: y}\n  condition: s\n"), 6),
    "same_key_at_the_top": (rule("  s: {CommandLine: x}\n  condition: s\n") + "title: again\n", 7),
    "deep_yaml": ("title: " + "[" * 5000 + "]" * 5000 + "\n", 1),
    "deep_maps": ("title: x\nlogsource: {product: linux}\ndetection: " + "{a: " * 5000 + "1" + "}" * 5000 + "\n", 3),
    "not_yaml": ("title: [\n\t\0\xff", 0),
    "a_tag": ("title: !!python/object:os.system x\n", 1),
    "list_as_title": (rule("  s: {CommandLine: x}\n  condition: s\n").replace("title: ", "title: [a, b] #"), 1),
    "selection_missing": (rule("  s: {CommandLine: x}\n  condition: s and t\n"), 6),
    "no_condition": (rule("  s: {CommandLine: x}\n"), 0),
    "empty_file": ("", None),
    "base64_of_a_lot": (rule(f"  s: {{CommandLine|wide|base64offset|contains: '{'b' * 200000}'}}\n  condition: s\n"), None),
    "z_same_id_twice": (rule("  s: {CommandLine: x}\n  condition: s\n").replace(f"{count:012}", f"{1:012}"), 2),
    "correlation_of_itself": ("title: c\nid: self\ncorrelation: {type: event_count, rules: [self], group-by: [a], timespan: 1m, condition: {gte: 1}}\n", 0),
    "correlation_of_an_age": ("title: c\nid: age\ncorrelation: {type: event_count, rules: [other], timespan: 99999999999999999999d, condition: {gte: 1}}\n", 3),
    "correlation_of_thousands": ("title: c\nid: thousands\ncorrelation:\n  type: temporal\n  timespan: 1m\n  rules: [" + ", ".join(["other"] * 5000) + "]\n", None),
}
for name, (text, _) in HOSTILE.items():
    (rules / f"{name}.yml").write_bytes(text.encode("latin-1") if "\xff" in text else text.encode())
(rules / "good.yml").write_text("---\n".join(
    f"title: Good\nid: 0f0e0d0c-0000-4000-8000-99999999999{n}\nname: good{n}\nlogsource: {{product: {product}}}\n"
    "detection:\n  s: [canary]\n  condition: s\nlevel: high\n" for n, product in enumerate(("windows", "linux"))) + "---\ntitle: Other\nname: other\nlogsource: {product: linux}\n"
    "detection: {s: [nobody says this], condition: s}\n")


def run(name, *command, stdin=None):
    """Output, peak memory in MB and CPU seconds of one command."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_CPU, (240, 240))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = subprocess.Popen([KHIEN, *map(str, command)], stdout=out, stderr=err, env=LANG, preexec_fn=limit)
        _, state, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(state)
        out.seek(0), err.seek(0)
        print(f"# {name}: {used.ru_utime + used.ru_stime:.1f} s CPU, {used.ru_maxrss / 1024:.0f} MB")
        return p.returncode, out.read().decode(errors="replace"), err.read().decode(errors="replace"), used.ru_maxrss / 1024


code, out, err, memory = run("check", "check", "--data", folder / "data", "--rules", rules)
check("khien check survives, says that something is wrong, in bounded memory", code == 1 and memory < MEGABYTES, (code, memory, err[-500:]))
for name, (_, line) in HOSTILE.items():
    said = [l for l in err.splitlines() if f"/{name}.yml:" in l]
    if line is None:
        check(f"{name} is a rule like any other", not said, said)
    else:
        where = re.match(r"(\d+):(\d+): ", said[0].split(f"/{name}.yml:")[1]) if said else None
        check(f"{name} is refused where it is wrong", said and len(said[0]) < 1000 and
              (line == "file" or (where and (not line or int(where[1]) == line))), said or "nothing said")
check("a fault says no control character and stays short", all(l.isprintable() and len(l) < 1500 for l in err.splitlines()), err[:300])

# Events
WINDOWS = '{"EventID":1,"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"h","Image":"C:\\\\canary.exe",'
LINUX = "<13>Jan  1 00:00:00 h app: canary "
EVENTS = {
    "1 MB in one field": WINDOWS + '"CommandLine":"' + "a" * 1000000 + 'needle77x"}',
    "the worst for every regex": WINDOWS + '"CommandLine":"' + "a" * 900000 + '!"}',
    "what some never finish": WINDOWS + '"CommandLine":"' + "a" * 900000 + '"}',
    "10,000 fields": WINDOWS + ",".join(f'"Field{i}":"value {i}"' for i in range(10000)) + "}",
    "10,000 times the same key": WINDOWS + ",".join(f'"CommandLine":"needle{i}"' for i in range(10000)) + "}",
    "invalid UTF-8": WINDOWS + '"CommandLine":"\xff\xfe\xc3("}',
    "NUL and controls": WINDOWS + '"CommandLine":"a\\u0000b\\u001b[31m"}',
    "surrogates": WINDOWS + '"CommandLine":"\\ud800\\udc00\\udfff\\ud800"}',
    "a number of 100,000 digits": WINDOWS + '"n":' + "9" * 100000 + "}",
    "a key of 500 KB": WINDOWS + '"' + "k" * 500000 + '":"v"}',
    "backslashes": WINDOWS + '"CommandLine":"' + "\\\\" * 300000 + '"}',
    "escapes": WINDOWS + '"CommandLine":"' + "\\u0041" * 150000 + '"}',
    "nested 50 deep": WINDOWS + '"d":' * 1 + '{"d":' * 50 + "1" + "}" * 51,
    "nested 1,000 deep": LINUX + WINDOWS + '"d":' + '{"d":' * 1000 + "1" + "}" * 1001,
    "100,000 lists in lists": LINUX + '{"d":' + "[" * 100000 + "]" * 100000 + "}",
    "half a JSON": LINUX + '{"d":{"e":[1,2,',
    "raw NUL": LINUX + "a\x00b",
    "equal signs": LINUX + "k=v " * 100000,
    "quotes": LINUX + 'a="' * 100000,
    "brackets": LINUX + "[(<{" * 50000,
}
log = folder / "events.log"
log.write_bytes(b"".join(t.encode("latin-1") + b"\n" for t in EVENTS.values()))
small = folder / "small.log"
small.write_text("".join(f'{WINDOWS}"CommandLine":"ls {i}"}}\n'.replace("canary", "quiet") for i in range(70000)))
code, out, err, memory = run("scan of hostile events", "scan", "--json", "--rules", rules, log)
found = [json.loads(l) for l in out.splitlines()]
records = {f["event"]["record"] for f in found if f.get("rule", {}).get("title") == "Good"}
check("khien scan survives in bounded memory; its code tells of rules that cannot be read as files", code == 2 and memory < MEGABYTES and
      "summary" in found[-1] and found[-1]["summary"]["failed"] == 0, (code, memory, found[-1], err[-300:]))
for n, name in enumerate(EVENTS, 1):
    check(f"the good rule sees: {name}", n in records, sorted(records))
matched = lambda n: {f["rule"]["file"].rsplit("/", 1)[1] for f in found if f.get("event", {}).get("record") == n}
check("a literal behind a megabyte is found", "ten_thousand_values.yml" in matched(1), matched(1))
check("and so are patterns that others cannot bear", {"regex_nested_plus.yml", "regex_alternatives.yml"} <= matched(3), matched(3))
check("which say no as well", "regex_nested_plus.yml" not in matched(2), matched(2))
run("scan of as many quiet bytes", "scan", "--json", "--rules", rules, small)
if shutil.which("zstd"):  # two frames, and the second is damaged behind its middle
    frame = subprocess.run(["zstd", "-qc", small], capture_output=True, check=True).stdout
    broken = bytearray(frame)
    broken[len(frame) * 2 // 3] ^= 0xff
    (folder / "whole.zst").write_bytes(frame * 2)
    (folder / "broken.zst").write_bytes(frame + broken)
    for name, good in (("whole", lambda s: s["events"] == 140000 and not s["failed"]), ("broken", lambda s: 70000 < s["events"] < 140000 and s["failed"])):
        summary = json.loads(run(f"scan of a {name} packed file", "scan", "--json", "--rules", rules, folder / f"{name}.zst")[1].splitlines()[-1])["summary"]
        check(f"a {name} packed file is read as far as it is whole", good(summary), summary)

# A live desk with the same rules and events
desk = Desk(rules=rules).start()
check("the desk starts with the rules that are right", desk.get("/api/v1/status")["rules"]["refused"] > 20, desk.get("/api/v1/status")["rules"])
relp = Relp(desk.relp)
for text in EVENTS.values():
    relp.send(text.encode("latin-1"))


def canaries():
    return sum(a["count"] for a in desk.get("/api/v1/alerts?state=all").get("items", []) if a["rule"]["title"] == "Good")


check("every hostile event is detected live", until(lambda: canaries() >= len(EVENTS), 60), (canaries(), len(EVENTS)))
relp.send(b"<13>Jan  1 00:00:00 h app: canary at last")
check("and what comes after them", until(lambda: canaries() > len(EVENTS), 20), canaries())
roles = desk.get("/api/v1/status")["roles"]
check("no role died", all(r["crashes"] == 0 for r in roles), roles)
check("and none grew beyond its bound", all(r["memory_bytes"] < MEGABYTES << 20 for r in roles), [(r["role"], r["memory_bytes"] >> 20) for r in roles])
print("#", [(r["role"], r["memory_bytes"] >> 20) for r in roles])
relp.close()
desk.close()
shutil.rmtree(folder, ignore_errors=True)
done()
