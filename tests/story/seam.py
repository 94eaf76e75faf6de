# SPDX-License-Identifier: EUPL-1.2
"""A desk comes back from a backup that is older than what its witness has seen. It says so, with how many entries are missing and
what to do; the record goes on in a new log that begins with the one before, and whoever verifies it is shown the seam."""
import independent_log
from desk import *
from witness_box import Witness

desk = Desk(register=REGISTER)


def command(*words):
    ran = subprocess.run([KHIEN, *map(str, words)], capture_output=True, text=True, env=LANG, timeout=60)
    return ran.returncode, ran.stdout + ran.stderr


def witness_of():
    return desk.get("/api/v1/status")["record"]["witnesses"][0]


def cosigned():
    head = desk.get("/api/v1/checkpoint")
    return head if head["witnesses"][0]["size"] == head["published"] > 0 else None


def write(count):
    for n in range(count):
        made = desk.call("POST", "/api/v1/indicators", {"value": f"n{n}.example.net", "source": "story"})
        assert made[0] in (200, 201), made


desk.start()
key = desk.get("/api/v1/checkpoint")["key"]
origin = key.split("+")[0]
desk.stop()
witness = Witness(desk.folder, key).start()
desk.options += ["--witness", f"http://127.0.0.1:{witness.port} {witness.key}"]
desk.start()
kept = until(cosigned, 20)
check("the record is cosigned", kept, desk.get("/api/v1/checkpoint"))
vault = desk.folder / "vault"
status, out = command("backup", "--data", desk.data, "--to", vault)
check("a backup is made", status == 0, out)
backup_key = (desk.data / "backup.key").read_text().strip()
write(5)
desk.stop()
desk.start()  # what is new is shown to the witness at once
seen = until(cosigned, 20)
check("more is written, and cosigned", seen and seen["published"] >= kept["published"] + 5, (kept, desk.get("/api/v1/checkpoint")))
(desk.folder / "seen").write_text(witness.get(f"/seen/{origin}")[1], encoding="utf-8")
desk.stop()

# The machine is lost; what comes back is older
shutil.rmtree(desk.data)
status, out = command("restore", "--from", vault, "--data", desk.data, "--key", backup_key)
check("restore says what a witness may say", status == 0 and "khien admin record-anew" in out, out)
desk.start()
behind = until(lambda: (lambda w: w if w["fault"] == "ahead" else None)(witness_of()), 20)
shared = next(n for n, e in enumerate(independent_log.check_log(desk.data / "record", key)) if b'"action":"restore"' in e)
missing = seen["published"] - shared
check("the desk says how much its witness has seen, and how much of it is not here",
      behind and behind["seen"] == seen["published"] and behind["missing"] == missing > 0, (witness_of(), seen["published"], shared))
said = [json.loads(line) for line in desk.log.read_text().splitlines() if "record.behind" in line]
check("its log says it once, and what to do", len(said) == 1 and said[0]["missing"] == missing and said[0]["remedy"] == "khien admin record-anew", said)
check("work goes on", desk.call("GET", "/api/v1/alerts")[0] == 200)
write(8)  # by now there are more entries than the witness has seen: other ones
until(lambda: desk.get("/api/v1/checkpoint")["published"] > seen["published"])
desk.stop()
desk.start()
check("what is written instead makes nothing whole", until(lambda: witness_of()["fault"] == "ahead", 20) and witness_of()["missing"] == missing, witness_of())
status, out = command("admin", "record-anew", "--data", desk.data, "--reason", "x")
check("not while the desk runs", status == 1 and "another Khien uses" in out, out)
last = desk.get("/api/v1/checkpoint")["published"]
desk.stop()

# One command, and it is an entry
status, out = command("admin", "record-anew", "--data", desk.data, "--reason", "khôi phục sau hỏng đĩa")
check("one command goes on in a new log", status == 0, out)
desk.start()
head = desk.get("/api/v1/checkpoint")
rows = desk.get("/api/v1/records?noun=records")["items"]
told = rows[0]["entry"] if rows else {}
check("which says where the one before ended, what a witness has seen of it, and why",
      told.get("before", {}).get("log") == origin and told["before"]["entries"] >= last and told["reason"] == "khôi phục sau hỏng đĩa" and
      told["before"]["seen"] == {"witness": witness.key.split("+")[0], "entries": seen["published"], "missing": missing}, told)
check("the old witness does not know the new log yet", until(lambda: witness_of()["error"] == "unknown_log", 20), witness_of())
witness.stop()
witness.keys = (key, head["key"])
witness.start()
desk.stop()
desk.start()
check("told its key, it accepts", until(cosigned, 20) and witness_of()["fault"] == "", witness_of())
check("and has no proof against anybody but the log that was left", all(origin in p.read_text() for p in witness.folder.glob("*.fork-*")))
desk.stop()

# Whoever verifies sees the seam
entries = independent_log.check_log(desk.data / "record", head["key"])
root = independent_log.tree_root([independent_log.leaf_hash(e) for e in entries[:told["before"]["entries"]]]).hex()
check("an outsider finds the log before as the beginning of this one", root == told["before"]["root"], told)
status, out = command("verify", "--key", head["key"], "--witness", witness.key, "--data", desk.data)
check("verify explains it", status == 0 and "SEAM: at entry" in out and "they are the beginning" in out and
      f"had seen {seen['published']} entries of that log; {missing} of them are not here" in out and "cosigned all" in out, out)
status, out = command("verify", "--key", head["key"], "--witness", witness.key, "--cosigned", desk.folder / "seen", "--data", desk.data)
check("asked with what the witness saw before, it names what is missing", status == 1 and "MISSING" in out and "REWRITTEN" not in out, out)
(desk.folder / "kept").write_text(next(f.read_text() for f in sorted(desk.data.glob("record.before-*/cosigned/*"))), encoding="utf-8")
status, out = command("verify", "--key", head["key"], "--witness", witness.key, "--cosigned", desk.folder / "kept", "--data", desk.data)
check("what it saw before the backup is here", status == 0 and "in a log before this one" in out, out)

# A seam that hides a change is none
copy = desk.folder / "copy"
shutil.copytree(desk.data / "record", copy)
secret = (desk.data / "record.key").read_bytes()
shutil.rmtree(copy / "tile")
independent_log.write_log(copy, [e.replace(b"n1", b"n2") if n < shared + 8 else e for n, e in enumerate(entries)], head["key"], secret)
status, out = command("verify", "--key", head["key"], copy)
check("who changes what came before the seam is found", status == 1 and "NOT the beginning" in out, out)
witness.stop()
desk.close()
done()
