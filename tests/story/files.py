# SPDX-License-Identifier: EUPL-1.2
"""Files handed in and folders swept: what comes in parts is looked at in a process that can open nothing, what matches
becomes an alert, and neither tricks of names nor the death of that process stop it."""
import concurrent.futures, hashlib
from desk import *

# In two halves, so that no scanner deletes this file.
EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAN" + "DARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()
SHELL = ("<?php @ev" + "al($_PO" + "ST['x']); ?>").encode()
PART = 1 << 20
swept = pathlib.Path(tempfile.mkdtemp(prefix="khien-sweep-"))
outside = pathlib.Path(tempfile.mkdtemp(prefix="khien-outside-"))
desk = Desk("--sweep", str(swept), "--sweep", "/nowhere/at/all", "--upload-max-mb", "8", "--upload-quota-mb", "24", register=REGISTER)
(desk.data / "yara").mkdir()
(desk.data / "yara" / "own.yar").write_text('rule own_mark { meta: level = "medium" description = "own" strings: $a = "a mark of our own" condition: $a }')
(desk.data / "yara" / "bad.yar").write_text("rule bad {\n condition:\n  $nothing\n}\n")
desk.start()


def put(id, part, data, kind="application/octet-stream", key=None):
    request = urllib.request.Request(f"http://127.0.0.1:{desk.http}/api/v1/files/{id}/parts/{part}", data=data, method="PUT")
    request.add_header("Authorization", f"Bearer {key or desk.key}")
    request.add_header("Content-Type", kind)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        e.read()
        return e.code
    except urllib.error.URLError:
        return 0  # the door was shut before all was said


def post(path, body=None):
    status, answer, _ = desk.call("POST", path, body)
    return status, json.loads(answer or b"{}")


def hand_in(name, data, order=None, **more):
    status, item = post("/api/v1/files", {"name": name, "size": len(data), **more})
    while status == 503:
        time.sleep(0.2)
        status, item = post("/api/v1/files", {"name": name, "size": len(data), **more})
    assert status == 201, (status, item)
    for n in order or range(item["parts"]):
        while (status := put(item["id"], n, data[n * PART:(n + 1) * PART])) == 503:
            time.sleep(0.2)
        assert status == 204, status
    while (answer := post(f"/api/v1/files/{item['id']}/complete"))[0] == 503:  # busy is an answer: who is told so comes again
        time.sleep(0.2)
    return item["id"], *answer


def settled(id, seconds=60):
    return until(lambda: (f := desk.get(f"/api/v1/files/{id}"))["state"] in ("clean", "matched", "failed") and f, seconds) or desk.get(f"/api/v1/files/{id}")


rules = until(lambda: (r := desk.get("/api/v1/yara")).get("here") and r, 30)
check("the rules are there, ours and the desk's own", rules and rules["rules"] > 20 and rules["files"] >= 12, rules)
check("a faulty file of rules is refused alone, with its line", rules["refused"] == 1 and len(rules["faults"]) == 1
      and rules["faults"][0]["file"].endswith("bad.yar") and rules["faults"][0]["line"] > 0, rules)

# --- files handed in
id, status, item = hand_in("thư mời.txt", EICAR, sha256=hashlib.sha256(EICAR).hexdigest(), system="mot-cua")
check("a file is taken", status == 200 and item["sha256"] == hashlib.sha256(EICAR).hexdigest(), item)
item = settled(id)
check("and what is in it is told", item["state"] == "matched" and item["matches"][0]["rule"] == "eicar_test_file"
      and item["matches"][0]["strings"][0]["offset"] == 0 and item["name"] == "thư mời.txt", item)
alert = until(lambda: next((a for a in desk.get("/api/v1/alerts")["items"] if "YARA" in a["rule"]["title"]), None))
check("as an alert of its level, for its system", alert and alert["level"] == "low" and (alert["system"] or {}).get("id") == "mot-cua", alert)
alert = desk.get(f"/api/v1/alerts/{alert['id']}") if alert else {}
matched = {m["name"]: m["value"] for f in alert.get("findings", []) for m in f["matched"]}
check("that says which rule, which hash", matched.get("yara.rule") == "eicar/eicar_test_file" and
      hashlib.sha256(EICAR).hexdigest() in json.dumps(alert["entity"]), alert)
check("a matched file is evidence: it stays", desk.call("DELETE", f"/api/v1/files/{id}")[0] == 409)
stored = [p for p in (desk.data / "files").iterdir()]
check("it lies under a number, for nobody else's eyes", len(stored) == 1 and stored[0].name == f"{id:012d}" and
      stored[0].stat().st_mode & 0o777 == 0o600 and stored[0].read_bytes() == EICAR, stored)
again, _, _ = hand_in("other name.bin", EICAR, system="mot-cua")  # of another agency it would be an alert of its own
settled(again)
check("the same bytes again join the alert", until(lambda: desk.get(f"/api/v1/alerts/{alert['id']}")["count"] == 2), alert)

big = os.urandom(3 * PART + 17) + b"a mark of our own" + os.urandom(1000)
id, status, item = hand_in("big.bin", big, order=[3, 1, 0, 2, 1])
item = settled(id)
check("parts out of order, one twice, make the same file", item["sha256"] == hashlib.sha256(big).hexdigest(), item)
check("rules of the desk's own folder see it", item["state"] == "matched" and item["matches"][0]["rule"] == "own_mark", item)

status, item = post("/api/v1/files", {"name": "cut.bin", "size": 2 * PART + 5})
id = item["id"]
check("the parts are told", item["parts"] == 3 and item["missing"] == [0, 1, 2], item)
put(id, 0, b"x" * PART)
check("half a file is not complete", post(f"/api/v1/files/{id}/complete")[0] == 409)
check("what is missing is told", desk.get(f"/api/v1/files/{id}")["missing"] == [1, 2])
wrong = [put(id, 1, b"x" * (PART - 1)), put(id, 2, b"x" * 6), put(id, 3, b""), put(id, 7, b"x"), put(id, 4294967296, b"x"), put(id, "x", b"x")]
check("parts of the wrong length or number are refused", wrong[:4] == [422] * 4 and wrong[4:] == [404] * 2, wrong)
check("a part that says it is JSON is refused", put(id, 1, b"x" * PART, "application/json") == 400)
check("a part of more than one part is refused", put(id, 1, b"x" * (PART + 1)) in (0, 400, 413))
with socket.create_connection(("127.0.0.1", desk.http), 5) as s:  # cut in the middle of a part
    s.sendall(f"PUT /api/v1/files/{id}/parts/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.key}\r\nContent-Type: application/octet-stream\r\nContent-Length: {PART}\r\n\r\n".encode() + b"y" * 5000)
check("a cut part counts for nothing", desk.get(f"/api/v1/files/{id}")["missing"] == [1, 2])
put(id, 1, b"x" * PART)
put(id, 2, b"x" * 5)
check("and the rest makes it whole", post(f"/api/v1/files/{id}/complete")[0] == 200)
item = settled(id)
check("a clean file says so", item["state"] == "clean" and item["matches"] == [] and item["match_count"] == 0, item)
check("twice complete is no more", post(f"/api/v1/files/{id}/complete")[0] == 404 and put(id, 0, b"x" * PART) == 404)
check("a clean file may be removed", desk.call("DELETE", f"/api/v1/files/{id}")[0] == 204 and desk.get(f"/api/v1/files/{id}")["state"] == "removed"
      and not (desk.data / "files" / f"{id:012d}").exists())

id, status, item = hand_in("wrong.bin", b"something", sha256="0" * 64)
check("another file than was meant is refused", status == 422 and item["type"] == "file_hash", item)
check("and may be sent again", desk.get(f"/api/v1/files/{id}")["missing"] == [0] and put(id, 0, b"something") == 204)
desk.call("DELETE", f"/api/v1/files/{id}")
bad = [({"name": "", "size": 1}, 422), ({"name": "a", "size": -1}, 422), ({"name": "a", "size": 1.5}, 422), ({"name": "a"}, 422), ({"size": 1}, 422),
       ({"name": "a\nb", "size": 1}, 422), ({"name": "a\u202egnp.exe", "size": 1}, 422), ({"name": "a" * 256, "size": 1}, 422),
       ({"name": "a", "size": 1, "sha256": "xyz"}, 422), ({"name": "a", "size": 1, "sha256": "G" * 64}, 422), ({"name": "a", "size": 9 * PART}, 413),
       ({"name": ["a"], "size": 1}, 422), ({"name": "a", "size": 1, "system": "none such"}, 422), ({"name": "a", "size": 1 << 62}, 413)]
got = [post("/api/v1/files", body)[0] for body, _ in bad]
check("names, sizes and hashes that are none are refused", got == [want for _, want in bad], list(zip(bad, got)))
odd = ["../../etc/passwd", "/etc/passwd", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "con", ".", "%2e%2e"]
ids = [hand_in(name, b"nothing")[0] for name in odd]
check("a name is only a name", [settled(i)["name"] for i in ids] == odd and not any(p.name in odd for p in (desk.data / "files").iterdir()))
id, _, _ = hand_in("empty", b"")
check("an empty file is a file", settled(id)["state"] == "clean")


def one(n):
    data = b"%d " % n * 2000 + (EICAR if n % 50 == 0 else b"")
    return settled(hand_in(f"file {n}", data)[0], 120)["state"]


with concurrent.futures.ThreadPoolExecutor(100) as pool:
    states = list(pool.map(one, range(100)))
check("a hundred at once", states.count("clean") == 100, {s: states.count(s) for s in set(states)})
page, seen = desk.get("/api/v1/files?limit=40"), []
while True:
    seen += [f["id"] for f in page["items"]]
    if not page["next"]:
        break
    page = desk.get(f"/api/v1/files?limit=40&cursor={page['next']}")
check("the list has them all, once", len(seen) == page["total"] == len(set(seen)) and seen == sorted(seen, reverse=True), (len(seen), page["total"]))
check("by state and by hash", all(f["state"] == "matched" for f in desk.get("/api/v1/files?state=matched")["items"]) and
      desk.get(f"/api/v1/files?sha256={hashlib.sha256(EICAR).hexdigest()}")["total"] == 2)
full = [post("/api/v1/files", {"name": "room", "size": 7 * PART}) for _ in range(4)]
check("beyond the quota nothing is taken", [s for s, _ in full].count(507) >= 1 and full[-1][1]["type"] == "file_quota", full)
for status, item in full:
    if status == 201:
        desk.call("DELETE", f"/api/v1/files/{item['id']}")
check("and what is removed makes room", post("/api/v1/files", {"name": "room", "size": PART})[0] == 201)
check("no route gives a file back", all("octet-stream" not in json.dumps(o.get("get", {}).get("responses", {})) for o in desk.get("/api/v1/openapi.json")["paths"].values()))

# --- sweeps
(swept / "web" / "deep").mkdir(parents=True)
(swept / "web" / "index.html").write_text("<html><body>hello</body></html>")
(swept / "web" / "deep" / "x.php").write_bytes(SHELL)
(swept / "web" / "tên tệp.com").write_bytes(EICAR)
(swept / "web" / b"bytes\xff\x1b[31m.txt".decode("utf-8", "surrogateescape")).write_bytes(EICAR)
(outside / "secret.php").write_bytes(SHELL)
(swept / "link.php").symlink_to(outside / "secret.php")
(swept / "folder").symlink_to(outside)
(swept / "self").symlink_to(".")
os.mkfifo(swept / "fifo")
server = socket.socket(socket.AF_UNIX)
server.bind(str(swept / "socket"))
with open(swept / "sparse", "wb") as f:
    f.truncate(1 << 40)
deep = swept / "d"
for _ in range(130):
    deep.mkdir()
    deep = deep / "d"


def sweep_of(folder, seconds=120):
    status, item = post("/api/v1/sweeps", {"folder": str(folder)})
    assert status == 202, (status, item)
    return until(lambda: (s := desk.get(f"/api/v1/sweeps/{item['id']}"))["state"] not in ("queued", "running") and s, seconds) or desk.get(f"/api/v1/sweeps/{item['id']}")


s = sweep_of(swept)
found = {m["path"]: [r["rule"] for r in m["matches"]] for m in s.get("matched_files", [])}
check("a sweep ends", s["state"] == "done", s)
check("and finds what lies there", s["matches"] == 3 and found.get(str(swept / "web/deep/x.php")) == ["webshell_php_request"]
      and found.get(str(swept / "web/tên tệp.com")) == ["eicar_test_file"], found)
check("links are counted and not followed", s["links"] == 3 and not any("secret" in p for p in found), s)
check("pipes and sockets are not opened", s["special"] == 2, s)
check("of a huge file the beginning is looked at", s["partial"] == 1 and s["bytes"] < 200 << 20, s)
check("a folder that is too deep is told by name", s["errors"] == 1 and s["error_files"][0]["what"] == "limit", s)
check("bytes that are no text are shown as text", str(swept / "web") + "/bytes??[31m.txt" in found and s["files"] == s["files_done"] == 5, s)
shell = until(lambda: next((a for a in desk.get("/api/v1/alerts?limit=500")["items"] if any(e["value"] == str(swept / "web/deep/x.php") for e in a["entity"])), None))
check("a web shell becomes a critical alert with its path", shell and shell["level"] == "critical", shell)
no = [("/etc", 422, "sweep_folder"), (str(swept) + "2", 422, "sweep_folder"), (str(swept / ".." / outside.name), 422, "sweep_no_folder"),
      (str(swept / "folder"), 422, "sweep_no_folder"), (str(swept / "self" / "web"), 422, "sweep_no_folder"), (str(swept / "sparse"), 422, "sweep_no_folder"),
      (str(swept / "none"), 422, "sweep_no_folder"), ("web", 422, "sweep_no_folder"), ("", 422, "sweep_no_folder"), (str(swept) + "/\0", 422, None),
      ("/nowhere/at/all", 422, "sweep_no_folder")]
got = [(folder, *(lambda r: (r[0], r[1].get("type")))(post("/api/v1/sweeps", {"folder": folder}))) for folder, _, _ in no]
check("other folders and links to them are refused", all(g[1] == w[1] and (w[2] is None or g[2] == w[2]) for g, w in zip(got, no)), got)
s = sweep_of(swept / "web")
check("a part of the folder", s["state"] == "done" and s["files"] == 4, s)

# --- the role dies
(swept / "many").mkdir()
for n in range(600):
    (swept / "many" / f"{n}.txt").write_bytes(b"ordinary text " * 8000 + (b"a mark of our own" if n == 599 else b""))
before = desk.pids()["yara"]
status, item = post("/api/v1/sweeps", {"folder": str(swept / "many")})
until(lambda: desk.get(f"/api/v1/sweeps/{item['id']}")["state"] == "running", 20)
kills = 0
for _ in range(3):
    pid = until(lambda: desk.pids().get("yara"), 10)
    if pid:
        os.kill(pid, signal.SIGKILL)
        kills += 1
    until(lambda: desk.pids().get("yara") not in (None, pid), 10)
    time.sleep(0.3)
s = until(lambda: (s := desk.get(f"/api/v1/sweeps/{item['id']}"))["state"] == "done" and s, 120) or desk.get(f"/api/v1/sweeps/{item['id']}")
check("killed three times in the middle, the sweep ends with every file", s["state"] == "done" and s["files_done"] == 600 and s["matches"] == 1, s)
check("and the role is back", desk.pids().get("yara") not in (None, before) and until(lambda: desk.get("/api/v1/yara")["here"], 20))
status, item = post("/api/v1/sweeps", {"folder": str(swept)})
status, _, _ = desk.call("DELETE", f"/api/v1/sweeps/{item['id']}")
s = until(lambda: (s := desk.get(f"/api/v1/sweeps/{item['id']}"))["state"] == "stopped" and s, 20)
check("a sweep can be stopped, and says by whom", status == 200 and s and s["stopped_who"], s or desk.get(f"/api/v1/sweeps/{item['id']}"))
check("only once", desk.call("DELETE", f"/api/v1/sweeps/{item['id']}")[0] == 409)

# --- a file that kills it, and new rules
(desk.data / "yara" / "endless.yar").write_text("rule endless { condition: filesize == 12345 and for all i in (1..1000000000) : (for all j in (1..1000000000) : (i + j > 0)) }")
count = desk.get("/api/v1/yara")["rules"]
desk.process.send_signal(signal.SIGHUP)
check("new rules are read at SIGHUP", until(lambda: (r := desk.get("/api/v1/yara"))["here"] and r["rules"] == count + 1, 20), desk.get("/api/v1/yara"))
id, _, _ = hand_in("killer", b"k" * 12345)
other, _, _ = hand_in("innocent", b"innocent")
for n in range(3):
    pid = until(lambda: desk.get("/api/v1/yara")["here"] and desk.pids().get("yara"), 20)
    time.sleep(0.5)
    os.kill(pid, signal.SIGKILL)
    until(lambda: desk.pids().get("yara") not in (None, pid), 10)
f = settled(id)
check("a file of which the role died three times is left alone, and named", f["state"] == "failed" and f["problem"] == "crashed" and f["crashes"] == 2, f)
check("the one behind it is innocent", settled(other)["state"] == "clean" and desk.get(f"/api/v1/files/{other}")["crashes"] == 0)
check("and the desk tells how often", desk.get("/api/v1/yara")["crashes"] >= 3 and
      next(r["crashes"] for r in desk.get("/api/v1/status")["roles"] if r["role"] == "yara") >= 6, desk.get("/api/v1/status")["roles"])

# --- core dies
status, item = post("/api/v1/files", {"name": "later.bin", "size": 5})
put(item["id"], 0, b"early")
status, running = post("/api/v1/sweeps", {"folder": str(swept)})
until(lambda: desk.get(f"/api/v1/sweeps/{running['id']}")["state"] == "running", 20)
os.kill(desk.pids()["core"], signal.SIGKILL)
until(desk.healthy, 20)
s = until(lambda: (s := desk.get(f"/api/v1/sweeps/{running['id']}"))["state"] == "failed" and s, 20)
check("a sweep that core did not survive is told as it is", s and s["problem"] == "interrupted", s)
check("files in the making begin anew", put(item["id"], 0, b"early") == 404)
id, _, _ = hand_in("after.txt", EICAR)
check("and the next one is looked at", settled(id)["state"] == "matched")
log = desk.log.read_text(errors="replace")
trouble = [l for l in log.splitlines() if "Assertion" in l or "runtime error" in l or "Sanitizer" in l]
check("nothing failed an assertion", not trouble, trouble)
desk.close()
server.close()
shutil.rmtree(swept, ignore_errors=True)
shutil.rmtree(outside, ignore_errors=True)
done()
