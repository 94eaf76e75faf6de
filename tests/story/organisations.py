# SPDX-License-Identifier: EUPL-1.2
"""Organisations in time: kinds, parents of any depth, names as of a day, people to call and the yearly question, versions,
and that an alert names today's person without a restart."""
import datetime
from desk import *

PROVINCE = """
organisations:
  - {id: tinh, name: "Tỉnh Mẫu", kind: province}
  - {id: so-a, name: "Sở A", kind: department, parent: tinh, from_day: 2015-01-01, contact: {name: "Cũ", phone: "0900 000 001"}}
  - {id: xa-b, name: "UBND xã Đắk B", kind: commune, parent: so-a}
systems:
  - {id: web-b, name: "Trang xã B", organisation: xa-b, level: 2, networks: [10.21.4.0/24], hosts: [web-b]}
"""
today = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=7)).date()
desk = Desk(register=PROVINCE).start()


def call(method, path, body=None, version=None, key=True):
    status, answer, headers = desk.call(method, "/api/v1/" + path, body, {"If-Match": f'"{version}"'} if version else {}, key)
    return status, json.loads(answer) if answer else None


def ids(query=""):
    return [o["id"] for o in desk.get("/api/v1/organisations?" + query)["items"]]


kinds = {k["id"]: k["vi"] for k in desk.get("/api/v1/organisation-kinds")["items"]}
check("kinds come from content/register, in both languages", kinds.get("special_zone") == "Đặc khu" and "national_centre" in kinds, kinds)
check("found without accents, by kind, by parent", ids("q=dak%20b") == ["xa-b"] and ids("kind=department") == ["so-a"] and ids("parent=tinh") == ["so-a"])
check("without a person of its own, the parent's is called", desk.get("/api/v1/organisations/xa-b?purpose=register")["contact"]["name"] == "Cũ")

# making, and what is refused
status, made = call("POST", "organisations", {"id": "phuong-c", "name": "UBND phường C", "kind": "ward", "parent": "tinh", "from_day": str(today)})
check("one is made", status == 201 and made["state"] == "active" and made["parent"]["name"] == "Tỉnh Mẫu", made)
for body, field in (({"id": "Hoa", "name": "x", "kind": "ward"}, "id"), ({"id": "mergers", "name": "x", "kind": "ward"}, "id"),
                    ({"id": "d", "name": "", "kind": "ward"}, "name"), ({"id": "d", "name": "x", "kind": "castle"}, "kind"),
                    ({"id": "d", "name": "x", "kind": "ward", "parent": "nobody"}, "parent"),
                    ({"id": "d", "name": "x", "kind": "province", "parent": "xa-b"}, "parent"),
                    ({"id": "d", "name": "x", "kind": "ward", "from_day": "2026-02-30"}, "from_day"),
                    ({"id": "d", "name": "x", "kind": "ward", "from_day": "2026-02-03", "until_day": "2026-02-02"}, "until_day")):
    status, answer = call("POST", "organisations", body)
    check(f"refused with its field: {field}", status == 422 and answer["field"] == field, answer)
check("an id is given once", call("POST", "organisations", {"id": "so-a", "name": "x", "kind": "ward"})[0] == 409)
status, answer = call("PATCH", "organisations/so-a", {"parent": "xa-b"}, desk.get("/api/v1/organisations/so-a")["version"])
check("no ring", status == 422 and answer["faults"][0]["what"] == "register_ring", answer)
check("who saw another version changes nothing", call("PATCH", "organisations/so-a", {"kind": "centre"}, 99)[0] == 409 and
      desk.get("/api/v1/organisations/so-a")["kind"] == "department")
check("without If-Match nothing is changed", call("PATCH", "organisations/so-a", {"kind": "centre"})[0] == 428)

# names in time
version = desk.get("/api/v1/organisations/xa-b")["version"]
status, answer = call("PATCH", "organisations/xa-b", {"name": "UBND xã Mới", "name_from": "2025-07-01"}, version)
check("renamed as of a day", status == 200 and answer["name"] == "UBND xã Mới" and len(answer["names"]) == 2 and
      answer["names"][0]["until_day"] == "2025-06-30", answer)
name_on = lambda day: [o["name"] for o in desk.get(f"/api/v1/organisations?date={day}&q=xa")["items"] if o["id"] == "xa-b"]
check("each day has its name", name_on("2025-06-30") == ["UBND xã Đắk B"] and name_on("2025-07-01") == ["UBND xã Mới"])
check("the old name finds it", ids("q=dak") == ["xa-b"])
later = str(today + datetime.timedelta(days=40))
status, answer = call("PATCH", "organisations/xa-b", {"name": "UBND xã Sau", "name_from": later}, answer["version"])
check("a name to come waits for its day", status == 200 and answer["name"] == "UBND xã Mới" and name_on(later) == ["UBND xã Sau"], answer)
check("not twice for one day", call("PATCH", "organisations/xa-b", {"name": "y", "name_from": later}, answer["version"])[0] == 422)
status, answer = call("PATCH", "organisations/phuong-c", {"until_day": "2026-01-01", "from_day": "2020-01-01"}, made["version"])
check("what has ended is closed, and stands in lists of its days", answer["state"] == "closed" and "phuong-c" not in ids() and
      "phuong-c" in ids("date=2025-12-31") and ids("state=closed") == ["phuong-c"] and "phuong-c" not in ids("date=2019-12-31"), answer)

# people
status, person = call("POST", "organisations/xa-b/contacts", {"name": "Nông Thị H.", "role": "Đầu mối", "phone": "0900 000 009", "email": "h@b.example"})
check("somebody to call", status == 201 and person["confirmed_day"] == str(today), person)
check("is the one who is named", desk.get("/api/v1/organisations/xa-b?purpose=register")["contact"]["phone"] == "0900 000 009")
check("refused with its field", call("POST", "organisations/xa-b/contacts", {"name": "X", "email": "no"})[1]["field"] == "email" and
      call("POST", "organisations/xa-b/contacts", {"name": ""})[0] == 422 and call("POST", "organisations/nobody/contacts", {"name": "X"})[0] == 404)
desk.udp(*[sshd("web-b", f"Failed password for invalid user a{n} from 203.0.113.77 port {5000 + n} ssh2") for n in range(40)])
alert = until(lambda: desk.get("/api/v1/alerts")["items"])
told = lambda: desk.get(f"/api/v1/alerts/{alert[0]['id']}?purpose=alert")["contact"]["name"]
check("an alert says whom to call", alert and told() == "Nông Thị H." and alert[0]["organisation"]["name"] == "UBND xã Mới", alert)
status, _ = call("PATCH", f"organisations/xa-b/contacts/{person['id']}", {"until_day": str(today - datetime.timedelta(days=1))}, person["version"])
check("who has gone is called no more", status == 200 and told() == "Cũ")
status, old = call("POST", "organisations/so-a/contacts", {"name": "Lâu Năm", "from_day": "2020-01-01"})
due = lambda: [p["name"] for p in desk.get("/api/v1/contacts/due?purpose=register")["items"]]
check("asked anew only after a year", due() == [])
desk.sql(f"UPDATE contact SET confirmed_day = '2024-01-01' WHERE id = {old['id']}")
check("then it is in the list", due() == ["Lâu Năm"])
check("and one call answers it", call("POST", f"organisations/so-a/contacts/{old['id']}/confirmations")[1]["confirmed_day"] == str(today) and due() == [])

# tables in and out
def send(name, data, dry=False):
    status, answer, _ = desk.call("POST", f"/api/v1/organisations/imports{'?dry_run=1' if dry else ''}", data)
    return status, json.loads(answer)


def take(form):
    status, body, headers = desk.call("POST", "/api/v1/organisations/exports?purpose=register", {"format": form})
    return body if status == 200 else (status, body)


def xlsx(sheet):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("xl/worksheets/sheet1.xml", sheet)
    return made.getvalue()


import io, zipfile
csv, book = take("csv"), take("xlsx")
check("a list goes out as CSV and as XLSX", csv.startswith(b"\xef\xbb\xbfid,name,") and "UBND xã Mới".encode() in csv and book.startswith(b"PK"), csv[:300])
for name, data in (("csv", csv), ("xlsx", book)):
    status, report = send(name, data)
    check(f"and coming back as {name} changes nothing", status == 200 and report["unchanged"] == 4 and not report["changed"] and not report["added"], report)
many = "id;name;kind;parent;contact_name;contact_phone\r\n" + "".join(
    f"xa-{n};UBND xã số {n};commune;tinh;\"=cmd|' /c calc'!A{n}\";'+84 90{n}\r\n" for n in range(2000))
status, report = send("many", many.encode(), dry=True)
check("a trial tells what would come and does nothing", status == 200 and report["added"] == 2000 and desk.get("/api/v1/organisations")["total"] == 3, report)
wrong = many.replace("xa-7;", "XA 7;").replace("xa-11;UBND xã số 11;commune", "xa-11;UBND xã số 11;castle")
status, report = send("wrong", wrong.encode())
check("every fault is told with row, column and why, and nothing is kept", status == 422 and desk.get("/api/v1/organisations")["total"] == 3 and
      [(f["row"], f["column"], f["what"]) for f in report["faults"]] == [(9, "id", "register_id"), (13, "kind", "register_kind")], report)
status, report = send("many", many.encode())
check("two thousand come in", status == 200 and report["added"] == 2000 and desk.get("/api/v1/organisations")["total"] == 2003, report)
check("what a spreadsheet would run is text in it", b"\"'=cmd" in take("csv") and b",=cmd" not in take("csv"))
began = time.monotonic()
pages, cursor = 0, ""
while cursor is not None:
    page = desk.get(f"/api/v1/organisations?limit=500&cursor={cursor}")
    pages, cursor = pages + len(page["items"]), page["next"]
check("every one stands on one page", pages == 2003, pages)
for name, data, what in (("no table", b"\x00\x01\x02", "table_utf8"), ("a zip bomb", xlsx("<worksheet>" + " " * (200 << 20) + "</worksheet>"), "table_big"),
                         ("a document type", xlsx('<!DOCTYPE w [<!ENTITY a "b">]><worksheet/>'), "table_xlsx"), ("half a zip", book[:500], "table_xlsx")):
    status, report = send(name, data)
    check(f"{name} is refused, and everybody lives", status == 422 and report["faults"][0]["what"] == what and desk.healthy(), report)
check("nobody died of it", not [r for r in desk.get("/api/v1/status")["roles"] if r["crashes"]])

# over a restart with the same file: what people changed stays
desk.stop()
desk.start()
check("a start with the old file takes nothing back", desk.get("/api/v1/organisations/xa-b")["name"] == "UBND xã Mới" and
      desk.get("/api/v1/organisations/phuong-c")["state"] == "closed")
nouns = [(r["action"], r["noun_id"]) for r in desk.get("/api/v1/records?noun=organisations&limit=100")["items"]]
check("everything stands in the record", ("POST /api/v1/organisations", "phuong-c") in nouns and
      ("PATCH /api/v1/organisations/{id}", "xa-b") in nouns and any("confirmations" in a for a, _ in nouns), nouns)
broken = desk.folder / "ring.yaml"
broken.write_text("organisations:\n  - {id: a, name: A, kind: ward, parent: b}\n  - {id: b, name: B, kind: ward, parent: a}\n")
told = subprocess.run([KHIEN, "check", "--register", str(broken)], capture_output=True, text=True, env=LANG)
check("check names a ring with its place", told.returncode == 1 and "ring.yaml:2" in told.stdout + told.stderr, told.stdout[-400:] + told.stderr[-400:])
broken.write_text("organisations:\n  - {id: a, name: A, kind: ward}\nsystems:\n  - {id: s, name: S, organisation: a, level: 2,\n"
                  "     parties: [{role: operator, organisation: a}, {role: assessor, organisation: a}]}\n")
told = subprocess.run([KHIEN, "check", "--register", str(broken)], capture_output=True, text=True, env=LANG)
check("and who assesses what he operates, with place and article", told.returncode == 1 and "ring.yaml:4" in told.stderr + told.stdout and "31.2.c" in told.stderr + told.stdout, told.stderr[-400:])
desk.close()
done()
