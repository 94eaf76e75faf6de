# SPDX-License-Identifier: EUPL-1.2
"""An indicator that was learned today is looked for in the days before: every old event that has it is found, one alert for
each pair of machines says since when, the sighting carries the date of the attack, and nothing is told twice."""
from back import *

now = time.time()
desk = Desk(register=TWO_HOSTS).start()
lines = days_of_lines(30000, now)
bad = [(n, sshd("ubndx-mail", f"Failed password for root from 198.51.100.77 port 4{n % 1000:03d} ssh2", when=now - 6 * DAY + n * 3600)) for n in range(40)]
begin = int(now - 6 * DAY) * 1000
known = [sshd("ubndx-mail", f"Failed password for root from 198.51.100.99 port 4200{n} ssh2", when=now - 2 * DAY + n) for n in range(3)]
check("days of events are taken and stored", pour(desk, lines + [line for _, line in bad] + known) and stored(desk, len(lines) + 43))


def bring(source, text):
    status, body, _ = desk.call("POST", "/api/v1/indicators/imports",
                                {"name": "feed", "source": source, "format": "csv", "confidence": 70, "text": text}, SAME)
    return status, json.loads(body)


status, report = bring("VNCERT", "type,value\nip,198.51.100.77\ndomain,c2.example.com\n")
check("indicators come in", status == 200 and report["added"] == 2, report)
status, job = ask(desk, kind="indicators", source="VNCERT")
check("a look-back is taken", status == 202, job)
job = ended(desk, job["id"])
check("it finds every old event", job["state"] == "done" and job["findings"] == 40 and job["first_hit_ms"] == begin, brief(job))
hit = job["hits"][0]
match = {m["name"]: m["value"] for m in hit["matched"]}
check("a hit says what it was", match.get("source.ip") == "198.51.100.77" and match.get("indicator.source") == "VNCERT" and
      hit["system"]["id"] == "mot-cua" and "198.51.100.77" in hit["text"], hit)
alerts = desk.get(f"/api/v1/alerts?state=all&lookback={job['id']}")["items"]
check("one alert says since when", len(alerts) == 1 == job["alerts"] and alerts[0]["lookback"] == job["id"] and alerts[0]["first_ms"] == begin and alerts[0]["count"] == 40 and
      alerts[0]["last_ms"] == begin + 39 * 3600_000, alerts)
seen = [i for i in desk.get("/api/v1/indicators?q=198.51.100.77")["items"]][0]
check("the indicator was seen then", seen["sightings"] == 40 and seen["first_seen_ms"] == begin, seen)
again = ended(desk, ask(desk, kind="indicators", source="VNCERT")[1]["id"])
seen = [i for i in desk.get("/api/v1/indicators?q=198.51.100.77")["items"]][0]
check("once more: all of it is told, nothing counts twice", again["findings"] == 40 == again["told"] and again["alerts"] == 0 and
      seen["sightings"] == 40, (brief(again), seen))
status, report = bring("elsewhere", "type,value\ndomain,never-seen-zyxwv.example\n")
other = ended(desk, ask(desk, kind="indicators", source="elsewhere")[1]["id"])
check("what nobody wrote is looked for in no block", other["state"] == "done" and other["findings"] == 0 and other["blocks"] == 0, brief(other))
bring("a network", "type,value\ncidr,198.51.100.64/27\n")
net = ended(desk, ask(desk, kind="indicators", source="a network")[1]["id"])
check("a network is looked for in all of them", net["state"] == "done" and net["findings"] == 40 and net["events"] >= 30000, brief(net))
check("blocks that cannot hold a value are not read", 0 < job["blocks_done"] == job["blocks"] < net["blocks"], (brief(job), brief(net)))
status, body, _ = desk.call("POST", "/api/v1/exceptions", {"rule": hit["rule"], "reason": "our own test", "until_ms": int(now * 1000) + DAY * 1000,
                            "fields": [{"name": "source.ip", "value": "198.51.100.99"}]}, SAME)
check("an exception is made", status == 201, body)
bring("a test", "type,value\nip,198.51.100.99\n")
test = ended(desk, ask(desk, kind="indicators", source="a test")[1]["id"])
check("what an exception takes is found, and alarms nobody", test["state"] == "done" and test["findings"] == 3 and
      test["alerts"] == 0 and not desk.get(f"/api/v1/alerts?state=all&lookback={test['id']}")["items"], brief(test))
none = ended(desk, ask(desk, kind="indicators", source="nobody")[1]["id"])
check("a source without indicators says so", none["state"] == "failed" and none["faults"][0]["what"] == "lookback_indicators", brief(none))
desk.close()
done()
