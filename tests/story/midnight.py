# SPDX-License-Identifier: EUPL-1.2
"""Midnight: what was planned for a day is in force when that day begins in Viet Nam, and nobody has touched it: a level, an
owner, a name, whom to call, a merger with what was excepted for who goes into it, and a system that closes. A desk that was
off on that day makes up for it when it starts."""
import datetime
from desk import *

PROVINCE = """
organisations:
  - {id: tinh, name: "Tỉnh Mẫu", kind: province}
  - {id: xa-a, name: "Xã A", kind: commune, parent: tinh}
  - {id: xa-b, name: "Xã B", kind: commune, parent: tinh}
  - {id: xa-c, name: "Xã C", kind: commune, parent: tinh}
systems:
  - {id: level-a, name: "Lên cấp", organisation: xa-a, level: 2, hosts: [level-a]}
  - {id: owner-a, name: "Đổi chủ", organisation: xa-a, level: 2, hosts: [owner-a]}
  - {id: late-a, name: "Đổi chủ sau", organisation: xa-a, level: 2, hosts: [late-a]}
  - {id: closed-a, name: "Đóng", organisation: xa-a, level: 1, hosts: [closed-a]}
  - {id: web-b, name: "Trang B", organisation: xa-b, level: 2, hosts: [web-b]}
"""
HERE = datetime.timezone(datetime.timedelta(hours=7))
midnight = datetime.datetime.now(HERE).replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=10)
day = lambda n: str((midnight + datetime.timedelta(days=n)).date())


def clock(moment):
    """Desks that start from now on believe that it is this moment."""
    LANG["KHIEN_NOW"] = f"{int((moment.timestamp() - time.time()) * 1000):+d}"


def send(method, path, body=None):
    headers = {"If-Match": f'"{desk.get("/api/v1/" + path)["version"]}"'} if method == "PATCH" else {}
    status, answer, _ = desk.call(method, "/api/v1/" + path, body, headers)
    check(f"planned: {method} {path}", status in (200, 201), answer)


def attack(host, source):
    desk.udp(*[sshd(host, f"Failed password for invalid user a{n} from {source} port {5000 + n} ssh2") for n in range(40)])


def whose(source):
    return [(a["organisation"] or {}).get("id") for a in desk.get("/api/v1/alerts?state=all&limit=200")["items"] if source in json.dumps(a["entity"])]


def state():
    one = lambda id: desk.get(f"/api/v1/systems/{id}")
    a = desk.get("/api/v1/organisations/xa-a?purpose=register")
    return {"level": one("level-a")["level"], "owner": one("owner-a")["organisation"]["id"], "of b": one("web-b")["organisation"]["id"],
            "name": a["name"], "call": a["contact"] and a["contact"]["name"], "b": desk.get("/api/v1/organisations/xa-b")["state"],
            "systems": sorted(s["id"] for s in desk.get("/api/v1/systems")["items"]), "late": one("late-a")["organisation"]["id"]}


clock(midnight - datetime.timedelta(hours=12))
desk = Desk(register=PROVINCE).start()
send("POST", "systems/level-a/levels", {"level": 4, "day": day(0), "number": "9/QĐ"})
send("POST", "systems/owner-a/parties", {"role": "owner", "organisation": "xa-c", "from_day": day(0)})
send("POST", "systems/late-a/parties", {"role": "owner", "organisation": "xa-c", "from_day": day(2)})
send("PATCH", "systems/closed-a", {"until_day": day(-1)})
send("PATCH", "organisations/xa-a", {"name": "Phường A", "name_from": day(0)})
send("POST", "organisations/xa-a/contacts", {"name": "Người cũ", "until_day": day(-1)})
send("POST", "organisations/xa-a/contacts", {"name": "Người mới", "from_day": day(0)})
send("POST", "organisations/mergers", {"date": day(0), "into": "xa-c", "from": ["xa-b"]})
attack("web-b", "203.0.113.1")
rule = until(lambda: [a["rule"]["id"] for a in desk.get("/api/v1/alerts?limit=200")["items"] if "203.0.113.1" in json.dumps(a["entity"])])
check("an agency to come into another has an alert", rule and whose("203.0.113.1")[0] == "xa-b", rule)
for one in set(rule):
    send("POST", "exceptions", {"rule": one, "fields": [{"name": "khien.organisation", "value": "xa-b"}], "reason": "kiểm thử", "until_ms": int((midnight.timestamp() + 86400 * 30) * 1000)})
before = {"level": 2, "owner": "xa-a", "of b": "xa-b", "name": "Xã A", "call": "Người cũ", "b": "active",
          "systems": ["closed-a", "late-a", "level-a", "owner-a", "web-b"], "late": "xa-a"}
check("before that day all is as it was", state() == before, state())
desk.stop()

begin = midnight - datetime.timedelta(seconds=7)
clock(begin)
began = time.monotonic()
desk.start()
still = state()
if time.monotonic() - began < 6:  # a busy machine starts it on the other side of midnight
    check("and in its last seconds still is", still == before, still)
after = {"level": 4, "owner": "xa-c", "of b": "xa-c", "name": "Phường A", "call": "Người mới", "b": "closed",
         "systems": ["late-a", "level-a", "owner-a", "web-b"], "late": "xa-a"}
check("when the day begins it is in force, and nobody touched it", until(lambda: state() == after, 20), state())
check("by level, by owner and by name it is found as what it is now", [[s["id"] for s in desk.get("/api/v1/systems?" + q)["items"]] for q in
      ("level=4", "organisation=xa-c&q=ch%E1%BB%A7", "q=ph%C6%B0%E1%BB%9Dng&level=4")] == [["level-a"], ["owner-a"], ["level-a"]])
for host, source in (("owner-a", "203.0.113.2"), ("closed-a", "203.0.113.3"), ("web-b", "203.0.113.4")):
    attack(host, source)
check("events are the new owner's, those of a closed system nobody's", until(lambda: (whose("203.0.113.2"), whose("203.0.113.3")) and whose("203.0.113.2")[:1] == ["xa-c"] and
      whose("203.0.113.3")[:1] == [None]), (whose("203.0.113.2"), whose("203.0.113.3")))
excepted = until(lambda: [e for e in desk.get("/api/v1/exceptions?state=active")["items"] if e["matched"]], 10)
check("what was excepted for an agency follows its systems into the next", excepted and not [w for w in whose("203.0.113.4") if w], (excepted, whose("203.0.113.4")))
check("and goes no further: the successor's own systems alarm", excepted and all("xa-c" not in json.dumps(e["fields"]) for e in excepted), excepted)
desk.stop()

clock(midnight + datetime.timedelta(days=3, hours=9))
desk.start()
check("a desk that was off on the day has it in force when it starts", state() == {**after, "late": "xa-c"}, state())
check("the register file at the start takes nothing of that back", desk.get("/api/v1/systems/level-a")["level"] == 4)
desk.close()
done()
