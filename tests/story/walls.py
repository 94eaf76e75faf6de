# SPDX-License-Identifier: EUPL-1.2
"""What stands around every answer: headers for browsers, cookies under https, one reading of each request, no word about the
inside, addresses of clients behind a proxy, and a note of who was refused. Behind a proxy that is named, as in production."""
import http.client, re
from desk import *

desk = Desk("--origin", "https://khien.example", "--proxy", "127.0.0.0/8", register=REGISTER).start()
SAME = {"Sec-Fetch-Site": "same-origin"}


def ask(method, path, headers=None, body=None, key=None):
    """Status, headers as a list of pairs, body; nothing is followed."""
    c = http.client.HTTPConnection("127.0.0.1", desk.http, timeout=20)
    sent = {**({"Authorization": f"Bearer {key or desk.key}"} if key != "" else {}), **(headers or {})}
    c.putrequest(method, path, skip_host="Host" in sent)
    if body is not None:
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **sent}
    for name, value in sent.items():
        for one in value if isinstance(value, list) else [value]:
            c.putheader(name, one)
    c.endheaders(body)
    answer = c.getresponse()
    got = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    c.close()
    return got


paths = desk.get("/api/v1/openapi.json")["paths"]
gets = [p for p, o in paths.items() if "get" in o and not p.endswith("/stream")]
EVIL = {"Origin": "https://evil.example"}

# Every answer: pages, parts of them, lists, errors
page = ask("GET", "/", key="")
script = re.search(rb'src="(/[^"]+\.js)"', page[2])
answers = {p: ask("GET", p.replace("{id}", "1").replace("{part}", "0"), EVIL) for p in gets}
answers |= {"/": page, "a script": ask("GET", script[1].decode(), EVIL, key="") if script else page, "none": ask("GET", "/api/v1/none", EVIL), "a file": ask("GET", "/none.js", key=""),
            "nobody": ask("GET", "/api/v1/alerts", EVIL, key=""), "another site": ask("POST", "/api/v1/sessions", EVIL, {}, key=""), "no method": ask("POST", "/api/v1/health", SAME, {}),
            "two readings": ask("GET", "/api/v1/alerts?q=a&q=b"), "HEAD": ask("HEAD", "/api/v1/alerts")}
WANTED = {"strict-transport-security": r"max-age=(\d{8,}); includeSubDomains", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
          "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin", "x-frame-options": "DENY"}
for name, value in WANTED.items():
    wrong = {k: (a[0], a[1].get(name)) for k, a in answers.items() if not re.fullmatch(value, a[1].get(name, ""))}
    check(f"{len(answers)} answers, each with {name}", len(answers) > 50 and not wrong, wrong)
policies = {a[1].get("content-security-policy", "") for a in answers.values()}
policy = dict((d.split(None, 1) + [""])[:2] for d in policies.pop().split("; "))
check("one policy for all: nothing from elsewhere, no objects, no base, no frames, no script in the page", not policies and policy["default-src"] == "'none'" and
      policy["base-uri"] == policy["frame-ancestors"] == "'none'" and "object-src" not in policy and policy["script-src"] == "'self'" and policy["form-action"] == "'self'", policy)
check("no other site may read any of them", not [k for k, a in answers.items() if any(h.startswith("access-control") for h in a[1])])
check("asked beforehand, none is allowed", all(s >= 400 and not any(h.startswith("access-control") for h in got) for s, got, _ in (
    ask("OPTIONS", p, {**EVIL, "Access-Control-Request-Method": "DELETE"}) for p in ("/api/v1/alerts", "/"))))
check("nothing of the API redirects", not [k for k, a in answers.items() if 300 <= a[0] < 400])
check("nor is any of it kept by a browser", all(a[1].get("cache-control") == "no-store" for k, a in answers.items() if k in gets), {k: a[1].get("cache-control") for k, a in answers.items() if k in gets})
TYPES = {200: r"application/json|text/plain[^;]*; .*charset=utf-8", 400: "application/problem\\+json"}
wrong = {k: (a[0], a[1].get("content-type")) for k, a in answers.items() if k in gets and not re.fullmatch(TYPES[200 if a[0] == 200 else 400], a[1].get("content-type", ""))}
check("each says what it is, and it is that", not wrong and all(json.loads(a[2]) is not None for k, a in answers.items() if "json" in a[1].get("content-type", "") and a[2]) and
      page[1]["content-type"] == "text/html; charset=utf-8" and answers["a script"][1]["content-type"].endswith("charset=utf-8"), wrong)

# Cookies behind https
setup = [l for l in desk.out.read_text().splitlines() if "/setup?token=" in l][0].split("token=")[1]
status, got, body = ask("POST", "/api/v1/setup", SAME, {"token": setup, "login": "an", "name": "An", "password": "correct horse battery"}, key="")
cookie = got["set-cookie"]
check("the cookie is Secure, for this host alone, and for no script", status == 201 and cookie.startswith("__Host-khien=") and
      {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; ")) and "Domain" not in cookie, cookie)
value = cookie.split(";")[0].split("=")[1]
check("it is 256 bits, and another one each time", re.fullmatch(r"[\w-]{43}", value) and len({ask("POST", "/api/v1/sessions", SAME,
      {"login": "an", "password": "correct horse battery"}, key="")[1]["set-cookie"].split(";")[0] for _ in range(3)} | {cookie.split(";")[0]}) == 4)
mine = {"Cookie": f"__Host-khien={value}"}
check("under the name without the prefix it is nothing", ask("GET", "/api/v1/account", {"Cookie": f"khien={value}"}, key="")[0] == 401 and ask("GET", "/api/v1/account", mine, key="")[0] == 200)
forged = [ask("POST", "/api/v1/account/proofs", {**mine, **h}, {"password": "x"}, key="")[0] for h in (
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, EVIL, {}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site", "Origin": "https://khien.example", "Host": "khien.example"})]
check("no other site can use it, nor a page that hides where it is from", forged == [403] * 6, forged)
for column, ms, what in (("seen_ms", 30 * 60000, "left alone for half an hour"), ("created_ms", 12 * 3600000, "of twelve hours ago")):
    login = ask("POST", "/api/v1/sessions", SAME, {"login": "an", "password": "correct horse battery"}, key="")[1]["set-cookie"].split(";")[0]
    desk.sql(f"UPDATE session SET {column} = {int(time.time() * 1000) - ms - 1000}")
    check(f"a session {what} is over", ask("GET", "/api/v1/account", {"Cookie": login}, key="")[0] == 401)

# One reading
some = desk.get("/api/v1/organisations")["items"][0]["id"]
once = "".join("%%%02x" % ord(c) for c in some)
check("a path is decoded once", [ask("GET", f"/api/v1/organisations/{p}")[0] for p in (some, once, once.replace("%", "%25"))] == [200, 200, 404])
check("so is a query", [json.loads(ask("GET", f"/api/v1/organisations?q={q}")[2])["total"] for q in (some, once, once.replace("%", "%25"))] == [1, 1, 0])
check("a slash in disguise makes no other path", [ask("GET", p)[0] for p in ("/api/v1%2forganisations", "/api/v1/organisations/..%2frules", "/api/v1/organisations/%2e%2e/rules", "/api/v1/organisations%252f" + some)] == [200, 404, 404, 404])
check("a parameter said twice is refused, in a query and in a body", ask("GET", "/api/v1/alerts?state=open&state=closed")[0] == 400 and
      ask("POST", "/api/v1/roles", SAME, b'{"id":"a1","title_vi":"A","title_vi":"B"}')[0] == 400 and ask("GET", "/api/v1/alerts?" + "&".join(f"a{i}=1" for i in range(65)))[0] == 400)
method = [ask("POST", "/api/v1/organisations/x" + q, {**SAME, **h}, {"_method": "DELETE"})[0] for q, h in (("", {"X-HTTP-Method-Override": "PATCH"}), ("?_method=PATCH", {}), ("", {"X-HTTP-Method": "PATCH"}))]
check("the method is the one that was sent", method == [405] * 3, method)


def raw(method):
    with socket.create_connection(("127.0.0.1", desk.http), 5) as s:
        s.sendall(f"{method} / HTTP/1.1\r\nHost: x\r\nX-Secret: secret-of-the-client\r\nConnection: close\r\n\r\n".encode())
        s.shutdown(socket.SHUT_WR)
        return s.recv(4096)


said = [raw(m) for m in ("TRACE", "CONNECT", "PROPFIND", "get", "OPTIONS")]
check("TRACE and CONNECT are not known", all(not b.startswith(b"HTTP/1.1 2") and b"secret-of-the-client" not in b for b in said), said)
index = ask("GET", "/", key="")[2]
check("no folder of a workshop is served, and none is listed", all(s == 404 or b == index for s, _, b in (ask("GET", p, key="") for p in (
    "/.git/HEAD", "/.git/config", "/.git/", "/.svn/entries", "/.env", "/src/", "/content/", "/data/khien.db", "/khien.db", "/assets/", "/factor.key", "/../../etc/passwd", "/%2e%2e/khien.yaml"))))

# Nothing changes by looking
def rows():
    # what is counted by looking: when a key was last used, who was refused; and what the desk counts by itself
    names = [r[0] for r in desk.sql("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {n: sorted(desk.sql(f"SELECT * FROM {n}")) for n in names if n not in ("api_key", "session", "sign_in_failure", "source", "source_day", "setting") and "fts" not in n and "search" not in n}


before = rows()
for p in gets:
    ask("GET", p.replace("{id}", some if "organisation" in p else "1").replace("{part}", "0"))
    ask("HEAD", p.replace("{id}", some if "organisation" in p else "1").replace("{part}", "0"))
after = rows()
check(f"{len(gets)} routes read, and no row is another", before == after, [n for n in before if before[n] != after.get(n)])

# Whose address
def peer(*forwarded, **other):
    ask("PATCH", "/api/v1/organisations/" + some, {**SAME, "X-Forwarded-For": list(forwarded), "If-Match": "1", **other.get("headers", {})}, {"name": "x"}, key="")
    ask("POST", "/api/v1/roles", {**SAME, "X-Forwarded-For": list(forwarded), **other.get("headers", {})}, {"id": f"r{len(desk.get('/api/v1/roles')['items'])}x", "title_vi": "A"})
    return desk.get("/api/v1/records?limit=1")["items"][0]["entry"]["peer"]


said = [peer("203.0.113.7"), peer("198.51.100.1, 203.0.113.8"), peer("198.51.100.1", "203.0.113.9"), peer("203.0.113.10, 127.0.0.5"), peer("nonsense")]
check("behind the proxy the client's address is the last that the proxy wrote", said == ["203.0.113.7", "203.0.113.8", "203.0.113.9", "203.0.113.10", "127.0.0.1"], said)
check("no other header is believed", peer(headers={"Forwarded": "for=203.0.113.66", "X-Real-IP": "203.0.113.66", "X-Client-IP": "203.0.113.66", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "http"}) == "127.0.0.1")


def guess(n, ip):
    return ask("POST", "/api/v1/sessions", {**SAME, "X-Forwarded-For": ip}, {"login": f"u{n}", "password": "x"}, key="")[0]


check("one client's guesses slow down that client", [guess(n, "203.0.113.50") for n in range(8)].count(429) >= 2 and guess(9, "203.0.113.51") == 401)
check("and writing other addresses in front does not help him", guess(10, "192.0.2.1, 203.0.113.50") == 429)

# Who was refused
leader = desk.api_key("leader")
[ask("GET", "/api/v1/events", {"X-Forwarded-For": "203.0.113.60"}, key=leader) for _ in range(5)]
ask("GET", "/api/v1/records", {"X-Forwarded-For": "203.0.113.61"}, key="A" * 43)
ask("DELETE", "/api/v1/demonstration", {"X-Forwarded-For": "203.0.113.62", **mine, **EVIL}, key="")
ask("GET", "/api/v1/sessions/current", {"X-Forwarded-For": "203.0.113.63"}, key="")
WHAT = {("203.0.113.60", "denied GET /api/v1/events", 5), ("203.0.113.61", "sign_in GET /api/v1/records", 1), ("203.0.113.62", "cross_site DELETE /api/v1/demonstration", 1)}
told = until(lambda: (lambda t: t if WHAT <= t else None)({(i["peer"], i["what"], i["count"]) for i in desk.get("/api/v1/sign-ins/failed?limit=500")["items"]}), 12)
check("is noted: who, from where, what, how often", told and not [t for t in told if t[0] == "203.0.113.63"], told)
check("with the name where there is one", {i["login"] for i in desk.get("/api/v1/sign-ins/failed?peer=203.0.113.60")["items"]} not in ({""}, set()))
secret = "Mot bi mat go nham cho 9"
bad = [("POST", "/api/v1/people", {"login": secret, "name": secret, "role": "analyst"}, {}), ("POST", "/api/v1/people", {secret: 1}, {}), ("POST", "/api/v1/people", b"{" + secret.encode(), {}),
       ("PATCH", "/api/v1/roles/analyst", {"title_vi": secret}, {}), ("GET", f"/api/v1/alerts?limit={urllib.parse.quote(secret)}", None, {})]
codes = [desk.call(*one)[0] for one in bad]
INPUT = {"invalid POST /api/v1/people", "field_unknown POST /api/v1/people", "body POST /api/v1/people", "if_match PATCH /api/v1/roles/{id}", "invalid GET /api/v1/alerts"}
noted = until(lambda: (lambda t: t if INPUT <= t else None)({i["what"] for i in desk.get("/api/v1/sign-ins/failed?kind=2&limit=500")["items"]}), 12)
check("input that is refused is noted, without what was in it", codes == [422, 422, 400, 428, 422] and noted and secret not in json.dumps(desk.get("/api/v1/sign-ins/failed?limit=500")), (codes, noted))
others = [{i["what"] for i in desk.get(f"/api/v1/sign-ins/failed?kind={kind}&limit=500")["items"]} for kind in (0, 1)]
check("apart from sign-ins and from requests without the right", {w for _, w, _ in WHAT} <= others[1] | others[0] and not INPUT & (others[0] | others[1]), others)

# Nothing is fetched because somebody names it
with socket.socket() as trap:
    trap.bind(("127.0.0.1", 0))
    trap.listen(5)
    trap.settimeout(1)
    url = f"http://127.0.0.1:{trap.getsockname()[1]}/x"
    sent = [ask("POST", f"/api/v1/{p}", SAME, b)[0] for p, b in (
        ("indicators", {"value": url, "kind": "url", "source": url, "reference": url, "note": url}), ("sweeps", {"folder": url}), ("files", {"name": url, "size": 1, "system": url}),
        ("organisations", {"id": "u", "name": url, "kind": "commune"}), ("rules/checks", {"text": f"title: {url}\nlogsource: {{product: linux}}"}), ("indicators/imports", {"name": url, "source": url, "text": f"{url}\n@{url}\n"}))]
    try:
        trap.accept()
        called = True
    except TimeoutError:
        called = False
    check("an address in any field is only text", not called and sent.count(201) >= 2, sent)

# Errors, and the time in the log
if not desk.server:
    desk.sql("ALTER TABLE alert RENAME TO alert_away")
    status, _, body = ask("GET", "/api/v1/alerts")
    desk.sql("ALTER TABLE alert_away RENAME TO alert")
    check("an error inside says nothing of the inside", status >= 500 and set(json.loads(body)) <= {"type", "title", "status", "retry_after"} and
          not re.search(rb"(?i)sql|table|alert_away|/(src|tmp|work|data)|\.c\b|0x", json.loads(body).get("title", "").encode()), body)
    check("and the desk goes on", ask("GET", "/api/v1/alerts")[0] == 200 and desk.healthy())
times = [json.loads(l)["time"] for l in desk.log.read_text().splitlines() if l.startswith("{")]
check("each line of the log has its time in UTC", times and all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", t) for t in times) and
      abs(time.time() - __import__("calendar").timegm(time.strptime(times[-1][:19], "%Y-%m-%dT%H:%M:%S"))) < 120, times[:3])
desk.close()

for value in ("10.0.0.1/8", "proxy.example", "10.0.0.0/40"):
    with tempfile.TemporaryDirectory() as folder:
        check(f"--proxy {value} is refused at the start", subprocess.run([KHIEN, "serve", "--data", folder, "--proxy", value], capture_output=True, env=LANG, timeout=30).returncode == 1)
desk = Desk().start()
desk.call("POST", "/api/v1/roles", {"id": "r1", "title_vi": "A"}, {**SAME, "X-Forwarded-For": "203.0.113.7"})
got = ask("GET", "/api/v1/health", key="")[1]
check("where no proxy is named nobody is believed, and http promises no https", desk.get("/api/v1/records?limit=1")["items"][0]["entry"]["peer"] == "127.0.0.1" and "strict-transport-security" not in got)
desk.close()
done()
