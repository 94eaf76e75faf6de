# SPDX-License-Identifier: EUPL-1.2
"""Rules change twenty times while counted lines arrive: every line is archived exactly once, a rule that nobody touched
finds each of them, a correlation goes on counting, and nobody waits for rules to be read. KHIEN_MORE_RULES: folders of rules
that stand beside, as `a:b`, so that thousands are read again each time."""
import threading
from desk import *

rounds = int(os.environ.get("KHIEN_RELOADS", "20"))
UNTOUCHED, TURNED, MANY = (f"0b5f8f5e-6f0a-4d53-9d7e-1f6f6b8c001{n}" for n in range(3))
folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
(folder / "rules.yml").write_text(f"""title: Untouched
id: {UNTOUCHED}
logsource: {{product: linux}}
detection: {{word: [canary], condition: word}}
level: low
---
title: Turned
id: {TURNED}
logsource: {{product: linux}}
detection: {{word: [probe], condition: word}}
level: low
---
title: Many
id: {MANY}
correlation: {{type: event_count, rules: [{UNTOUCHED}], group-by: [host.name], timespan: 1d, condition: {{gte: 1000}}, generate: true}}
level: high
""")
for n, more in enumerate(filter(None, os.environ.get("KHIEN_MORE_RULES", "").split(":"))):
    shutil.copytree(more, folder / str(n))
desk = Desk(rules=folder).start()
print(f"# {desk.get('/api/v1/status')['rules']}")
stop, sent, longest = False, 0, 0.0
relp = Relp(desk.relp)
lock = threading.Lock()


def load():
    global sent
    while not stop:
        with lock:
            while relp.txnr - len(relp.acked) < 50:
                relp.send(f"<13>Jan  1 00:00:00 host app: canary n{sent:07d}x".encode())
                sent += 1
            relp.read(0.01)
        time.sleep(0.02)


def watch():
    """How long the API makes somebody wait at most."""
    global longest
    while not stop:
        began = time.monotonic()
        desk.healthy()
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.02)


def fired(id):
    return desk.get(f"/api/v1/rules/{id}")["fired"]


def turn(on):
    version = desk.get(f"/api/v1/rules/{TURNED}")["version"]
    return desk.call("PATCH", f"/api/v1/rules/{TURNED}", {"on": on, "reason": "story"}, {"If-Match": f'"{version}"'})[0] == 200


def worker_pids():
    """Also one on its way in or out."""
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                argv = (entry / "cmdline").read_bytes().split(b"\0")
                if int(stat[1]) == desk.process.pid and stat[0] != "Z" and argv[1:3] == [b"role", b"worker"]:
                    yield int(entry.name)


threads = [threading.Thread(target=f, daemon=True) for f in (load, watch)]
for t in threads:
    t.start()
times, good = [], True
for n in range(rounds // 2):
    good &= turn(False)
    time.sleep(0.1)
    before, began = fired(TURNED), time.monotonic()
    good &= turn(True)

    def judged():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"<13>Jan  1 00:00:00 host app: probe", ("127.0.0.1", desk.syslog))
        return fired(TURNED) > before

    good &= bool(until(judged, 20, 0.02))
    times.append(time.monotonic() - began)
stop = True
for t in threads:
    t.join()
times.sort()
print(f"# from the PATCH to the first event judged by the new rules: median {times[len(times) // 2]:.2f} s, longest {times[-1]:.2f} s")
print(f"# longest wait for the API meanwhile: {longest:.2f} s; {sent} lines")
check(f"{rounds} changes came into force under load", good, desk.log.read_text()[-2000:])
last = relp.send(f"<13>Jan  1 00:00:00 host app: canary n{sent:07d}x".encode())
sent += 1
check("everything was acknowledged", relp.wait(last, 20) and len(relp.acked) == relp.txnr)
check("the untouched rule found each line once", until(lambda: fired(UNTOUCHED) >= sent, 60, 0.3) and fired(UNTOUCHED) == sent, (fired(UNTOUCHED), sent))
numbers = [e["text"].split("canary n")[1].split("x")[0] for e in desk.all_events("canary")]
check("every line is archived exactly once", len(numbers) == sent and len(set(numbers)) == sent, (len(numbers), len(set(numbers)), sent))
check("the correlation went on counting", sent < 1000 or fired(MANY) >= 1, (fired(MANY), sent))

# Core hangs, and meanwhile the rules change again and again: lines that wait for it are no suspects for that.
pids, probes = desk.pids(), fired(TURNED)
os.kill(pids["core"], signal.SIGSTOP)
waits = relp.send(b"<13>Jan  1 00:00:00 host app: probe waits for core")
taken, changed = relp.wait(waits), 0
for n in range(5):
    before = desk.pids().get("worker")
    os.kill(desk.process.pid, signal.SIGHUP)
    changed += bool(until(lambda: desk.pids().get("worker") != before and list(worker_pids()) == [desk.pids()["worker"]], 20))
os.kill(pids["core"], signal.SIGCONT)
check("the worker is replaced five times while core hangs", taken and changed == 5, (taken, changed))
check("the line that waited is found and judged", until(lambda: len(desk.all_events('"waits for core"')) == 1 and fired(TURNED) == probes + 1, 20, 0.2),
      (probes, fired(TURNED)))
time.sleep(2.5)  # collect and the screen's numbers tell each second or two
journal = desk.get("/api/v1/sources")["journal"]
check("and was not quarantined", journal["quarantined_blocks"] == 0 and journal["waiting_blocks"] == 0, journal)

status = desk.get("/api/v1/status")
check("no worker crashed", all(r["crashes"] == 0 for r in status["roles"]), status["roles"])
started = {r["role"] for r in status["roles"] if r["starts"]} - {"supervisor"}  # some roles are for those who ask for them
check("and none is left over", set(desk.pids()) == started, (desk.pids(), started))
relp.close()
desk.close()
shutil.rmtree(folder, ignore_errors=True)
done()
