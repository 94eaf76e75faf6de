# SPDX-License-Identifier: EUPL-1.2
"""The desk on PostgreSQL. The server falls over under load, again and again: whoever was cut off comes back, nothing that was
acknowledged is missing and nothing is counted twice. Nobody works on another database than the rest, no password stands where
others read it, no two desks share one."""
import random, sqlite3
import cluster

if not cluster.programs():
    print("1..0 # SKIP PostgreSQL is not installed")
    raise SystemExit
server = cluster.Cluster()
from desk import *

RULES = """
title: Probe
id: 0f5c1b1e-8f0a-4c55-9d6e-0d9e6a1b7c01
status: test
logsource: {product: linux}
detection: {word: [probing], condition: word}
level: high
khien: {entity: [source.ip]}
"""
random.seed(int(os.environ.get("KHIEN_SEED", "6")))
folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
(folder / "probe.yml").write_text(RULES)


def khien(*arguments):
    done = subprocess.run([KHIEN, *map(str, arguments)], capture_output=True, text=True, env=LANG, timeout=60)
    return done.returncode, done.stdout + done.stderr


try:
    server.make()
    os.environ["KHIEN_STORY_CLUSTER"] = str(server.folder)
    desk = Desk(register=REGISTER, rules=folder).start()
    address = server.address(desk.database)
    check("no file of SQLite is made", not (desk.data / "khien.db").exists() and (desk.data / "database").read_text().strip() == address)

    # One database, whoever asks
    status, out = khien("admin", "api-key", "--data", desk.data, "--role", "analyst")
    check("a command finds it by the folder alone", status == 0 and desk.call("GET", "/api/v1/alerts", key=out.strip())[0] == 200, out)
    status, out = khien("admin", "api-key", "--data", desk.data, "--role", "analyst", "--database", server.address("postgres"))
    check("another is refused, the right one named", status == 1 and desk.database in out, out)
    for secret in ("postgresql://khien:hushhush@localhost/x", "postgresql://khien@localhost/x?password=hushhush"):
        status, out = khien("serve", "--data", desk.folder / "other", "--database", secret)
        check("a password in the address is refused and not repeated", status == 1 and "PGPASSFILE" in out and "hushhush" not in out, out)
    status, out = khien("serve", "--data", desk.folder / "other", "--database", f"postgresql://khien@/none?host={server.folder}",
                        "--http", f"127.0.0.1:{free_port()}")
    check("a database that is not there is named in the server's words", status == 1 and "none" in out, out)
    status, out = khien("serve", "--data", desk.folder / "second", "--database", address, "--http", f"127.0.0.1:{free_port()}")
    check("a second desk on the same database is refused", status == 1 and "another Khien" in out, out)

    # The server falls over under load
    relp, sent = Relp(desk.relp), 0
    for n in range(6):
        for _ in range(random.randint(40, 160)):
            sent += 1
            relp.send(sshd("ubndx-web", f"probing from 203.0.113.77 number {sent}x").encode())
            if sent % 20 == 0:
                relp.read(0.02)
        core = desk.pids().get("core")
        if n % 2:
            server.stop("immediate")
            time.sleep(random.uniform(0, 0.5))
            server.start()
        else:  # in the middle of whatever it does, a commit as well
            server.psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'khien'")
        check("core ends and is started again", until(lambda: desk.pids().get("core") not in (None, core) and desk.healthy(), 20),
              desk.log.read_text()[-1500:])
    check("everything is acknowledged", relp.wait(relp.txnr, 30) and len(relp.acked) >= sent, (len(relp.acked), sent))
    check("everything is stored", until(lambda: len(desk.all_events("probing")) == sent, 20), (len(desk.all_events("probing")), sent))
    count = until(lambda: (a := desk.get("/api/v1/alerts")["items"]) and a[0]["count"] == sent, 20)
    check("and counted once", count, (desk.get("/api/v1/alerts")["items"][:2], sent))
    check("which is said in the log", desk.log.read_text().count("database.lost") >= 3, desk.log.read_text()[-1500:])
    status, out = khien("verify", "--data", desk.data)
    check("the record agrees with its table", status == 0, out)

    # The server is away for longer than a start takes
    desk.tcp(b"<38>1 2026-11-22T10:00:00+07:00 ubndx-web sshd 1 - - probing from 203.0.113.77 while it is away\n")
    server.stop("fast")
    status = until(lambda: not desk.pids().get("core"), 10)
    desk.tcp(b"<38>1 2026-11-22T10:00:01+07:00 ubndx-web sshd 1 - - probing from 203.0.113.77 nobody home\n")
    time.sleep(1)
    server.start()
    check("what came meanwhile is there when it is back", until(lambda: desk.healthy() and len(desk.all_events("probing")) == sent + 2, 30),
          desk.log.read_text()[-1500:])
    # A backup of it beside its work needs no server to come back
    status, out = khien("backup", "--data", desk.data, "--to", desk.folder / "kept")
    check("a backup is made while it serves", status == 0 and desk.healthy(), out)
    status, out = khien("restore", "--from", desk.folder / "kept", "--data", desk.folder / "back", "--key", (desk.data / "backup.key").read_text().strip())
    check("and comes back", status == 0, out)
    status, out = khien("verify", "--data", desk.folder / "back")
    check("with the record that belongs to it", status == 0, out)
    with contextlib.closing(sqlite3.connect(desk.folder / "back" / "khien.db")) as db:
        rows = db.execute("SELECT sum(count) FROM alert").fetchone()[0]
    check("and every alert, in a file of its own", rows == sent + 2 and not (desk.folder / "back" / "database").exists(), rows)

    check("the desk stops in order", desk.stop() == 0)

    # Home into a file, and out again
    status, out = khien("admin", "database-copy", "--data", desk.data, "--to", "file")
    check("the rows come home into a file", status == 0 and (desk.data / "khien.db").exists() and not (desk.data / "database").exists(), out)
    server.stop("fast")
    desk.options = [o for o in desk.options if o not in ("--database", address)]
    desk.start()
    check("with every alert, without a server", desk.get("/api/v1/alerts")["items"][0]["count"] == sent + 2, desk.get("/api/v1/alerts"))
    desk.stop()
    status, out = khien("verify", "--data", desk.data)
    check("and the record agrees", status == 0, out)
    server.start()
    status, out = khien("admin", "database-copy", "--data", desk.data, "--to", address)
    check("a database that is in use is not written over", status == 1 and "already in use" in out and (desk.data / "khien.db").exists(), out)
    empty = server.address(desk.server.new_database())
    status, out = khien("admin", "database-copy", "--data", desk.data, "--to", empty)
    check("they move to an empty one", status == 0 and (desk.data / "database").read_text().strip() == empty, out)
    desk.start()
    check("and the desk goes on there", desk.get("/api/v1/alerts")["items"][0]["count"] == sent + 2, desk.get("/api/v1/alerts"))
    desk.stop()
    status, out = khien("verify", "--data", desk.data)
    check("with the same record", status == 0, out)

    # An upgrade, and back
    WORDS = {"{ID}": "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", "{INT}": "BIGINT", "{BLOB}": "BYTEA", "{STRICT}": "", " TEXT": ' TEXT COLLATE "C"'}
    steps = sorted((SOURCE / "src/store/schema").glob("*.sql"))
    old, name = len(steps) - 1, desk.server.new_database()
    sql = "CREATE TABLE schema_version (number BIGINT PRIMARY KEY, digest TEXT NOT NULL);"
    for number, file in enumerate(steps[:old], 1):
        text = file.read_text()
        for token, word in WORDS.items():
            text = text.replace(token, word)
        sql += f"{text};INSERT INTO schema_version VALUES ({number}, '{hashlib.sha256(file.read_bytes()).hexdigest()}');"
    server.psql(sql + "INSERT INTO setting VALUES ('told', 'before the upgrade')", name)
    server.psql("CREATE TABLE not_ours (n INT); INSERT INTO not_ours VALUES (7)", name)

    def told():
        return server.psql("SELECT max(number) || ' ' || (SELECT value FROM setting WHERE name = 'told') || ' ' || "
                           "(SELECT count(*) FROM api_key) FROM schema_version", name)

    del os.environ["KHIEN_STORY_CLUSTER"]
    upgraded = Desk("--database", server.address(name), rules=folder)
    upgraded.start()
    check("the upgrade went forward, and what was there is kept before it",
          told() == f"{len(steps)} before the upgrade 1" and (upgraded.data / f"khien.db.before-{old:03d}").exists(), told())
    status, out = khien("rollback", "--data", upgraded.data)
    check("no rollback while the desk runs", status == 1 and "another Khien uses" in out, out)
    upgraded.stop()
    status, out = khien("rollback", "--data", upgraded.data)
    check("one command brings the rows of the server back", status == 0 and told() == f"{old} before the upgrade 0", (out, told()))
    check("what is not ours is left alone", server.psql("SELECT n FROM not_ours", name) == "7")
    with contextlib.closing(sqlite3.connect(upgraded.data / f"khien.db.after-{len(steps):03d}")) as db:
        check("the newer one stays beside, as a file", db.execute("SELECT count(*) FROM api_key").fetchone()[0] == 1)
    left = {p.name for p in upgraded.data.glob("khien.db*")}
    check("and no half of anything", left == {f"khien.db.after-{len(steps):03d}"}, left)
    status, out = khien("rollback", "--data", upgraded.data)
    check("there is no way further back", status == 1 and "before an upgrade" in out, out)
    upgraded.key = None
    upgraded.start()
    check("and forward again", upgraded.healthy() and told() == f"{len(steps)} before the upgrade 1", told())
    upgraded.close()
    desk.close()
finally:
    server.close()
done()
