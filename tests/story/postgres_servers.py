# SPDX-License-Identifier: EUPL-1.2
"""PostgreSQL servers as they are run: over TLS with an authority of the province's own, on a disk that fills up, and in a pair of
which the second takes over. What was acknowledged is there afterwards, and counted once."""
import authority, cluster

if not cluster.programs() or not authority.available:
    print("1..0 # SKIP PostgreSQL or openssl is not installed")
    raise SystemExit
from desk import *

folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-servers-"))
folder.chmod(0o755)
rules = folder / "rules"
rules.mkdir()
(rules / "probe.yml").write_text("title: Probe\nid: 0f5c1b1e-8f0a-4c55-9d6e-0d9e6a1b7c01\nstatus: test\nlogsource: {product: linux}\n"
                                 "detection: {word: [probing], condition: word}\nlevel: high\nkhien: {entity: [source.ip]}\n")
servers = []


def new_server(**how):
    server = cluster.Cluster()
    servers.append(server)
    return server.make(**how)


def serve_refused(*options):
    ran = subprocess.run([KHIEN, "serve", "--data", str(folder / "other"), "--http", f"127.0.0.1:{free_port()}", *options],
                         capture_output=True, text=True, env=LANG, timeout=60)
    return ran.returncode, "".join(line + "\n" for line in ran.stderr.splitlines() if not line.startswith("{"))


class Counted:
    """A desk, and how many lines it was sent and has acknowledged."""

    def __init__(self, address):
        self.desk = Desk("--database", address, rules=rules).start()
        self.relp, self.sent = Relp(self.desk.relp), 0

    def send(self, count):
        for _ in range(count):
            self.sent += 1
            self.relp.send(sshd("ubndx-web", f"probing from 203.0.113.77 number {self.sent}x").encode())
            if self.sent % 20 == 0:
                self.relp.read(0.02)

    def count(self):
        return sum(a["count"] for a in self.desk.get("/api/v1/alerts").get("items") or [])

    def whole(self, what):
        acknowledged = self.relp.wait(self.relp.txnr, 30)
        counted = until(lambda: self.count() == self.sent, 30)
        stored = len(self.desk.all_events("probing"))
        check(f"{what}: acknowledged, stored, counted once", acknowledged and counted and stored == self.sent,
              (acknowledged, stored, self.count(), self.sent, self.desk.log.read_text()[-1200:]))

    def close(self):
        self.relp.close()
        check("the desk stops in order", self.desk.stop() == 0)
        ran = subprocess.run([KHIEN, "verify", "--data", str(self.desk.data)], capture_output=True, text=True, env=LANG)
        check("and its record is whole", ran.returncode == 0, ran.stdout + ran.stderr)
        self.desk.close()


try:
    # --- TLS ---
    own, other = authority.Authority(folder / "ca"), authority.Authority(folder / "other-ca")
    server, port = new_server(), free_port()
    server.stop()
    certificates = {"right": own.certificate("right", "DNS:localhost"), "name": own.certificate("name", "DNS:other.example"),
                    "expired": own.certificate("expired", "DNS:localhost", expired=True)}

    def start_with(certificate):
        for file, to in zip(certificate, ("server.crt", "server.key")):
            shutil.copy(file, server.data / to)
            os.chmod(server.data / to, 0o600)
            if server.user:
                shutil.chown(server.data / to, server.user)
        server.start()

    with open(server.data / "postgresql.conf", "a") as conf:
        conf.write(f"listen_addresses = '127.0.0.1'\nport = {port}\nssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'\n")
    (server.data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")

    def address(database, authority_file):
        return f"postgresql://khien@localhost:{port}/{database}?sslmode=verify-full&sslrootcert={authority_file}"

    start_with(certificates["name"])
    server.run("createdb", "-h", server.folder, "-p", str(port), "-U", "khien", "secured")
    for what, certificate, trusted, words in (("another name", "name", own.file, "does not match host name"),
                                              ("no longer good", "expired", own.file, "certificate verify failed"),
                                              ("an authority nobody knows", "right", other.file, "certificate verify failed")):
        server.stop()
        start_with(certificates[certificate])
        status, said = serve_refused("--database", address("secured", trusted))
        check(f"a server with a certificate of {what} is refused, in one sentence", status == 1 and words in said and said.count("\n") == 1, said)
    server.stop()
    start_with(certificates["right"])
    status, said = serve_refused("--database", address("secured", own.file).replace("verify-full", "disable"))
    check("a server that wants TLS takes nobody without", status == 1 and "no pg_hba.conf entry" in said, said)
    desk = Counted(address("secured", own.file))
    secured = server.run("psql", "-X", "-A", "-t", "-h", server.folder, "-p", str(port), "-U", "khien", "-d", "secured", "-c",
                         "SELECT count(*), bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.application_name = 'khien'").strip()
    check("every connection is over TLS", secured.endswith("|t") and int(secured.split("|")[0]) > 1, secured)
    desk.send(200)
    desk.whole("over TLS")
    server.stop("immediate")
    desk.send(50)
    server.start()
    desk.whole("the server fell and came back")
    desk.close()
    server.stop()

    # --- two servers of which one is in charge ---
    first, second = new_server(), cluster.Cluster()
    servers.append(second)
    shutil.rmtree(second.folder)
    os.mkdir(second.folder, 0o755)
    if second.user:
        shutil.chown(second.folder, second.user)
    second.run("pg_basebackup", "-D", second.data, "-h", first.folder, "-U", "khien", "-R", "-c", "fast")
    with open(second.data / "postgresql.conf", "a") as conf:
        conf.write(f"unix_socket_directories = '{second.folder}'\n")
    second.start()
    # Who takes over has everything that was promised
    first.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    first.psql("SELECT pg_reload_conf()")
    name = first.new_database()
    desk = Counted(f"postgresql://khien@/{name}?host={first.folder},{second.folder}&target_session_attrs=read-write")
    desk.send(200)
    desk.whole("with a standby")
    core = desk.desk.pids()["core"]
    desk.send(50)
    first.stop("immediate")
    desk.send(50)
    second.run("pg_ctl", "-D", second.data, "-w", "promote")
    check("core ends, and its successor connects to the other server",
          until(lambda: desk.desk.pids().get("core") not in (None, core) and desk.desk.healthy(), 30), desk.desk.log.read_text()[-1500:])
    desk.send(50)
    desk.whole("the other server took over")
    check("which is the one that is asked", int(second.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'khien'")) > 0)
    desk.close()

    # --- a full disk ---
    disk = folder / "disk"
    disk.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True).returncode == 0
    if mounted:
        try:
            (disk / "space").mkdir()
            shutil.chown(disk / "space", second.user)
            second.psql(f"CREATE TABLESPACE small LOCATION '{disk / 'space'}'")
            second.psql("CREATE DATABASE full_one TEMPLATE template0 ENCODING 'UTF8' TABLESPACE small")
            desk = Counted(second.address("full_one"))
            desk.send(50)
            desk.whole("before")
            with contextlib.suppress(OSError), open(disk / "ballast", "wb", buffering=0) as ballast:
                while ballast.write(b"x" * 4096):
                    pass
            # New rows until no page has room
            made, reason = [], "x" * 900
            for n in range(400):
                made.append(desk.desk.call("POST", "/api/v1/indicators", {"value": f"n{n}.example.net", "source": "story", "note": reason})[0])
                if made[-1] >= 500:
                    break
            check("a change that finds no room is refused as such", made[-1] in (503, 507), made[-3:])
            desk.desk.tcp(b"".join(b"<13>Jan  1 00:00:00 host%d app: probing\n" % n for n in range(3000)))
            stalled = until(lambda: (lambda s: s if s.get("stalled") == "full" else None)(desk.desk.get("/api/v1/status")), 30)
            check("the desk says that nothing is applied, and why", stalled and not desk.desk.healthy(), desk.desk.log.read_text()[-1500:])
            check("which stands in its log", '"core.stalled"' in desk.desk.log.read_text())
            desk.send(100)
            check("what comes meanwhile is kept: its disk is another", desk.relp.wait(desk.relp.txnr, 20))
            check("nothing of it is applied", desk.desk.get("/api/v1/status")["stalled"] == "full")
            (disk / "ballast").unlink()
            check("with room it goes on by itself", until(desk.desk.healthy, 40), desk.desk.get("/api/v1/status").get("stalled"))
            desk.sent += 3000
            desk.whole("after a full disk")
            desk.close()
            second.psql("DROP DATABASE full_one")
            second.psql("DROP TABLESPACE small")
        finally:
            subprocess.run(["umount", "-l", disk], check=False)
    else:
        check("a full disk of the server # SKIP nothing can be mounted here", True)
finally:
    for server in servers:
        server.close()
    shutil.rmtree(folder, ignore_errors=True)
done()
