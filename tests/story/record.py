# SPDX-License-Identifier: EUPL-1.2
"""Who changed what stands in a record that nobody rewrites unnoticed, the administrator of the box included: every change has
its entry, a second implementation reads the log, one entry is proved alone, and edited rows, files and copies of yesterday
are found and named."""
import independent_log
from desk import *

desk = Desk(register=REGISTER).start()


def verify(*arguments):
    return subprocess.run([KHIEN, "verify", *map(str, arguments)], capture_output=True, text=True, env=LANG)


desk.udp(*[sshd("ubndx-web", f"Failed password for invalid user admin{i} from 203.0.113.77 port {51000 + i} ssh2") for i in range(40)])
alerts = until(lambda: desk.get("/api/v1/alerts")["items"], 15) or []
check("an alert is there", alerts)
path = f"/api/v1/alerts/{alerts[0]['id']}"


def patch(body):
    return desk.call("PATCH", path, body, {"If-Match": '"%d"' % desk.get(path)["version"]})[0]


statuses = [patch({"state": "acknowledged"}), patch({"assignee": "bình"}), patch({"state": "closed"}),
            patch({"state": "closed", "reason": "đã chặn", "verdict": "true"}), patch({"state": "new"})]
check("changes are made, one is refused", statuses == [200, 200, 422, 200, 200], statuses)
newest = [desk.get(f"/api/v1/records/{desk.get('/api/v1/records?limit=1')['items'][0]['seq']}") for _ in range(4)
          if patch({"assignee": "bình"}) == 200 and patch({"assignee": "an"}) == 200]
check("an entry of this moment is told, not missed until the next second", all(n.get("proof") for n in newest) and newest, newest)
setup = [l for l in desk.out.read_text().splitlines() if "/setup?token=" in l][0].split("token=")[1]
status, _, _ = desk.call("POST", "/api/v1/setup", {"token": setup, "login": "an", "name": "Ân", "password": "correct horse battery"},
                         {"Sec-Fetch-Site": "same-origin"}, False)
check("a person comes in", status == 201)

records = desk.get("/api/v1/records")["items"]
mine = [r for r in records if r["noun"] == "alerts"]
check("twelve changes, twelve entries; the refused one has none", len(mine) == 12, records)
closed = [r for r in mine if (r["entry"]["after"] or {}).get("state") == "closed"]
check("an entry tells who, from where, before and after", closed and closed[0]["who"] == "admin" and
      closed[0]["entry"]["peer"] == "127.0.0.1" and closed[0]["entry"]["before"]["state"] == "acknowledged" and
      closed[0]["entry"]["after"]["reason"] == "đã chặn" and closed[0]["entry"]["after"]["verdict"] == "true" and closed[0]["noun_id"] == str(alerts[0]["id"]), closed)
check("the key made at the console is there", [r for r in records if r["noun"] == "api_keys" and r["who"] == "console"], records)
check("no password and no link in any of them", "correct horse" not in json.dumps(records) and setup not in json.dumps(records))
by = desk.get(f"/api/v1/records?noun=alerts&noun_id={alerts[0]['id']}&limit=3")
check("pages and filters", len(by["items"]) == 3 and by["next"] and
      len(desk.get(f"/api/v1/records?noun=alerts&limit=10&cursor={by['next']}")["items"]) == 9, by)

check("what people did can be told from what the program noted, and by day", all(r["who"] != "khien" for r in desk.get("/api/v1/records?people=1")["items"]) and
      any(r["who"] == "khien" for r in records) and not desk.get("/api/v1/records?to=1000")["items"] and
      len(desk.get(f"/api/v1/records?from={records[-1]['at_ms']}")["items"]) == len(records))
head = until(lambda: (lambda h: h if h["published"] == h["entries"] == records[0]["seq"] else None)(desk.get("/api/v1/checkpoint"))) or {}
check("a checkpoint covers all of it within seconds", head)
key, log = head["key"], desk.data / "record"
entries = independent_log.check_log(log, key)
check("a second implementation reads the same entries", len(entries) == head["entries"] and
      json.loads(entries[closed[0]["seq"] - 1]) == closed[0]["entry"])
one = desk.get(f"/api/v1/records/{closed[0]['seq']}")
check("one entry is proved alone", independent_log.check_proof(one["proof"], one["entry"].encode(), key))
check("and nothing else is", not independent_log.check_proof(one["proof"], one["entry"].replace("chặn", "tha").encode(), key))
(desk.folder / "one.tlog-proof").write_text(one["proof"], encoding="utf-8")
(desk.folder / "entry").write_bytes(one["entry"].encode())
(desk.folder / "other").write_bytes(one["entry"].encode() + b" ")
proved = [verify("--proof", desk.folder / "one.tlog-proof", "--entry", desk.folder / e, "--key", key).returncode for e in ("entry", "other")]
check("khien verify says the same of both", proved == [0, 1], proved)

whole = verify("--key", key, "--data", desk.data)
check("khien verify: log and database agree while the desk runs", whole.returncode == 0, whole.stdout + whole.stderr)
copy = desk.folder / "stick"
shutil.copytree(log, copy)
check("a copy on a stick is enough", verify("--key", key, copy).returncode == 0)
other = key[:-6] + ("A" if key[-6] != "A" else "B") + key[-5:]
check("a wrong key is no key", verify("--key", other, copy).returncode == 2)
check("nothing there is told", verify("--key", key, desk.folder / "nowhere").returncode != 0)

# The administrator edits a row
desk.stop()
size = int((log / "checkpoint").read_text().splitlines()[1])
seq = closed[0]["seq"]
desk.sql(f"UPDATE record SET entry = replace(entry, 'admin', 'nobody') WHERE seq = {seq}")
found = verify("--key", key, "--data", desk.data)
check("an edited row is found and named", found.returncode == 1 and str(seq) in found.stdout, found.stdout + found.stderr)
desk.sql(f"UPDATE record SET entry = replace(entry, 'nobody', 'admin') WHERE seq = {seq}")
desk.sql(f"DELETE FROM record WHERE seq > {seq - 1}")
check("missing rows are found", verify("--key", key, "--data", desk.data).returncode == 1)
desk.start()
back = until(lambda: desk.get("/api/v1/checkpoint"))
check("and come back from the log, which is said", back.get("put_back") == size - seq + 1 and "record.put_back" in desk.log.read_text(), back)
check("after which all agrees again", verify("--key", key, "--data", desk.data).returncode == 0)

# He edits the log itself
desk.stop()
for p in (log / "tile/entries").rglob("*"):
    if p.is_file():
        p.write_bytes(p.read_bytes().replace(b"console", b"konsole"))
found = verify("--key", key, log)
check("an edited entry is found", found.returncode == 1 and "record" in found.stderr, found.stdout + found.stderr)
desk.start()
check("the desk still serves, and says that its record cannot be believed", "tlog" in desk.log.read_text() or
      "not those that were recorded" in desk.log.read_text(), desk.log.read_text()[-800:])
check("the health of the record is no secret", desk.get("/api/v1/status").get("record", {}).get("broken") is True, desk.get("/api/v1/status").get("record"))
check("and work goes on, its entries wait in the table", patch({"state": "acknowledged"}) == 200)
desk.close()
done()
