# SPDX-License-Identifier: EUPL-1.2
"""A look-back outlives what can happen to it. A rule that is in force makes one alert for each entity that names the day of
the attack, and none for what the worker has told. A killed role, a killed house, a stop by a person, hostile text: live
events go on, none is lost, and the hits are those of an undisturbed run."""
import threading
from back import *

now, LINES = time.time(), 40_000
rules = pathlib.Path(tempfile.mkdtemp(prefix="khien-rules-"))
shutil.copytree(SOURCE / "content/rules", rules, dirs_exist_ok=True)


# --- what lasts seconds by its nature runs beside the rest, on desks of their own
def expressions(document):
    """A rule of 250 expressions that look at every line for long and match none."""
    return f"title: E{document}\nlogsource: {{product: linux, service: sshd}}\ndetection:\n  s:\n    message|re:\n" + "".join(
        f"      - '(a|b|c|e)[^q]*[0-9][^z]{{2,9}}[a-f]{{{n % 7 + 2}}}[^a]{document}{n}'\n" for n in range(250)) + "  condition: s\n"


GREEDY = "---\n".join(expressions(n) for n in range(40))
seen = {}


def greedy():
    """A draft that eats the processor: what the worker does meanwhile, how the job ends, and what comes after it."""
    with contextlib.closing(Desk(register=TWO_HOSTS, rules=rules).start()) as other:
        filled = pour(other, days_of_lines(2000, now)) and stored(other, 2000)
        job = ask(other, kind="draft", text=GREEDY)[1]["id"]
        for _ in range(12):
            other.udp(sshd("ubndx-mail", "Failed password for root from 203.0.113.77 port 4242 ssh2"))
        told = until(lambda: [a for a in other.get("/api/v1/alerts")["items"] if a["rule"]["title"] == "SSH brute force"], 30)
        seen["greedy"] = filled, told, job_of(other, job), ended(other, job, 150), rule_check(other, WORDS)


def mute():
    """A role that stands still: somebody waits for the check of a rule."""
    with contextlib.closing(Desk(register=TWO_HOSTS, rules=rules).start()) as other:
        pid = until(lambda: other.pids().get("lookback"), 10)
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        answer = rule_check(other, WORDS)
        seconds = time.monotonic() - began
        os.kill(pid, signal.SIGCONT)
        seen["mute"] = seconds, answer, until(lambda: rule_check(other, WORDS)[0] == 200, 30)


beside = [threading.Thread(target=one, daemon=True) for one in (greedy, mute)]
for one in beside:
    one.start()

desk = Desk(register=TWO_HOSTS, rules=rules).start()
lines = days_of_lines(LINES, now)


want = len(scan(desk, WORDS, lines))
check("days of events are taken and stored", pour(desk, lines) and stored(desk, len(lines)))

# --- live events all the while
stop, sent, acked = False, 0, set()


def live():
    global sent
    while not stop:
        try:
            client, numbers = Relp(desk.relp), {}
        except OSError:
            time.sleep(0.05)
            continue
        with contextlib.suppress(OSError):
            alive = True
            while not stop and alive:
                sent += 1
                numbers[client.send(sshd("ubndx-web", f"Connection closed by 198.51.100.9 port 22 marker={sent}x").encode())] = sent
                alive = client.read(0.02)
            client.read(0.5)
        acked.update(numbers[t] for t in client.acked if t in numbers)
        client.close()


thread = threading.Thread(target=live, daemon=True)
thread.start()


def alerts():
    return [a for a in desk.get("/api/v1/alerts?state=all&limit=500")["items"] if a["rule"]["id"].endswith("00000000000a")]


# --- a rule that is in force
(rules / "words.yml").write_text(WORDS + "khien:\n  entity: [host.name]\n  title_vi: Không có người này\n")
desk.process.send_signal(signal.SIGHUP)
RULE = "6d1f0000-0000-4000-8000-00000000000a"
check("the rule is in force", until(lambda: ask(desk, kind="rule", rule=RULE, to_ms=1)[0] == 202, 20))
until(lambda: all(j["state"] == "done" for j in desk.get("/api/v1/lookbacks")["items"]), 30)
desk.udp(sshd("ubndx-web", "Invalid user admin7 from 203.0.113.7 port 4000"))
check("the worker tells of what comes now", until(lambda: len(alerts()) == 1 and not alerts()[0]["lookback"], 20), alerts())
job = ended(desk, ask(desk, kind="rule", rule=RULE)[1]["id"])
check(f"the look-back finds what came before, and now ({want} + 1)", job["state"] == "done" and job["findings"] == want + 1, brief(job))
check("what the worker told is not told again", job["told"] == 1 and job["alerts"] == 2, brief(job))
found = {a["entity"][0]["value"]: a for a in alerts() if a["lookback"] == job["id"]}
first = {host: next(n for n in range(0, LINES, 97) if ("ubndx-web" if n % 3 else "ubndx-mail") == host) for host in ("ubndx-web", "ubndx-mail")}
check("it has the rule's name in Vietnamese too", job["title_vi"] == "Không có người này", brief(job))
check("one alert for each machine", sorted(found) == sorted(first) and sum(a["count"] for a in found.values()) == want, found)
check("each names the day it began", all(abs(found[h]["first_ms"] - int(now - 9 * DAY + n * (8 * DAY / LINES)) * 1000) <= 1000 for h, n in first.items()),
      {h: (found[h]["first_ms"], first[h]) for h in found})
check("and whose it is", all(a["organisation"]["id"] == "xa-dong-tam" and a["system"]["id"] == "mot-cua" for a in found.values()), found)
again = ended(desk, ask(desk, kind="rule", rule=RULE)[1]["id"])
check("once more: all of it is told", again["findings"] == want + 1 == again["told"] and again["alerts"] == 0 and len(alerts()) == 3, brief(again))

# --- killed in the middle


def halfway(**wish):
    """A job that has written some of what it found, and whose role then stands still."""
    pid = until(lambda: desk.pids().get("lookback"), 10)
    job = ask(desk, **wish)[1]["id"]
    for _ in range(60):
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.15)
        now = job_of(desk, job)
        if now["state"] == "running" and 0 < now["blocks_done"] < now["blocks"]:
            break
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.004)
    check(f"it stands in the middle ({now['blocks_done']} of {now['blocks']} blocks)", now["state"] == "running" and now["blocks_done"] > 0, brief(now))
    return job, pid


job, pid = halfway(kind="draft", text=WORDS)
os.kill(pid, signal.SIGKILL)
check("the role comes back", until(lambda: desk.pids().get("lookback") not in (None, pid), 10))
got = ended(desk, job)
check("and the job goes on to the same end", got["state"] == "done" and got["findings"] == want + 1 and got["blocks_done"] == got["blocks"], brief(got))
job, pid = halfway(kind="draft", text=WORDS)
desk.kill_tree()
desk.start()
check("after the death of the house it is not forgotten", job_of(desk, job)["state"] in ("running", "done"), brief(job_of(desk, job)))
got = ended(desk, job)
check("to the same end", got["state"] == "done" and got["findings"] == want + 1 and sum(d["count"] for d in got["days"]) == want + 1, brief(got))
plain = ended(desk, ask(desk, kind="draft", text=CORRELATION, to_ms=int((now - DAY / 2) * 1000))[1]["id"])
job, pid = halfway(kind="draft", text=CORRELATION, to_ms=int((now - DAY / 2) * 1000))
os.kill(pid, signal.SIGKILL)
got = ended(desk, job)
check(f"a correlation begins again, to the same end ({plain['findings']})", got["state"] == "done" and got["findings"] == plain["findings"] > 100 and
      got["days"] == plain["days"], (brief(got), brief(plain)))
job, pid = halfway(kind="draft", text=WORDS)
status, _, _ = desk.call("DELETE", f"/api/v1/lookbacks/{job}", None, SAME)
check("a person stops one", status == 204 and job_of(desk, job)["state"] == "stopped", brief(job_of(desk, job)))
os.kill(pid, signal.SIGCONT)

# --- hostile text
bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
head = "title: T\nlogsource: {product: linux, service: sshd}\ndetection:\n"
HOSTILE = {
    "ten thousand values": (head + "  s:\n    message|contains:\n" + "".join(f"      - 'v{n}zz'\n" for n in range(10000)) + "  condition: s\n", None),
    "nested a hundred deep": (head + "  s: " + "[" * 100 + "a" + "]" * 100 + "\n  condition: s\n", "yaml_too_deep"),
    "parentheses": (head + "  s: {a: 1}\n  condition: " + "(" * 5000 + "s" + ")" * 5000 + "\n", ""),
    "a catastrophic expression": (head + "  s: {message|re: '^(a+)+(b*)*((c|cc)+)*$'}\n  condition: s\n", None),
    "an alias bomb": (bomb, "yaml_too_many"),
    "a missing placeholder": (head + "  s: {a|expand: '%nobody%'}\n  condition: s\n", "rule_placeholder"),
    "a megabyte": (head + "  s:\n    message|contains:\n" + "".join(f"      - '{'y' * 50}{n}'\n" for n in range(15000)) + "  condition: s\n", None),
    "nothing": ("   ", "rule_none"),
    "bytes": ("\x01\x02\ufffd: [", ""),
}
for name, (text, what) in HOSTILE.items():
    began = time.monotonic()
    status, answer = rule_check(desk, text)
    faults = [f["what"] for f in answer.get("faults", ["?"])]
    ok = status in (200, 413) and (faults == [] if what is None else faults != [] if what == "" else what in faults)
    check(f"checked: {name} ({time.monotonic() - began:.1f} s, {faults[:1]})", ok or (name == "a megabyte" and status == 413), (status, answer))

for one in beside:
    one.join(120)
filled, told, meanwhile, got, (status, answer) = seen["greedy"]
check("while greedy text is tried, the worker tells of an attack", filled and told and meanwhile["state"] in ("queued", "running"), brief(meanwhile))
check("the greedy text has an end, and it is said why", got["state"] == "failed" and got["faults"][0]["what"] == "lookback_slow", brief(got))
check("and the next check is answered", status == 200 and answer["faults"] == [], answer)
seconds, (status, answer), later = seen["mute"]
check(f"a check that nobody answers says so ({seconds:.0f} s)", status == 503 and answer["type"] == "again", (status, answer))
check("and later ones are answered again", later)

stop = True
thread.join(10)


def missing():
    return acked - {int(e["text"].split("marker=")[1].split("x")[0]) for e in desk.all_events("198.51.100.9 marker")}


until(lambda: not missing(), 20, 0.5)
check(f"no live event is lost ({len(acked)} of {sent})", len(acked) > 100 and not missing(), sorted(missing())[:9])
desk.close()
shutil.rmtree(rules, ignore_errors=True)
done()
