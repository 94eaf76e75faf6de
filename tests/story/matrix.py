# SPDX-License-Identifier: EUPL-1.2
"""The authorisation matrix: every route that the program has, with every role, agency and key, on what is one's own, another
agency's, below another parent and gone; and every field that a body may not set. What is expected is worked out from the
tables in this file alone. A route without a row here fails by name."""
from desk import *
import http.client, threading
from concurrent.futures import ThreadPoolExecutor

# method, path (below /api/v1 unless it is /metrics), rights, whose, fields that a body may set. whose: nobody's (the same for
# all who may ask), the desk's (nobody of an agency), one's self, or an organisation's (with an {id}: see OBJECTS).
ROUTES = """
GET    health                     -                              nobody
GET    openapi.json               -                              nobody
GET    /metrics                   -                              nobody
GET    setup                      -                              nobody
POST   setup                      -                              nobody        token login name password
POST   sessions                   -                              nobody        login password
GET    sessions/current           signed_in                      self
DELETE sessions/current           signed_in                      self
POST   sessions/factors           -                              nobody        ticket totp recovery passkey
POST   sessions/enrolments        -                              nobody        ticket
POST   sessions/challenges        -                              nobody        ticket
GET    sessions                   signed_in                      self
DELETE sessions                   signed_in                      self
DELETE sessions/{id}              signed_in                      self
GET    purposes                   personal_read                  self
PUT    purposes/current           personal_read                  self          purpose
GET    people                     people_read                    organisation
POST   people                     people_change                  organisation  login name role organisation
GET    people/{id}                people_read                    organisation
PATCH  people/{id}                people_change                  organisation  name role organisation disabled
POST   people/{id}/invitations    people_change                  organisation  reset_factors
GET    people/{id}/sessions       people_read                    organisation
DELETE people/{id}/sessions       people_change                  organisation
POST   invitations                -                              nobody        token password
GET    roles                      people_read                    nobody
POST   roles                      people_change                  desk          id title_vi title_en rights agency second_factor second_factor_days
PATCH  roles/{id}                 people_change                  desk          title_vi title_en rights agency second_factor second_factor_days
DELETE roles/{id}                 people_change                  desk
GET    account                    signed_in                      self
POST   account/proofs             signed_in                      self          password totp recovery ticket passkey
POST   account/proofs/challenges  signed_in                      self
POST   account/password           signed_in                      self          password new_password
POST   account/totp               signed_in                      self          password
PUT    account/totp               signed_in                      self          code
POST   account/totp/removals      signed_in                      self          password
POST   account/recovery-codes     signed_in                      self          password
POST   account/passkeys/challenges signed_in                     self          password
POST   account/passkeys           signed_in                      self          ticket client authenticator name
POST   account/passkeys/{id}/removals signed_in                  self          password
GET    api-keys                   signed_in                      self
POST   api-keys                   signed_in                      self          password name role scopes organisation until_ms
DELETE api-keys/{id}              signed_in                      self
GET    sign-ins/failed            record_read                    desk
GET    alerts                     alert_read                     organisation
GET    alerts/{id}                alert_read                     organisation
PATCH  alerts/{id}                alert_read+alert_acknowledge   organisation  state assignee reason verdict
GET    events                     event_read                     desk
GET    events/histogram           event_read                     desk
GET    events/top                 event_read                     desk
GET    events/{id}                event_read                     desk
GET    sources                    source_read                    organisation
GET    organisations              register_read                  organisation
POST   organisations              register_change                organisation  id name name_from kind parent from_day until_day
POST   organisations/imports      register_change                organisation
POST   organisations/exports      register_read                  organisation  format q kind parent state
GET    organisations/mergers      register_read                  organisation
POST   organisations/mergers      register_change                organisation  kind date into name into_kind parent from systems dry_run
DELETE organisations/mergers/{id} register_change                organisation
GET    organisations/{id}/figures register_read                  organisation
GET    organisation-kinds         register_read                  nobody
GET    organisations/{id}         register_read                  organisation
PATCH  organisations/{id}         register_change                organisation  name name_from kind parent from_day until_day
GET    organisations/{id}/contacts register_read                 organisation
POST   organisations/{id}/contacts register_change               organisation  name role phone email rank from_day until_day
PATCH  organisations/{id}/contacts/{part} register_change        organisation  name role phone email rank from_day until_day
POST   organisations/{id}/contacts/{part}/confirmations register_read+personal_read organisation
GET    contacts/due               register_read                  organisation
GET    systems                    register_read                  organisation
POST   systems register_change organisation  id name organisation level class sector from_day until_day note facts critical separated contact
POST   systems/imports register_change organisation
POST   systems/exports register_read organisation  format q level organisation sector critical expiring closed sort
GET    systems/{id} register_read organisation  
PATCH  systems/{id} register_change organisation  name class sector from_day until_day note facts critical separated contact
POST   systems/{id}/places register_change organisation  kind value
DELETE systems/{id}/places register_change organisation  
POST   systems/{id}/parties register_change organisation  role organisation from_day until_day note
PATCH  systems/{id}/parties/{part} register_change organisation  role organisation from_day until_day note
DELETE systems/{id}/parties/{part} register_change organisation  
POST   systems/{id}/levels register_change organisation  level day number note
PATCH  systems/{id}/levels/{part} register_change organisation  level day number note
DELETE systems/{id}/levels/{part} register_change organisation  
POST   systems/{id}/applications register_change organisation  name vendor release exposure note
PATCH  systems/{id}/applications/{part} register_change organisation  name vendor release exposure note
DELETE systems/{id}/applications/{part} register_change organisation  
POST   systems/{id}/layers register_change organisation  layer state organisation evidence number file until_day
PATCH  systems/{id}/layers/{part} register_change organisation  layer state organisation evidence number file until_day
DELETE systems/{id}/layers/{part} register_change organisation  
POST   systems/{id}/devices register_change organisation  name serial place origin source received_day in_use result cleared_by cleared_day note
PATCH  systems/{id}/devices/{part} register_change organisation  name serial place origin source received_day in_use result cleared_by cleared_day note
DELETE systems/{id}/devices/{part} register_change organisation  
POST   systems/{id}/licences register_change organisation  kind subject issuer number from_day until_day note
PATCH  systems/{id}/licences/{part} register_change organisation  kind subject issuer number from_day until_day note
DELETE systems/{id}/licences/{part} register_change organisation  
GET    licences register_read organisation  
GET    rules                      rule_read                      desk
POST   rules/checks               rule_change                    desk          text
POST   rules                      rule_change                    desk          text on
GET    rules/{id}                 rule_read                      desk
PUT    rules/{id}                 rule_change                    desk          text
DELETE rules/{id}                 rule_change                    desk
PATCH  rules/{id}                 rule_change                    desk          on level reason
GET    coverage                   rule_read                      desk
GET    exceptions                 rule_read                      desk
POST   exceptions                 rule_change                    desk          rule fields reason until_ms alert
DELETE exceptions/{id}            rule_change                    desk
GET    lookbacks                  rule_read+event_read           desk
POST   lookbacks                  rule_change+event_read         desk          kind rule source text from_ms to_ms
GET    lookbacks/{id}             rule_read+event_read           desk
DELETE lookbacks/{id}             rule_change                    desk
GET    laws                       register_read                  nobody
POST   levels                     register_read                  nobody        date facts
GET    records                    record_read                    desk
GET    records/{id}               record_read                    desk
GET    checkpoint                 record_read                    desk
GET    files                      file_read                      desk
POST   files                      file_change                    desk          name size sha256 system
GET    files/{id}                 file_read                      desk
DELETE files/{id}                 file_change                    desk
PUT    files/{id}/parts/{part}    file_change                    desk
POST   files/{id}/complete        file_change                    desk
GET    sweeps                     file_read                      desk
POST   sweeps                     file_change                    desk          folder system
GET    sweeps/{id}                file_read                      desk
DELETE sweeps/{id}                file_change                    desk
GET    yara                       file_read                      desk
GET    indicators                 indicator_read                 desk
POST   indicators                 indicator_change               desk          value kind source tlp confidence valid_until_ms note reference
POST   indicators/imports         indicator_change               desk          name format text source tlp confidence valid_until_ms
GET    indicators/{id}            indicator_read                 desk
PATCH  indicators/{id}            indicator_change               desk          state note valid_until_ms confidence
GET    indicator-sources          indicator_read                 desk
GET    warning-lists              indicator_read                 desk
GET    status                     status_read                    desk
GET    stream                     alert_read                     organisation
DELETE demonstration              operate                        desk
"""
DESK = set("signed_in alert_read alert_change alert_acknowledge event_read source_read register_read rule_read status_read rule_change "
           "file_read file_change indicator_read indicator_change register_change personal_read".split())
READ = set("signed_in alert_read source_read register_read rule_read status_read".split())
OFFICER = set("signed_in alert_read alert_acknowledge source_read register_read personal_read".split())
ROLES = {"operator": DESK | {"operate", "record_read", "people_read", "people_change"}, "coordinator": DESK, "analyst": DESK,
         "auditor": READ | {"event_read", "record_read", "file_read", "indicator_read", "people_read"}, "leader": READ,
         "plan_officer": {"signed_in", "register_read", "status_read"}, "assessor": {"signed_in", "register_read"},
         "agency_officer": {"signed_in"}, "made": OFFICER | {"people_read", "people_change", "event_read", "record_read"}}
# What somebody of an agency may hold at all
AGENCY = OFFICER | {"alert_change", "register_change", "people_read", "people_change"}
ORGANISATIONS = {"so-a": None, "xa-a1": "so-a", "so-b": None, "xa-b1": "so-b"}
# Fields that bodies have sent elsewhere to become more than they are (mass assignment)
FORBIDDEN = """id version role rights organisation scope scopes person login password password_ms stored hash secret token link
link_until_ms builtin agency second_factor disabled admin is_admin created_ms updated_ms who at_ms seq state assignee reason verdict
lookback demonstration level count rule path file folder directory origin session cookie until_ms ended_ms matched parent system
name title_vi on text kind source value note confidence reset_factors __proto__ constructor Role ROLE role\u0000 ro\u006ce\u200b""".split()

PROVINCE = "organisations:\n" + "".join(f"  - {{id: {o}, name: {o}, kind: commune}}\n" for o in ORGANISATIONS) + \
           "systems:\n" + "".join(f"  - {{id: s-{o}, name: S, organisation: {o}, level: 2, hosts: [host-{o}]}}\n" for o in ORGANISATIONS)
RULE = """
title: Probe
id: 0f5c1b1e-8f0a-4c55-9d6e-0d9e6a1b7c01
status: test
logsource: {product: linux}
detection: {word: [probing], condition: word}
level: high
khien: {entity: [host.name]}
"""
began = time.monotonic()
folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
(folder / "probe.yml").write_text(RULE)
desk = Desk(register=PROVINCE, rules=folder).start()
desk.stop()
for child, parent in ORGANISATIONS.items():
    desk.sql(f"UPDATE organisation SET parent = NULLIF('{parent or ''}', '') WHERE id = '{child}'")
desk.start()
same = {"Sec-Fetch-Site": "same-origin"}
status, made, _ = desk.call("POST", "/api/v1/roles", {"id": "made", "title_vi": "Vai tự tạo", "rights": sorted(ROLES["made"])})
check("a role of our own", status == 201, made)


def reach(organisation):
    return {o for o, parent in ORGANISATIONS.items() if organisation in (None, o, parent)}


# --- who asks ---
callers = {}  # name -> (key, rights, organisation)
for role, rights in ROLES.items():
    callers[role] = (desk.api_key(role), rights, None)
for role, organisation in [("agency_officer", "so-a"), ("agency_officer", "xa-a1"), ("agency_officer", "so-b"), ("analyst", "so-a"),
                           ("operator", "so-a"), ("operator", "xa-b1"), ("auditor", "so-a"), ("made", "so-a"), ("made", "xa-a1")]:
    rights = OFFICER if role == "agency_officer" else ROLES[role]
    callers[f"{role} of {organisation}"] = (desk.agency_key(role, organisation), rights & AGENCY, organisation)
callers["nobody"], callers["a false key"] = (None, None, None), ("A" * 43, None, None)

# --- what is asked for: noun -> organisation (None: the desk's) -> id; "gone": there was one ---
desk.udp(*[sshd(f"host-{o}", "probing") for o in ORGANISATIONS], sshd("host-of-nobody", "probing"), sshd("host-that-goes", "probing"))
alerts = until(lambda: (p := desk.get("/api/v1/alerts")) and p["total"] == 6 and p["items"])
check("an alert for each", bool(alerts), desk.get("/api/v1/alerts"))
OBJECTS = {"alerts": {(a["organisation"] or {"id": None})["id"]: a["id"] for a in alerts}, "people": {}}
OBJECTS["alerts"].update({None: alerts[[a["entity"][0]["value"] for a in alerts].index("host-of-nobody")]["id"],
                          "gone": alerts[[a["entity"][0]["value"] for a in alerts].index("host-that-goes")]["id"]})
desk.sql(f"DELETE FROM alert WHERE id = {OBJECTS['alerts']['gone']}")
for organisation in (*ORGANISATIONS, None, "gone"):
    body = {"login": f"p{len(OBJECTS['people'])}", "name": "P", "role": "agency_officer" if organisation in ORGANISATIONS else "assessor"}
    if organisation in ORGANISATIONS:
        body["organisation"] = organisation
    OBJECTS["people"][organisation] = json.loads(desk.call("POST", "/api/v1/people", body)[1])["id"]
desk.sql(f"DELETE FROM person WHERE id = {OBJECTS['people']['gone']}")
OBJECTS["systems"] = {o: f"s-{o}" for o in ORGANISATIONS} | {"gone": "s-gone"}
OBJECTS["organisations"] = {o: o for o in ORGANISATIONS} | {"gone": "so-gone"}
OBJECTS["mergers"] = {"gone": 999999}
for into, other in (("so-a", "xa-a1"), ("so-b", "xa-b1")):
    OBJECTS["mergers"][into] = json.loads(desk.call("POST", "/api/v1/organisations/mergers", {"date": "2099-01-01", "into": into, "from": [other]})[1])["id"]
OF_SYSTEM = {"parties": {"role": "operator", "organisation": "so-a"}, "levels": {"level": 2, "day": "2026-09-01"},
             "applications": {"name": "x", "exposure": "internal"}, "layers": {"layer": "1", "state": "planned"},
             "devices": {"name": "x", "origin": "bought"}, "licences": {"kind": "domain", "subject": "x", "until_day": "2099-01-01"}}
PARTS = {}  # what stands for {part}: (noun, organisation) -> id
for organisation in ORGANISATIONS:
    status, contact, _ = desk.call("POST", f"/api/v1/organisations/{organisation}/contacts", {"name": "C", "phone": "0900 000 001"})
    PARTS["contacts", organisation] = json.loads(contact)["id"]
    for noun, body in OF_SYSTEM.items():
        status, answer, _ = desk.call("POST", f"/api/v1/systems/s-{organisation}/{noun}", body)
        PARTS[noun, organisation] = max((p["id"] for p in desk.get(f"/api/v1/systems/s-{organisation}")[noun]), default=0)
check("what systems are made of", all(PARTS.values()), PARTS)


def part_of(route, organisation):
    return str(PARTS.get((route[1].split("/{part}")[0].rsplit("/", 1)[-1], organisation), 0))
PERSON_RIGHTS = {None: ROLES["assessor"], "gone": set()}  # of the accounts; those of agencies have the officer's

# --- the table against the program's own ---
def noun_of(path):
    """What stands before {id}."""
    return path.split("/{id}")[0].rsplit("/", 1)[-1]


table = {}
for line in ROUTES.strip().splitlines():
    method, path, rights, whose, *fields = line.split()
    path = path if path.startswith("/") else "/api/v1/" + path
    table[method, path] = (set() if rights == "-" else set(rights.split("+")), whose, set(fields))
paths = desk.get("/api/v1/openapi.json")["paths"]
program = {(m.upper(), p): o for p, operations in paths.items() for m, o in operations.items()}
for method, path in sorted(set(program) - set(table)):
    check(f"{method} {path} has no row in tests/story/matrix.py: add one to ROUTES (rights, whose, fields)", False, program[method, path])
for method, path in sorted(set(table) - set(program)):
    check(f"{method} {path} is gone: take its row out of tests/story/matrix.py", False)
for route in sorted(set(table) & set(program)):
    o, (rights, whose, fields) = program[route], table[route]
    if "x-owner" not in o:
        check(f"{' '.join(route)} has no row in src/web/facts.def: add one (owner, fields)", False)
    elif (set(o["x-rights"]), o["x-owner"], set(o["x-fields"])) != (rights, whose, fields):
        check(f"{' '.join(route)}: the program says otherwise", False, (o["x-rights"], o["x-owner"], o["x-fields"]))
    noun = noun_of(route[1])
    if whose == "organisation" and "{id}" in route[1] and noun not in OBJECTS:
        check(f"{' '.join(route)}: tests/story/matrix.py knows no {noun}: add them to OBJECTS", False)
check(f"{len(table)} routes, each with a row", True)

# --- asking ---
local = threading.local()


def ask(method, path, key, body):
    headers = {**same, "If-Match": "999999"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None
    if body is not None:
        raw = isinstance(body, bytes)
        headers["Content-Type"] = "application/octet-stream" if raw else "application/json"
        data = body if raw else json.dumps(body)
    for attempt in range(3):
        try:
            if not getattr(local, "connection", None):
                local.connection = http.client.HTTPConnection("127.0.0.1", desk.http, timeout=30)
            local.connection.request(method, path, data, headers)
            answer = local.connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text or b"{}") if b"json" in (answer.headers["Content-Type"] or "").encode() else {}
        except (http.client.HTTPException, OSError):
            local.connection = None
    return 0, {}


def listens(key):
    with socket.create_connection(("127.0.0.1", desk.http), 5) as s:
        s.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + (f"Authorization: Bearer {key}\r\n".encode() if key else b"") + b"\r\n")
        return int(s.recv(64).split(b" ")[1]), {}


def expected(route, caller, organisation):
    """The status, or None: anything but a refusal."""
    rights, whose, _ = table[route]
    _, has, of = callers[caller]
    if not rights:
        return "open"
    if has is None:
        return 401
    if not rights <= has or (whose == "desk" and of):
        return 403
    if whose != "organisation" or "{id}" not in route[1]:
        return None
    if organisation == "gone" or (of and organisation not in reach(of)):
        return 404
    if "people" in route[1] and route[0] != "GET" and not (PERSON_RIGHTS.get(organisation, OFFICER) & (AGENCY if organisation else DESK)) <= has:
        return 403  # nobody changes who has more than he
    return None


def fits(want, status, answer):
    if want == "open":
        return status < 500 and answer.get("type") != "sign_in"
    if want is None:
        return 200 <= status < 500 and status not in (401, 403, 405)
    return status == want


def owners(route, answer):
    """Organisations that an answer tells of."""
    items = answer.get("items", [])
    if route[1].endswith("/organisations"):
        return {i["id"] for i in items}
    found = [i["organisation"] for i in items if "organisation" in i]
    return {o["id"] if isinstance(o, dict) else o for o in found}


BODIES = {("POST", "/api/v1/organisations/imports"): b"id\n", ("POST", "/api/v1/systems/imports"): b"id\n", ("PUT", "/api/v1/files/{id}/parts/{part}"): b"x"}
cells, wrong = [], []
for route in table:
    noun = noun_of(route[1])
    owned = table[route][1] == "organisation" and "{id}" in route[1]
    for caller in callers:
        for organisation, id in (OBJECTS.get(noun, {}) if owned else {None: "999999"}).items():
            cells.append((route, caller, organisation, route[1].replace("{id}", str(id)).replace("{part}", part_of(route, organisation))))


def run(cell):
    route, caller, organisation, path = cell
    body = BODIES.get(route, None if route[0] in ("GET", "DELETE") else {})
    if route[0] == "DELETE" and "{part}" in route[1] and expected(route, caller, organisation) is None:
        path = path.rsplit("/", 1)[0] + "/999999"  # what may be deleted stays, so that the rest has something to ask for
    status, answer = listens(callers[caller][0]) if path.endswith("/stream") else ask(route[0], path, callers[caller][0], body)
    want = expected(route, caller, organisation)
    if want is None and route[0] == "DELETE" and "{part}" in route[1] and status == 404:
        return None  # asked for one that is none: see below
    if not fits(want, status, answer):
        return (*cell, "want", want, "got", status, answer.get("type"))
    of = callers[caller][2]
    if status == 200 and of and route[0] == "GET" and not owners(route, answer) <= reach(of):
        return (*cell, "tells of", owners(route, answer) - reach(of))
    if status == 200 and of and route[1] in ("/api/v1/alerts", "/api/v1/people", "/api/v1/organisations", "/api/v1/systems") and \
            answer.get("total") != len(answer["items"]):
        return (*cell, "total", answer.get("total"))
    return None


with ThreadPoolExecutor(4) as pool:
    wrong = [w for w in pool.map(run, cells) if w]
check(f"{len(cells)} cells of route x caller x object, {len(wrong)} unexpected", len(cells) > 1500 and not wrong, "\n".join(map(str, wrong)))

left = [p for p in PARTS if p[0] != "contacts" and PARTS[p] not in [x["id"] for x in desk.get(f"/api/v1/systems/s-{p[1]}")[p[0]]]]
check("nothing is gone that was refused", not left, left)

# --- mass assignment ---
masses = []
for (method, path), (rights, whose, fields) in table.items():
    if "requestBody" not in program.get((method, path), {}) or (method, path) in BODIES:
        continue
    for name in [*(f for f in FORBIDDEN if f not in fields), *fields]:
        masses.append((method, path, name, name in fields))


def assign(mass):
    method, path, name, writable = mass
    noun = noun_of(path)
    url = path.replace("{id}", str(OBJECTS.get(noun, {}).get("so-a", "999999"))).replace("{part}", part_of((method, path), "so-a"))
    if path.endswith("/invitations") and writable:
        return None  # would be one more link
    status, answer = ask(method, url, desk.key, {name: None})
    said = status == 422 and answer.get("type") == "field_unknown"
    named = answer.get("field") == name or "\u0000" in name
    return (*mass, status, answer) if said == writable or (said and not named) or status in (200, 201, 204, 500) else None


with ThreadPoolExecutor(4) as pool:
    taken = [w for w in pool.map(assign, masses) if w]
check(f"{len(masses)} fields of bodies, {len(taken)} unexpected", len(masses) > 1000 and not taken, "\n".join(map(str, taken)))
print(f"# {len(cells) + len(masses)} cells in {time.monotonic() - began:.1f} s", flush=True)
check("nobody died of it", desk.healthy() and all(r["crashes"] == 0 for r in desk.get("/api/v1/status")["roles"]))
desk.close()
shutil.rmtree(folder)
done()
