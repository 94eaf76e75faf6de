# SPDX-License-Identifier: EUPL-1.2
"""Files as an examiner finds them: packed, cut off, damaged, in any encoding and shape. What can be read is read under its
right number and time, what cannot is named, and no file takes more memory than another."""
import gzip
from desk import *

folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-scan-"))
(folder / "rules").mkdir()
(folder / "files").mkdir()
shutil.copy(SOURCE / "content/rules/map.yaml", folder / "rules")
(folder / "rules/rule.yml").write_text(r"""title: hit
id: 0f0e0d0c-0000-4000-8000-000000000001
logsource: {product: windows, category: process_creation}
detection: {s: {Image|endswith: '\canary.exe'}, condition: s}
---
title: hit
id: 0f0e0d0c-0000-4000-8000-000000000002
logsource: {product: linux, service: sshd}
detection: {s: {src_ip: 203.0.113.7}, condition: s}
---
title: hit
id: 0f0e0d0c-0000-4000-8000-000000000003
logsource: {category: webserver}
detection: {s: {cs-uri-query|endswith: canary, c-ip: 203.0.113.7}, condition: s}
---
title: hit
id: 0f0e0d0c-0000-4000-8000-000000000004
logsource: {product: zeek, service: conn}
detection: {s: {id.orig_h: 203.0.113.7}, condition: s}
""")
EVENT = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "may-an", "Image": "C:\\canary.exe",
         "UtcTime": "2026-11-22 02:13:40.123"}
LINE = json.dumps(EVENT).encode() + b"\n"
SSH = "Nov 22 09:13:40 máy1 sshd[1]: Failed password for root from 203.0.113.7 port 22 ssh2"
TREE = {"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": 1, "Channel": EVENT["Channel"],
        "TimeCreated": {"#attributes": {"SystemTime": "2026-11-22T02:13:40.123456Z"}}}, "EventData": {"Image": "C:\\canary.exe"}}}
XML = ("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>1</EventID>"
       f"<TimeCreated SystemTime='2026-11-22T02:13:40.1234567Z'/><Channel>{EVENT['Channel']}</Channel></System><EventData>"
       "<Data Name='Image'>C:\\canary.exe</Data></EventData></Event>")
packed = gzip.compress(LINE)
cut = gzip.compress(b"".join(json.dumps({**EVENT, "n": i * 7919}).encode() + b"\n" for i in range(3000)))[:-500]
long_line = b'{"x":"' + b"a" * (3 << 20) + b'"}\n'

# name: (bytes, numbers of the records that the rule finds, whether the file must be named)
FILES = {
    "plain": (LINE * 3, [1, 2, 3], False),
    "no end of line": (LINE + LINE[:-1], [1, 2], False),
    "CRLF and empty lines": (b"\r\n" + LINE[:-1] + b"\r\n\r\n\n" + LINE, [2, 5], False),
    "a line of 3 MB": (LINE + long_line + LINE, [1, 3], False),
    "UTF-8 with its mark": (b"\xef\xbb\xbf" + LINE, [1], False),
    "UTF-16": (("\ufeff" + (LINE * 2).decode()).encode("utf-16le"), [1, 2], False),
    "UTF-16 the other way": (("\ufeff" + SSH + "\r\n" + SSH).encode("utf-16be"), [1, 2], False),
    "UTF-16 without its mark": (LINE.decode().encode("utf-16le"), [1], False),
    "UTF-16, packed": (gzip.compress(("\ufeff" + LINE.decode()).encode("utf-16le")), [1], False),
    "array in a line": (json.dumps([EVENT] * 3).encode(), [1, 2, 3], False),
    "array of lines": (b"[\n" + LINE[:-1] + b",\n" + LINE + b"]\n", [1, 2], False),
    "array, indented": (json.dumps([EVENT] * 2, indent=4).encode(), [1, 2], False),
    "one after another, indented": ((json.dumps(EVENT, indent=2) + "\n").encode() * 2, [1, 2], False),
    "XML as JSON": (json.dumps(TREE).encode() + b"\n" + json.dumps(TREE).encode(), [1, 2], False),
    "XML as JSON, indented": (json.dumps(TREE, indent=1).encode() * 2, [1, 2], False),
    "an array of 9 MB": (b"[" + b",".join([json.dumps({**EVENT, "x": "y" * 9000}).encode()] * 1000) + b"]", list(range(1, 1001)), False),
    "a list under a name": (json.dumps({"Records": [EVENT] * 2, "next": "x"}, indent=1).encode(), [1, 2], False),
    "hits of a search": (json.dumps({"took": 1, "hits": {"total": {"value": 2}, "hits": [{"_id": "1", "_source": EVENT}] * 2}}).encode(), [1, 2], False),
    "numbered, as evtx_dump has them": ("".join(f"Record {i}\n{json.dumps(TREE, indent=2)}\n" for i in (7, 9)).encode(), [1, 2], False),
    "XML": ((XML + "\n" + XML).encode(), [1, 2], False),
    "XML, indented, in a document": (f"<?xml version='1.0'?>\n<Events>\n{XML}\n{XML}</Events>".replace("><", ">\n <").encode(), [1, 2], False),
    "XML, UTF-16": (("\ufeff<?xml version='1.0' encoding='utf-16'?><Events>" + XML * 2 + "</Events>").encode("utf-16le"), [1, 2], False),
    "XML without an end": (b"<Event>" * 500000, [], False),
    "a table of IIS": (b"#Fields: date time c-ip cs-method cs-uri-stem\r\n2026-11-22 02:13:40 203.0.113.7 GET /canary\r\n", [2], False),
    "a table of Zeek": (b"#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\n1795313620.5\t203.0.113.7\n#close\tx\n", [4], False),
    "gzip": (packed, [1], False),
    "gzip of two members": (packed * 2, [1, 2], False),
    "gzip with padding": (packed + bytes(512), [1], False),
    "gzip with something behind": (packed + b"something", [1], True),
    "gzip, cut off": (cut, None, True),
    "gzip, nothing but its mark": (packed[:5], [], True),
    "gzip of nothing": (gzip.compress(b""), [], False),
    "nothing": (b"", [], False),
    "zeros": (bytes(100000), [], False),
    "an event log, cut in its header": (b"ElfFile\0" + bytes(100), [], True),
    "an event log without events": (b"ElfFile\0" + bytes(4088), [], False),
    "an event log of rubbish": (b"ElfFile\0" + bytes(4088) + b"no chunk".ljust(65536, b"x") * 2, [], True),
}
if shutil.which("zstd"):
    def zstd(data, *options):
        return subprocess.run(["zstd", "-qc", *options], input=data, capture_output=True, check=True).stdout
    frame = zstd(LINE)
    FILES |= {
        "zstd": (frame, [1], False),
        "zstd of two frames": (frame * 2, [1, 2], False),
        "zstd, a frame to skip before it": (b"\x53\x2a\x4d\x18\4\0\0\0abcd" + frame, [1], False),
        "zstd with a window of 128 MB": (zstd(LINE * 9, "--long=27"), list(range(1, 10)), False),
        "zstd with something behind": (frame + b"something", [1], True),
        "zstd, cut off": (zstd(LINE * 5000)[:-20], None, True),
    }
for name, (data, _, _) in FILES.items():
    (folder / "files" / name).write_bytes(data)


def scan(*paths, stdin=None):
    """Exit code, findings, summary, what was said, and the peak of memory in MB."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = subprocess.Popen([KHIEN, "scan", "--json", "--rules", folder / "rules", "--map", folder / "rules/map.yaml", *paths],
                             stdin=stdin, stdout=out, stderr=err)
        _, state, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(state)
        out.seek(0), err.seek(0)
        lines = [json.loads(l) for l in out.read().decode().splitlines()]
        return p.returncode, lines[:-1], lines[-1]["summary"], err.read().decode(), used.ru_maxrss >> 10


code, found, summary, said, memory = scan(folder / "files")
for name, (_, want, bad) in FILES.items():
    hits = [f for f in found if f["event"]["file"] == str(folder / "files" / name)]
    numbers = [f["event"]["record"] for f in hits]
    right = numbers == want if want is not None else 10 < len(numbers) < 5000 and numbers == list(range(1, len(numbers) + 1))
    check(f"{name}: what is there is found under its number", right and all(f["event"]["time"].startswith(("2026-11-22T02:13:40.", "2025-11-22T02:13:40."))
          for f in hits), (numbers[:9], hits[:1], said[-300:]))
    check(f"{name}: {'named' if bad else 'no fault is told'}", (f"files/{name}:" in said) == bad, said[-500:])
check("something could not be read: exit 2, and a count", code == 2 and summary["failed"] >= sum(bad for _, _, bad in FILES.values()), (code, summary))

for name in ("plain", "gzip", "UTF-16"):
    with open(folder / "files" / name, "rb") as file:
        check(f"the standard input, {name}", len(scan("-", stdin=file)[1]) == len(FILES[name][1]))

# What a folder may hold beside files
odd = folder / "odd"
odd.mkdir()
os.mkfifo(odd / "pipe")
with socket.socket(socket.AF_UNIX) as s:
    s.bind(str(odd / "socket"))
(odd / "loop").symlink_to(odd)
(odd / "gone").symlink_to(odd / "nowhere")
(pathlib.Path(os.fsdecode(bytes(odd) + b"/two\nlines \xff \x1b[31m"))).write_bytes(LINE)
code, found, summary, said, memory = scan(odd, folder / "missing", odd / "pipe")
check("neither loops nor pipes nor sockets hold it up", len(found) == 1 and summary["files"] == 1, (found, said))
check("what was asked for by name and is no file is named", code == 2 and "/missing:" in said and "/pipe:" in said, (code, said))
check("a name is told without control characters", all(l.isprintable() for l in said.splitlines()), said)

# What a person sees: nothing that steers his terminal, and columns that stand one below the other
def shown(lang, *paths):
    return subprocess.run([KHIEN, "scan", "--rules", folder / "rules", "--map", folder / "rules/map.yaml", *paths], capture_output=True,
                          env={**os.environ, "LANG": lang}).stdout.decode()


(folder / "steering").write_bytes(json.dumps({**EVENT, "Image": "\x1b[2J\u202e\u009b\\canary.exe"}).encode() + b"\n")
text = shown("vi_VN.UTF-8", folder / "steering", folder / "files/plain", *odd.glob("two*"))
rows = [l for l in text.splitlines() if "  hit" in l]
check("text for people steers no terminal", all(l.isprintable() for l in text.splitlines()) and "??[2J" not in text and "?[2J" in text, text)
check("its columns stand one below the other", len(rows) == 5 and len({l.index("hit") for l in rows}) == 1 and "Trung bình" in rows[0], rows)
check("times are those of Viet Nam", "2026-11-22T09:13:40.123+07:00" in rows[0], rows)
check("and it is English for who wants that", "Medium" in shown("en_US.UTF-8", folder / "files/plain"), "")

# Rules that are not there, or not all right
bad = folder / "bad"
bad.mkdir()
shutil.copy(folder / "rules/rule.yml", bad)
(bad / "broken.yml").write_text("title: x\nlogsource: {product: windows}\ndetection:\n  s: {A|nonsense: b}\n  condition: s\n")
(bad / "no.yml").write_text("title: [open\n")
run = lambda *rules: subprocess.run([KHIEN, "scan", "--json", "--map", folder / "rules/map.yaml", *(x for r in rules for x in ("--rules", r)), folder / "files/plain"],
                                    capture_output=True, text=True)
p = run(bad)
summary = json.loads(p.stdout.splitlines()[-1])["summary"]
check("a broken rule is named with its place, the others run", p.returncode == 0 and summary["refused"] == 2 and summary["findings"] == 3 and
      "broken.yml:4:" in p.stderr and "no.yml:" in p.stderr, (p.returncode, summary, p.stderr))
p = run(folder / "nowhere", bad)
check("a folder of rules that is not there is told by the exit code too", p.returncode == 2 and "nowhere" in p.stderr and
      json.loads(p.stdout.splitlines()[-1])["summary"]["findings"] == 3, (p.returncode, p.stderr))
(folder / "none").mkdir()
p = run(folder / "none")
check("a folder without a rule is told", p.returncode == 0 and ("no rule" in p.stderr or "không có luật nào" in p.stderr) and json.loads(p.stdout.splitlines()[-1])["summary"]["rules"] == 0,
      (p.returncode, p.stderr))
p = run(folder / "rules/rule.yml")
check("a file of rules will do", p.returncode == 0 and json.loads(p.stdout.splitlines()[-1])["summary"]["findings"] == 3, p.stderr)

# Long files
little = scan(folder / "files/plain")[4]
if shutil.which("zstd"):
    (folder / "bomb.zst").write_bytes(subprocess.run("head -c 1100M /dev/zero | zstd -qc", shell=True, capture_output=True, check=True).stdout)
    code, found, summary, said, memory = scan(folder / "bomb.zst", folder / "files/plain")
    check("a bomb is told, and what follows it is read", code == 2 and "bomb.zst:" in said and len(found) == 3 and memory < little + 50, (code, summary, said, memory))
feed = subprocess.Popen([sys.executable, "-c", f"import sys\nfor i in range(1000): sys.stdout.buffer.write({LINE.replace(b'canary', b'quiet')!r} * 1000)\n"
                         f"sys.stdout.buffer.write({LINE!r})"], stdout=subprocess.PIPE)
code, found, summary, said, memory = scan("-", stdin=feed.stdout)
check("130 MB take no more memory than a line", code == 0 and memory < little + 50 and summary["events"] == 1000001 and [f["event"]["record"] for f in found] == [1000001], (code, summary, said, memory, little))

# Event logs: each record that cannot be read is counted and named
samples = pathlib.Path(os.environ.get("KHIEN_SHARED", SOURCE.parent / "shared")) / "corpora/evtx-attack-samples"
logs = [p for p in sorted(samples.rglob("*.evtx")) if p.stat().st_size >= 4096 + 3 * 65536] if samples.is_dir() else []
if not logs:
    print("# SKIP damaged event logs: no corpora")
else:
    whole = logs[0].read_bytes()
    second = 4096 + 65536
    record = whole.index(b"**\0\0", second + 600)
    events = scan(logs[0])[2]["events"]

    def damaged(name, at, data):
        (folder / "damaged.evtx").write_bytes(whole[:at] + data + whole[at + len(data):])
        code, _, summary, said, _ = scan(folder / "damaged.evtx")
        return code == 2 and summary["failed"] == 1 and "damaged.evtx:" in said and summary["events"], (name, code, summary, said)
    for name, at, data in (("its mark", record, b"ABCD"), ("its size", record + 4, b"\xff\xff\xff\x7f"), ("its content", record + 30, b"\xff" * 30)):
        left, detail = damaged(name, at, data)
        check(f"a record without {name} is told, the others are read", left == events - 1, detail)
    left, detail = damaged("chunk", second, b"no chunk")
    check("a piece that is no chunk any more is told, the others are read", left and 0 < left < events, detail)
    (folder / "dirty.evtx").write_bytes(whole[:8] + bytes(4088) + whole[4096:])
    code, _, summary, said, _ = scan(folder / "dirty.evtx")
    check("a header that says nothing hides nothing", code == 0 and summary["events"] == events, (code, summary, said))
shutil.rmtree(folder)
done()
