# SPDX-License-Identifier: EUPL-1.2
"""Whoever belongs to an agency sees what is its own and what stands below it. Everything else does not exist for him: 404,
not in a list, not in a total, not in the live stream, not in what resembles an alert."""
from desk import *

PROVINCE = """
organisations:
  - {id: huyen-a, name: "Sở A", kind: department}
  - {id: xa-a1, name: "Xã A1", kind: commune, contact: {name: "Nông Thị H.", phone: "0900 000 001"}}
  - {id: xa-b, name: "Xã B", kind: commune}
systems:
  - {id: a, name: "Cổng A", organisation: huyen-a, level: 3, networks: [127.0.0.0/8], hosts: [web-a]}
  - {id: a1, name: "Một cửa A1", organisation: xa-a1, level: 2, hosts: [web-a1]}
  - {id: b, name: "Một cửa B", organisation: xa-b, level: 2, hosts: [web-b]}
"""
RULES = """
title: Probe
id: 0f5c1b1e-8f0a-4c55-9d6e-0d9e6a1b7c01
status: test
logsource: {product: linux}
detection: {word: [probing], condition: word}
level: high
khien: {entity: [source.ip]}
"""
folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
(folder / "probe.yml").write_text(RULES)
desk = Desk(register=PROVINCE, rules=folder).start()
desk.stop()
desk.sql("UPDATE organisation SET parent = 'huyen-a' WHERE id = 'xa-a1'")
desk.start()


keys = {organisation: desk.agency_key("analyst", organisation) for organisation in ("huyen-a", "xa-a1", "xa-b")}
SEES = {"huyen-a": {"huyen-a", "xa-a1"}, "xa-a1": {"xa-a1"}, "xa-b": {"xa-b"}}


def listen(key):
    s = socket.create_connection(("127.0.0.1", desk.http), 5)
    s.sendall(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    return s, s.recv(65536)


streams = {who: listen(key) for who, key in [*keys.items(), ("", desk.key)]}
# One attacker, three agencies: three alerts, for no alert tells one what stands in the log of another.
desk.udp(*[sshd(host, "probing from 203.0.113.77 port 1 ssh2") for host in ("web-a", "web-a1", "web-b")])
alerts = until(lambda: (p := desk.get("/api/v1/alerts")) and p["total"] == 3 and p["items"])
check("one alert for each agency", alerts and len(alerts) == 3, desk.get("/api/v1/alerts"))
of = {(a["organisation"] or {}).get("id"): a for a in alerts}


def ask(key, path, method="GET", body=None, headers=None):
    status, answer, _ = desk.call(method, path, body, headers, key)
    return status, json.loads(answer or b"{}")


for who, key in keys.items():
    status, page = ask(key, "/api/v1/alerts?state=all")
    check(f"{who}: alerts and their total", status == 200 and {a["organisation"]["id"] for a in page["items"]} == SEES[who] and
          page["total"] == len(SEES[who]), page)
    for organisation, alert in of.items():
        status, one = ask(key, f"/api/v1/alerts/{alert['id']}")
        seen = organisation in SEES[who]
        check(f"{who}: the alert of {organisation}: {'there' if seen else '404'}", status == (200 if seen else 404), one)
        if seen:
            similar = {s["id"] for s in one["similar"]}
            check("what resembles it is in reach too", similar <= {of[o]["id"] for o in SEES[who]}, similar)
        else:
            status, one = ask(key, f"/api/v1/alerts/{alert['id']}", "PATCH", {"state": "acknowledged"}, {"If-Match": "1"})
            check("nor changed", status == 404, one)
            status, page = ask(key, f"/api/v1/alerts?state=all&organisation={organisation}")
            check("nor found by the name of its agency", page["items"] == [] and page["total"] == 0, page)
    status, page = ask(key, "/api/v1/organisations")
    check(f"{who}: organisations", {o["id"] for o in page["items"]} == SEES[who] and page.get("total", len(SEES[who])) == len(SEES[who]), page)
    status, page = ask(key, "/api/v1/systems")
    check(f"{who}: systems", {s["organisation"]["id"] for s in page["items"]} == SEES[who] and page.get("total", len(SEES[who])) == len(SEES[who]), page)
    if who == "huyen-a":
        until(lambda: ask(key, "/api/v1/sources")[1]["items"])
    status, page = ask(key, "/api/v1/sources")
    check(f"{who}: sources in its networks", status == 200 and bool(page["items"]) == (who == "huyen-a") and not page["ports"] and "journal" not in page, page)
    for path in ("status", "rules", "coverage", "exceptions", "lookbacks", "indicators", "files", "sweeps", "records", "events",
                 "events/1", "events/top?field=host.name", "events/histogram?from=0&to=9999999999999", "yara", "warning-lists", "checkpoint"):
        status, answer = ask(key, f"/api/v1/{path}")
        if status != 403:
            check(f"{who}: /{path} is the desk's", False, (status, answer))
    check(f"{who}: what is the desk's is refused", True)

# The live stream. The last word to everybody is the alert of his own agency; what came before is there by then.
for organisation in ("xa-b", "xa-a1", "huyen-a"):
    alert = of[organisation]
    status, answer = ask(desk.key, f"/api/v1/alerts/{alert['id']}", "PATCH", {"reason": f"word to {organisation}"}, {"If-Match": str(alert["version"])})
    check("a word is added without another change", status == 200 and answer["history"][-1]["change"] == "commented" and
          answer["state"] == "new", answer)
for who, (s, heard) in streams.items():
    want = SEES.get(who, set(of))
    end = time.monotonic() + 5
    with contextlib.suppress(OSError):
        s.settimeout(3)
        while time.monotonic() < end and not all(heard.count(f'"organisation":{{"id":"{o}"'.encode()) >= 2 for o in want) and (part := s.recv(65536)):
            heard += part
    told = {o for o in of if o and f'"organisation":{{"id":"{o}"'.encode() in heard}
    check(f"the live stream of {who or 'the desk'}", told == want and not (who and b"event: status" in heard), (told, heard[-300:]))
    s.close()
desk.close()
shutil.rmtree(folder)
done()
