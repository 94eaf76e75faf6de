# SPDX-License-Identifier: EUPL-1.2
"""What correlations remember outlives every kind of stop: four failures, a stop, the fifth -> one alert, and never two."""
import random, threading
from desk import *

RULE = """title: A failure
id: 6b0c2a52-5c1f-4a52-9f0a-2b6b7d0f0001
name: failure
logsource: {product: linux, service: sshd}
detection: {s: {event.action: ssh_login, event.outcome: failure}, condition: s}
---
title: %s
id: 6b0c2a52-5c1f-4a52-9f0a-2b6b7d0f0002
level: high
correlation: {type: event_count, rules: [failure], group-by: [source.ip], timespan: %s, condition: {gte: 5}}
"""
folder = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
(folder / "failure.yml").write_text(RULE % ("Five failures", "1h"))
desk = Desk(rules=folder).start()
addresses = iter(f"198.51.{a}.{b}" for a in range(100, 200) for b in range(1, 250))
relp = None


def failures(address, n):
    """n failures from the address, all of them acknowledged."""
    global relp
    while n:
        try:
            relp = relp or Relp(desk.relp)
            if relp.wait(relp.send(sshd("gw", f"Failed password for root from {address} port 22 ssh2").encode()), 5):
                n -= 1
                continue
        except OSError:
            pass
        relp = None
        time.sleep(0.05)


def status(part):
    return desk.get("/api/v1/status").get(part, {})


def updates():
    return status("correlations").get("updates", -1)


def alerts(address):
    found = desk.get(f"/api/v1/alerts?state=all&q={address}").get("items", [])  # .24 finds .240 too
    return [a["count"] for a in found if address in [e["value"] for e in a["entity"]]]


def applied(n, seconds=20):
    return until(lambda: updates() >= n, seconds)


def settled(address):
    """The alerts of an address, once the next one's failure has been applied too."""
    before = updates()
    failures(next(addresses), 1)
    applied(before + 1)
    return alerts(address)


def come_back(role):
    old = desk.pids().get(role)
    os.kill(old, signal.SIGKILL)
    until(lambda: desk.pids().get(role) not in (None, old) and desk.healthy())


def kill_house():
    desk.kill_tree()
    desk.start()


def stop_start():
    desk.stop()
    desk.start()


def reload():
    os.kill(desk.process.pid, signal.SIGHUP)
    time.sleep(1)


def renumber():
    """Another rule before ours: all numbers move, core has to read the rules again."""
    extra = folder / f"before_{len(list(folder.iterdir()))}.yml"
    extra.write_text(f"title: Another\nid: 6b0c2a52-5c1f-4a52-9f0a-2b6b7d0f01{len(list(folder.iterdir())):02}\nlogsource: {{product: linux}}\n"
                     "detection: {s: [nothing says this], condition: s}\n---\n"
                     f"title: Other\nid: 6b0c2a52-5c1f-4a52-9f0a-2b6b7d0f02{len(list(folder.iterdir())):02}\n"
                     "correlation: {type: event_count, rules: [failure], timespan: 1m, condition: {gte: 100000}}\n")
    reload()


ways = {"core is killed": lambda: come_back("core"), "the house is killed": kill_house, "worker is killed": lambda: come_back("worker"),
        "collect is killed": lambda: come_back("collect"), "SIGHUP": reload, "SIGHUP with other rules": renumber,
        "a stop and a start": stop_start}
for way, act in ways.items():
    address, at = next(addresses), updates()
    failures(address, 4)
    check(f"four failures make no alert ({way})", applied(at + 4) and not alerts(address), (at, updates(), alerts(address)))
    act()
    failures(address, 1)
    check(f"{way}, then the fifth: one alert", until(lambda: alerts(address), 20) and settled(address) == [1], alerts(address))
    act()
    check(f"{way}, and no second alert comes of what is replayed", settled(address) == [1], alerts(address))

address, at = next(addresses), updates()
failures(address, 2)
applied(at + 2)
desk.stop()  # this much is in the file ...
desk.start()
failures(address, 2)  # ... and this much in the journal
applied(at + 4)
kill_house()
failures(address, 1)
check("half of it in the file, half in the journal: one alert", until(lambda: alerts(address), 20) and settled(address) == [1], alerts(address))

# Under load, at random moments: every address fails five times, and has exactly one alert in the end.
random.seed(int(os.environ.get("KHIEN_SEED", "11")))
rounds, told, stop = int(os.environ.get("KHIEN_KILLS", "8")), [], False


def load():
    while not stop:
        address = next(addresses)
        failures(address, 5)
        told.append(address)


sender = threading.Thread(target=load, daemon=True)
sender.start()
for n in range(rounds):
    time.sleep(random.uniform(0.3, 1.2))
    random.choice([lambda: come_back("core"), kill_house, lambda: come_back("worker"), lambda: come_back("core"), reload, stop_start])()
time.sleep(0.5)
stop = True
sender.join()


def wrong():
    return [(a, alerts(a)) for a in told if alerts(a) != [1]]


until(lambda: not wrong(), 30, 0.5)
check(f"{rounds} kills, {len(told)} brute forces, one alert each", len(told) > 20 and not wrong(), wrong())

# What cannot be used is refused, said and counted; the desk goes on without it.
state = desk.data / "state" / "state.khi"
until(lambda: status("state")["written_ms"] and state.exists())
numbers = status("correlations")
check("memory is shown", numbers["keys"] > 0 and numbers["bytes"] > 0 and numbers["findings"] >= len(told), numbers)
_, metrics, _ = desk.call("GET", "/metrics")
check("and measured", all(b"khien_" + m in metrics for m in (b"correlation_updates_total ", b"correlation_late_total ", b"state_age_seconds ", b"state_bytes ")))
(folder / "failure.yml").write_text(RULE % ("Five failures", "2h"))
reload()
failures(next(addresses), 1)
check("a rule that asks something else begins anew, and that is counted", until(lambda: status("correlations").get("forgotten", 0) >= numbers["keys"] - 20, 10),
      status("correlations"))


def broken(name, change):
    desk.stop()
    change()
    desk.start()
    refused = until(lambda: status("state").get("refused", 0), 5)
    address = next(addresses)
    failures(address, 5)
    check(f"{name}: refused, said, counted, and the desk works", refused == 1 and "state.refused" in desk.log.read_text()
          and until(lambda: alerts(address) == [1], 20), (refused, alerts(address)))


def flip():
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 1
    state.write_bytes(data)


other = Desk(rules=folder).start()
until(lambda: (other.data / "state" / "state.khi").exists())
other.stop()
broken("a changed byte", flip)
broken("a torn file", lambda: state.write_bytes(state.read_bytes()[:-7]))
broken("an empty file", lambda: state.write_bytes(b""))
broken("the file of another desk", lambda: shutil.copy(other.data / "state" / "state.khi", state))
other.close()
desk.stop()
shutil.rmtree(desk.data / "state")
(desk.data / "state").write_text("in the way")
desk.start()
address = next(addresses)
failures(address, 5)
check("a file that cannot be written is counted, and the desk works", until(lambda: status("state")["failed"], 10) and until(lambda: alerts(address) == [1], 20),
      status("state"))
check("no role died of any of it but by our hand", not [l for l in desk.log.read_text().splitlines() if '"role.ended"' in l and '"signal":0' not in l and '"signal":9' not in l])
desk.close()
shutil.rmtree(folder, ignore_errors=True)
done()
