# SPDX-License-Identifier: EUPL-1.2
"""One command keeps everything while the desk works, one brings it back on a bare machine: at random moments under load, and
what comes back has neither a hole nor anything twice. Altered backups are refused; an upgrade is undone by one command."""
import hashlib, random, re, sqlite3, threading
from desk import *

ROUNDS = int(os.environ.get("KHIEN_BACKUPS", "3"))
random.seed(int(os.environ.get("KHIEN_SEED", "7")))
RULE = """title: Marked line
id: 5b0c54a4-3f5c-4a53-9c0c-6b0a38f3a001
status: stable
logsource: {product: linux, service: sshd}
detection:
  selection: {message|contains: 'marker='}
  condition: selection
level: high
"""


def command(*words, expect=0):
    ran = subprocess.run([KHIEN, *map(str, words)], capture_output=True, text=True, env=LANG, timeout=120)
    if ran.returncode != expect:
        print(f"# {' '.join(map(str, words))}: {ran.returncode} {ran.stderr[-600:]}{ran.stdout[-300:]}")
    return ran


folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-backup-"))
rules = folder / "rules"
rules.mkdir()
(rules / "marked.yml").write_text(RULE)
desk = Desk(register=REGISTER, rules=rules).start()
vault = folder / "vault"
stop, changed = False, 0


def load():
    """Numbered lines through one connection: what is kept is a beginning of them, whatever moment it is."""
    client, number = Relp(desk.relp), 0
    while not stop:
        while client.txnr - len(client.acked) < 200:
            number += 1
            client.send(sshd("ubndx-web", f"Failed password for root from 198.51.100.9 port 22 ssh2 marker={number}x " +
                             hashlib.sha256(str(number).encode()).hexdigest() * 12).encode())
        client.read(0.01)
        time.sleep(0.1)
    client.close()


def change():
    """People work meanwhile."""
    global changed
    while not stop:
        alerts = desk.get("/api/v1/alerts?limit=1").get("items") or []
        for alert in alerts:
            status, _, _ = desk.call("PATCH", f"/api/v1/alerts/{alert['id']}", {"assignee": f"analyst{changed}"},
                                     {"If-Match": str(desk.get(f"/api/v1/alerts/{alert['id']}")["version"])})
            changed += status == 200
        time.sleep(0.1)


threads = [threading.Thread(target=f, daemon=True) for f in (load, change)]
for thread in threads:
    thread.start()
until(lambda: desk.get("/api/v1/status")["archive"]["events"] > 5000, 30)  # some are sealed, some are not
made = []
for n in range(ROUNDS):
    time.sleep(random.uniform(0.3, 1.5))
    seen = desk.get("/api/v1/status")["archive"]["events"]
    ran = command("backup", "--data", desk.data, "--to", vault)
    name = re.search(r"\d{8}T\d{6}Z", ran.stdout)
    made.append((name and name[0], seen, ran.returncode))
    time.sleep(1.1)  # names are of the second
stop = True
for thread in threads:
    thread.join()
key = (desk.data / "backup.key").read_text().strip()
check(f"{ROUNDS} backups under load", all(rc == 0 for _, _, rc in made), made)
check("people worked meanwhile", changed > 2, changed)
records = desk.get("/api/v1/records?noun=backups&limit=500")["items"]
check("the record tells of each", [r["noun_id"] for r in records][::-1] == [n for n, _, _ in made], records)
listed = command("restore", "--list", "--from", vault, "--key", key).stdout
check("they are listed by name", all(n in listed for n, _, _ in made), listed)
check("the desk shows how old the last one is", desk.get("/api/v1/status")["backup"]["last_ms"] > 1700000000000)
check("every piece is whole", " 0 broken" in command("backup", "--check", "--to", vault, "--key", key).stdout.replace("(0", " 0"))
checked = command("backup", "--check", "--to", vault, "--data", desk.data)
check("the desk's own key opens them", checked.returncode == 0, checked.stderr)
check("nothing of the events can be read in the vault",
      not any(b"marker=" in p.read_bytes() or b"Failed password" in p.read_bytes() for p in vault.rglob("*") if p.is_file()))
desk.stop()


def come_back(name, seen):
    """Restore on a bare machine and ask the desk there."""
    other = Desk(rules=rules)
    other.data.rmdir()
    ran = command("restore", "--from", vault, "--data", other.data, "--key", key, "--backup", name)
    if ran.returncode:
        return f"restore: {ran.stderr}"
    other.start()
    count = lambda: sum(a["count"] for a in other.get("/api/v1/alerts")["items"])
    numbers = []

    def agree():
        """The journal is handled when two looks at the alerts, and the list of events between them, say the same."""
        before = count()
        numbers[:] = [int(e["text"].split("marker=")[1].split("x")[0]) for e in other.all_events("198.51.100.9")]
        return seen <= before == len(numbers) == count()
    until(agree, 60) or agree()  # on a machine that others fill one look alone may take the minute
    found, whole = count(), sorted(numbers) == list(range(1, len(numbers) + 1))
    assignee = other.get("/api/v1/alerts")["items"][0]["assignee"]
    recorded = other.get("/api/v1/records?noun=alerts&limit=1")["items"]
    recorded = json.dumps(other.get(f"/api/v1/records/{recorded[0]['seq']}")) if recorded else ""
    other.udp(sshd("ubndx-web", "Failed password for root from 198.51.100.9 port 22 ssh2 marker=0x"))
    goes_on = until(lambda: count() == found + 1, 10)
    other.stop()
    verified = command("verify", "--data", other.data)
    wrong = {"hole or twice": not whole, "older than asked": len(numbers) < seen, f"findings {found} of {len(numbers)}": found != len(numbers),
             f"record {recorded}, desk {assignee}": (assignee or "") not in recorded,
             "does not go on": not goes_on, f"record: {verified.stdout}{verified.stderr}": verified.returncode}
    other.close()
    return [k for k, v in wrong.items() if v]


for name, seen, _ in made:
    check(f"backup {name} comes back whole, and the desk goes on", not (wrong := come_back(name, seen)), wrong)

# --- altered ---


def refused(what, alter):
    """A copy of the vault, altered; the newest backup must not come back from it."""
    copy, target = folder / "altered", folder / "target"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(vault, copy)
    alter(copy)
    ran = subprocess.run([KHIEN, "restore", "--from", copy, "--data", target, "--key", key], capture_output=True, text=True, env=LANG)
    dead = subprocess.run([KHIEN, "serve", "--data", target, "--http", f"127.0.0.1:{free_port()}"], capture_output=True, text=True,
                          env=LANG, timeout=20).returncode if target.exists() and any(target.iterdir()) else 1
    return check(f"{what}: refused, and nothing runs on the half", ran.returncode == 1 and ran.stderr and dead == 1, ran.stderr + ran.stdout)


def pieces(copy):
    return sorted((p for p in copy.glob("pieces/*/*")), key=lambda p: -p.stat().st_size)


def flip(path, at=None):
    data = bytearray(path.read_bytes())
    data[random.randrange(len(data)) if at is None else at] ^= 1 << random.randrange(8)
    path.write_bytes(data)


def exchange(a, b):
    x, y = a.read_bytes(), b.read_bytes()
    a.write_bytes(y), b.write_bytes(x)


lists = lambda copy: sorted(copy.glob("lists/*"))
# pieces that only the newest backup names: the newest files
newest = lambda copy: sorted(pieces(copy), key=lambda p: p.stat().st_mtime_ns)
refused("a flipped bit of the list", lambda c: flip(lists(c)[-1]))
refused("yesterday's list under today's name", lambda c: shutil.copy(lists(c)[0], lists(c)[-1]))
refused("a list cut short", lambda c: lists(c)[-1].write_bytes(lists(c)[-1].read_bytes()[:-7]))
refused("a flipped bit of the database", lambda c: [flip(p) for p in newest(c)[-6:]])
refused("pieces that changed places", lambda c: exchange(newest(c)[-1], newest(c)[-2]))
refused("a piece taken away", lambda c: newest(c)[-1].unlink())
refused("a piece of nothing", lambda c: newest(c)[-1].write_bytes(b""))
wrong_key = command("restore", "--from", vault, "--data", folder / "none", "--key", key[::-1], expect=1)
check("a mistyped key is told as such", "backup key" in wrong_key.stderr, wrong_key.stderr)
other_key = command("backup", "--data", folder, "--to", vault, expect=1)
check("another desk's key opens nothing", "another key" in other_key.stderr, other_key.stderr)
(folder / "backup.key").unlink()

# --- old ones go ---
before = len(pieces(vault))
ran = command("backup", "--data", desk.data, "--to", vault, "--keep", "2")
check("old backups go when asked to, and the rest stays whole", len(lists(vault)) == 2 and len(pieces(vault)) < before + 3 and
      command("backup", "--check", "--to", vault, "--key", key).returncode == 0, ran.stdout)

# --- by itself ---
alone = Desk("--backup-to", str(folder / "nightly"), rules=rules).start()
came = until(lambda: (alone.get("/api/v1/status").get("backup") or {}).get("last_ms"), 30, 0.5)
check("a desk that was told where makes its backup by itself", came, alone.log.read_text()[-1500:])
own = (alone.data / "backup.key").read_text().strip()
check("which comes back like any other", command("restore", "--from", folder / "nightly", "--data", folder / "again", "--key", own).returncode == 0)
check("and no key ends in a log", own not in alone.log.read_text() and own not in alone.out.read_text())
alone.close()

# --- an upgrade, and back ---
WORDS = {"{ID}": "INTEGER PRIMARY KEY", "{INT}": "INTEGER", "{BLOB}": "BLOB", "{STRICT}": "STRICT"}
steps = sorted((SOURCE / "src/store/schema").glob("*.sql"))


def store_of(step, path):
    """A database as that release left it."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE schema_version (number INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT")
        for number, file in enumerate(steps[:step], 1):
            sql = file.read_text()
            for token, word in WORDS.items():
                sql = sql.replace(token, word)
            db.executescript(sql)
            db.execute("INSERT INTO schema_version VALUES (?, ?)", (number, hashlib.sha256(file.read_bytes()).hexdigest()))
        db.execute("INSERT INTO setting VALUES ('told', 'before the upgrade')")
        db.commit()


old = len(steps) - 1
upgraded = Desk(rules=rules)
store_of(old, upgraded.data / "khien.db")
upgraded.start()
upgraded.stop()


def told(path):
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT max(number) FROM schema_version").fetchone()[0], db.execute(
            "SELECT value FROM setting WHERE name = 'told'").fetchone()[0]


check("the upgrade went forward", told(upgraded.data / "khien.db") == (len(steps), "before the upgrade"))
ran = command("rollback", "--data", upgraded.data)
check("one command brings the database back", told(upgraded.data / "khien.db") == (old, "before the upgrade"), ran.stdout + ran.stderr)
check("the newer one stays beside", told(upgraded.data / f"khien.db.after-{len(steps):03d}")[0] == len(steps))
ran = command("rollback", "--data", upgraded.data, expect=1)
check("there is no way further back", "before an upgrade" in ran.stderr, ran.stderr)
upgraded.start()
check("and forward again", upgraded.healthy())
ran = command("rollback", "--data", upgraded.data, expect=1)
check("not while it runs", "another Khien uses" in ran.stderr, ran.stderr)
upgraded.close()
desk.close()
shutil.rmtree(folder, ignore_errors=True)
done()
