# SPDX-License-Identifier: EUPL-1.2
"""Every route of the table with every role, without a key, with a false key, and from another site: only what the table
says is allowed. The routes and rights are read from the program's own OpenAPI, the roles' rights from the table here."""
from desk import *

DESK = {"signed_in", "alert_read", "alert_change", "alert_acknowledge", "event_read", "source_read", "register_read", "rule_read", "status_read",
        "rule_change", "file_read", "file_change", "indicator_read", "indicator_change", "register_change", "personal_read"}
READ = DESK - {"alert_change", "alert_acknowledge", "event_read", "rule_change", "file_read", "file_change", "indicator_read", "indicator_change", "register_change", "personal_read"}
ROLES = {"operator": DESK | {"operate", "record_read", "people_read", "people_change"}, "coordinator": DESK, "analyst": DESK, "auditor": READ | {"event_read", "record_read", "file_read", "indicator_read", "people_read"}, "leader": READ,
         "plan_officer": {"signed_in", "register_read", "status_read"}, "assessor": {"signed_in", "register_read"}, "agency_officer": {"signed_in"}}
desk = Desk(register=REGISTER).start()
paths = desk.get("/api/v1/openapi.json")["paths"]
keys = {role: desk.api_key(role) for role in ROLES}
check("every role gets a key", all(len(k) == 43 for k in keys.values()), keys)
check("no key for a role that is none", subprocess.run([KHIEN, "admin", "api-key", "--data", str(desk.data), "--role", "god"],
      capture_output=True, env=LANG).returncode == 1)
cells, wrong = 0, []
for path, operations in paths.items():
    for method, operation in operations.items():
        if path == "/api/v1/stream":
            continue
        needs = set(operation["x-rights"])
        url = path.replace("{id}", "999999").replace("{part}", "0")
        for role, rights in [*ROLES.items(), (None, set()), ("false key", set())]:
            key = keys.get(role, False if role is None else "A" * 43)
            if method == "delete" and role == "operator":
                continue
            body = {} if method in ("post", "patch") else None
            status, answer, _ = desk.call(method.upper(), url, body, {"If-Match": "1", "Sec-Fetch-Site": "same-origin"}, key)
            cells += 1
            allowed = needs <= rights if needs else True
            said_no = status == 401 if not rights else status == 403
            if needs and allowed == said_no:
                wrong.append((role, method, path, status, answer[:80]))
            if needs and not rights and status != 401:
                wrong.append((role, method, path, status))
check(f"{cells} cells, none unexpected", cells > 150 and not wrong, wrong)

# The live stream tells each what he may read
def listen(role):
    s = socket.create_connection(("127.0.0.1", desk.http), 5)
    s.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {keys[role]}\r\n\r\n".encode())
    heard = s.recv(65536)
    return s, heard


def hear(s, heard, what, times=1):
    with contextlib.suppress(OSError):
        while heard.count(what) < times and (part := s.recv(65536)):
            heard += part
    return heard


streams = {role: listen(role) for role in ("analyst", "leader")}
status, body, _ = desk.call("POST", "/api/v1/files", {"name": "of-the-desk.exe", "size": 0}, {}, keys["analyst"])
check("a file is handed in", status == 201, body)
analyst = hear(*streams["analyst"], b"of-the-desk.exe")
leader = hear(*streams["leader"], b"event: status", 3)
check("who may read files hears of it, who may not does not", b"event: file" in analyst and b"event: status" in leader and
      b"of-the-desk" not in leader, (analyst[-300:], leader[-300:]))
for s, _ in streams.values():
    s.close()

# Cookies: sign-in, guessing, other sites
setup = [l for l in desk.out.read_text().splitlines() if "/setup?token=" in l][0].split("token=")[1]
same = {"Sec-Fetch-Site": "same-origin"}
status, body, _ = desk.call("POST", "/api/v1/setup", {"token": "x" * 43, "login": "an", "name": "An", "password": "correct horse battery"}, same, False)
check("a false link opens nothing", status == 403, body)
status, body, _ = desk.call("POST", "/api/v1/setup", {"token": setup, "login": "an", "name": "An", "password": "short"}, same, False)
check("a short password is refused", status == 422, body)
status, body, _ = desk.call("POST", "/api/v1/setup", {"token": setup, "login": "an", "name": "An", "password": "Password12345!"}, same, False)
check("one that is tried first too", (status, json.loads(body)["type"]) == (422, "password_common"), body)
status, body, headers = desk.call("POST", "/api/v1/setup", {"token": setup, "login": "an", "name": "Ân", "password": "correct horse battery"}, same, False)
cookie = (headers["Set-Cookie"] or "").split(";")[0]
check("the link makes the first person", status == 201 and "HttpOnly" in headers["Set-Cookie"] and "SameSite=Strict" in headers["Set-Cookie"], body)
status, body, _ = desk.call("POST", "/api/v1/setup", {"token": setup, "login": "eve", "name": "Eve", "password": "correct horse battery"}, same, False)
check("and only once", status == 403, body)
status, body, _ = desk.call("GET", "/api/v1/sessions/current", headers={"Cookie": cookie}, key=False)
check("the cookie is the session", status == 200 and json.loads(body)["login"] == "an", body)
status, _, _ = desk.call("DELETE", "/api/v1/sessions/current", headers={"Cookie": cookie, "Sec-Fetch-Site": "cross-site"}, key=False)
check("another site cannot use it", status == 403)
stream = socket.create_connection(("127.0.0.1", desk.http), 5)
stream.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode())
check("the live stream opens", b" 200 " in stream.recv(65536))
status, _, _ = desk.call("DELETE", "/api/v1/sessions/current", headers={"Cookie": cookie, **same}, key=False)
check("sign-out", status == 204)
heard = b""
with contextlib.suppress(OSError):
    while not heard.endswith(b"\r\n0\r\n\r\n") and (part := stream.recv(65536)):
        heard += part
check("ends the stream too", heard.endswith(b"0\r\n\r\n"), heard[-200:])
stream.close()
check("ends it", desk.call("GET", "/api/v1/sessions/current", headers={"Cookie": cookie}, key=False)[0] == 401)
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor(32) as pool:
    tries = list(pool.map(lambda _: desk.call("POST", "/api/v1/sessions", {"login": "an", "password": "guess"}, same, False)[0], range(200)))
check("of 200 guesses at once at most ten are looked at", tries.count(401) <= 10 and tries.count(429) >= 190, {s: tries.count(s) for s in set(tries)})
check("meanwhile others are served", desk.healthy())
desk.close()
done()
