# SPDX-License-Identifier: EUPL-1.2
"""Story 7, the merger: two agencies become one on a date; systems, people and open alerts move; last year's figures stay
the same to the digit, and what the old machines do next is the successor's."""
import datetime, sqlite3
from desk import *

PROVINCE = """
organisations:
  - {id: tinh, name: "Tỉnh Mẫu", kind: province}
  - {id: xa-a, name: "UBND xã A", kind: commune, parent: tinh, contacts: [{name: "Người A", phone: "0900 000 001"}]}
  - {id: xa-b, name: "UBND xã B", kind: commune, parent: tinh, contact: {name: "Người B", phone: "0900 000 002"}}
  - {id: thon-b, name: "Thôn của B", kind: enterprise, parent: xa-b}
  - {id: xa-c, name: "UBND xã C", kind: commune, parent: tinh}
systems:
  - {id: web-a, name: "Trang A", organisation: xa-a, level: 2, networks: [10.21.1.0/24], hosts: [web-a, chung]}
  - {id: web-b, name: "Trang B", organisation: xa-b, level: 2, networks: [10.21.2.0/24], hosts: [web-b, chung]}
  - {id: app-b, name: "Phần mềm B", organisation: xa-b, level: 1, hosts: [app-b]}
"""
today = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=7)).date()
day = lambda n: str(today + datetime.timedelta(days=n))
desk = Desk(register=PROVINCE).start()


def call(method, path, body=None, version=None, key=True):
    status, answer, _ = desk.call(method, "/api/v1/" + path, body, {"If-Match": f'"{version}"'} if version else {}, key)
    return status, json.loads(answer) if answer else None


def attack(host, source):
    desk.udp(*[sshd(host, f"Failed password for invalid user a{n} from {source} port {5000 + n} ssh2") for n in range(40)])
    return until(lambda: [a for a in desk.get("/api/v1/alerts?state=all&limit=200")["items"] if source in json.dumps(a["entity"])
                          and a["state"] == "new"])


def figures(at):
    whole = lambda who: desk.get(f"/api/v1/organisations/{who}/figures?from={at}-01-01&to={at}-12-31")
    return {who: whole(who) for who in ("xa-a", "xa-b", "xa-c")}


# last year: two alerts of A and one of B, closed; this year: one open at each
for host, source in (("web-a", "203.0.113.1"), ("web-a", "203.0.113.2"), ("web-b", "203.0.113.3")):
    for alert in attack(host, source) or []:
        call("PATCH", f"alerts/{alert['id']}", {"state": "closed", "reason": "xong", "verdict": "true"}, alert["version"])
last = today.year - 1
shift = int((datetime.datetime(last, 6, 1) - datetime.datetime.now()).total_seconds() * 1000)
desk.stop()
with contextlib.closing(sqlite3.connect(desk.data / "khien.db")) as db:
    db.execute(f"UPDATE alert SET opened_ms = opened_ms + {shift}, closed_ms = closed_ms + {shift}, first_ms = first_ms + {shift}, last_ms = last_ms + {shift}")
    db.commit()
desk.start()
open_a, open_b = attack("web-a", "203.0.113.4"), attack("web-b", "203.0.113.5")
check("both have open alerts", open_a and open_b and open_a[0]["organisation"]["id"] == "xa-a" and open_b[0]["organisation"]["id"] == "xa-b", (open_a, open_b))
past, present = figures(last), figures(today.year)
check("last year counts", past["xa-a"]["own"]["opened"]["total"] >= 2 and past["xa-b"]["own"]["closed"]["total"] >= 1, past)
status, who = call("POST", "people", {"login": "can.bo.b", "name": "Cán bộ B", "role": "agency_officer", "organisation": "xa-b"})
check("somebody of B has an account", status == 201, who)

# tried first
merger = {"kind": "merged", "date": day(0), "into": "xa-moi", "name": "UBND xã Mới", "into_kind": "commune", "parent": "tinh", "from": ["xa-a", "xa-b"]}
status, trial = call("POST", "organisations/mergers", {**merger, "dry_run": True})
moved = trial.get("moved", {})
check("a trial tells what would move", status == 200 and (moved["systems"], moved["contacts"], moved["accounts"], moved["children"]) == (3, 2, 1, 1) and
      moved["alerts"] == len(open_a) + len(open_b) and moved["makes"], trial)
check("and which systems claim the same", [(c["kind"], c["value"], {c["a"], c["b"]}) for c in moved["conflicts"]] == [("host", "chung", {"web-a", "web-b"})], moved)
check("and does nothing", call("GET", "organisations/xa-moi")[0] == 404 and desk.get("/api/v1/organisations/xa-b")["state"] == "active" and
      desk.get(f"/api/v1/alerts/{open_b[0]['id']}")["organisation"]["id"] == "xa-b")
for wrong, field in (({"from": []}, "from"), ({"from": ["xa-z"]}, "from"), ({"date": "2026-13-01"}, "date"), ({"into": "xa-a"}, "into"),
                     ({"into_kind": "castle"}, "into_kind"), ({"kind": "eaten"}, "kind"), ({"from": ["xa-a", "xa-a"]}, "from"),
                     ({"kind": "split", "from": ["xa-a"]}, "systems"), ({"kind": "split", "from": ["xa-a"], "systems": ["web-b"]}, "systems")):
    status, answer = call("POST", "organisations/mergers", {**merger, **wrong})
    check(f"refused: {json.dumps(wrong)}", status == 422 and answer["field"] == field, answer)

# planned, withdrawn, planned again, carried out at the start after its day
status, plan = call("POST", "organisations/mergers", {**merger, "date": day(3)})
check("a day to come is a plan", status == 201 and plan["state"] == "planned" and desk.get("/api/v1/organisations/xa-a")["state"] == "active", plan)
check("a plan can be withdrawn, once", call("DELETE", f"organisations/mergers/{plan['id']}")[0] == 204 and call("DELETE", f"organisations/mergers/{plan['id']}")[0] == 409)
status, plan = call("POST", "organisations/mergers", {**merger, "date": day(3)})
desk.stop()
with contextlib.closing(sqlite3.connect(desk.data / "khien.db")) as db:  # its day comes
    db.execute("UPDATE organisation_change SET day = ?, plan = replace(plan, ?, ?) WHERE id = ?", (day(0), day(3), day(0), plan["id"]))
    db.commit()
desk.start()
plan = [m for m in desk.get("/api/v1/organisations/mergers")["items"] if m["id"] == plan["id"]][0]
check("carried out on its day, also after a restart", plan["state"] == "done" and plan["moved"] == trial["moved"], plan)

# what is now
new, old = desk.get("/api/v1/organisations/xa-moi?purpose=register"), desk.get("/api/v1/organisations/xa-b")
check("the successor has systems and people of both", new["systems"] == 3 and {p["name"] for p in new["contacts"]} == {"Người A", "Người B"} and
      {e["id"] for e in new["predecessors"]} == {"xa-a", "xa-b"}, new)
check("the old ones have ended and name it", old["until_day"] == day(-1) and old["state"] == "closed" and old["systems"] == 0 and
      [e["id"] for e in old["successors"]] == ["xa-moi"], old)
check("what stood below stands below it", desk.get("/api/v1/organisations/thon-b")["parent"]["id"] == "xa-moi")
check("the account goes along", [p["organisation"] for p in desk.get("/api/v1/people")["items"] if p["login"] == "can.bo.b"] in (["xa-moi"], [{"id": "xa-moi", "name": "UBND xã Mới"}]), desk.get("/api/v1/people"))
alert = desk.get(f"/api/v1/alerts/{open_b[0]['id']}?purpose=alert")
check("the open alert is the successor's, and its history says so", alert["organisation"]["id"] == "xa-moi" and
      alert["contact"]["name"] in ("Người A", "Người B") and "moved" in json.dumps(alert), alert)
check("last year's figures are the same to the digit", figures(last) == past, (past, figures(last)))
now = figures(today.year)
check("and so is what was opened this year", {k: v["own"]["opened"] for k, v in now.items()} == {k: v["own"]["opened"] for k, v in present.items()}, now)
total = lambda f: f["opened"]["total"]
mine = desk.get(f"/api/v1/organisations/xa-moi/figures?from={last}-01-01&to={last}-12-31")
check("with its predecessors the successor has the sum", total(mine["own"]) == 0 and
      total(mine["with_predecessors"]) == total(past["xa-a"]["own"]) + total(past["xa-b"]["own"]), mine)
fresh = attack("web-b", "203.0.113.9")
check("new events of the old machine are the successor's", fresh and fresh[0]["organisation"]["id"] == "xa-moi", fresh)
before = len(desk.get("/api/v1/alerts?state=new&limit=200")["items"])
desk.udp(*[sshd("web-b", f"Failed password for invalid user z{n} from 203.0.113.5 port {6000 + n} ssh2") for n in range(40)])
grown = until(lambda: desk.get(f"/api/v1/alerts/{open_b[0]['id']}")["count"] > open_b[0]["count"])
check("and join the alert that went along", grown and len(desk.get("/api/v1/alerts?state=new&limit=200")["items"]) == before)
days = [o["id"] for o in desk.get(f"/api/v1/organisations?date={day(-1)}&q=xa")["items"]]
check("yesterday the old ones stand in the list, today the new one", "xa-a" in days and "xa-moi" not in days and
      "xa-a" not in [o["id"] for o in desk.get("/api/v1/organisations?q=xa")["items"]], days)

# a part of it is given on
status, split = call("POST", "organisations/mergers", {"kind": "split", "date": day(0), "into": "xa-c", "from": ["xa-moi"], "systems": ["app-b"]})
check("a split moves what is named, and nobody ends", status == 201 and split["moved"]["systems"] == 1 and
      desk.get("/api/v1/organisations/xa-c")["systems"] == 1 and desk.get("/api/v1/organisations/xa-moi")["state"] == "active", split)
check("nobody hands over twice on a day", call("POST", "organisations/mergers", {"kind": "split", "date": day(0), "into": "xa-c", "from": ["xa-moi"], "systems": ["web-a"]})[0] == 422)
entries = [r["action"] for r in desk.get("/api/v1/records?noun=organisations&limit=100")["items"]]
check("all of it stands in the record", "merger.carried_out" in entries and "POST /api/v1/organisations/mergers" in entries and
      "DELETE /api/v1/organisations/mergers/{id}" in entries, entries)
check("a start with the old register file takes nothing back", desk.stop() is not None and bool(desk.start()) and
      desk.get("/api/v1/organisations/xa-moi")["systems"] == 2 and desk.get("/api/v1/organisations/xa-c")["systems"] == 1 and
      desk.get("/api/v1/organisations/thon-b")["parent"]["id"] == "xa-moi")
desk.close()
done()
