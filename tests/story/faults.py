# SPDX-License-Identifier: EUPL-1.2
"""What stops the desk says so in one clear sentence and a non-zero exit; what only hinders it is visible and passes."""
import threading
from desk import *

desk = Desk().start()


def refused(name, *options, data=None):
    command = [KHIEN, "serve", "--data", str(data or desk.folder / "other"), *options]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, env=LANG)
    said = [l for l in run.stderr.splitlines() if l and not l.startswith("{")]
    check(name, run.returncode not in (0, -9, -11) and len(said) == 1, f"{run.returncode}: {run.stderr}")


refused("port in use", "--http", f"127.0.0.1:{desk.http}")
refused("data folder in use", "--http", f"127.0.0.1:{free_port()}", data=desk.data)
refused("data folder cannot be made", "--http", f"127.0.0.1:{free_port()}", data="/proc/nowhere/khien")
refused("an address that is none", "--http", "no-such-address")
refused("an unknown option", "--htpp", "127.0.0.1:1")
refused("a door that is not built yet says so", "--beats", f"127.0.0.1:{free_port()}")
(desk.folder / "other").mkdir(exist_ok=True)
(desk.folder / "other" / "khien.yaml").write_text("retention-days: many\n")
refused("a fault in khien.yaml", "--http", f"127.0.0.1:{free_port()}")
broken = desk.folder / "r.yaml"
broken.write_text("organisations:\n  - {id: A B, name: x, kind: commune}\n")
(desk.folder / "third").mkdir()
refused("a fault in the register", "--http", f"127.0.0.1:{free_port()}", "--register", str(broken), data=desk.folder / "third")

# What came with the program is damaged: the desk works, and says what it works without
check("nothing is wrong with what came with the program", desk.get("/api/v1/status")["content_faults"] == 0)
moved = desk.folder / "moved"
(moved / "build").mkdir(parents=True)
shutil.copy(KHIEN, moved / "build" / "khien")
shutil.copytree(SOURCE / "content", moved / "content")
(moved / "content/indicators/warning.yaml").write_text("lists: [")
(moved / "content/law" / "zz.yaml").write_text("instrument: {id: x}\nrules: 5\n")
without = Desk(program=moved / "build" / "khien").start()
faults = without.get("/api/v1/status")["content_faults"]
check("a law and a warning list that cannot be read are counted where everybody looks", faults >= 2, faults)
without.close()

# Slow and ambiguous HTTP clients
def raw_http(data, seconds=5):
    with socket.create_connection(("127.0.0.1", desk.http), 5) as s:
        s.sendall(data)
        s.settimeout(seconds)
        got = b""
        with contextlib.suppress(OSError):
            while part := s.recv(65536):
                got += part
        return got


ambiguous = {
    "Content-Length with Transfer-Encoding": b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two Content-Length": b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
    "Content-Length +4": b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\n{}",
    "two Host": b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "no Host": b"GET /api/v1/health HTTP/1.1\r\n\r\n",
    "unknown transfer coding": b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "blank before the colon": b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
}
for name, data in ambiguous.items():
    got = raw_http(data + b"GET /api/v1/health HTTP/1.1\r\nHost: smuggled\r\n\r\n")
    check(f"refused and closed: {name}", b" 200 " not in got.split(b"\r\n")[0] and got.count(b"HTTP/1.1 ") <= 1, got[:400])
got = raw_http(b"HEAD /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\nGET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
check("HEAD has no body that a client could take for the next answer", got.split(b"\r\n\r\n")[1].startswith(b"HTTP/1.1 200"), got)
check("a header of 100 KB is refused", b" 200 " not in raw_http(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100000 + b"\r\n\r\n")[:20])
check("a body of 2 MB is refused", b" 413 " in raw_http(b"POST /api/v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")[:20])

# Sixty clients that send a line a second; what follows goes on meanwhile, on a desk of its own
door, answered = desk, []


def dawdle():
    slow = [socket.create_connection(("127.0.0.1", door.http), 5) for _ in range(60)]
    began, dead = time.monotonic(), 0
    while time.monotonic() - began < 40 and dead < len(slow):
        dead = 0
        for n, s in enumerate(slow):
            try:
                s.sendall((b"GET / HTTP/1.1\r\n" if time.monotonic() - began < 1 and n % 2 else b"X-%d: y\r\n" % n))
                s.setblocking(False)
                if s.recv(1) == b"":
                    dead += 1
            except BlockingIOError:
                pass
            except OSError:
                dead += 1
        answered.append(door.healthy())
        time.sleep(1)
    answered.append((dead == len(slow), time.monotonic() - began))


dawdling = threading.Thread(target=dawdle, daemon=True)
dawdling.start()

# The database cannot be written for a while: nothing is lost, nothing counted twice, and it goes on by itself.
import sqlite3
folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
(folder / "one.yml").write_text("title: Canary\nid: 0b5f8f5e-6f0a-4d53-9d7e-1f6f6b8c0001\nlogsource: {product: linux}\n"
                                "detection:\n  word: [canary]\n  condition: word\nlevel: high\n")
desk = Desk(rules=folder).start()
relp = Relp(desk.relp)
other = sqlite3.connect(desk.data / "khien.db", isolation_level=None)
other.execute("BEGIN IMMEDIATE")
for i in range(100):
    relp.send(b"<13>Jan  1 00:00:00 host app: canary %d" % i)
    time.sleep(0.02)
time.sleep(3)
other.execute("ROLLBACK")
other.close()


def counted():
    return sum(a["count"] for a in desk.get("/api/v1/alerts?state=all").get("items", []))


check("what waited for the database is applied", until(lambda: counted() == 100, 30), counted())
(folder / "one.yml").write_text((folder / "one.yml").read_text().replace("Canary", "Canary two"))
(folder / "an_earlier_one.yml").write_text((folder / "one.yml").read_text().replace("0001", "0002").replace("canary", "nothing"))
os.kill(desk.pids()["core"], signal.SIGKILL)
relp.send(b"<13>Jan  1 00:00:00 host app: canary 100")
check("rules edited before core starts anew: its worker reads them too", until(lambda: counted() == 101, 30), counted())
check("and no finding goes to another rule", {a["rule"]["id"][-1] for a in desk.get("/api/v1/alerts?state=all")["items"]} == {"1"})
ahead = json.dumps({"timestamp": "2093-01-01T00:00:00+0000", "event_type": "alert", "host": "h", "alert": {"signature": "canary"}})
relp.send(b"<13>Jan  1 00:00:00 host suricata: " + ahead.encode())
until(lambda: counted() == 102, 30)
last = max(a["last_ms"] for a in desk.get("/api/v1/alerts?state=all")["items"])
check("a clock seventy years ahead does not date an alert", counted() == 102 and last < (time.time() + 86400) * 1000, last)
other = sqlite3.connect(desk.data / "khien.db", isolation_level=None)
other.execute("BEGIN IMMEDIATE")
relp.send(b"<13>Jan  1 00:00:00 host app: canary 102")
time.sleep(4)
desk.stop()
other.execute("ROLLBACK")
other.close()
desk.start()
check("alerts that could not be written before the stop are written after the next start", until(lambda: counted() == 103, 30), counted())
desk.tcp(b"".join(b"<13>Jan  1 00:00:00 host%d app: canary\n" % i for i in range(5000)))
check("five thousand machines at once are five thousand alerts",
      until(lambda: desk.get("/api/v1/alerts?limit=1").get("total", 0) >= 5000, 60), desk.get("/api/v1/alerts?limit=1").get("total"))
relp.close()
dawdling.join(60)
closed, seconds = answered.pop()
check(f"clients that send a line a second are closed within the limit ({seconds:.0f} s)", closed)
check("and others are served meanwhile", answered and all(answered), answered)
door.close()
desk.close()
shutil.rmtree(folder, ignore_errors=True)
done()
