# SPDX-License-Identifier: EUPL-1.2
"""Signing in with a second proof, as a person lives it: an app is set up and confirmed, codes work once, a lost phone is
recovered from, guesses at the second step are few however many come at once, sessions are seen and ended, a changed password
ends them all, failures are told to the auditor, and no secret stands anywhere it should not."""
import base64, concurrent.futures, hashlib, hmac, re, struct
from desk import *

SAME = {"Sec-Fetch-Site": "same-origin"}
PASSWORD, SECOND = "correct horse battery", "another long sentence"
desk = Desk("--province", "Hạ Mậu").start()
secrets = []  # whatever must never be found in the record, the log or the database


class Browser:
    def __init__(self, agent="Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"):
        self.cookie, self.agent = None, agent

    def __call__(self, method, path, body=None):
        headers = {**SAME, "User-Agent": self.agent, **({"Cookie": self.cookie} if self.cookie else {})}
        status, answer, got = desk.call(method, "/api/v1/" + path, body, headers, False)
        if got.get("Set-Cookie"):
            self.cookie = got["Set-Cookie"].split(";")[0]
            secrets.extend(filter(None, [self.cookie.split("=")[1]]))
        return status, json.loads(answer) if answer else {}

    def sign_in(self, password=PASSWORD):
        return self("POST", "sessions", {"login": "an", "password": password})

    def alive(self):
        return self("GET", "sessions/current")[0] == 200


def fresh(secret):
    """A code of a step not used yet: at most the next but one, so wait for it."""
    while int(time.time()) // 30 + 1 <= fresh.last:
        time.sleep(0.5)
    step = max(int(time.time()) // 30 - 1, fresh.last + 1)
    fresh.last = step
    return app_code(secret, step - int(time.time()) // 30)


fresh.last = 0

setup = [l for l in desk.out.read_text().splitlines() if "/setup?token=" in l][0].split("token=")[1]
an = Browser()
status, _ = an("POST", "setup", {"token": setup, "login": "an", "name": "Ân", "password": PASSWORD})
check("the first person is in", status == 201 and an.alive())
check("a password is taken as it was given, to the last sign", [Browser().sign_in(p)[0] for p in (PASSWORD.upper(), PASSWORD[:-1], PASSWORD + " ")] == [401] * 3)
check("it stands as argon2id of 64 MiB", desk.sql("SELECT password FROM person")[0][0].startswith("$argon2id$v=19$m=65536,t=2,p=1$"))
desk.sql("UPDATE person SET password_ms = 1")
other = Browser()
check("however old it is it need not be changed", other.sign_in()[0] == 201 and other("DELETE", "sessions/current")[0] == 204)

# An app is set up
status, body = an("POST", "account/totp", {"password": "not this one"})
check("it asks the password", (status, body["type"]) == (403, "wrong_password") and an.alive(), body)
status, app = an("POST", "account/totp", {"password": PASSWORD})
check("a secret of 160 bits, a link and a picture", status == 200 and len(app["secret"]) == 32 and app["secret"] in app["uri"] and
      app["qr"]["path"].startswith("M0 0h7"), app)
secrets.append(app["secret"])
secrets.append(base64.b32decode(app["secret"]).hex())
check("nothing changes before it is confirmed", Browser().sign_in()[0] == 201)
status, body = an("PUT", "account/totp", {"code": "000000" if app_code(app["secret"]) != "000000" else "000001"})
check("a wrong code confirms nothing", (status, body["type"]) == (422, "wrong_code"), body)
first = fresh(app["secret"])
check("a right one does", an("PUT", "account/totp", {"code": first})[0] == 204)
status, recovery = an("POST", "account/recovery-codes", {"password": PASSWORD})
check("ten codes for the drawer", status == 201 and len(set(recovery["codes"])) == 10, recovery)
secrets += recovery["codes"]
account = an("GET", "account")[1]
check("the account tells", account["totp"] and account["recovery_left"] == 10, account)

# Two steps
phone = Browser("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1")
status, step = phone.sign_in()
check("the password alone opens nothing any more", status == 200 and set(step["factor"]) == {"totp", "recovery"} and not phone.cookie, step)
secrets.append(step["ticket"])
check("a ticket is no session", desk.call("GET", "/api/v1/sessions/current", headers={"Cookie": f"khien={step['ticket']}"}, key=False)[0] == 401)
status, body = phone("POST", "sessions/factors", {"ticket": step["ticket"], "totp": first})
check("a code that was used once is refused", (status, body["type"]) == (401, "wrong_code"), body)
status, body = phone("POST", "sessions/factors", {"ticket": "A" * 43, "totp": app_code(app["secret"])})
check("and a ticket that nobody gave", (status, body["type"]) == (401, "ticket"), body)
second = fresh(app["secret"])
status, body = phone("POST", "sessions/factors", {"ticket": step["ticket"], "totp": second})
check("a fresh one opens", status == 201 and body["login"] == "an" and phone.alive(), body)
status, body = phone("POST", "sessions/factors", {"ticket": step["ticket"], "totp": second})
check("the ticket is used up", (status, body["type"]) == (401, "ticket"), body)

# A lost phone
status, step = Browser().sign_in()
lost = Browser()
status, body = lost("POST", "sessions/factors", {"ticket": step["ticket"], "recovery": recovery["codes"][3].upper()})
check("a recovery code opens, once", status == 201, body)
status, step = Browser().sign_in()
status, body = Browser()("POST", "sessions/factors", {"ticket": step["ticket"], "recovery": recovery["codes"][3]})
check("and not twice", (status, body["type"]) == (401, "wrong_code"), body)
status, again = an("POST", "account/recovery-codes", {"password": PASSWORD})
secrets += again["codes"]
status, step = Browser().sign_in()
status, body = Browser()("POST", "sessions/factors", {"ticket": step["ticket"], "recovery": recovery["codes"][4]})
check("new codes end the old ones", status == 401, body)
status, last = an("POST", "account/recovery-codes", {"password": PASSWORD})  # proves himself: whoever failed before is forgiven
secrets += last["codes"]
check("each of 120 bits, in letters that are not mixed up", all(re.fullmatch("([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}", c) for c in last["codes"]), last)

# A proof is asked again
desk.sql("UPDATE session SET second_ms = 0 WHERE factor = 'setup'")
CHANGES = [("recovery-codes", {}), ("totp/removals", {}), ("totp", {}), ("passkeys/challenges", {}), ("passkeys/1/removals", {}), ("password", {"new_password": SECOND})]
status = [(an("POST", f"account/{path}", {"password": word, **body})) for path, body in CHANGES for word in (PASSWORD, "a wrong one")]
check("the password alone changes nothing of how one signs in", all((s, b["type"]) == (403, "second_again") for s, b in status), status)
check("nor makes a key", an("POST", "api-keys", {"password": PASSWORD, "name": "x", "until_ms": int(time.time() * 1000) + 86400000})[1]["type"] == "second_again")
check("a wrong second proof proves nothing", [an("POST", "account/proofs", b)[0] for b in ({"totp": "12"}, {"recovery": recovery["codes"][5]}, {})] == [403, 403, 422])
check("nor another's ticket", an("POST", "account/proofs", {"ticket": step["ticket"], "passkey": {}})[0] == 422)
check("a right one does", an("POST", "account/proofs", {"recovery": last["codes"][0]})[0] == 204)
status, last = an("POST", "account/recovery-codes", {"password": PASSWORD})
check("and then the password", status == 201 and an("POST", "account/recovery-codes", {"password": "not it"})[1]["type"] == "wrong_password")
secrets += last["codes"]
an("POST", "account/proofs", {"password": PASSWORD})  # forgives
desk.sql("UPDATE session SET proven_ms = 0")
check("a session left open ends no other", [an("DELETE", p)[1].get("type") for p in ("sessions", "sessions/0123456789abcdef")] == ["proof_again"] * 2 and phone.alive())
check("before its person has proved himself", an("POST", "account/proofs", {"password": "not it"})[0] == 403 and an("POST", "account/proofs", {"password": PASSWORD})[0] == 204 and
      an("DELETE", "sessions/0123456789abcdef")[0] == 404)
twice = Browser()
status, step = twice.sign_in()
twice("POST", "sessions/factors", {"ticket": step["ticket"], "recovery": last["codes"][0]})
before = twice.cookie
status, step = twice.sign_in()
twice("POST", "sessions/factors", {"ticket": step["ticket"], "recovery": last["codes"][1]})
gone = Browser()
gone.cookie = before
check("signing in again in one browser ends what it had", twice.alive() and not gone.alive() and twice.cookie != before)
twice("DELETE", "sessions/current")

# Sessions
listed = an("GET", "sessions")[1]["items"]
check("one's sessions: which, from where, with what", len(listed) == 4 and sum(s["current"] for s in listed) == 1 and
      {s["factor"] for s in listed} == {"setup", "password", "totp", "recovery"} and all(s["peer"] == "127.0.0.1" for s in listed), listed)
mine = next(s for s in listed if s["factor"] == "totp")
check("the secret of a session is not in its list", phone.cookie.split("=")[1] not in json.dumps(listed))
stream = socket.create_connection(("127.0.0.1", desk.http), 5)
stream.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: {phone.cookie}\r\n\r\n".encode())
check("a live stream of it opens", b" 200 " in stream.recv(65536))
check("one is ended", an("DELETE", f"sessions/{mine['id']}")[0] == 204 and not phone.alive() and lost.alive())
heard = b""
with contextlib.suppress(OSError):
    while not heard.endswith(b"\r\n0\r\n\r\n") and (part := stream.recv(65536)):
        heard += part
check("its stream with it", heard.endswith(b"0\r\n\r\n"), heard[-200:])
check("twice is once", an("DELETE", f"sessions/{mine['id']}")[0] == 404)
check("all others are ended", an("DELETE", "sessions")[0] == 204 and an.alive() and not lost.alive() and len(an("GET", "sessions")[1]["items"]) == 1)

# The administrator sees and ends another's
person = desk.sql("SELECT id FROM person WHERE login = 'an'")[0][0]
check("an administrator sees them", len(desk.get(f"/api/v1/people/{person}/sessions")["items"]) == 1)
check("nobody has none", desk.get("/api/v1/people/999/sessions")["status"] == 404)

# API keys
now = int(time.time() * 1000)
wish = {"password": PASSWORD, "name": "bảng theo dõi", "scopes": ["alert_read"], "until_ms": now + 86400000}
for field, value in {"name": "", "role": "god", "scopes": ["alert_read", "fly"], "until_ms": now - 1, "organisation": "nowhere"}.items():
    status, body = an("POST", "api-keys", {**wish, field: value})
    check(f"a key with a bad {field} is refused", (status, body.get("field")) == (422, field), body)
check("nor one with more years than two", an("POST", "api-keys", {**wish, "until_ms": now + 731 * 86400000})[0] == 422)
check("nor one with a scope that its role has not", an("POST", "api-keys", {**wish, "role": "assessor"})[0] == 422)
status, key = an("POST", "api-keys", wish)
check("a key for a program", status == 201 and len(key["key"]) == 43 and key["maker"] == "an" and key["active"], key)
secrets.append(key["key"])


def may(path, token=None):
    return desk.call("GET", "/api/v1/" + path, key=token or key["key"])[0]


check("it may what its scopes say and no more", [may(p) for p in ("alerts", "rules", "account", "api-keys")] == [200, 403, 409, 200])
check("it lists no keys of others", json.loads(desk.call("GET", "/api/v1/api-keys", key=key["key"])[1])["items"] == [])
mine = an("GET", "api-keys")[1]["items"]
check("its use is seen, its secret is not", len(mine) == 1 and mine[0]["used_ms"] and "key" not in mine[0], mine)
check("the desk's keys are seen by who looks after people", len(an("GET", "api-keys?all=1")[1]["items"]) == 2)
desk.sql("UPDATE person SET role = 'assessor' WHERE login = 'an'")
check("it never may more than its maker", may("alerts") == 403, may("alerts"))
desk.sql("UPDATE person SET role = 'operator' WHERE login = 'an'")
desk.sql(f"UPDATE api_key SET until_ms = {now} WHERE name = '{wish['name']}'")
check("it ends on its day", may("alerts") == 401)
desk.sql(f"UPDATE api_key SET until_ms = {now + 86400000} WHERE name = '{wish['name']}'")
check("revoked it is over, once", may("alerts") == 200 and [an("DELETE", f"api-keys/{key['id']}")[0] for _ in "12"] == [204, 409] and may("alerts") == 401)

status, keeper, _ = desk.call("POST", "/api/v1/roles", {"id": "keeper", "title_vi": "Giữ tài khoản", "rights": ["people_read", "people_change"]}, SAME)
keeper, strong = desk.api_key("keeper"), hashlib.sha256(desk.api_key("auditor").encode()).hexdigest()[:16]
check("nobody revokes a key that may more than he", [desk.call("DELETE", f"/api/v1/api-keys/{strong}", key=k)[0] for k in (keeper, True)] == [403, 204])

# A changed password
status, body = an("POST", "account/password", {"password": PASSWORD, "new_password": "short"})
check("a short password is refused", (status, body["type"]) == (422, "password_short"), body)
refused = [an("POST", "account/password", {"password": PASSWORD, "new_password": p})[1]["type"] for p in ("qwerty123qwerty", "Matkhau@123456", "khien#hamau?k9")]
check("and one that is tried first, or is made of names", refused == ["password_common", "password_common", "password_words"], refused)
status, body = an("POST", "account/password", {"password": "guess guess guess", "new_password": SECOND})
check("the old one is asked", (status, body["type"]) == (403, "wrong_password"), body)
old = Browser()
old.cookie = an.cookie
status, step = Browser().sign_in()
check("changed", an("POST", "account/password", {"password": PASSWORD, "new_password": SECOND})[0] == 204)
check("this browser goes on with a new session, a copy of the old one does not", an.alive() and not old.alive())
check("a sign-in under way with the old password is over",
      Browser()("POST", "sessions/factors", {"ticket": step["ticket"], "totp": fresh(app["secret"])})[0] == 401)
check("the old password is nobody's", Browser().sign_in()[0] == 401)

# Who runs the box needs a second step, after a time in which he is told
status, made, _ = desk.call("POST", "/api/v1/people", {"login": "binh", "name": "Bình", "role": "operator"}, SAME)
made = json.loads(made)
secrets.append(made["link"].split("token=")[1])
status, body = Browser()("POST", "invitations", {"token": secrets[-1], "password": SECOND})
thrown = body.get("ticket")
secrets.append(thrown)
check("a second operator has a ticket from his link", status == 200 and thrown, body)
binh = Browser()
status, body = binh("POST", "sessions", {"login": "binh", "password": SECOND})
check("comes in for two weeks, and is told when they end", (status, body["second_due_ms"], body["second_here"]) == (201, made["created_ms"] + 14 * 86400000, False) and
      binh("GET", "sessions/current")[1]["second_due_ms"] == body["second_due_ms"], body)
tries = [binh("POST", "account/totp", {"password": SECOND}), binh("PUT", "account/totp", {"code": "000000"}), binh("POST", "account/passkeys/challenges", {"password": SECOND})]
check("but who has the password alone sets up no second step", [(s, b["type"]) for s, b in tries] == [(403, "link_needed")] * 3, tries)
check("nor makes others who could", "people_change" not in body["rights"] and binh("POST", "people", {"login": "ma", "name": "M", "role": "analyst"})[0] == 403 and
      binh("POST", f"people/{made['id']}/invitations", {})[0] == 403 and
      binh("POST", "api-keys", {"name": "his", "role": "operator", "days": 1})[0] in (403, 422))
desk.sql(f"UPDATE person SET created_ms = {now - 14 * 86400000 - 1} WHERE login = 'binh'")
late = Browser()
status, step = late("POST", "sessions", {"login": "binh", "password": SECOND})
check("then the password leads nowhere but to asking for a link", (status, step) == (200, {"factor": ["link"]}) and not late.cookie, step)


def linked(login, *more):
    made = subprocess.run([KHIEN, "admin", "link", "--data", str(desk.data), "--login", login, *desk.database_option(), *more], capture_output=True, text=True, env=LANG)
    if made.returncode == 0:
        secrets.append(made.stdout.strip().split("token=")[1])
    return made.returncode


check("which the console gives to who is here alone", linked("nobody") == 1 and linked("binh") == 0 and not binh.alive())
status, step = Browser()("POST", "invitations", {"token": secrets[-1], "password": SECOND})
secrets.append(step["ticket"])
check("not around it", [late("POST", "sessions/factors", {"ticket": step["ticket"], **b})[0] for b in ({}, {"recovery": "x"}, {"totp": "000000"})] == [422, 422, 401] and
      late("GET", "account")[0] == 401 and not late.cookie)
check("the ticket of the link before is over", late("POST", "sessions/enrolments", {"ticket": thrown})[0] == 401)
status, offer = late("POST", "sessions/enrolments", {"ticket": step["ticket"]})
secrets.append(offer["secret"])
status, body = late("POST", "sessions/factors", {"ticket": step["ticket"], "totp": app_code(offer["secret"])})
check("who has set it up is in", status == 201 and body["second_due_ms"] is None and late.alive() and "people_change" in body["rights"], body)
check("gives himself no link, and may set up another proof", late("POST", f"people/{made['id']}/invitations", {})[1].get("type") == "own_account" and
      late("POST", "account/passkeys/challenges", {"password": SECOND})[1].get("type") != "link_needed")
check("and is asked from now on", binh("POST", "sessions", {"login": "binh", "password": SECOND})[1].get("factor") == ["totp"])
number = desk.sql("SELECT id FROM person WHERE login = 'binh'")[0][0]
again = json.loads(desk.call("POST", f"/api/v1/people/{number}/invitations", {}, SAME)[1])
secrets.append(again["link"].split("token=")[1])
Browser()("POST", "invitations", {"token": secrets[-1], "password": PASSWORD})
check("a new link gets around no second step", binh("POST", "sessions", {"login": "binh", "password": PASSWORD})[1].get("factor") == ["totp"])
status, roles, _ = desk.call("GET", "/api/v1/roles")
analyst = next(r for r in json.loads(roles)["items"] if r["id"] == "analyst")
check("a role asks for it when its row says so", desk.call("PATCH", "/api/v1/roles/analyst", {"second_factor": True}, {**SAME, "If-Match": str(analyst["version"])})[0] == 200 and
      desk.call("PATCH", "/api/v1/roles/analyst", {"second_factor_days": 91}, {**SAME, "If-Match": str(analyst["version"] + 1)})[0] == 422)
made = json.loads(desk.call("POST", "/api/v1/people", {"login": "chi", "name": "Chi", "role": "analyst"}, SAME)[1])
secrets.append(made["link"].split("token=")[1])
Browser()("POST", "invitations", {"token": secrets[-1], "password": SECOND})
status, step = Browser()("POST", "sessions", {"login": "chi", "password": SECOND})
check("at once, when it gives no time", (status, step.get("factor")) == (200, ["link"]), step)
check("the console takes a lost proof away too", linked("binh", "--reset-factors") == 0 and "ticket" in Browser()("POST", "invitations", {"token": secrets[-1], "password": PASSWORD})[1])

# Guessing the second step
status, step = Browser().sign_in(SECOND)
check("the second step is asked", status == 200, step)


def guess(n, field):
    value = "%06d" % n if field == "totp" else "%04d-0000-0000-0000" % n
    return Browser()("POST", "sessions/factors", {"ticket": step["ticket"], field: value})[0]


with concurrent.futures.ThreadPoolExecutor(32) as pool:
    tries = list(pool.map(lambda n: guess(n, "totp" if n % 2 else "recovery"), range(200)))
check("of 200 guesses at once at most ten are looked at", 1 <= tries.count(401) <= 10 and tries.count(429) >= 190, {s: tries.count(s) for s in set(tries)})
status, body = Browser().sign_in(SECOND)
check("giving the password again buys no more of them", status == 429, body)
check("meanwhile others are served", desk.healthy() and an.alive())

# What the auditor sees
failed = until(lambda: (lambda f: f if sum(i["count"] for i in f) > 190 else None)(desk.get("/api/v1/sign-ins/failed?login=an")["items"]), 15) or []
check("failures are told, summed", failed and len(failed) < 20 and {"wait", "totp", "password", "recovery"} <= {f["what"] for f in failed}, failed)
check("with the address", all(f["peer"] == "127.0.0.1" for f in failed), failed)
Browser()("POST", "sessions", {"login": "Tr0ng cua toi!", "password": "x"})
check("what was typed into the wrong field is not", "Tr0ng" not in json.dumps(desk.get("/api/v1/sign-ins/failed")))
record = json.dumps(desk.get("/api/v1/records?limit=500")["items"])
for action in ("POST /api/v1/sessions", "POST /api/v1/sessions/factors", "POST /api/v1/account/totp", "PUT /api/v1/account/totp", "POST /api/v1/account/recovery-codes",
               "POST /api/v1/api-keys", "DELETE /api/v1/api-keys/{id}", "DELETE /api/v1/sessions/{id}", "DELETE /api/v1/sessions", "POST /api/v1/account/password"):
    check(f"{action} stands in the record", f'"{action}"' in record, record[:500])

# The administrator ends all; no secret is left anywhere but where it belongs
check("another's sessions are ended", desk.call("DELETE", f"/api/v1/people/{person}/sessions", None, SAME)[0] == 204 and not an.alive())
desk.stop()
kept = desk.log.read_bytes() + b"".join(p.read_bytes() for p in desk.data.rglob("*") if p.is_file() and p.name != "factor.key")
found = [s for s in secrets + [PASSWORD, SECOND] if s.encode() in kept or s.replace("-", "").encode() in kept]
check(f"none of {len(secrets)} secrets in log, record or database", len(secrets) > 25 and not found, found)
check("the key of the seals is its owner's alone", (desk.data / "factor.key").stat().st_mode & 0o777 == 0o600)
desk.close()
done()
