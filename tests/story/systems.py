# SPDX-License-Identifier: EUPL-1.2
"""The register of information systems over the API: made, described, levelled under two regimes, protected in four layers,
and who assesses a system is not who runs it (Decree 331/2026, article 31.2.c). An agency sees its own."""
from desk import *

REGISTER = """
organisations:
  - {id: tinh, name: "UBND tỉnh Mẫu", kind: province}
  - {id: so-yt, name: "Sở Y tế", kind: department, contact: {name: "Lê A.", phone: "0900 000 001"}}
  - {id: tt-dl, name: "Trung tâm Dữ liệu", kind: centre}
  - {id: cty-dg, name: "Công ty Đánh giá", kind: assessor}
systems:
  - {id: mot-cua, name: "Một cửa điện tử", organisation: tinh, level: 3, networks: [10.21.0.0/16]}
"""
desk = Desk(register=REGISTER).start()


def send(method, path, body=None, version=None):
    status, answer, _ = desk.call(method, path, body, {"If-Match": f'"{version}"'} if version else None)
    return status, json.loads(answer or b"{}")


def version():
    return desk.get("/api/v1/systems/kham-benh")["version"]


status, made = send("POST", "/api/v1/systems", {"id": "kham-benh", "name": "Hồ sơ khám bệnh Đắk", "organisation": "so-yt", "level": 2,
                    "class": "service", "sector": "health", "facts": {"users": 20000, "basic_subjects": 20000}})
check("a system is entered", status == 201 and made["version"] == 1, made)
check("the same id twice is refused", send("POST", "/api/v1/systems", {"id": "kham-benh", "name": "x", "organisation": "so-yt", "level": 1})[0] == 409)
wrong = [({"id": "Kham Benh"}, "id"), ({"level": 6}, "level"), ({"organisation": "nobody"}, "organisation"), ({"sector": "magic"}, "sector"),
         ({"facts": {"colour": "red"}}, "facts"), ({"class": "cloud"}, "class"), ({"from_day": "2026-02-30"}, "from_day"), ({"name": ""}, "name")]
base = {"id": "another", "name": "x", "organisation": "so-yt", "level": 1}
answers = [(send("POST", "/api/v1/systems", {**base, **w}), field) for w, field in wrong]
check("what is not valid is named", all(a[0] == 422 and a[1]["field"] == f for a, f in answers), answers)

# places: the register knows them at once
check("a network is entered, one with host bits is not", send("POST", "/api/v1/systems/kham-benh/places", {"kind": "network", "value": "10.21.4.0/24"})[0] == 201 and
      send("POST", "/api/v1/systems/kham-benh/places", {"kind": "network", "value": "10.21.4.1/24"})[1]["type"] == "place_network")
one = desk.get("/api/v1/systems/kham-benh")
check("that another system's network holds it is told", [(o["system"], o["other"]) for o in one["overlaps"]] == [("mot-cua", "10.21.0.0/16")], one["overlaps"])
relp = Relp(desk.relp)
relp.wait(relp.send(sshd("10.21.4.9", "Invalid user admin from 203.0.113.9 port 4022").encode()))
check("an event of that network is theirs without a restart", until(lambda: any("kham-benh" in json.dumps(e) for e in desk.all_events(""))),
      desk.all_events("")[:1])

# levels under two regimes
check("decided in 2023 and again in 2026", send("POST", "/api/v1/systems/kham-benh/levels", {"level": 3, "day": "2023-05-05", "number": "12/QĐ"})[0] == 201 and
      send("POST", "/api/v1/systems/kham-benh/levels", {"level": 2, "day": "2026-09-01", "number": "88/QĐ"})[0] == 201)
one = desk.get("/api/v1/systems/kham-benh")
check("each decision keeps the criterion of its day", [(v["level"], v["criterion"], v["rule"]["mark"]) for v in one["levels"]] ==
      [(3, "nd85.level3.users", "assumed"), (2, "nd331.level2.basic_subjects", "read")] and one["level"] == 2, one["levels"])
check("what would decide on another day", desk.get("/api/v1/systems/kham-benh?date=2026-08-18")["law"]["criterion"]["id"] == "nd85.level3.users" and
      one["law"]["criterion"]["id"] == "nd331.level2.basic_subjects")
check("nobody writes the criterion but the program", send("POST", "/api/v1/systems/kham-benh/levels", {"level": 2, "day": "2026-09-01", "criterion": "x"})[1]["field"] == "criterion")

# parties
party = lambda **p: send("POST", "/api/v1/systems/kham-benh/parties", p)
check("an operator, a monitor, an assessor", [party(role="operator", organisation="so-yt", from_day="2025-01-01")[0],
      party(role="monitor", organisation="tt-dl", from_day="2025-01-01")[0], party(role="assessor", organisation="cty-dg", from_day="2026-01-01")[0]] == [201] * 3)
status, answer = party(role="assessor", organisation="so-yt", from_day="2026-09-01")
check("who operates it does not assess it: refused with the rule", status == 409 and answer["type"] == "independence" and
      answer["rule"]["article"] == "Đ31.2.c" and answer["other"]["role"] == "operator", answer)
status, answer = party(role="assessor", organisation="tt-dl", from_day="2026-09-01")
check("nor who monitors it", status == 409 and answer["rule"]["id"] == "cv1552.independence.assessor" and answer["rule"]["mark"] == "secondary", answer)
assessor = [p for p in desk.get("/api/v1/systems/kham-benh")["parties"] if p["role"] == "assessor"][0]["id"]
status, answer = send("PATCH", f"/api/v1/systems/kham-benh/parties/{assessor}", {"organisation": "tt-dl"}, version())
check("nor by changing who it is", status == 409 and answer["type"] == "independence", answer)
check("what was refused left nothing", len(desk.get("/api/v1/systems/kham-benh")["parties"]) == 4)
check("another owner from a day on", party(role="owner", organisation="tt-dl", from_day="2026-11-01")[0] == 201)
one = desk.get("/api/v1/systems/kham-benh")
owners = [(p["organisation"]["id"], p["from_day"], p["until_day"]) for p in one["parties"] if p["role"] == "owner"]
check("the history of owners is kept", owners == [("so-yt", None, "2026-10-31"), ("tt-dl", "2026-11-01", None)] and
      one["organisation"]["id"] == "tt-dl", owners)
check("two owners on one day are refused", party(role="owner", organisation="tinh", from_day="2020-01-01", until_day="2020-12-31")[1]["type"] == "owner_twice")
now = [p["id"] for p in one["parties"] if p["role"] == "owner" and p["now"]][0]
check("and so is none", send("DELETE", f"/api/v1/systems/kham-benh/parties/{now}")[1]["type"] == "owner_none")

# layers, devices, licences
today = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600))
day = lambda n: time.strftime("%Y-%m-%d", time.gmtime(time.time() + 7 * 3600 + n * 86400))
part = lambda noun, **p: send("POST", f"/api/v1/systems/kham-benh/{noun}", p)
check("layers with evidence", [part("layers", layer="1", state="in_place", organisation="tt-dl", evidence="Quyết định kiện toàn", number="7/QĐ", until_day=today)[0],
      part("layers", layer="2", state="in_place", until_day=day(-1))[0], part("layers", layer="3", state="planned")[0]] == [201] * 3)
check("a layer is there once", part("layers", layer="1", state="none")[0] == 409)
one = desk.get("/api/v1/systems/kham-benh")
check("evidence that has ended turns the layer by itself", one["protection"] == ["in_place", "expired", "planned", "none"], one["protection"])
check("each layer with its article and mark", [(r["code"], r["mark"]) for r in one["layer_rules"]] == [(c, "secondary") for c in "1234"])
layer = [x for x in one["layers"] if x["layer"] == "2"][0]["id"]
check("a change names the version it saw", send("PATCH", f"/api/v1/systems/kham-benh/layers/{layer}", {"until_day": None}, 1)[0] == 409 and
      send("PATCH", f"/api/v1/systems/kham-benh/layers/{layer}", {"until_day": None}, version())[0] == 200 and
      desk.get("/api/v1/systems/kham-benh")["protection"][1] == "in_place")
check("a part of another system is not found", send("PATCH", f"/api/v1/systems/mot-cua/layers/{layer}", {"state": "none"}, desk.get("/api/v1/systems/mot-cua")["version"])[0] == 404)
check("donated cameras in use that nobody cleared", part("devices", name="Camera", origin="donated", source="Doanh nghiệp X", in_use=True)[0] == 201 and
      desk.get("/api/v1/systems/kham-benh")["devices"][0]["status"] == "missing")
check("licences with their end", [part("licences", kind="certificate", subject="CN=a", until_day=day(n))[0] for n in (-1, 30, 31, 61, 400)] == [201] * 5)
check("told as expired, and by 30, 60, 90 days", [x["status"] for x in desk.get("/api/v1/licences")["items"]] == ["expired", "30", "60", "90"])
check("the register finds what ends", [s["id"] for s in desk.get("/api/v1/systems?expiring=30")["items"]] == ["kham-benh"])
check("an application", part("applications", name="OpenEMR", vendor="x", release="7.0", exposure="internet")[0] == 201)

# the list
ids = lambda query: [s["id"] for s in desk.get("/api/v1/systems?" + query)["items"]]
check("found without accents, by network, by level, by sector", ids("q=dak") == ids("q=10.21.4") == ids("level=2") == ids("sector=health") == ["kham-benh"])
first = desk.get("/api/v1/systems?sort=level&limit=1")
check("a page at a time", [first["items"][0]["id"], *ids("sort=level&limit=1&cursor=" + urllib.parse.quote(first["next"]))] == ["mot-cua", "kham-benh"] and first["total"] == 2)
check("what is no cursor, sort or level is refused", all(desk.get("/api/v1/systems?" + q)["status"] == 422 for q in ("cursor=7", "sort=magic", "level=9", "limit=0")))
check("level 5 is one-way and says why", send("PATCH", "/api/v1/systems/mot-cua", {"separated": True}, desk.get("/api/v1/systems/mot-cua")["version"])[0] == 200 and
      desk.get("/api/v1/systems/mot-cua")["law"]["one_way_rule"]["article"] == "Đ30.9.đ")
check("closed, not deleted", send("PATCH", "/api/v1/systems/kham-benh", {"until_day": day(-1)}, version())[0] == 200 and ids("") == ["mot-cua"] and
      len(ids("closed=true")) == 2 and desk.call("DELETE", "/api/v1/systems/kham-benh")[0] == 405)

# the record
entries = [r for r in desk.get("/api/v1/records?noun=systems&limit=200")["items"] if r["noun_id"] == "kham-benh"]
check("every change is in the record, none of the refused", len(entries) == 20, len(entries))
desk.close()
done()
