# SPDX-License-Identifier: EUPL-1.2
"""The register of information systems as a table: an inventory of a province comes in as CSV or XLSX in one go, every fault is
told with row, column and remedy, an agency brings in its own alone, who assesses is not who operates, and what goes out
comes back without changing anything."""
import csv
import gzip
import io
import threading
import time as clock
from desk import *

REGISTER = """
organisations:
  - {id: tinh, name: "UBND tỉnh Mẫu", kind: province}
  - {id: so-yt, name: "Sở Y tế", kind: department, parent: tinh}
  - {id: so-gd, name: "Sở Giáo dục", kind: department, parent: tinh}
  - {id: bv, name: "Bệnh viện tỉnh", kind: department, parent: so-yt}
  - {id: tt-dl, name: "Trung tâm Dữ liệu", kind: centre}
  - {id: cty-dg, name: "Công ty Đánh giá", kind: assessor}
  - {id: trung-a, name: "Trạm Y tế", kind: centre}
  - {id: trung-b, name: "Trạm Y tế", kind: centre}
systems:
  - {id: mot-cua, name: "Một cửa điện tử", organisation: tinh, level: 3, networks: [10.21.0.0/16], hosts: [mc], contact: {name: "Lê A.", phone: "0900 000 001"}}
"""
desk = Desk(register=REGISTER).start()


def send(data, dry=False, key=True):
    status, answer, _ = desk.call("POST", f"/api/v1/systems/imports{'?dry_run=1' if dry else ''}", data if isinstance(data, bytes) else data.encode(), key=key)
    return status, json.loads(answer)


def take(form, key=True, **filters):
    status, body, _ = desk.call("POST", "/api/v1/systems/exports?purpose=register", {"format": form, **filters}, key=key)
    return body if status == 200 else (status, body)


def ids(table):
    return [row[0] for row in csv.reader(io.StringIO(table.decode("utf-8-sig")))][1:]


def one(id):
    return desk.get(f"/api/v1/systems/{id}?purpose=register")


def faults(report):
    return [(f["row"], f["column"], f["what"]) for f in report["faults"]]


def parties(id):
    return sorted((p["role"], p["organisation"]["id"]) for p in one(id)["parties"] if p["now"] and p["role"] != "owner")


# in
LIST = """\ufeffid;name;organisation;class;level;level_day;level_number;sector;critical;separated;operator;monitor;assessor;provider;applications_internet;applications_internal;networks;hosts;domains;note;contact_name;contact_phone
kham-benh;Hồ sơ khám bệnh;Sở Y tế;service;3;05/05/2026;12/QĐ;health;có;no;so-yt;Trung tâm Dữ liệu;cty-dg;;Cổng tra cứu;Quản trị;"10.30.1.0/24; 10.30.2.0/24";kb1;kb.example.vn;"Dòng một
dòng hai";Nông B.;0900 000 002
diem-thi;Điểm thi;so-gd;internal;1;;;;;x;;;;;;;;;;=1+1;;
"""
began = desk.get("/api/v1/records")["items"][0]["id"]
status, report = send(LIST, dry=True)
check("a trial tells what would come and does nothing", status == 200 and report["added"] == 2 and desk.get("/api/v1/systems")["total"] == 1, report)
status, report = send(LIST)
check("a list comes in", status == 200 and (report["added"], report["faults_total"]) == (2, 0), report)
got = one("kham-benh")
check("with all it says", (got["organisation"]["id"], got["class"], got["level"], got["sector"], got["critical"], got["separated"]) ==
      ("so-yt", "service", 3, "health", True, False) and got["networks"] == ["10.30.1.0/24", "10.30.2.0/24"] and got["hosts"] == ["kb1"] and
      got["domains"] == ["kb.example.vn"] and got["note"] == "Dòng một\ndòng hai" and got["own_contact"]["phone"] == "0900 000 002", got)
check("its decision has the criterion of its day", [(v["level"], v["day"], v["number"]) for v in got["levels"]] == [(3, "2026-05-05", "12/QĐ")] and
      "criterion" in got["levels"][0], got["levels"])
check("its parties", parties("kham-benh") == [("assessor", "cty-dg"), ("monitor", "tt-dl"), ("operator", "so-yt")], got["parties"])
check("its applications", sorted((a["name"], a["exposure"]) for a in got["applications"]) == [("Cổng tra cứu", "internet"), ("Quản trị", "internal")])
check("a formula stays a text", one("diem-thi")["note"] == "=1+1" and one("diem-thi")["separated"])
noted = [r for r in desk.get("/api/v1/records")["items"] if r["id"] > began and not r["action"].startswith("GET")]
check("one entry in the record says so", [r["action"] for r in noted] == ["POST /api/v1/systems/imports"], [r["action"] for r in noted])
relp = Relp(desk.relp)
relp.wait(relp.send(sshd("10.30.2.9", "Invalid user admin from 203.0.113.9 port 4022").encode()))
check("an event of its network is theirs at once", until(lambda: any("kham-benh" in json.dumps(e) for e in desk.all_events(""))))

# out and back
list_, book = take("csv"), take("xlsx")
check("it goes out", list_.startswith(b"\xef\xbb\xbfid,name,organisation,class,level,") and book.startswith(b"PK") and b"\"'=1+1\"" in list_, list_[:300])
before = {id: one(id) for id in ("mot-cua", "kham-benh", "diem-thi")}
for form, data in (("CSV", list_), ("XLSX", book), ("packed CSV", gzip.compress(list_)), ("packed XLSX", gzip.compress(book))):
    status, report = send(data)
    check(f"and coming back as {form} changes nothing", status == 200 and (report["unchanged"], report["added"], report["changed"]) == (3, 0, 0), report)
check("nothing indeed", before == {id: one(id) for id in before})
told = [sorted(ids(take("csv", **f))) for f in ({"level": "3"}, {"q": "diem"}, {"organisation": "so-yt"}, {"critical": "true"})]
check("a filter holds for what goes out", told == [["kham-benh", "mot-cua"], ["diem-thi"], ["kham-benh"], ["kham-benh"]], told)
check("one that is none is named", take("csv", level="9")[0] == 422 and take("ods")[0] == 422)
check("people only for a purpose", b"contact" not in desk.call("POST", "/api/v1/systems/exports", {"format": "csv"})[1] and b"0900 000 002" in list_)

# changes
status, report = send("id,networks,monitor\nkham-benh,10.30.2.0/24; 10.30.9.0/24,\n")
check("a cell is the whole list of it", status == 200 and report["changed"] == 1 and one("kham-benh")["networks"] == ["10.30.2.0/24", "10.30.9.0/24"], report)
check("who is in it no more has ended, and no column means no change", parties("kham-benh") == [("assessor", "cty-dg"), ("operator", "so-yt")] and
      one("kham-benh")["hosts"] == ["kb1"], one("kham-benh")["parties"])
check("another level needs a decision", faults(send("id,level\nkham-benh,4\n")[1]) == [(2, "level_day", "system_level_day")])
status, report = send("id,level,level_day,level_number\nkham-benh,4,2026-10-01,99/QĐ\n")
check("and has it", status == 200 and one("kham-benh")["level"] == 4 and len(one("kham-benh")["levels"]) == 2, report)
version = one("diem-thi")["version"]
status, report = send("id,organisation\ndiem-thi,bv\n")
owners = [(p["organisation"]["id"], bool(p["until_day"])) for p in one("diem-thi")["parties"] if p["role"] == "owner"]
check("another owner keeps the history", status == 200 and sorted(owners) == [("bv", False), ("so-gd", True)] and one("diem-thi")["version"] > version, owners)
send("id,organisation\ndiem-thi,so-gd\n")

# faults
WRONG = """id,name,organisation,level,class,sector,critical,networks,hosts,from_day,until_day,operator
A B,x,tinh,1,,,,,,,,
s1,,tinh,1,,,,,,,,
s2,x,nobody,1,,,,,,,,
s3,x,Trạm Y tế,1,,,,,,,,
s4,x,tinh,9,,,,,,,,
s5,x,tinh,1,cloud,,,,,,,
s6,x,tinh,1,,magic,,,,,,
s7,x,tinh,1,,,perhaps,,,,,
s8,x,tinh,1,,,,10.1.1.1/24,,,,
s9,x,tinh,1,,,,,a b,,,
s10,x,tinh,1,,,,,,32/13/2026,,
s11,x,tinh,1,,,,,,2026-05-01,2026-04-01,
s12,x,tinh,1,,,,,,,,nobody
s13,x,tinh,1,,,,,,,,
s13,x,tinh,1,,,,,,,,
"""
status, report = send(WRONG)
check("every fault is told with row, column and why, and nothing is kept", status == 422 and faults(report) == [
    (2, "id", "register_id"), (3, "name", "system_name"), (4, "organisation", "system_organisation"), (5, "organisation", "system_organisation_twice"),
    (6, "level", "register_level"), (7, "class", "system_class"), (8, "sector", "system_sector"), (9, "critical", "system_flag"), (10, "networks", "register_network"),
    (11, "hosts", "system_host"), (12, "from_day", "register_day"), (13, "until_day", "register_span"), (14, "operator", "system_organisation"),
    (16, "id", "register_row_twice")] and desk.get("/api/v1/systems")["total"] == 3, faults(report))
check("a column that nobody writes is refused", faults(send("id,criterion,version\nkham-benh,x,1\n")[1]) == [(1, "criterion", "register_column"), (1, "version", "register_column")])
report = send("id,assessor\nkham-benh,so-yt\n")[1]
check("who operates it does not assess it, row by row", faults(report) == [(2, "assessor", "system_independence")] and "31.2.c" in report["faults"][0]["arg"], report)
report = send("id,name,organisation,level,monitor,assessor\nmoi,Mới,bv,2,tt-dl,tt-dl\n")[1]
check("nor who monitors it, in a new one", [f[1:] for f in faults(report)] == [("assessor", "system_independence")], report)
check("what was refused left nothing", parties("kham-benh") == [("assessor", "cty-dg"), ("operator", "so-yt")] and one("moi")["status"] == 404)

# an agency
officer = desk.agency_key("coordinator", "so-yt")
status, report = send("id,name,organisation,level\nyt-moi,Kho thuốc,Bệnh viện tỉnh,2\nkham-benh,Hồ sơ khám bệnh mới,so-yt,4\n", key=officer)
check("an agency brings in its own and of who is below it", status == 200 and (report["added"], report["changed"]) == (1, 1), report)
for text, row in (("id,name,organisation,level\nmot-cua,Của tôi,so-yt,3\n", (2, "id", "register_not_yours")),
                  ("id,name,organisation,level\nla,Lạ,so-gd,1\n", (2, "organisation", "register_not_yours")),
                  ("id,organisation\nyt-moi,so-gd\n", (2, "organisation", "register_not_yours"))):
    status, report = send(text, key=officer)
    check(f"never {row[1]} of another", status == 422 and faults(report) == [row], report)
check("and takes away its own", sorted(ids(take("csv", key=officer))) == ["kham-benh", "yt-moi"], ids(take("csv", key=officer)))
reader = desk.api_key("auditor")
check("who only reads brings nothing in", send("id\n", key=reader)[0] == 403 and take("csv", key=reader).startswith(b"\xef\xbb\xbf"))

# hostile
for name, data, what in (("no gzip behind its mark", b"\x1f\x8b\x08\x00" + b"\xff" * 500, "table_format"), ("half of one", gzip.compress(list_)[:-9], "table_format"),
                         ("one with more behind", gzip.compress(list_) + b"x", "table_format"), ("a bomb", gzip.compress(b"a," * (40 << 20)), "table_big"),
                         ("a bomb of cells", b",".join(b"c%d" % n for n in range(60)) + b"\n" + (b"1" + b"," * 59 + b"\n") * 14000, "table_big")):
    status, report = send(data)
    check(f"{name} is refused, and everybody lives", status == 422 and report["faults"][0]["what"] == what and desk.healthy(), report)


def script(statements):
    """What somebody with a key to the database does behind our back."""
    if desk.server:
        desk.server.psql(statements, desk.database)
    else:
        with contextlib.closing(sqlite3.connect(desk.data / "khien.db", timeout=10)) as db:
            db.executescript(statements)


# thousands
COUNT = int(os.environ.get("KHIEN_SYSTEMS", "5000"))
head = "id,name,organisation,class,level,level_day,level_number,sector,critical,separated,operator,monitor,assessor,provider,applications_internet,networks,hosts,domains,note,contact_name,contact_phone\n"
many = head + "".join(f"ht-{n},Hệ thống thông tin số {n} của xã,{'so-yt' if n % 2 else 'so-gd'},service,{1 + n % 3},2026-0{1 + n % 9}-11,{n}/QĐ-UBND,,no,no,tt-dl,so-gd,cty-dg,,Cổng {n},"
                      f"10.{n >> 8 & 255}.{n & 255}.0/24; 2001:db8:{n:x}::/48,may-{n},ht{n}.example.vn,,Người trực {n},0900 {n:06}\n" for n in range(COUNT))
packed = gzip.compress(many.encode())
start = clock.monotonic()
seen, arrived = [], threading.Event()


def watch():
    """What another sees meanwhile: it is answered between two pieces, and an event that comes in is not held up."""
    desk.udp("<38>Nov 22 10:00:00 web sshd[7]: Failed password for invalid user meanwhile from 203.0.113.9 port 4 ssh2")
    while not arrived.is_set():
        seen.append((desk.get("/api/v1/systems?limit=1")["total"], len(desk.get("/api/v1/events?q=meanwhile&limit=1")["items"])))


other = threading.Thread(target=watch)
other.start()
status, report = send(packed)
arrived.set()
other.join()
first = clock.monotonic() - start
check("thousands come in one file", status == 200 and report["added"] == COUNT, report)
pieces = [json.loads(entry)["after"] for (entry,) in desk.sql("SELECT entry FROM record WHERE action LIKE '%systems/imports' ORDER BY seq")]
pieces = [p for p in pieces if p["rows"] == COUNT]
check("piece by piece, each in the record", len(pieces) > 1 and [p["added"] for p in pieces] == sorted({p["added"] for p in pieces}) and pieces[-1]["added"] == COUNT, pieces[-3:])
check("and others are answered meanwhile", len(seen) > 1, seen[:9])
check("an event that came in then is there", until(lambda: desk.get("/api/v1/events?q=meanwhile&limit=1")["items"]), seen[-3:])
start = clock.monotonic()
list_, book = take("csv"), take("xlsx")
second = clock.monotonic() - start
check("go out", len(list_) > 200 * COUNT and book.startswith(b"PK"), len(list_))
start = clock.monotonic()
status, report = send(gzip.compress(list_))
check("and come back", status == 200 and (report["unchanged"], report["changed"], report["added"]) == (COUNT + 4, 0, 0), report)
print(f"# {COUNT} systems: {len(many) >> 10} KB, packed {len(packed) >> 10} KB, XLSX {len(book) >> 10} KB; in {first:.1f} s, out twice {second:.1f} s, back {clock.monotonic() - start:.1f} s")
if len(book) < 1 << 20:
    status, report = send(book)
    check("as a spreadsheet too", status == 200 and report["unchanged"] == COUNT + 4, report)
# The database refuses to keep a later piece: what came before stays, the rest is not there, and nobody else is hurt.
FAILS = """CREATE TABLE refused (seq BIGINT REFERENCES record (seq) DEFERRABLE INITIALLY DEFERRED);
CREATE TRIGGER refuse AFTER INSERT ON record WHEN NEW.action LIKE '%systems/imports' AND 1 < (SELECT count(*) FROM record
WHERE action LIKE '%systems/imports' AND entry LIKE '%"rows":3001}%') BEGIN INSERT INTO refused VALUES (-1); END;"""
if desk.server:
    FAILS = """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.action LIKE '%systems/imports' AND 1 < (SELECT count(*)
FROM record WHERE action LIKE '%systems/imports' AND entry LIKE '%"rows":3001}%') THEN RAISE EXCEPTION 'refused'; END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON record DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();"""
another = "id,name,organisation,class,level,level_day,level_number\n" + "".join(
    f"khac-{n},Hệ thống khác {n},so-yt,service,{1 + n % 3},2026-01-11,{n}/QĐ-UBND\n" for n in range(3001))
others = lambda: int(desk.sql("SELECT count(*) FROM system WHERE id LIKE 'khac-%'")[0][0])
script(FAILS)
status, report = send(another)
kept = others()
check("an import that the database stops answers so", status >= 409 and "added" not in report, (status, report))
check("what was kept before it stays, and is in the record", 0 < kept < 3001 and [json.loads(entry)["after"]["added"] for (entry,) in
      desk.sql("SELECT entry FROM record WHERE action LIKE '%systems/imports' AND entry LIKE '%\"rows\":3001}%'")] == [kept], kept)
check("the list says the same", desk.get("/api/v1/systems?limit=1&q=khac-")["total"] == kept, kept)
script("DROP TRIGGER refuse ON record;" if desk.server else "DROP TRIGGER refuse; DROP TABLE refused;")
status, report = send(another)
check("once it can, the same file brings the rest", status == 200 and (report["unchanged"], report["added"]) == (kept, 3001 - kept) and others() == 3001, report)
check("nobody died of it", not [r for r in desk.get("/api/v1/status")["roles"] if r["crashes"]])
desk.close()
done()
