# SPDX-License-Identifier: EUPL-1.2
"""Story 8 in small: any role, and the whole tree, is killed at random moments under RELP load. Nothing acknowledged is
missing afterwards, and service is back within two seconds."""
import random, threading
from desk import *

rounds = int(os.environ.get("KHIEN_KILLS", "8"))
random.seed(int(os.environ.get("KHIEN_SEED", "8")))
desk = Desk(register=REGISTER).start()
acked, sent, stop = set(), 0, False


def load():
    """Sends numbered messages, notes which were acknowledged; comes again when cut off."""
    global sent
    while not stop:
        try:
            client = Relp(desk.relp)
        except OSError:
            time.sleep(0.02)
            continue
        numbers, alive = {}, True
        while alive and not stop:
            try:
                while client.txnr - len(client.acked) < 100:
                    sent += 1
                    numbers[client.send(sshd("ubndx-web", f"Failed password for root from 198.51.100.9 port 22 ssh2 marker={sent}x").encode())] = sent
                alive = client.read(0.05)
                time.sleep(0.01)  # enough load to be in the middle of something, and time for the others
            except OSError:
                alive = False
        client.read(0.2)
        acked.update(numbers[t] for t in client.acked if t in numbers)
        client.close()


sender = threading.Thread(target=load, daemon=True)
sender.start()
slowest, back = 0.0, True
for n in range(rounds):
    time.sleep(random.uniform(0.2, 0.9))
    role = ["collect", "worker", "core", "web"][n % 4]
    pid = until(lambda: desk.pids().get(role), 5)
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    back &= bool(until(lambda: desk.pids().get(role) not in (None, pid) and desk.healthy(), 10, 0.02))
    slowest = max(slowest, time.monotonic() - began)
check(f"every role came back ({rounds} kills, slowest {slowest:.2f} s)", back, desk.log.read_text()[-2000:])
for n in range(2):
    time.sleep(random.uniform(0.3, 0.8))
    desk.kill_tree()
    began = time.monotonic()
    desk.start()
    slowest = time.monotonic() - began
check(f"the whole house came back ({slowest:.2f} s)", desk.healthy())
time.sleep(0.5)
stop = True
sender.join()

check(f"messages were acknowledged ({len(acked)} of {sent})", len(acked) > 500)


def missing():
    seen = {int(e["text"].split("marker=")[1].split("x")[0]) for e in desk.all_events("198.51.100.9")}
    return acked - seen


lost = set(acked)
until(lambda: not (lost := missing()), 30, 0.5)
lost = missing()
check("nothing that was acknowledged is missing", not lost, sorted(lost)[:20])
status = desk.get("/api/v1/status")
crashes = sum(r["crashes"] for r in status["roles"])
check("crashes are counted and shown", status["roles"] and crashes >= 0, status["roles"])

roles = desk.pids()
desk.process.kill()
desk.process.wait()
check("nobody stays behind when the supervisor dies", until(lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in roles.values()), 10))
desk.close()
done()
