# SPDX-License-Identifier: EUPL-1.2
"""The law is dated data: the same question on two days has two answers, each with its article and how far it was checked."""
from desk import *

desk = Desk(register=REGISTER).start()


def clock(date, event):
    found = [r for r in desk.get(f"/api/v1/laws?date={date}&kind=clock")["items"] if r["event"] == event]
    return {(r["id"], r["limit"], r["count"], r["mark"], r["number"]) for r in found}


check("five days on 18 August 2026", ("tt20.clock.report", "days", 5, "secondary", "20/2017/TT-BTTTT") in clock("2026-08-18", "incident.any"))
check("72 hours on the day after", clock("2026-08-19", "incident.any") == {("nd331.clock.report", "hours", 72, "read", "331/2026/NĐ-CP")})
laws = desk.get("/api/v1/laws?date=2026-08-19")
old = [i for i in laws["instruments"] if i["id"] == "nd-85-2016"][0]
check("what is replaced is shown with its last day", not old["in_force"] and old["until"] == "2026-08-18", old)
check("nothing that is over is in the list, unless it is asked for", all(r["in_force"] for r in laws["items"]) and
      not all(r["in_force"] for r in desk.get("/api/v1/laws?date=2026-08-19&all=true")["items"]))
check("a day that is none is refused", desk.get("/api/v1/laws?date=2026-02-30")["status"] == 422)


def level(date, **facts):
    status, body, _ = desk.call("POST", "/api/v1/levels", {"date": date, "facts": facts})
    return (status, (json.loads(body).get("criterion") or {}).get("id") if status == 200 else json.loads(body).get("field"))


clinic = {"kind": "service", "users": 20000, "basic_subjects": 20000}
check("a clinic's level under the rules of 2016 and of 2026", level("2026-08-18", **clinic) == (200, "nd85.level3.users") and
      level("2026-08-19", **clinic) == (200, "nd331.level2.basic_subjects"))
check("a fact nobody asks for, and one of the wrong kind, are refused", level("2026-08-19", colour="red") == (422, "facts") and
      level("2026-08-19", users="many") == (422, "facts"))
check("no criterion fits: no level is invented", level("2026-08-19", kind="other") == (200, None))
check("asking leaves no entry in the record", not [r for r in desk.get("/api/v1/records")["items"] if r["noun"] == "levels"])
desk.close()
done()
