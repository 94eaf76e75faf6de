# SPDX-License-Identifier: EUPL-1.2
"""An administrator who holds the key of the record can write another history and sign it. A second box that has seen the first
one refuses to sign the second, says so, and keeps the proof; the auditor's copy of what it saw does not fit the new record.
Work does not wait for a witness that is away, and a box that nobody can reach is cosigned by stick."""
import base64, sqlite3
import independent_log
from desk import *
from witness_box import Witness

desk = Desk(register=REGISTER)


def verify(*arguments):
    return subprocess.run([KHIEN, "verify", *map(str, arguments)], capture_output=True, text=True, env=LANG)


def witness_of():
    return desk.get("/api/v1/status")["record"]["witnesses"][0]


def write(text):
    began = time.monotonic()
    status = desk.call("POST", "/api/v1/exceptions", {"rule": "8f1c0d3e-0000-4000-8000-000000000000", "reason": text})[0]
    return status, time.monotonic() - began


desk.start()
key = desk.get("/api/v1/checkpoint")["key"]
origin = key.split("+")[0]
desk.stop()
witness = Witness(desk.folder, key).start()
check("a witness tells its own key", witness.key.startswith("khien-witness/") and witness.get("/key")[1].strip() == witness.key, witness.key)
check("and has seen nothing yet", witness.get(f"/seen/{origin}")[0] == 404)
desk.options += ["--witness", f"http://127.0.0.1:{witness.port} {witness.key}"]
desk.start()
check("a sixth role runs that may connect", "push" in desk.pids(), desk.pids())
head = until(lambda: (lambda h: h if h["witnesses"][0]["size"] == h["published"] > 0 else None)(desk.get("/api/v1/checkpoint")), 20)
check("the record is cosigned within seconds", head, desk.get("/api/v1/checkpoint"))
said = verify("--key", key, "--witness", witness.key, "--data", desk.data)
check("verify tells how far the witness vouches for it", said.returncode == 0 and f"cosigned all {head['published']}" in said.stdout, said.stdout + said.stderr)

# More is written, and an outsider checks the cosignature
desk.api_key("auditor")
until(lambda: witness_of()["size"] > head["published"], 25)
seen = witness.get(f"/seen/{origin}")[1]
size, root = independent_log.read_checkpoint(seen, key)
check("an independent reader agrees with what the witness has seen", size == witness_of()["size"] and
      root == independent_log.tree_root([independent_log.leaf_hash(e) for e in independent_log.check_log(desk.data / "record", key)[:size]]))
line = [l for l in seen.splitlines() if l.startswith(f"— {witness.key.split('+')[0]} ")][0]
blob = base64.b64decode(line.split(" ")[2])
body = seen.rsplit("\n\n", 1)[0] + "\n"
check("and with the cosignature (C2SP tlog-cosignature)", blob[:4].hex() == witness.key.split("+")[1] and
      independent_log.check_signature(base64.b64decode(witness.key.split("+", 2)[2])[1:],
                                      f"cosignature/v1\ntime {int.from_bytes(blob[4:12], 'big')}\n{body}".encode(), blob[12:]))

# The witness is away
witness.stop(signal.SIGKILL)
desk.api_key("auditor")
check("a witness that is away is shown with the time", until(lambda: witness_of()["failing_since_ms"], 25), witness_of())
began = time.monotonic()
statuses = {desk.call("GET", "/api/v1/status")[0] for _ in range(50)}
check("and nobody waits for it", statuses == {200} and time.monotonic() - began < 20, time.monotonic() - began)
said = verify("--key", key, "--witness", witness.key, "--data", desk.data)
check("verify tells what is newer than the last cosignature", said.returncode == 0 and "are newer" in said.stdout, said.stdout + said.stderr)
witness.start()
check("it remembers what it signed before it was killed", witness.get(f"/seen/{origin}")[1] == seen)
check("and signs again once it is back", until(lambda: (lambda w: w["failing_since_ms"] is None and w["size"] > size and w)(witness_of()), 60), witness_of())
desk.stop()

# What the protocol says, word for word
secret = (desk.data / "record.key").read_bytes()
entries = independent_log.check_log(desk.data / "record", key)
seen = witness.get(f"/seen/{origin}")[1]
size = independent_log.read_checkpoint(seen, key)[0]
now = independent_log.make_checkpoint(entries, key, secret)
more = independent_log.make_checkpoint(entries + [b"{}"], key, secret)
proof = independent_log.consistency(entries + [b"{}"], size)
other = now.replace(origin, "khien/" + "0" * 32)
table = [
    ("another old size", witness.add(0, [], now), 409, f"{size}\n"),
    ("a larger old size than the checkpoint", witness.add(len(entries) + 5, [], now), 400, None),
    ("an origin that it does not know", witness.add(size, [], other), 404, None),
    ("a signature of nobody", witness.add(size, [], now.replace(f"— {origin}", "— khien/nobody")), 403, None),
    ("a wrong signature", witness.add(size, [], now[:-8] + ("A" if now[-8] != "A" else "B") + now[-7:]), 403, None),
    ("a wrong proof", witness.add(size, [bytes(32)] * max(1, len(proof)), more), 422, None),
    ("no proof at all", witness.add(size, [], more), 422, None),
    ("leading zeros", witness.ask("/add-checkpoint", f"old 0{size}\n\n{now}".encode()), 400, None),
    ("garbage", witness.ask("/add-checkpoint", os.urandom(5000)), 400, None),
    ("nothing", witness.ask("/add-checkpoint", b""), 400, None),
    ("sixty-four lines of proof", witness.add(size, [bytes(32)] * 64, more), 400, None),
    ("too much", witness.ask("/add-checkpoint", b"old 0\n\n" + b"x" * 70000), 400, None),
]
for what, (status, text, kind), wanted, answer in table:
    check(f"add-checkpoint: {what}: {wanted}", status == wanted and (answer is None or (text == answer and kind == "text/x.tlog.size")), (status, text, kind))
check("a GET of it is refused", witness.get("/add-checkpoint")[0] == 405)
check("nothing of that moved it", witness.get(f"/seen/{origin}")[1] == seen)
if size < len(entries):
    check("the right proof does", witness.add(size, independent_log.consistency(entries, size), now)[0] == 200)
check("a checkpoint of the same size is signed again", witness.add(len(entries), [], now)[0] == 200)
seen = witness.get(f"/seen/{origin}")[1]
(desk.folder / "seen").write_text(seen, encoding="utf-8")

# By stick: a witness whom nothing reaches
stick, home = desk.folder / "stick", desk.folder / "home"
shutil.copytree(desk.data / "record", stick)


def by_stick(file):
    return subprocess.run([KHIEN, "witness", "--data", str(home), "--log", f"tỉnh={key}", "--file", str(file), "--name", "agency.example/w"],
                          capture_output=True, text=True, env=LANG)


first = by_stick(stick)
kept = list((stick / "cosigned").glob("*"))
stick_key_file = [p for p in kept if "agency.example/w" in p.read_text()]
check("a copy on a stick is cosigned", first.returncode == 0 and first.stdout.startswith("— agency.example/w ") and len(stick_key_file) == 1, first.stdout + first.stderr)
with subprocess.Popen([KHIEN, "witness", "--data", str(home), "--http", f"127.0.0.1:{free_port()}", "--log", key, "--name", "agency.example/w"],
                      stdout=subprocess.PIPE, text=True, env=LANG) as p:
    stick_key = p.stdout.readline().strip()
    p.terminate()
admin = subprocess.run([KHIEN, "admin", "cosign", "--data", str(desk.data), "--witness", stick_key, str(stick_key_file[0])], capture_output=True, text=True, env=LANG)
said = verify("--key", key, "--witness", stick_key, "--data", desk.data)
check("and its cosignature comes home", admin.returncode == 0 and said.returncode == 0 and "agency.example/w cosigned all" in said.stdout, admin.stderr + said.stdout)
check("garbage does not", subprocess.run([KHIEN, "admin", "cosign", "--data", str(desk.data), "--witness", stick_key, str(desk.log)], capture_output=True, env=LANG).returncode == 1)

# The administrator writes another history, with the real key, into everything that is his
victim = 1
forged = [e.replace(b"console", b"nobody!") if n == victim else e for n, e in enumerate(entries)]
assert forged != entries
shutil.rmtree(desk.data / "record")
independent_log.write_log(desk.data / "record", forged, key, secret)
db = sqlite3.connect(desk.data / "khien.db")
db.execute("UPDATE record SET entry = ? WHERE seq = ?", (forged[victim].decode(), victim + 1))
found = verify("--key", key, "--data", desk.data)
check("a log begun anew is not the one that the database knows", found.returncode == 1 and "BEGUN ANEW" in found.stdout, found.stdout + found.stderr)
root = independent_log.tree_root([independent_log.leaf_hash(e) for e in forged]).hex()
db.execute("UPDATE setting SET value = ? WHERE name = 'record_log'", (f"{origin} {len(forged)} {root}",))
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.close()
alone = verify("--key", key, "--data", desk.data)
check("who holds key, log and database deceives whoever looks at nothing else", alone.returncode == 0, alone.stdout + alone.stderr)
asked = verify("--key", key, "--witness", witness.key, "--data", desk.data)
check("but has no cosignature", asked.returncode == 1 and "no cosignature" in asked.stdout, asked.stdout)
asked = verify("--key", key, "--witness", witness.key, "--cosigned", desk.folder / "seen", "--data", desk.data)
check("and the witness's own copy convicts him", asked.returncode == 1 and "REWRITTEN" in asked.stdout, asked.stdout)
desk.start()
check("the witness refuses, and the desk says so to everybody", until(lambda: witness_of()["fault"] == "fork", 40), witness_of())
check("in its log too", "record.forked" in desk.log.read_text())
check("the witness says it and keeps the proof", until(lambda: "witness.fork" in witness.log.read_text() and list(witness.folder.glob("*.fork-*")), 10))
check("work goes on", desk.call("GET", "/api/v1/alerts")[0] == 200)
check("the witness stands by what it saw", witness.get(f"/seen/{origin}")[1] == seen)
desk.stop()
shutil.rmtree(stick)
shutil.copytree(desk.data / "record", stick)
again = by_stick(stick)
check("so does the one with the stick", again.returncode == 1 and "REFUSED" in again.stdout, again.stdout + again.stderr)

# Log and key thrown away and begun anew
shutil.rmtree(desk.data / "record")
(desk.data / "record.key").unlink()
desk.start()
record = desk.get("/api/v1/status")["record"]
check("a desk whose log is gone says so and makes no new one by itself", record["broken"] is True and record["fault"] == "record_anew" and
      not (desk.data / "record.key").exists(), record)
desk.stop()
found = verify("--data", desk.data)
check("so does verify", found.returncode == 1, found.stdout + found.stderr)
anew = subprocess.run([KHIEN, "admin", "record-anew", "--data", str(desk.data), "--reason", "ổ đĩa hỏng"], capture_output=True, text=True, env=LANG)
desk.start()
record = desk.get("/api/v1/status")["record"]
rows = desk.get("/api/v1/records?noun=records")["items"]
check("until a person decides it, and that is recorded", anew.returncode == 0 and record["broken"] is False and rows and
      rows[0]["entry"]["reason"] == "ổ đĩa hỏng" and rows[0]["entry"]["before"]["log"] == origin, (anew.stderr, record, rows))
check("to whom the old witness is no witness", until(lambda: witness_of()["error"] == "unknown_log", 30), witness_of())
check("the witness ends in order", witness.stop() == 0)
desk.close()
done()
