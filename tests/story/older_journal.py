# SPDX-License-Identifier: EUPL-1.2
"""The folder of the journal is lost, or an older one is put back beside a newer archive: what comes from then on is found,
once, and the desk says that something may be missing."""
from desk import *

desk = Desk().start()
journal, older = desk.data / "journal", desk.folder / "older"
sent = 0


def tell(lines):
    """Each line in a block of its own."""
    global sent
    relp = Relp(desk.relp)
    ok = all(relp.wait(relp.send(b"<13>Jan  1 00:00:00 host app: canary n%07dx" % (sent + n))) for n in range(lines))
    relp.close()
    sent += lines
    return ok


def found():
    return sorted(e["text"].split("canary n")[1].split("x")[0] for e in desk.all_events("canary"))


def all_found():
    return until(lambda: len(found()) >= sent, 20, 0.2) and found() == ["%07d" % n for n in range(sent)]


def gap():
    state = until(lambda: (s := desk.get("/api/v1/sources")["journal"])["commits"] > 0 and s["waiting_blocks"] == 0 and s, 10, 0.2)
    check("nothing waits", state, desk.get("/api/v1/sources"))
    return state and state["gap"]


check("a first start", tell(3) and all_found(), found())
check("has no gap", gap() == "")
desk.stop()
shutil.copytree(journal, older)
desk.start()
check("what comes after the copy", tell(30) and all_found(), found())
check("has none either", gap() == "")
desk.stop()

shutil.rmtree(journal)
desk.start()
check("without its journal the desk takes and finds lines", tell(5) and all_found(), found())
check("and says that the journal is new", gap() == "new" and "collect.journal_new" in desk.log.read_text())
desk.stop()

shutil.rmtree(journal)
shutil.copytree(older, journal)
desk.start()
check("with an older journal too, each line once", tell(5) and all_found(), found())
check("and says that it is older", gap() == "older" and "collect.journal_behind" in desk.log.read_text())
os.kill(desk.pids()["core"], signal.SIGKILL)
check("also when core comes anew", until(desk.healthy) and tell(5) and all_found(), found())
desk.stop()
desk.start()
check("the next start finds everything in order", tell(5) and all_found(), found())
check("and nothing more to say", gap() == "")

# Lines that were taken before core could say what it holds.
desk.stop()
shutil.rmtree(journal)
shutil.copytree(older, journal)
desk.process = None
with open(desk.log, "ab") as log, open(desk.out, "wb") as out:
    desk.process = subprocess.Popen(desk.command(), stdout=out, stderr=log, env=LANG)
    core = until(lambda: desk.pids().get("core"), 10, 0.0005)
    os.kill(core, signal.SIGSTOP)
taken = until(lambda: tell(5), 10, 0.02)
os.kill(core, signal.SIGCONT)
until(desk.healthy, 20)
check("lines taken before core spoke are found, once", taken and all_found(), found())
check("and moved to other numbers", '"moved":0' not in [l for l in desk.log.read_text().splitlines() if "journal_behind" in l][-1],
      [l for l in desk.log.read_text().splitlines() if "journal_behind" in l])
desk.close()
done()
