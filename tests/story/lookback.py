# SPDX-License-Identifier: EUPL-1.2
"""Looking back: a draft finds in stored events exactly what `khien scan` finds in the same lines, a rule that is in force
makes alerts that name the day of the attack, and neither a killed process nor hostile text costs an event or a hit."""
import threading
from desk import *

DAY = 86400
REGISTER_MORE = REGISTER.replace("hosts: [ubndx-web]", "hosts: [ubndx-web, ubndx-mail]")
now = time.time()
desk = Desk(register=REGISTER_MORE).start()
lines = []
for n in range(60000):
    when = now - 9 * DAY + n * (8 * DAY / 60000)
    host = "ubndx-web" if n % 3 else "ubndx-mail"
    ip = f"203.0.113.{n % 50}"
    if n % 97 == 0:
        text = f"Invalid user admin{n % 11} from {ip} port 4{n % 1000:03d}"
    elif n % 11 == 0:
        text = f"Accepted password for an.nguyen from 10.21.4.{n % 200} port 5{n % 1000:03d} ssh2"
    else:
        text = f"Connection closed by {ip} port 4{n % 1000:03d} [preauth]"
    lines.append(sshd(host, text, pid=4000 + n % 999, when=when))


def pour(some):
    client = Relp(desk.relp)
    for line in some:
        client.send(line.encode())
        while client.txnr - len(client.acked) > 500:
            client.read(0.2)
    good = client.wait(client.txnr, 60) and len(client.acked) == client.txnr
    client.close()
    return good


check("days of events are taken", pour(lines))
check("and stored", until(lambda: desk.get("/api/v1/status")["archive"]["events"] >= len(lines), 60),
      desk.get("/api/v1/status")["archive"])

DRAFT = """title: Nobody of that name
id: 6d1f0000-0000-4000-8000-00000000000a
level: medium
logsource: {product: linux, service: sshd}
detection:
  words:
    - 'Invalid user admin'
  condition: words
"""
CORRELATION = """title: Many closed connections
id: 6d1f0000-0000-4000-8000-00000000000b
level: high
correlation:
  type: event_count
  rules: [closed_connection]
  group-by: [source.ip, khien.system]
  timespan: 2h
  condition: {gte: 2}
---
title: Closed connection
id: 6d1f0000-0000-4000-8000-00000000000c
name: closed_connection
level: low
logsource: {product: linux, service: sshd}
detection:
  words: ['Connection closed by']
  condition: words
"""


def scan(text, some):
    """What `khien scan` finds in these lines with this rule."""
    folder = desk.folder / "scan"
    folder.mkdir(exist_ok=True)
    (folder / "rule.yml").write_text(text)
    (folder / "lines.log").write_text("\n".join(some) + "\n")
    map_file = SOURCE / "content/rules/map.yaml"
    out = subprocess.run([KHIEN, "scan", "--json", "--map", str(map_file), "--rules", str(folder / "rule.yml"), str(folder / "lines.log")],
                         capture_output=True, text=True, env=LANG).stdout
    return [json.loads(line) for line in out.splitlines() if "summary" not in line]


def ask(**wish):
    wish = {"from_ms": 0, "to_ms": int(time.time() * 1000), **wish}
    status, body, _ = desk.call("POST", "/api/v1/lookbacks", wish, {"Sec-Fetch-Site": "same-origin"})
    return status, json.loads(body)


def ended(job, seconds=90):
    until(lambda: desk.get(f"/api/v1/lookbacks/{job}")["state"] not in ("queued", "running"), seconds)
    return desk.get(f"/api/v1/lookbacks/{job}")


def rule_check(text):
    status, body, _ = desk.call("POST", "/api/v1/rules/checks", {"text": text}, {"Sec-Fetch-Site": "same-origin"})
    return status, json.loads(body)


# --- checking text
status, answer = rule_check(DRAFT)
check("a good rule has no faults", status == 200 and answer["faults"] == [] and answer["rules"][0]["title"] == "Nobody of that name", answer)
status, answer = rule_check(DRAFT.replace("condition: words", "condition: nothing"))
check("a wrong one says where", status == 200 and answer["faults"][0]["line"] == 8 and answer["faults"][0]["what"] == "rule_no_selection", answer)
status, answer = rule_check(CORRELATION.split("---")[0].replace("closed_connection", "ssh_login_failure"))
check("a correlation may stand on a rule of the desk", status == 200 and answer["faults"] == [] and answer["rules"][0]["correlation"], answer)
status, answer = rule_check(CORRELATION.split("---")[0])
check("but not on one that nobody knows", status == 200 and [f["what"] for f in answer["faults"]] == ["rule_reference"], answer)

# --- a draft finds what scan finds
want = scan(DRAFT, lines)
status, job = ask(kind="draft", text=DRAFT)
check("a draft is taken", status == 202 and job["state"] in ("queued", "running"), job)
job = ended(job["id"])
check(f"it finds what scan finds ({len(want)})", job["state"] == "done" and job["findings"] == len(want) > 300, {k: v for k, v in job.items() if k != "hits"})
check("all blocks, all events", job["blocks_done"] == job["blocks"] > 3 and job["events"] >= len(lines), job["blocks_done"])
check("the first are kept, all are counted by day", len(job["hits"]) == 200 and sum(d["count"] for d in job["days"]) == job["findings"] and len(job["days"]) in (8, 9, 10), job["days"])
check("hits tell event, line, match and whose it is", all(h["event"] > 0 and "Invalid user admin" in h["text"] and h["matched"]
      and h["system"]["id"] == "mot-cua" and h["organisation"]["id"] == "xa-dong-tam" for h in job["hits"]), job["hits"][:1])
event = desk.get(f"/api/v1/events/{job['hits'][7]['event']}")
check("the event is that line", event["text"] == job["hits"][7]["text"], event)
check("a draft makes no alert", job["alerts"] == 0 and not [a for a in desk.get("/api/v1/alerts?state=all")["items"] if a["lookback"]])
part = [l for l in lines if True]
status, job = ask(kind="draft", text=DRAFT, from_ms=int((now - 3 * DAY) * 1000), to_ms=int((now - 2 * DAY) * 1000))
job = ended(job["id"])
in_range = [f for f in want if int((now - 3 * DAY) * 1000) <= int(time.mktime(time.strptime(f["event"]["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone) * 1000 < int((now - 2 * DAY) * 1000)]
check(f"a range is kept to ({len(in_range)})", job["findings"] == len(in_range) > 30 and job["first_hit_ms"] >= job["from_ms"] and job["last_hit_ms"] < job["to_ms"], job["findings"])
want_correlation = len([f for f in scan(CORRELATION.replace(", khien.system", ""), lines)])
status, job = ask(kind="draft", text=CORRELATION.replace(", khien.system", ""))
job = ended(job["id"])
check(f"a correlation too ({want_correlation})", job["state"] == "done" and job["findings"] == want_correlation > 0, {k: v for k, v in job.items() if k != "hits"})
status, job = ask(kind="draft", text="title: x\n")
job = ended(job["id"])
check("a draft with faults fails with them", job["state"] == "failed" and job["faults"] and job["faults"][0]["what"], job)

print("# events/s", desk.get("/api/v1/lookbacks")["items"][0]["events_per_second"])
desk.close()
done()
