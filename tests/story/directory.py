# SPDX-License-Identifier: EUPL-1.2
"""The organisation's directory knows the passwords: a real slapd, asked over TLS. People come in with the role of their
group, and in their organisation alone when the group is given one; groups in groups and in circles are followed; wrong, unknown and hostile names do not; an empty password is never sent; certificates that are not good, and a
directory that is away, are said; who has an account of the desk's own comes in whatever happens to the directory."""
import sqlite3
from desk import *

if not pathlib.Path("/usr/sbin/slapd").exists() or not shutil.which("openssl"):
    print("1..0 # SKIP slapd or openssl is not installed (KHIEN_BUILD_TESTS=1 tools/build installs them)")
    sys.exit(0)
SAME = {"Sec-Fetch-Site": "same-origin"}
SECRETS = {"an": "mot cau dai cua an", "binh": "mot cau dai cua binh", "chi": "mot cau dai cua chi", "truong": "mot cau khac trong danh ba",
           "dung": "mot cau dai cua dung", "em": "mot cau dai cua em", "gia": "mot cau dai cua gia", "hai": "mot cau dai cua hai",
           "ich": "mot cau dai cua ich"}
MANY = 300  # groups of one person: more than are followed
SERVICE = "the service account's own"
house = pathlib.Path(tempfile.mkdtemp(prefix="khien-slapd-"))
plain, tls = free_port(), free_port()


def run(*words):
    return subprocess.run(words, cwd=house, capture_output=True, check=True)


for name in ("ca", "other"):
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
# libldap takes "localhost" for this machine's own name
(house / "san").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in {"localhost", socket.gethostname(), socket.getfqdn()}) + "\n")
run("openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "san", "-out", "server.pem")
(house / "data").mkdir()
(house / "slapd.conf").write_text(f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {house}/ca.pem
TLSCertificateFile {house}/server.pem
TLSCertificateKeyFile {house}/server.key
database mdb
suffix "dc=example"
directory {house}/data
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
""")
people = "".join(f"""
dn: uid={uid},ou=people,dc=example
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
displayName: Tran {uid}
userPassword: {word}
""" for uid, word in SECRETS.items())
# who is in which: "dung" through three groups of which two are in each other; a name with what a filter would take for its own
groups = "".join(f"""
dn: {name},dc=example
objectClass: {kind}
{name.split(",")[0].replace("cn=", "cn: ").replace(chr(92), "")}
{chr(10).join(f"{attribute}: {of},dc=example" for of in members)}
""" for name, kind, attribute, members in [
    (r"cn=ward (health\29\2a", "groupOfNames", "member", ["uid=dung,ou=people"]),
    ("cn=staff", "groupOfNames", "member", [r"cn=ward (health\29\2a", "cn=health"]),
    ("cn=health", "groupOfUniqueNames", "uniqueMember", ["cn=Staff"]),
    ("cn=lost", "groupOfNames", "member", ["uid=em,ou=people"]),
    ("cn=bare", "groupOfNames", "member", ["uid=gia,ou=people"]),
    ("cn=closed", "groupOfNames", "member", ["uid=ich,ou=people"]),
    *((f"cn=g{i}", "groupOfNames", "member", ["uid=hai,ou=people"]) for i in range(MANY)),
])
(house / "people.ldif").write_text(f"""dn: dc=example
objectClass: dcObject
objectClass: organization
dc: example
o: example

dn: ou=people,dc=example
objectClass: organizationalUnit
ou: people

dn: cn=khien,dc=example
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: khien
userPassword: {SERVICE}
{people}
dn: cn=desk,dc=example
objectClass: groupOfNames
cn: desk
member: uid=an,ou=people,dc=example

dn: cn=auditors,dc=example
objectClass: groupOfNames
cn: auditors
member: uid=binh,ou=people,dc=example
{groups}""")
run("/usr/sbin/slapadd", "-f", "slapd.conf", "-l", "people.ldif")
(house / "password").write_text(SERVICE + "\n")


def slapd():
    started = subprocess.Popen(["/usr/sbin/slapd", "-f", str(house / "slapd.conf"), "-d", "0", "-h",
                                f"ldap://localhost:{plain}/ ldaps://localhost:{tls}/"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: socket.create_connection(("127.0.0.1", tls), 1).close() or True, 10)
    return started


PLACES = ["--ldap-role", "agency_officer@so-y-te CN=Health, dc=example", "--ldap-role", "auditor@khong-co cn=lost,dc=example",
          "--ldap-role", "agency_officer cn=bare,dc=example", "--ldap-role", "auditor@so-cu cn=closed,dc=example"]
PROVINCE = """
organisations:
  - {id: so-y-te, name: "Sở Y tế", kind: department}
  - {id: benh-vien, name: "Bệnh viện đa khoa", kind: department}
  - {id: so-gd, name: "Sở Giáo dục", kind: department}
  - {id: so-cu, name: "Sở đã giải thể", kind: department}
systems:
  - {id: y-te, name: "Hồ sơ sức khỏe", organisation: so-y-te, level: 3}
  - {id: vien, name: "Quản lý bệnh viện", organisation: benh-vien, level: 3}
  - {id: giao-duc, name: "Tuyển sinh", organisation: so-gd, level: 2}
"""
ROLES = ["--ldap-role", "analyst cn=desk,dc=example", "--ldap-role", "auditor cn=auditors,dc=example", "--ldap-timeout", "2"]
SEARCH = ["--ldap-base", "ou=people,dc=example", "--ldap-service-dn", "cn=khien,dc=example", "--ldap-password-file", str(house / "password")]
CA = ["--ldap-ca-file", str(house / "ca.pem")]


def sign_in(desk, login, password):
    status, body, headers = desk.call("POST", "/api/v1/sessions", {"login": login, "password": password}, SAME, False)
    return status, json.loads(body), (headers.get("Set-Cookie") or "").split(";")[0]


def refused(*options):
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([KHIEN, "serve", "--data", folder, *options], capture_output=True, env=LANG, timeout=30).returncode


for uri in ("ldap://192.0.2.1", "ldap://localhost.example", "ldap://127.0.0.1.example", "ldap://127.0.0.1@192.0.2.1"):
    check(f"passwords are not sent unprotected to another machine: {uri}", refused("--ldap-uri", uri, *SEARCH, *ROLES) == 1)
check("who is who must be said", refused("--ldap-uri", "ldaps://localhost", *ROLES) == 1)
check("and who may what", refused("--ldap-uri", "ldaps://localhost", *SEARCH) == 1)


with tempfile.TemporaryDirectory() as folder:
    file = pathlib.Path(folder) / "khien.yaml"
    (file.parent / "none").mkdir()
    (pathlib.Path(folder) / "register.yaml").write_text(PROVINCE)
    lines = ["ldap-uri: ldaps://localhost", "ldap-bind-dn: uid={login},dc=example", f"register: {folder}/register.yaml", "ldap-role:", "  - agency_officer@so-y-te cn=health,dc=example"]

    def checked(*more):
        file.write_text("\n".join([*lines, *more]) + "\n")
        words = subprocess.run([KHIEN, "check", "--data", folder, "--rules", str(file.parent / "none")], capture_output=True, env=LANG, timeout=60, text=True)
        return [l for l in (words.stdout + words.stderr).splitlines() if "khien.yaml" in l]

    said = checked("  - analyst@so-khac cn=x", "  - chief cn=x", "  - agency_officer *")
    check("check names each line of groups that gives what is not there, and no other", len(said) == 3 and all(
        f"khien.yaml:{line}:" in l and what in l for l, line, what in zip(said, (6, 7, 8), ("so-khac", "chief", "agency_officer@"))), "\n".join(said))
    said = checked("  - analyst@ cn=x")
    check("and one that is none", len(said) == 1 and "khien.yaml:6:" in said[0] and "ROLE@ORGANISATION GROUP" in said[0], "\n".join(said))

server = slapd()
desk = Desk("--ldap-uri", f"ldaps://localhost:{tls}", *SEARCH, *CA, *PLACES, *ROLES, register=PROVINCE, rules="").start()
desk.stop()
desk.sql("UPDATE organisation SET parent = 'so-y-te' WHERE id = 'benh-vien'")
desk.sql("UPDATE organisation SET until_day = '2020-01-01' WHERE id = 'so-cu'")
desk.start()
setup = [l for l in desk.out.read_text().splitlines() if "/setup?token=" in l][0].split("token=")[1]
status, _, _ = desk.call("POST", "/api/v1/setup", {"token": setup, "login": "truong", "name": "Trưởng", "password": "correct horse battery"}, SAME, False)
check("one account of the desk's own", status == 201)
until(lambda: "ldap" in desk.pids(), 10)
status, body, cookie = until(lambda: (lambda r: r if r[0] != 503 else None)(sign_in(desk, "an", SECRETS["an"])), 15) or sign_in(desk, "an", SECRETS["an"])
check("who is in the directory comes in, with his group's role and his name", (status, body.get("role"), body.get("name")) == (201, "analyst", "Tran an"), (body, desk.log.read_text()[-1500:]))
check("twice is the same person", sign_in(desk, "an", SECRETS["an"])[0] == 201)
status, body, _ = sign_in(desk, "binh", SECRETS["binh"])
check("another group, another role", (status, body.get("role")) == (201, "auditor"), body)
status, body, _ = sign_in(desk, "chi", SECRETS["chi"])
check("whose groups give no role is told so", (status, body["type"]) == (403, "directory_role"), body)
status, body, dung = sign_in(desk, "dung", SECRETS["dung"])
check("who is in a group of a group, as some of which are in each other, has its role", (status, body.get("role")) == (201, "agency_officer"), (body, desk.log.read_text()[-1500:]))
check("in the organisation of its line", (body.get("organisation") or {}).get("id") == "so-y-te", body)


def as_(cookie, path):
    status, body, _ = desk.call("GET", path, None, {**SAME, "Cookie": cookie}, False)
    return status, json.loads(body)


check("and below it, no further", {s["id"] for s in as_(dung, "/api/v1/systems")[1]["items"]} == {"y-te", "vien"} and
      [as_(dung, f"/api/v1/systems/{s}")[0] for s in ("y-te", "vien", "giao-duc")] == [200, 200, 404], as_(dung, "/api/v1/systems"))
check("while a line without one gives the province", len(as_(cookie, "/api/v1/systems")[1]["items"]) == 3)
written = desk.sql("SELECT entry FROM record WHERE entry LIKE '%directory_role%' ORDER BY seq")
check("which role where by the directory stands in the record", [json.loads(a)["after"] for (a,) in written][-1] ==
      {"login": "dung", "directory_role": "agency_officer", "organisation": "so-y-te"}, written)
for login, why in (("em", "an organisation that is not there"), ("gia", "a role of agencies without one"), ("ich", "an organisation that is no more")):
    status, body, _ = sign_in(desk, login, SECRETS[login])
    check(f"a line with {why} lets nobody in, and says so", (status, body["type"]) == (403, "directory_place"), body)
check("nobody was made of them", desk.sql("SELECT count(*) FROM person WHERE login IN ('em', 'gia', 'ich')") == [["0"]])
status, body, _ = sign_in(desk, "hai", SECRETS["hai"])
check("of one who is in very many groups some are followed, and that is said", (status, body["type"]) == (403, "directory_role") and
      "ldap.groups_many" in desk.log.read_text(), body)
operator = next(p for p in desk.get("/api/v1/people")["items"] if p["login"] == "an")
moved = desk.call("PATCH", f"/api/v1/people/{operator['id']}", {"organisation": "so-gd"}, {"If-Match": str(operator["version"])})[0]
status, body, _ = sign_in(desk, "an", SECRETS["an"])
check("whom somebody here keeps to an organisation a line without one does not set free", (moved, (body.get("organisation") or {}).get("id")) == (200, "so-gd"), body)
desk.sql("UPDATE person SET organisation = 'so-gd', placed = 1 WHERE login = 'an'")
status, body, cookie = sign_in(desk, "an", SECRETS["an"])
check("whom the directory had put there it takes away again", (status, body.get("organisation")) == (201, None), body)
sign_in(desk, "truong", "correct horse battery")  # forgives the address
for login, password in [("an", "wrong"), ("nobody", "wrong"), ("an", "")]:
    status, body, _ = sign_in(desk, login, password)
    check(f"{login!r} with {password!r} stays out", (status, body.get("type")) == (401, "wrong_password"), body)
sign_in(desk, "truong", "correct horse battery")
check("who has a name of the desk's own is not let in by the directory", sign_in(desk, "truong", SECRETS["truong"])[0] == 401)
sign_in(desk, "truong", "correct horse battery")  # forgives the address
for login in ("*", "a*", "an)(uid=*", "an,ou=people,dc=example", "an\x00", "uid=an"):
    status, body, _ = sign_in(desk, login, SECRETS["an"])
    check(f"{login!r} is nobody", status in (401, 429), body)
    sign_in(desk, "truong", "correct horse battery")
headers = {**SAME, "Cookie": cookie}
status, body, _ = desk.call("POST", "/api/v1/account/password", {"password": SECRETS["an"], "new_password": "x" * 20}, headers, False)
check("the directory's password is changed there", (status, json.loads(body)["type"]) == (409, "directory_password"), body)
status, body, _ = desk.call("POST", "/api/v1/account/totp", {"password": "not it"}, headers, False)
check("what asks the password asks the directory", status == 403, body)
status, body, _ = desk.call("POST", "/api/v1/account/totp", {"password": SECRETS["an"]}, headers, False)
check("and believes it", status == 200, body)
with contextlib.closing(sqlite3.connect(desk.data / "khien.db", timeout=10)) as db, db:
    check("no password of theirs is kept", db.execute("SELECT password FROM person WHERE directory = 1").fetchall() == [("!",)] * 3)
    db.execute("UPDATE person SET disabled = 1 WHERE login = 'binh'")
check("who is disabled here stays out, whatever the directory says", sign_in(desk, "binh", SECRETS["binh"])[0] == 401)
sign_in(desk, "truong", "correct horse battery")
role = next(r for r in desk.get("/api/v1/roles")["items"] if r["id"] == "analyst")
asks = desk.call("PATCH", "/api/v1/roles/analyst", {"second_factor": True}, {**SAME, "If-Match": str(role["version"])})[0]
status, body, _ = sign_in(desk, "an", SECRETS["an"])
check("behind the directory's password the second step is asked as behind any", (asks, status, body.get("factor")) == (200, 200, ["link"]), body)
number = desk.sql("SELECT id FROM person WHERE login = 'an'")[0][0]
link = json.loads(desk.call("POST", f"/api/v1/people/{number}/invitations", {})[1])["link"]
token = link.split("token=")[1].split("&")[0]
use = [desk.call("POST", "/api/v1/invitations", {"token": token, "password": p}, SAME, False) for p in ("a password of the thief's own", SECRETS["an"], SECRETS["an"])]
check("its link asks the directory's password, sets none, and works once", link.endswith("&directory=1") and [u[0] for u in use] == [403, 200, 403] and
      "ticket" in json.loads(use[1][1]) and desk.sql("SELECT password FROM person WHERE login = 'an'") == [["!"]], use)
desk.call("PATCH", "/api/v1/roles/analyst", {"second_factor": False}, {**SAME, "If-Match": str(role["version"] + 1)})
os.kill(desk.pids()["ldap"], signal.SIGKILL)
check("a killed role comes back", until(lambda: sign_in(desk, "an", SECRETS["an"])[0] == 201, 15))

server.terminate()
server.wait()
status, body, _ = sign_in(desk, "an", SECRETS["an"])
check("a directory that is away is said", (status, body["type"]) == (503, "directory_down"), body)
check("who has an account of the desk's own comes in", sign_in(desk, "truong", "correct horse battery")[0] == 201)
check("and the live desk does not wait", desk.healthy())
server = slapd()
time.sleep(5.5)
check("when it is back it is asked again", until(lambda: sign_in(desk, "an", SECRETS["an"])[0] == 201, 15))
roles = {r["role"]: r["crashes"] for r in desk.get("/api/v1/status")["roles"]}
check("nothing crashed but what was killed", roles["ldap"] == 1 and sum(roles.values()) == 1, roles)
failed = until(lambda: (lambda f: f if "directory_down" in {i["what"] for i in f} else None)(desk.get("/api/v1/sign-ins/failed")["items"]), 12) or []
check("the auditor sees why", {"password", "directory_role", "directory_place", "directory_down"} <= {f["what"] for f in failed}, failed)
desk.stop()
kept = desk.log.read_bytes() + b"".join(p.read_bytes() for p in desk.data.rglob("*") if p.is_file())
check("no password anywhere", not [s for s in [*SECRETS.values(), SERVICE] if s.encode() in kept])
desk.close()

for name, uri, options in (("signed by another", f"ldaps://localhost:{tls}", ["--ldap-ca-file", str(house / "other.pem")]),
                           ("for another name", f"ldaps://127.0.0.1:{tls}", CA)):
    desk = Desk("--ldap-uri", uri, *SEARCH, *options, *ROLES, rules="").start()
    until(lambda: "ldap" in desk.pids(), 10)
    check(f"a certificate {name} is refused", until(lambda: "ldap.tls_refused" in desk.log.read_text() or not sign_in(desk, "an", SECRETS["an"]), 10) and
          sign_in(desk, "an", SECRETS["an"])[0] == 503, desk.log.read_text()[-800:])
    desk.close()
desk = Desk("--ldap-uri", f"ldap://localhost:{plain}", "--ldap-starttls", "--ldap-bind-dn", "uid={login},ou=people,dc=example", *CA, *ROLES, rules="").start()
until(lambda: "ldap" in desk.pids(), 10)
status, body, _ = until(lambda: (lambda r: r if r[0] == 201 else None)(sign_in(desk, "an", SECRETS["an"])), 10) or sign_in(desk, "an", SECRETS["an"])
check("StartTLS, and names by a form", (status, body.get("role")) == (201, "analyst"), (body, desk.log.read_text()[-800:]))
check("a wrong password stays out", sign_in(desk, "an", "wrong")[0] == 401)
desk.close()
server.terminate()
server.wait()
shutil.rmtree(house, ignore_errors=True)
done()
