# SPDX-License-Identifier: EUPL-1.2
"""How to reach people: masked until somebody says what for, said once for a session, each reading in the record, and an
agency's own people without being asked. A form that sends back what it was shown masked changes nothing."""
from desk import *

desk = Desk(register=REGISTER).start()
SAME = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery"
desk.udp(*[sshd("ubndx-web", f"Failed password for invalid user admin{n} from 203.0.113.77 port {51000 + n} ssh2") for n in range(40)])
alert = until(lambda: desk.get("/api/v1/alerts")["items"])[0]


def call(method, path, body=None, key=True, cookie=None, version=None):
    headers = {**SAME, **({"Cookie": cookie} if cookie else {}), **({"If-Match": str(version)} if version else {})}
    status, answer, got = desk.call(method, "/api/v1/" + path, body, headers, False if cookie else key)
    return status, json.loads(answer or b"{}"), got


def person(login, role):
    link = call("POST", "people", {"login": login, "name": login, "role": role})[1]["link"]
    call("POST", "invitations", {"token": link.split("token=")[1], "password": PASSWORD}, False)
    return (call("POST", "sessions", {"login": login, "password": PASSWORD}, False)[2]["Set-Cookie"] or "").split(";")[0]


MASKED = {"name": "N. T. H.", "phone": "09xx xxx 001", "email": "***@dongtam.example", "masked": True}
CLEAR = {"name": "Nông Thị H.", "phone": "0900 000 001", "email": "h@dongtam.example", "masked": False}
an, binh = person("an", "analyst"), person("binh", "leader")
paths = {"an alert": f"alerts/{alert['id']}", "an organisation": "organisations/xa-dong-tam", "a system": "systems/mot-cua"}
read = lambda path, **by: call("GET", path, **by)[1].get("contact")
listed = lambda path, **by: call("GET", path, **by)[1]["items"][0]["contact"]
readings = lambda: [r for r in desk.get("/api/v1/records?limit=500")["items"] if r["action"].startswith("GET ")]
check("without a purpose they are masked", all(read(p, cookie=an) == MASKED for p in paths.values()), [read(p, cookie=an) for p in paths.values()])
check("in lists too", all(listed(p, cookie=an) == MASKED for p in ("alerts", "systems", "organisations")))
check("a key is asked as well", read(paths["an alert"]) == MASKED)
check("which leaves nothing in the record", readings() == [])
check("a purpose that is none", read(paths["an alert"] + "?purpose=curiosity") == MASKED and call("PUT", "purposes/current", {"purpose": "curiosity"}, cookie=an)[0] == 422)
check("one that asks for words", read(paths["an alert"] + "?purpose=other") == MASKED and read(paths["an alert"] + "?purpose=other:%20") == MASKED)
check("with each request, for a key", read(paths["an alert"] + "?purpose=alert") == CLEAR)
entry = readings()
check("is in the record: who, whose, what for", len(entry) == 1 and entry[0]["noun"] == "alerts" and entry[0]["noun_id"] == str(alert["id"]) and
      json.loads(entry[0]["entry"])["reason"] == "alert" if isinstance(entry[0]["entry"], str) else entry[0]["entry"]["reason"] == "alert", entry)
for _ in range(3):
    read(paths["an alert"] + "?purpose=alert")
check("the same reading again is the same reading", len(readings()) == 1)
read(paths["an alert"] + "?purpose=other:%20drill")
check("for something else it is another", len(readings()) == 2)
status, known, _ = call("GET", "purposes", cookie=an)
check("what for, as rows", status == 200 and {"alert", "other"} <= {p["id"] for p in known["items"]} and known["current"] is None, known)
check("said once", call("PUT", "purposes/current", {"purpose": f"alert: alert {alert['id']}"}, cookie=an)[0] == 204)
check("it holds for the session", all(read(p, cookie=an) == CLEAR for p in paths.values()) and call("GET", "purposes", cookie=an)[1]["current"] == f"alert: alert {alert['id']}")
check("for lists of the register", listed("systems", cookie=an) == CLEAR)
check("lists of alerts stay masked", listed("alerts", cookie=an) == MASKED)
check("each in the record", len(readings()) == 6 and {r["who"] for r in readings()} >= {"an"}, [r["action"] for r in readings()])
check("not for who has no right", call("PUT", "purposes/current", {"purpose": "alert"}, cookie=binh)[0] == 403 and
      read(paths["an alert"] + "?purpose=alert", cookie=binh) == MASKED)
export = lambda **by: desk.call("POST", "/api/v1/organisations/exports" + by.pop("query", ""), {"format": "csv"}, **by)[1].decode()
check("a table takes people along only with a purpose", "0900 000 001" not in export() and "contact" not in export() and "0900 000 001" in export(query="?purpose=register"))
taken = [r for r in desk.get("/api/v1/records?limit=500")["items"] if r["action"].endswith("organisations/exports")]
check("which stands with it in the record", any('"reason":"register"' in json.dumps(r, separators=(",", ":")).replace('\\', "") for r in taken), taken[:1])
check("taken back", call("PUT", "purposes/current", {"purpose": ""}, cookie=an)[0] == 204 and read(paths["an alert"], cookie=an) == MASKED)

officer = desk.agency_key("agency_officer", "xa-dong-tam")
before = len(readings())
check("an agency reads of its own people", all(read(p, key=officer) == CLEAR for p in paths.values()) and len(readings()) == before)

call("POST", "organisations/xa-dong-tam/contacts", {"name": "Nông Thị H.", "phone": "0900 000 001", "email": "h@dongtam.example"}, cookie=an)
contact = call("GET", "organisations/xa-dong-tam/contacts", cookie=an)[1]["items"][0]
check("people to call are masked", contact["phone"] == MASKED["phone"] and contact["masked"], contact)
status, answer, _ = call("PATCH", f"organisations/xa-dong-tam/contacts/{contact['id']}", {"name": contact["name"], "phone": contact["phone"], "email": "new@dongtam.example"},
                         cookie=an, version=contact["version"])
now = call("GET", "organisations/xa-dong-tam/contacts?purpose=register")[1]["items"][0]
check("what comes back masked changes nothing, the rest does", status == 200 and (now["name"], now["phone"], now["email"]) == ("Nông Thị H.", "0900 000 001", "new@dongtam.example"), now)
desk.close()
done()
