# SPDX-License-Identifier: EUPL-1.2
"""Living with rules: a switch and an own level with reason and name, exceptions that end by themselves and hide nothing,
rules written at the desk with their faults in place."""
from desk import *

CANARY = "0b5f8f5e-6f0a-4d53-9d7e-1f6f6b8c0001"
OTHER = "0b5f8f5e-6f0a-4d53-9d7e-1f6f6b8c0002"
MANY = "0b5f8f5e-6f0a-4d53-9d7e-1f6f6b8c0003"
folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
(folder / "canary.yml").write_text(f"""# a comment that belongs to it
title: Canary
id: {CANARY}
description: The bird sings.
tags: [attack.t1110.001]
logsource: {{product: linux}}
detection:
  word: [canary]
  condition: word
level: high
---
title: Other bird
id: {OTHER}
logsource: {{product: linux}}
detection:
  word: [parrot]
  condition: word
level: low
---
title: Many birds
id: {MANY}
correlation:
  type: event_count
  rules: [{OTHER}]
  group-by: [host.name]
  timespan: 10m
  condition: {{gte: 3}}
  generate: true
level: medium
""")
desk = Desk(rules=folder, register=REGISTER).start()
relp = Relp(desk.relp)


def say(text, host="host"):
    relp.send(f"<13>Jan  1 00:00:00 {host} app: {text}".encode())


def fired(rule=CANARY, state="all"):
    return sum(a["count"] for a in desk.get(f"/api/v1/alerts?state={state}&rule={rule}").get("items", []))


def rule(id=CANARY):
    return desk.get(f"/api/v1/rules/{id}")


def change(id, body, method="PATCH", version=None, path="rules"):
    headers = {"If-Match": f'"{rule(id)["version"] if version is None else version}"'}
    status, body, _ = desk.call(method, f"/api/v1/{path}/{id}", body, headers)
    return status, json.loads(body or b"{}")


def settled():
    """A line that only counts tells that all before it was judged."""
    settled.n = getattr(settled, "n", 0) + 1
    say(f"settled{settled.n}x")
    return until(lambda: desk.get(f"/api/v1/events?q=settled{settled.n}x&limit=1").get("items"), 15)


# --- the list and the whole rule
items = desk.get("/api/v1/rules?sort=title")["items"]
check("every rule is listed, in the order asked for", [r["title"] for r in items] == ["Canary", "Many birds", "Other bird"], items)
check("filters", [len(desk.get(f"/api/v1/rules?{q}")["items"]) for q in
      ("engine=correlation", "level=high,low", "q=t1110", "on=0", "origin=folder", "q=nobody", "applicable=1")] == [1, 2, 1, 0, 3, 0, 3])
check("a false filter is told", desk.call("GET", "/api/v1/rules?level=loud")[0] == 422 and desk.call("GET", "/api/v1/rules?sort=colour")[0] == 422)
one = rule()
check("the whole rule with its text", one["text"].startswith("# a comment") and "Other bird" not in one["text"] and
      one["description"] == "The bird sings." and one["switch"] is None and one["version"] == 0, one)
check("of a later document too", rule(OTHER)["text"].startswith("title: Other bird") and "Many" not in rule(OTHER)["text"])

# --- the switch
say("canary 1")
check("the rule fires", until(lambda: fired() == 1))
check("no decision without a reason", change(CANARY, {"on": False, "reason": " "})[0] == 422)
check("nor about what somebody else changed", change(CANARY, {"on": False, "reason": "x"}, version=7)[0] == 409)
began = time.monotonic()
status, one = change(CANARY, {"on": False, "reason": "too loud"})
print(f"# switched off within {time.monotonic() - began:.2f} s")
check("off, with reason, name and time", status == 200 and one["on"] is False and one["switch"]["reason"] == "too loud" and
      one["switch"]["at_ms"] > 0 and one["history"][0]["change"] == "off", one)
until(lambda: desk.pids().get("worker"), 5)
time.sleep(0.5)
say("canary 2")
settled()
check("and it is silent", fired() == 1, fired())
status, one = change(CANARY, {"on": True, "level": "critical", "reason": "needed after all"})
check("on again, at the desk's own level", status == 200 and one["on"] and one["level"] == "critical" and one["own_level"] == "high", one)
time.sleep(1)
say("canary 3", "other-host")
check("which its alerts have", until(lambda: [a["level"] for a in desk.get(f"/api/v1/alerts?rule={CANARY}").get("items", [])].count("critical") == 1))
desk.stop()
desk.start()
check("decisions outlive a restart", rule()["level"] == "critical" and len(rule()["history"]) == 3, rule())
status, one = change(CANARY, {"level": None, "reason": "as written"})
check("null gives the rule its own level back", status == 200 and one["level"] == "high" and one["switch"]["level"] is None, one)
relp = Relp(desk.relp)
time.sleep(1)

# --- exceptions
soon = int(time.time() * 1000) + 3600_000


def except_(fields, rule=CANARY, until_ms=None, **more):
    status, body, _ = desk.call("POST", "/api/v1/exceptions", {"rule": rule, "fields": fields, "reason": "known", "until_ms": until_ms or soon, **more})
    return status, json.loads(body)


check("an exception needs a reason", desk.call("POST", "/api/v1/exceptions", {"rule": CANARY, "fields": [{"name": "host.name", "value": "x"}], "reason": "", "until_ms": soon})[0] == 422)
check("an end date", desk.call("POST", "/api/v1/exceptions", {"rule": CANARY, "fields": [{"name": "host.name", "value": "x"}], "reason": "r"})[0] == 422)
check("at most a year away", except_([{"name": "host.name", "value": "x"}], until_ms=soon + 367 * 86400_000)[0] == 422)
check("fields", except_([])[0] == 422 and except_([{"name": "a|re", "value": "x"}])[0] == 422 and except_([{"name": "host.name", "value": "*"}])[0] == 422)
check("and a rule", except_([{"name": "host.name", "value": "x"}], rule="nobody")[0] == 422)
before = fired()
status, made = except_([{"name": "host.name", "value": "QUIET-host"}])
check("made", status == 201 and made["state"] == "active" and made["matched"] == 0, made)
say("canary 4", "quiet-host")
say("canary 5", "loud-host")
check("it takes what it names, and nothing else", until(lambda: fired() == before + 1) and settled() and fired() == before + 1, fired() - before)


def matched(id):
    return next(e["matched"] for e in desk.get("/api/v1/exceptions")["items"] if e["id"] == id)


check("and tells how often", until(lambda: matched(made["id"]) == 1), matched(made["id"]))
time.sleep(1.5)
say("canary 6", "quiet-host")
check("also once it is a filter of the rule", settled() and until(lambda: matched(made["id"]) == 2) and fired() == before + 1, matched(made["id"]))
check("the rule shows it", rule()["exceptions"] == 1 and rule()["exception_items"][0]["id"] == made["id"] and desk.get("/api/v1/exceptions?state=active")["total"] == 1)
check("it is a Sigma filter on disk", "filter:" in (desk.data / f"detect/filters/{made['id']}.yml").read_text())
check("ended by hand", desk.call("DELETE", f"/api/v1/exceptions/{made['id']}")[0] == 204 and desk.call("DELETE", f"/api/v1/exceptions/{made['id']}")[0] == 404)
say("canary 7", "quiet-host")
check("it takes nothing more, and stays in the list", until(lambda: fired() == before + 2) and desk.get("/api/v1/exceptions?state=expired")["items"][0]["ended_ms"] > 0, fired() - before)
status, made = except_([{"name": "host.name", "value": "quiet*"}], until_ms=int(time.time() * 1000) + 4000)
say("canary 8", "quiet-host")
check("a star at the end is a wildcard", until(lambda: matched(made["id"]) == 1))
until(lambda: desk.get("/api/v1/exceptions?state=active")["total"] == 0, 10)
time.sleep(3)
say("canary 9", "quiet-host")
check("and it ends by itself", until(lambda: fired() == before + 3) and matched(made["id"]) == 1, (fired() - before, matched(made["id"])))
status, made = except_([{"name": "host.name", "value": "flock"}], rule=MANY)
for n in range(3):
    say(f"parrot {n}", "flock")
    say(f"parrot {n}", "flight")
check("a correlation has exceptions too", until(lambda: fired(MANY) == 1) and until(lambda: matched(made["id"]) == 1), (fired(MANY), matched(made["id"])))
status, made = except_([{"name": "khien.organisation", "value": "xa-dong-tam"}])
before = fired()
say("canary 10", "ubndx-web")
check("and so have fields that only the register knows", until(lambda: matched(made["id"]) == 1) and settled() and fired() == before, fired() - before)
desk.stop()
desk.start()
relp = Relp(desk.relp)
check("exceptions outlive a restart", desk.get("/api/v1/exceptions?state=active")["total"] == 2 and matched(made["id"]) == 1)

# --- what alerts turned out to be
alerts = desk.get(f"/api/v1/alerts?state=all&rule={CANARY}")["items"]


def close(alert, body):
    version = desk.get(f"/api/v1/alerts/{alert['id']}")["version"]
    status, body, _ = desk.call("PATCH", f"/api/v1/alerts/{alert['id']}", body, {"If-Match": f'"{version}"'})
    return status, json.loads(body or b"{}")


def score():
    return rule()["closed_true"], rule()["closed_false"]


status, one = close(alerts[0], {"state": "closed", "reason": "it did", "verdict": "true"})
check("closed as true", status == 200 and one["verdict"] == "true" and one["history"][-1]["verdict"] == "true" and score() == (1, 0), one)
check("closed again as false", close(alerts[0], {"state": "closed", "reason": "no", "verdict": "false"})[0] == 200 and score() == (0, 1), score())
check("reopened: nobody has said", close(alerts[0], {"state": "new"})[1]["verdict"] is None and score() == (0, 0), score())
check("who says nothing leaves it unclear", close(alerts[0], {"state": "closed", "reason": "x"})[1]["verdict"] == "unclear" and score() == (0, 0))
check("a verdict is of closed alerts", close(alerts[1], {"state": "acknowledged", "verdict": "true"})[0] == 422 and
      close(alerts[1], {"state": "closed", "reason": "x", "verdict": "maybe"})[0] == 422)
check("and a filter of the list", [a["id"] for a in desk.get("/api/v1/alerts?state=all&verdict=unclear")["items"]] == [alerts[0]["id"]])

# --- what really arrives
cover = desk.get("/api/v1/coverage")
guessing = next(t for tactic in cover["tactics"] if tactic["name"] == "Credential Access" for t in tactic["techniques"] if t["id"] == "T1110.001")
check("the matrix names its techniques, and what can fire", guessing["name"] == "Password Guessing" and guessing["rules_live"] == 1 and
      guessing["state"] == "live" and guessing["fired"] == rule()["fired"], guessing)
check("log sources that arrive", any(s["product"] == "linux" and s["events"] > 5 and s["last_ms"] for s in cover["sources"]), cover["sources"])
theirs = desk.get("/api/v1/coverage?organisation=xa-dong-tam")
check("of one organisation alone", sum(s["events"] for s in theirs["sources"] if not s["service"]) == 1 and desk.call("GET", "/api/v1/coverage?organisation=nobody")[0] == 422, theirs["sources"])
status, body, _ = desk.call("POST", "/api/v1/rules", {"text": "title: Far away\nid: far-away\ntags: [attack.t1110.001]\nlogsource: {product: windows, category: process_creation}\n"
                            "detection: {a: {CommandLine: x, NoSuchField: y}, condition: a}\n"})
check("a rule whose source and fields never came says so", json.loads(body)["never_seen"] == ["CommandLine", "NoSuchField"], body)
cover = desk.get("/api/v1/coverage")
guessing = next(t for tactic in cover["tactics"] if tactic["name"] == "Credential Access" for t in tactic["techniques"] if t["id"] == "T1110.001")
check("on is not live", (guessing["rules"], guessing["rules_on"], guessing["rules_live"]) == (2, 2, 1), guessing)
check("fields nobody sends", {"field": "NoSuchField", "rules": 1} in cover["never_seen"] and
      [r["id"] for r in desk.get("/api/v1/rules?applicable=field")["items"]] == ["far-away"], cover["never_seen"])

# --- rules written here
status, body, _ = desk.call("POST", "/api/v1/rules", {"text": "title: Broken\nlogsource: {product: linux}\ndetection:\n  a: [x]\n  condition: a and b\nlevel: loud\n"})
faults = json.loads(body)["faults"]
check("faults are told with line and column", status == 422 and all(f["line"] and f["column"] for f in faults) and faults[0]["what"].startswith("rule_"), body)
status, body, _ = desk.call("POST", "/api/v1/rules", {"text": "title: [unclosed\n"})
check("also of what is no YAML", status == 422 and json.loads(body)["faults"][0]["line"] > 0, body)
for text, what in ((f"title: Copy\nid: {CANARY}\nlogsource: {{product: linux}}\ndetection: {{a: [x], condition: a}}\n", "rule_twice"),
                   ("title: Copy\nid: ../../x\nlogsource: {product: linux}\ndetection: {a: [x], condition: a}\n", "rule_id"),
                   ("title: F\nlogsource: {product: linux}\nfilter: {rules: any, a: {b: c}, condition: not a}\n", None),
                   ("title: E\nkhien: {engine: flow.beacon}\n", None)):
    status, body, _ = desk.call("POST", "/api/v1/rules", {"text": text})
    check(f"refused: {text.splitlines()[1]}", status == 422 and json.loads(body)["faults"] and what in (None, json.loads(body)["faults"][0]["what"]), body)
OWN = """# our own
title: Owl
logsource: {product: linux}
detection:
  word: [owl]
  condition: word
level: low
---
{title: Owl of the night, logsource: {product: linux}, detection: {word: [nightowl], condition: word}, level: high}
"""
status, body, _ = desk.call("POST", "/api/v1/rules", {"text": OWN, "on": True})
made = json.loads(body)
check("two rules in one text, each with an id of its own", status == 201 and len(set(made["ids"])) == 2 and made["origin"] == "desk" and
      made["title"] == "Owl" and f"id: {made['id']}" in made["text"] and made["text"].startswith("# our own"), body)
time.sleep(1)
say("an owl and a nightowl")
check("both fire", until(lambda: fired(made["ids"][0]) == 1 and fired(made["ids"][1]) == 1), (fired(made["ids"][0]), fired(made["ids"][1])))
text = made["text"].replace("[owl]", "[eagle]")
check("changing asks for the version seen", change(made["id"], {"text": text}, "PUT", version=0)[0] == 409)
check("and keeps the id", change(made["id"], {"text": text.replace(made["id"], OTHER)}, "PUT")[0] == 422)
status, again = change(made["id"], {"text": text}, "PUT")
check("changed", status == 200 and "[eagle]" in again["text"] and again["history"][0]["change"] == "changed", again)
status, problem = change(CANARY, {"text": text}, "PUT")
check("only rules of this desk", status == 409 and desk.call("DELETE", f"/api/v1/rules/{CANARY}")[0] == 409, problem)
time.sleep(1)
say("an eagle")
check("and fires as changed", until(lambda: fired(made["id"]) == 2), fired(made["id"]))
check("deleted", desk.call("DELETE", f"/api/v1/rules/{made['id']}")[0] == 204 and desk.call("GET", f"/api/v1/rules/{made['id']}")[0] == 404 and
      not (desk.data / f"detect/rules/{made['id']}.yml").exists() and rule(made["ids"][1])["title"] == "Owl of the night")
status, body, _ = desk.call("POST", "/api/v1/rules", {"text": OWN.split("---")[0].replace("Owl", "Silent owl"), "on": False})
silent = json.loads(body)
check("a rule may be kept switched off", status == 201 and silent["on"] is False, body)

# --- what rules cost
patterns = "".join(f"    - '(a|b)+c{n}.*d[0-9]+e$'\n" for n in range(40))
status, body, _ = desk.call("POST", "/api/v1/rules", {"text": "title: Dear\nlogsource: {product: linux}\ndetection:\n  word:\n    '|re':\n" +
                            patterns.replace("    -", "      -") + "  condition: word\nlevel: low\n", "on": True})
dear = json.loads(body)
check("a rule of many expressions; nobody knows yet what it costs", status == 201 and dear["cost_ns"] is None and rule()["cost_ns"] is None, body)
time.sleep(1)
flood = b"".join(b"%d syslog %d %s\n" % (relp.txnr + 1 + n, len(line), line) for n, line in
                 enumerate(b"<13>Jan  1 00:00:00 host app: nothing of note %d" % n for n in range(60000)))
relp.sock.setblocking(False)
while flood:
    try:
        flood = flood[relp.sock.send(flood):]
    except BlockingIOError:
        relp.read(0.2)
        relp.sock.setblocking(False)
relp.txnr += 60000


def measured():
    relp.read(0.05)
    say("a little more")
    return rule(dear["id"])["cost_ns"] is not None and rule()["cost_ns"] is not None


check("after enough events it has a number", until(measured, 60) and rule(dear["id"])["cost_ns"] > 0 and rule()["cost_ns"] > 0, rule(dear["id"]))
print(f"# {rule(dear['id'])['cost_ns']} ns, of one word {rule()['cost_ns']} ns")
check("correlations have none", rule(MANY)["cost_ns"] is None)
check("and the list can be sorted by it", desk.get("/api/v1/rules?sort=cost&limit=1")["items"][0]["cost_ns"] > 0, desk.get("/api/v1/rules?sort=cost&limit=3"))
text = dear["text"].replace("c39", "c40")
status, dear = change(dear["id"], {"text": text}, "PUT")
check("a rule that was changed is to be measured anew", status == 200 and dear["cost_ns"] is None and rule()["cost_ns"] > 0, dear)

relp.close()
base = json.loads(desk.call("POST", "/api/v1/rules", {"on": True, "text": "title: base\nlevel: critical\nlogsource: {product: linux, service: sshd}\n"
                            "detection:\n  s: {event.outcome: failure}\n  condition: s\n"})[1])
check("a rule alone speaks", base.get("silent") is False, base)
many = desk.call("POST", "/api/v1/rules", {"on": True, "text": "title: many\nlevel: low\ncorrelation:\n  type: event_count\n"
          f"  rules: [{base['id']}]\n  group-by: [source.ip]\n  timespan: 1h\n  condition: {{gte: 1000}}\n"})
many = json.loads(many[1])["id"]
check("that a correlation took its voice is told", until(lambda: desk.get(f"/api/v1/rules/{base['id']}").get("silent") is True))
check("and which", [f["id"] for f in desk.get(f"/api/v1/rules/{base['id']}")["feeds"]] == [many])
desk.close()
shutil.rmtree(folder, ignore_errors=True)
done()
