# SPDX-License-Identifier: EUPL-1.2
"""Accounts and roles: made with a link that works once, given only by who has as much, within his own reach, in force at
the next request, and all of it in the record. The last who can run the desk stays."""
from desk import *

PROVINCE = """
organisations:
  - {id: so-a, name: "Sở A", kind: department}
  - {id: xa-a1, name: "Xã A1", kind: commune}
  - {id: xa-b, name: "Xã B", kind: commune}
systems:
  - {id: a, name: "Cổng A", organisation: so-a, level: 3, hosts: [web-a]}
"""
SAME = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "correct horse battery"
desk = Desk(register=PROVINCE).start()
desk.stop()
desk.sql("UPDATE organisation SET parent = 'so-a' WHERE id = 'xa-a1'")
desk.start()


def call(method, path, body=None, key=True, cookie=None, version=None):
    headers = dict(SAME)
    if cookie:
        headers["Cookie"], key = cookie, False
    if version:
        headers["If-Match"] = str(version)
    status, answer, got = desk.call(method, "/api/v1/" + path, body, headers, key)
    return status, json.loads(answer or b"{}"), got


def sign_in(login, password=PASSWORD):
    status, answer, headers = call("POST", "sessions", {"login": login, "password": password}, False)
    return (headers["Set-Cookie"] or "").split(";")[0] if status == 201 else None


def enter(link, password=PASSWORD):
    return call("POST", "invitations", {"token": link.split("token=")[1], "password": password}, False)


def make(login, role, organisation=None, **by):
    body = {"login": login, "name": login.title(), "role": role}
    if organisation:
        body["organisation"] = organisation
    return call("POST", "people", body, **by)


# A link instead of a password
status, an, _ = make("an", "operator")
check("an account is made, with a link", status == 201 and an["link"].startswith("/welcome?token=") and not an["ready"] and
      an["organisation"] is None, an)
check("it has no password before", sign_in("an", "") is None and sign_in("an") is None)
status, one, _ = call("GET", f"people/{an['id']}")
check("the link is told once", status == 200 and "link" not in one and one["link_until_ms"] > time.time() * 1000 + 71 * 3600e3, one)
kept = desk.sql("SELECT link FROM person WHERE login = 'an'")[0][0]
check("and is stored as a hash", len(kept) == 64 and an["link"].split("token=")[1] not in kept, kept)
check("a link that is none", enter("x?token=" + "A" * 43)[0] == 403)
check("a short password", enter(an["link"], "short")[:2][0] == 422)
status, answer, headers = enter(an["link"])
check("the owner sets his password", status == 200 and answer["login"] == "an", answer)
check("which signs nobody in", not headers["Set-Cookie"])
check("the link works once", enter(an["link"])[0] == 403)
status, offer, _ = call("POST", "sessions/enrolments", {"ticket": answer["ticket"]}, False)
status, entered, headers = call("POST", "sessions/factors", {"ticket": answer["ticket"], "totp": app_code(offer["secret"])}, False)
operator = (headers["Set-Cookie"] or "").split(";")[0]
check("with it he sets up the second step of his role, and is in", status == 201 and operator and "people_change" in entered["rights"], entered)
check("a login is taken once", make("an", "analyst")[0] == 409)
for login in ("A", "an b", "x" * 64, "../x"):
    check(f"no login: {login[:8]!r}", make(login, "analyst")[0] == 422)
check("an officer of no agency", make("lost", "agency_officer")[1].get("type") == "role_of_agency")
check("a role that is none", make("god", "god")[0] == 422)
check("an organisation that is none", make("lost", "analyst", "nowhere")[0] == 422)
status, binh, _ = make("binh", "analyst", cookie=operator)
enter(binh["link"])
analyst = sign_in("binh")
check("who may not, does not", make("eve", "analyst", cookie=analyst)[0] == 403 and call("GET", "people", cookie=analyst)[0] == 403)

# Own roles
ROLE = {"id": "agency_admin", "title_vi": "Quản trị đơn vị", "title_en": "Agency administrator",
        "rights": ["alert_read", "alert_acknowledge", "register_read", "source_read", "personal_read", "people_read", "people_change"], "agency": True}
status, role, _ = call("POST", "roles", ROLE, cookie=operator)
check("a role is made", status == 201 and set(role["rights"]) == set(ROLE["rights"]) | {"signed_in"} and not role["builtin"], role)
check("once", call("POST", "roles", ROLE, cookie=operator)[0] == 409)
check("of rights that exist", call("POST", "roles", {**ROLE, "id": "other", "rights": ["fly"]}, cookie=operator)[1].get("field") == "rights")
status, roles, _ = call("GET", "roles", cookie=operator)
check("eight came with the program", sum(r["builtin"] for r in roles["items"]) == 8 and roles["total"] == 9, roles)
check("what came with the program keeps its rights",
      call("PATCH", "roles/analyst", {"rights": ["operate"]}, cookie=operator, version=1)[1].get("type") == "role_builtin" and
      call("DELETE", "roles/leader", cookie=operator)[1].get("type") == "role_builtin")
status, changed, _ = call("PATCH", "roles/analyst", {"second_factor": True}, cookie=operator, version=1)
check("but may ask for a second proof", status == 200 and changed["second_factor"] and changed["version"] == 2, changed)
call("PATCH", "roles/analyst", {"second_factor": False}, cookie=operator, version=2)

# Delegated: the administrator of an agency
status, chi, _ = make("chi", "agency_admin", "so-a", cookie=operator)
check("an administrator of an agency", status == 201 and chi["organisation"]["id"] == "so-a", chi)
enter(chi["link"])
admin = sign_in("chi")
status, me, _ = call("GET", "sessions/current", cookie=admin)
check("has what can be had by agency, no more", set(me["rights"]) == set(ROLE["rights"]) | {"signed_in"}, me)
status, mine, _ = call("GET", "people", cookie=admin)
check("sees himself alone", [p["login"] for p in mine["items"]] == ["chi"] and mine["total"] == 1, mine)
status, dung, _ = make("dung", "agency_officer", "xa-a1", cookie=admin)
check("makes an officer below", status == 201, dung)
for what, got in {"for another agency": make("e1", "agency_officer", "xa-b", cookie=admin),
                  "for an agency that is none": make("e1", "agency_officer", "nowhere", cookie=admin),
                  "for the desk": make("e2", "leader", cookie=admin)}.items():
    check(f"none {what}: told alike", got[0] == 422 and got[1]["field"] == "organisation", got)
status, e3, _ = make("e3", "analyst", "xa-a1", cookie=admin)
check("no role that has more than he", status == 403 and e3["type"] == "grants_more", e3)
for path in (f"people/{an['id']}", f"people/{binh['id']}", "people/99999", f"people/{an['id']}/sessions"):
    check(f"/{path} does not exist for him", call("GET", path, cookie=admin)[0] == 404)
check("nor can it be changed", call("PATCH", f"people/{an['id']}", {"disabled": True}, cookie=admin, version=1)[0] == 404 and
      call("DELETE", f"people/{an['id']}/sessions", cookie=admin)[0] == 404 and
      call("POST", f"people/{an['id']}/invitations", {}, cookie=admin)[0] == 404)
check("roles are the desk's to make", call("POST", "roles", {**ROLE, "id": "mine"}, cookie=admin)[0] == 403 and
      call("PATCH", "roles/agency_admin", {"rights": []}, cookie=admin, version=1)[0] == 403 and
      call("DELETE", "roles/agency_admin", cookie=admin)[0] == 403)
status, above, _ = make("giang", "analyst", "so-a", cookie=operator)
check("nobody changes who has more than he", call("PATCH", f"people/{above['id']}", {"disabled": True}, cookie=admin, version=above["version"])[0] == 403 and
      call("POST", f"people/{above['id']}/invitations", {}, cookie=admin)[0] == 403 and
      call("DELETE", f"people/{above['id']}/sessions", cookie=admin)[0] == 403)
status, answer, _ = call("PATCH", f"people/{dung['id']}", {"organisation": "xa-b"}, cookie=admin, version=dung["version"])
check("nor moves anybody out of his reach", status == 422 and answer["field"] == "organisation", answer)
check("nor raises himself", call("PATCH", f"people/{chi['id']}", {"role": "operator"}, cookie=admin, version=chi["version"])[0] in (403, 409))

# In force at the next request
enter(dung["link"])
officer = sign_in("dung")
check("an officer reads alerts", call("GET", "alerts", cookie=officer)[0] == 200)
check("and the desk's things not", [call("GET", p, cookie=officer)[0] for p in ("status", "events", "rules", "records", "people")] == [403] * 5)
stream = socket.create_connection(("127.0.0.1", desk.http), 5)
stream.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: {officer}\r\n\r\n".encode())
stream.recv(65536)
version = call("GET", f"people/{dung['id']}", cookie=admin)[1]["version"]
check("a change names what it saw", call("PATCH", f"people/{dung['id']}", {"disabled": True}, cookie=admin, version=version + 7)[0] == 409)
status, gone, _ = call("PATCH", f"people/{dung['id']}", {"disabled": True}, cookie=admin, version=version)
check("who is disabled", status == 200 and gone["disabled"], gone)
heard = b""
with contextlib.suppress(OSError):
    while not heard.endswith(b"0\r\n\r\n") and (part := stream.recv(65536)):
        heard += part
stream.close()
check("is out at once, live stream and all", call("GET", "alerts", cookie=officer)[0] == 401 and heard.endswith(b"0\r\n\r\n"), heard[-80:])
check("and cannot come in", sign_in("dung") is None)
check("not by a new link either", call("POST", f"people/{dung['id']}/invitations", {}, cookie=admin)[0] == 409)
call("PATCH", f"people/{dung['id']}", {"disabled": False}, cookie=admin, version=gone["version"])
officer = sign_in("dung")
check("who is let in again is in", officer)
role = call("GET", "roles", cookie=operator)[1]["items"][-1]
status, role, _ = call("PATCH", "roles/agency_admin", {"rights": ["people_read"]}, cookie=operator, version=role["version"])
check("a role that loses rights", status == 200 and role["rights"] == ["signed_in", "people_read"], role)
check("loses them at the next request", call("GET", "alerts", cookie=admin)[0] == 403 and make("e5", "agency_officer", "xa-a1", cookie=admin)[0] == 403)
check("a role in use stays", call("DELETE", "roles/agency_admin", cookie=operator)[1].get("type") == "role_used")
call("PATCH", f"people/{chi['id']}", {"role": "agency_officer"}, cookie=operator, version=call("GET", f"people/{chi['id']}")[1]["version"])
check("a change of role ends sessions", call("GET", "sessions/current", cookie=admin)[0] == 401)
check("an unused one goes", call("DELETE", "roles/agency_admin", cookie=operator)[0] == 204 and call("DELETE", "roles/agency_admin", cookie=operator)[0] == 404)

# A forgotten password
status, again, _ = call("POST", f"people/{binh['id']}/invitations", {"reset_factors": True}, cookie=operator)
check("a new link ends his sessions", status == 201 and call("GET", "sessions/current", cookie=analyst)[0] == 401, again)
check("one that others had is not taken", call("POST", "invitations", {"token": again["link"].split("token=")[1], "password": "Mailcreated5240"})[1]["type"] == "password_common")
LONG = "Một mật khẩu dài hơn sáu mươi tư ký tự thì cũng được nhận: <&>'\"\\ và cả dấu cách ở cuối "
enter(again["link"], LONG)
check("and sets another password", sign_in("binh") is None and sign_in("binh", LONG) and sign_in("binh", LONG.strip()) is None)

# The last one
for what, body in {"disabled": {"disabled": True}, "a leader": {"role": "leader"}, "an agency's": {"organisation": "xa-b"}}.items():
    status, answer, _ = call("PATCH", f"people/{an['id']}", body, version=call("GET", f"people/{an['id']}")[1]["version"])
    check(f"the last operator is not made {what}", status == 409 and answer["type"] == "last_operator", answer)
check("nor does he do it himself", call("PATCH", f"people/{an['id']}", {"disabled": True}, cookie=operator,
      version=call("GET", f"people/{an['id']}")[1]["version"])[1].get("type") == "own_account")
check("it stands as it stood", not call("GET", f"people/{an['id']}")[1]["disabled"] and call("GET", "status", cookie=operator)[0] == 200)

# The record
records = call("GET", "records?limit=500", cookie=operator)[1]["items"]
did = {r["action"] for r in records}
check("all of it is in the record", {"POST /api/v1/people", "PATCH /api/v1/people/{id}", "POST /api/v1/invitations", "POST /api/v1/roles",
      "PATCH /api/v1/roles/{id}", "DELETE /api/v1/roles/{id}", "POST /api/v1/people/{id}/invitations"} <= did, did)
text = json.dumps(records)
check("without its secrets", all(l["link"].split("token=")[1] not in text for l in (an, binh, chi, dung, again)) and PASSWORD not in text)
check("what was refused left nothing", all(login not in text for login in ('"e1"', '"e2"', '"e3"', '"e5"')))
desk.close()
done()
