# SPDX-License-Identifier: EUPL-1.2
"""Looking back with a draft: it finds in stored events exactly what `khien scan` finds in the same lines, within the range
that was asked for, and the text of rules is checked with the place of each fault."""
import calendar
from back import *

now = time.time()
desk = Desk(register=TWO_HOSTS).start()
lines = days_of_lines(60000, now)
check("days of events are taken", pour(desk, lines))
check("and stored", stored(desk, len(lines)), desk.get("/api/v1/status")["archive"])

status, answer = rule_check(desk, WORDS)
check("a good rule has no faults", status == 200 and answer["faults"] == [] and answer["rules"][0]["title"] == "Nobody of that name", answer)
status, answer = rule_check(desk, WORDS.replace("condition: words", "condition: nothing"))
check("a wrong one says where", status == 200 and answer["faults"][0]["line"] == 8 and answer["faults"][0]["what"] == "rule_no_selection", answer)
alone = CORRELATION.split("---")[0]
status, answer = rule_check(desk, alone.replace("closed_connection", "ssh_login_failure"))
check("a correlation may stand on a rule of the desk", status == 200 and answer["faults"] == [] and answer["rules"][0]["correlation"], answer)
status, answer = rule_check(desk, alone)
check("but not on one that nobody knows", status == 200 and [f["what"] for f in answer["faults"]] == ["rule_reference"], answer)

want = scan(desk, WORDS, lines)
status, job = ask(desk, kind="draft", text=WORDS)
check("a draft is taken", status == 202 and job["state"] in ("queued", "running"), job)
job = ended(desk, job["id"])
check(f"it finds what scan finds ({len(want)})", job["state"] == "done" and job["findings"] == len(want) > 300, brief(job))
check("all blocks, all events", job["blocks_done"] == job["blocks"] > 3 and job["events"] >= len(lines), brief(job))
check("the first are kept, all are counted by day", len(job["hits"]) == 200 and sum(d["count"] for d in job["days"]) == job["findings"] and
      len(job["days"]) in (8, 9, 10), job["days"])
check("hits tell event, line, match and whose it is", all(h["event"] > 0 and "Invalid user admin" in h["text"] and h["matched"] and
      h["system"]["id"] == "mot-cua" and h["organisation"]["id"] == "xa-dong-tam" for h in job["hits"]), job["hits"][:1])
event = desk.get(f"/api/v1/events/{job['hits'][7]['event']}")
check("the event is that line", event["text"] == job["hits"][7]["text"], event)
check("a draft makes no alert", job["alerts"] == 0 and not [a for a in desk.get("/api/v1/alerts?state=all")["items"] if a["lookback"]])
print(f"# {job['events_per_second']} events/s")

begin, end = int((now - 3 * DAY) * 1000), int((now - 2 * DAY) * 1000)
inside = [f for f in want if begin <= calendar.timegm(time.strptime(f["event"]["time"][:19], "%Y-%m-%dT%H:%M:%S")) * 1000 < end]
job = ended(desk, ask(desk, kind="draft", text=WORDS, from_ms=begin, to_ms=end)[1]["id"])
check(f"a range is kept to ({len(inside)})", job["findings"] == len(inside) > 30 and job["first_hit_ms"] >= begin and job["last_hit_ms"] < end, brief(job))

want = scan(desk, CORRELATION, lines)
job = ended(desk, ask(desk, kind="draft", text=CORRELATION)[1]["id"])
check(f"a correlation finds what scan finds ({len(want)})", job["state"] == "done" and job["findings"] == len(want) > 100, brief(job))
print(f"# {job['events_per_second']} events/s")
job = ended(desk, ask(desk, kind="draft", text="title: x\n")[1]["id"])
check("a draft with faults fails with them", job["state"] == "failed" and job["faults"] and job["faults"][0]["what"], brief(job))
for wrong in ({"kind": "rule", "rule": "nobody"}, {"kind": "draft"}, {"kind": "draft", "text": WORDS, "to_ms": 0}, {"kind": "tea"}):
    status, answer = ask(desk, **wrong)
    check(f"refused: {wrong.get('rule') or wrong.get('to_ms') or wrong['kind']}", status == 422 and answer["field"], answer)
desk.close()
done()
