# SPDX-License-Identifier: EUPL-1.2
"""What the stories share: a real `khien serve` on free ports, senders for its doors, its API, and TAP."""
import base64, contextlib, hashlib, hmac, json, os, pathlib, random, shutil, signal, socket, sqlite3, struct, subprocess, sys, tempfile, time, urllib.error, urllib.request

import cluster

KHIEN = os.environ.get("KHIEN", "build/khien")
SOURCE = pathlib.Path(os.environ.get("KHIEN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
LANG = {**os.environ, "LANG": "en_US.UTF-8", "LC_ALL": "en_US.UTF-8"}

CRASHES = signal.SIGSYS, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE

_number = 0
_failed = False


def check(name, ok, detail=""):
    global _number, _failed
    _number += 1
    if not ok:
        _failed = True
        for line in str(detail).splitlines()[:20]:
            print(f"# {line}")
    print(f"{'ok' if ok else 'not ok'} {_number} - {name}", flush=True)
    return ok


def done():
    print(f"1..{_number}")
    sys.exit(1 if _failed else 0)


def free_port():
    """A port nobody listens on, from below those the kernel hands out by itself: a story beside this one, or a connection
    of its own, does not take it before the program under test has bound it. 10080 is one that Chromium refuses."""
    while True:
        with socket.socket() as s:
            port = random.randrange(10_100, 32_000)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def until(fn, seconds=15, pause=0.05):
    """The first true answer of fn within the time, else its last answer."""
    end = time.monotonic() + seconds
    while True:
        try:
            got = fn()
        except (OSError, urllib.error.URLError, ConnectionError, json.JSONDecodeError):
            got = None
        if got or time.monotonic() > end:
            return got
        time.sleep(pause)


def app_code(secret, step=0):
    """What an authenticator app shows now, or some steps later."""
    mac = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + step), hashlib.sha1).digest()
    at = mac[19] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7FFFFFFF) % 1000000)


class Relp:
    """A RELP client that knows which messages were acknowledged."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 5)
        self.txnr, self.buffer = 0, b""
        self.acked = set()
        self.command("open", b"relp_version=0\nrelp_software=story\ncommands=syslog")
        self.wait(1)

    def command(self, word, data):
        self.txnr += 1
        self.sock.sendall(b"%d %s %d%s%s\n" % (self.txnr, word.encode(), len(data), b" " if data else b"", data))
        return self.txnr

    def send(self, message):
        return self.command("syslog", message)

    def read(self, timeout):
        """Take the answers that are there. False when the connection is gone."""
        self.sock.settimeout(timeout)
        try:
            part = self.sock.recv(65536)
        except (TimeoutError, socket.timeout):
            return True
        except OSError:
            return False
        self.buffer += part
        while True:
            head = self.buffer.split(b" ", 3)
            if len(head) < 3:
                break
            line = self.buffer.split(b"\n", 1)[0]
            try:
                size = int(line.split(b" ")[2])
            except (IndexError, ValueError):
                break
            whole = len(line.split(b" ")[0]) + 1 + len(line.split(b" ")[1]) + 1 + len(line.split(b" ")[2]) + (1 + size if size else 0) + 1
            if len(self.buffer) < whole:
                break
            txnr, _, _ = line.split(b" ")[:3]
            if self.buffer[:whole].find(b" 200") > 0:
                self.acked.add(int(txnr))
            self.buffer = self.buffer[whole:]
        return bool(part)

    def wait(self, txnr, seconds=10):
        end = time.monotonic() + seconds
        while txnr not in self.acked and time.monotonic() < end:
            if not self.read(0.2):
                return False
        return txnr in self.acked

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()


def database_server():
    """None, or in a run of postgres.py the server on which each desk has a database of its own."""
    folder = os.environ.get("KHIEN_STORY_CLUSTER")
    return cluster.Cluster(folder) if folder else None


class Desk:
    """`khien serve` in a folder of its own. Ports stay the same over restarts."""

    def __init__(self, *options, register=None, rules=None, program=KHIEN):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-story-"))
        self.data, self.program = self.folder / "data", program
        self.data.mkdir()
        self.http, self.syslog, self.relp = free_port(), free_port(), free_port()
        self.options = list(options)
        if register:
            (self.folder / "register.yaml").write_text(register, encoding="utf-8")
            self.options += ["--register", str(self.folder / "register.yaml")]
        if rules != "":  # the empty word: those that came with the program, found by itself
            self.options += ["--rules", str(rules or SOURCE / "content/rules")]
        self.server, self.database = database_server(), None
        if self.server:
            self.database = self.server.new_database()
            self.options += ["--database", self.server.address(self.database)]
        self.process, self.key, self.log, self.out = None, None, self.folder / "log", self.folder / "out"

    def command(self):
        return [str(self.program), "serve", "--data", str(self.data), "--http", f"127.0.0.1:{self.http}",
                "--syslog-udp", f"127.0.0.1:{self.syslog}", "--syslog-tcp", f"127.0.0.1:{self.syslog}",
                "--relp", f"127.0.0.1:{self.relp}", *self.options]

    def start(self):
        with open(self.log, "ab") as log, open(self.out, "wb") as out:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=log, env=LANG)
        if not until(self.healthy, 20):
            raise SystemExit(f"Bail out! the desk did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
        if not self.key:
            self.key = self.api_key("operator")
        return self

    def api_key(self, role):
        made = subprocess.run([KHIEN, "admin", "api-key", "--data", str(self.data), "--role", role, *self.database_option()],
                              capture_output=True, text=True, env=LANG)
        return made.stdout.strip()

    def agency_key(self, role, organisation):
        """A key that belongs to an agency: what its officers' programs would have."""
        key = self.api_key(role)
        digest = hashlib.sha256(key.encode()).hexdigest()
        assert self.sql(f"UPDATE api_key SET organisation = '{organisation}' WHERE hash = '{digest}' RETURNING hash") == [[digest]]
        return key

    def database_option(self):
        return ["--database", self.server.address(self.database)] if self.server else []

    def healthy(self):
        return self.get("/api/v1/health")["status"] == "ok"

    def pids(self):
        """role -> pid, from the process table: children of the supervisor."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError, IndexError):
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                argv = (entry / "cmdline").read_bytes().split(b"\0")
                if int(stat[1]) == self.process.pid and stat[0] != "Z" and argv[1] == b"role":
                    found[argv[2].decode()] = int(entry.name)
        return found

    def kill_tree(self):
        for pid in [self.process.pid, *self.pids().values()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds=15):
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill_tree()
            return None

    def close(self):
        if self.process and self.process.poll() is None:
            self.stop()
        died = [line for line in self.log.read_text(errors="replace").splitlines()
                if '"role.ended"' in line and any(f'"signal":{int(s)},' in line for s in CRASHES)]
        if died:  # its successor hides it from all that comes after
            check("no process crashed or asked for more than its sandbox allows", False, "\n".join(died))
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, statement):
        """What a second program would ask of the database: rows as lists of texts."""
        if self.server:
            return [line.split("|") for line in self.server.psql(statement, self.database).splitlines()]
        with contextlib.closing(sqlite3.connect(self.data / "khien.db", timeout=10)) as db, db:
            return [[str(c) for c in row] for row in db.execute(statement)]

    # --- its API ---

    def call(self, method, path, body=None, headers=None, key=True):
        raw = isinstance(body, bytes)
        data = body if raw or body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data=data, method=method)
        if key:
            request.add_header("Authorization", f"Bearer {self.key if key is True else key}")
        if body is not None:
            request.add_header("Content-Type", "application/octet-stream" if raw else "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60 if raw else 20) as answer:  # noqa
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as e:
            return e.code, e.read(), e.headers

    def get(self, path):
        status, body, _ = self.call("GET", path)
        return json.loads(body) if status == 200 else {"status": status, **json.loads(body or b"{}")}

    def all_events(self, query="", seconds=60):
        """Every event a query finds, page by page."""
        cursor, found = "", []
        while True:
            page = self.get(f"/api/v1/events?limit=500&q={urllib.parse.quote(query)}&cursor={cursor}")
            found += page["items"]
            if not page.get("next"):
                return found
            cursor = page["next"]

    # --- its doors ---

    def udp(self, *lines):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for line in lines:
                s.sendto(line if isinstance(line, bytes) else line.encode(), ("127.0.0.1", self.syslog))

    def tcp(self, data):
        with socket.create_connection(("127.0.0.1", self.syslog), 5) as s:
            s.sendall(data)


REGISTER = """
organisations:
  - {id: xa-dong-tam, name: "UBND xã Đồng Tâm", kind: commune, contact: {name: "Nông Thị H.", phone: "0900 000 001", email: "h@dongtam.example"}}
systems:
  - {id: mot-cua, name: "Một cửa điện tử", organisation: xa-dong-tam, level: 2, networks: [10.21.4.0/24], hosts: [ubndx-web]}
"""


def sshd(host, text, pid=4242, when=None):
    stamp = time.strftime("%b %e %H:%M:%S", time.gmtime((when or time.time()) + 7 * 3600))  # a clock in Viet Nam
    return f"<38>{stamp} {host} sshd[{pid}]: {text}"
