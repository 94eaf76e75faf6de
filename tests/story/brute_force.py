# SPDX-License-Identifier: EUPL-1.2
"""Story 1: lines of an attack on a commune's server arrive by syslog; one alert names commune, system, level and whom to call,
counts the attempts, and leads back to the very bytes. It is taken, closed with a reason, and nobody overwrites anybody."""
import base64
from desk import *

desk = Desk(register=REGISTER, rules="").start()
lines = [sshd("ubndx-web", f"Failed password for invalid user admin{i} from 203.0.113.77 port {51000 + i} ssh2") for i in range(40)]
lines.append(sshd("ubndx-web", "Accepted password for backup from 203.0.113.77 port 51122 ssh2"))
desk.udp(*lines)

alerts = until(lambda: [a for a in desk.get("/api/v1/alerts")["items"] if "203.0.113.77" in json.dumps(a["entity"])], 15) or []
check("an alert is there", alerts, desk.log.read_text()[-2000:])
a = alerts[0] if alerts else {}
check("it names the commune", (a.get("organisation") or {}).get("name") == "UBND xã Đồng Tâm", a)
check("it names system and level", (a.get("system") or {}).get("id") == "mot-cua" and a["system"]["level"] == 2, a)
check("it names whom to call", desk.get(f"/api/v1/alerts/{a['id']}?purpose=alert")["contact"]["phone"] == "0900 000 001", a)

full = desk.get(f"/api/v1/alerts/{a['id']}")
check("it says why", full["findings"] and full["findings"][0]["matched"], full)
event = desk.get(f"/api/v1/events/{full['findings'][0]['event_id']}")
raw = base64.b64decode(event["raw"]["base64"])
check("it leads back to the bytes as they came", raw.decode() in lines, raw)
check("the event carries the system", {"name": "khien.system", "value": "mot-cua", "core": True} in event["fields"], event)
check("the sender is told", event["raw"]["transport"] == "udp" and event["raw"]["peer"] == "127.0.0.1", event["raw"])

found = until(lambda: (lambda e: e if len(e) == 41 else None)(desk.all_events("host:ubndx-web 203.0.113.77")), 10) or []
check("every line is stored and found by host and text", len(found) == 41, len(found))
check("a field test finds the one success", len(desk.all_events("event.outcome:success host:ubndx-web")) == 1)
now = int(time.time() * 1000)
histogram = desk.get(f"/api/v1/events/histogram?from={now - 3600000}&to={now + 60000}&slots=60&q=203.0.113.77")
check("the histogram counts them all", sum(histogram["counts"]) == 41, histogram)
top = desk.get(f"/api/v1/events/top?field=user.name&limit=3&from={now - 3600000}&to={now + 60000}")
check("most frequent values are counted", len(top["items"]) == 3, top)

shipped = desk.get("/api/v1/rules?origin=shipped&limit=1")
check("rules that came with the program are found, and told from others", shipped["total"] > 100 and
      shipped["total"] == desk.get("/api/v1/rules?limit=1")["total"], shipped)

# Triage
path, match = f"/api/v1/alerts/{a['id']}", {"If-Match": f"\"{full['version']}\""}
status, body, _ = desk.call("PATCH", path, {"state": "acknowledged"}, match)
check("it is acknowledged, and who did it has it", status == 200 and json.loads(body)["assignee"], body)
status, body, _ = desk.call("PATCH", path, {"state": "closed", "reason": "x"}, match)
check("a second hand with an old version is told", status == 409, body)
match = {"If-Match": "\"%d\"" % desk.get(path)["version"]}
status, body, _ = desk.call("PATCH", path, {"state": "closed"}, match)
check("closing asks for a reason", status == 422 and json.loads(body)["field"] == "reason", body)
status, body, _ = desk.call("PATCH", path, {"state": "closed", "reason": "đã chặn địa chỉ"}, match)
check("closed with a reason in Vietnamese", status == 200 and json.loads(body)["reason"] == "đã chặn địa chỉ", body)
check("the history tells who, when and why", [h["change"] for h in json.loads(body)["history"]] == ["opened", "acknowledged", "closed"], body)

check("it stops on SIGTERM with exit code 0", desk.stop() == 0, desk.log.read_text()[-1500:])
desk.start()
check("after a restart the alert is as it was", desk.get(path)["state"] == "closed")
check("and so are the events", len(desk.all_events("host:ubndx-web 203.0.113.77")) == 41)
desk.close()
done()
