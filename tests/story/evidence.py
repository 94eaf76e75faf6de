# SPDX-License-Identifier: EUPL-1.2
"""Stored events and files handed in are evidence: the record knows each sealed block and each file, an independent reader of
the journal comes to the same roots, and whoever flips a byte, drops, swaps or adds one is named, whoever he is."""
import hashlib, random, sqlite3
import independent_evidence, independent_log
from desk import *

swept = pathlib.Path(tempfile.mkdtemp(prefix="khien-sweep-"))
desk = Desk("--sweep", str(swept), register=REGISTER)
SHELL = ("<?php @ev" + "al($_PO" + "ST['x']); ?>").encode()
rng = random.Random(20261122)


def verify(*arguments):
    return subprocess.run([KHIEN, "verify", *map(str, arguments)], capture_output=True, text=True, env=LANG)


def send(mark, n):
    before = desk.get("/api/v1/status")["archive"]["events"]
    desk.udp(*[sshd("ubndx-web", f"Failed password for invalid user {mark}{i} from 203.0.113.{i % 200} port {51000 + i} ssh2") for i in range(n)])
    return until(lambda: desk.get("/api/v1/status")["archive"]["events"] >= before + n)


def hand_in(name, data):
    status, body, _ = desk.call("POST", "/api/v1/files", {"name": name, "size": len(data)})
    item = json.loads(body)
    request = urllib.request.Request(f"http://127.0.0.1:{desk.http}/api/v1/files/{item['id']}/parts/0", data=data, method="PUT")
    request.add_header("Authorization", f"Bearer {desk.key}")
    request.add_header("Content-Type", "application/octet-stream")
    urllib.request.urlopen(request, timeout=30).read()
    return item["id"], desk.call("POST", f"/api/v1/files/{item['id']}/complete")[0]


# Three sealed blocks: each stop seals what is open
(swept / "shell.php").write_bytes(SHELL)
desk.start()
files = [hand_in("một.bin", b"one " * 1000), hand_in("hai.bin", rng.randbytes(5000)), hand_in("ba.bin", b"gone soon")]
check("three files are handed in", [s for _, s in files] == [200, 200, 200], files)
check("one of them is removed again", until(lambda: desk.call("DELETE", f"/api/v1/files/{files[2][0]}")[0] == 204, 60))
until(lambda: desk.get("/api/v1/yara").get("here"), 60)
status, body, _ = desk.call("POST", "/api/v1/sweeps", {"folder": str(swept)})
check("a sweep finds something", until(lambda: desk.get("/api/v1/sweeps")["items"][0]["state"] == "done" and
      desk.get("/api/v1/sweeps")["items"][0]["matches"] == 1, 60), body)
for mark in ("a", "b", "c"):
    send(mark, 60)
    desk.stop()
    if mark != "c":
        desk.start()
desk.start()
key = desk.get("/api/v1/checkpoint")["key"]
head = until(lambda: (lambda h: h if h["published"] == h["entries"] else None)(desk.get("/api/v1/checkpoint")))
whole = verify("--key", key, "--data", desk.data)
check("all of it is what was received, while the desk runs", whole.returncode == 0 and "byte for byte" in whole.stdout and
      "2 files" in whole.stdout and "1 hits" in whole.stdout, whole.stdout + whole.stderr)
desk.stop()

entries = independent_log.check_log(desk.data / "record", key)
sealed = list(independent_evidence.sealed_of(entries))
check("the record knows three sealed blocks and more", len(sealed) >= 3, sealed)
if shutil.which("zstd"):
    journal = independent_evidence.read_journal(desk.data / "journal")
    check("an independent reader of the journal comes to the same roots", all(independent_evidence.check_sealed(s, journal) for s in sealed), sealed)
    changed = dict(journal)
    first = next(n for n in range(sealed[0][1], sealed[0][2] + 1) if n in journal)
    changed[first] = journal[first][:-1] + bytes([journal[first][-1] ^ 1])
    check("and to another when one byte is", not independent_evidence.check_sealed(sealed[0], changed))
else:
    check("an independent reader of the journal # SKIP no zstd command", True)

before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in desk.data.rglob("*") if p.is_file()}
check("verify says yes to the folder at rest", verify("--key", key, "--data", desk.data).returncode == 0)
after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in desk.data.rglob("*") if p.is_file()}
check("and leaves every file as it was, and no other behind", before == after, set(before) ^ set(after))


def found(name, path, wanted=None):
    """Whether verify says no; the bytes of `path` come back."""
    bytes_ = before[path][0]
    said = verify("--key", key, "--data", desk.data)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes_)
    good = said.returncode == 1 and (wanted is None or any(w in said.stdout + said.stderr for w in wanted))
    return good or (name, said.returncode, said.stdout, said.stderr)


def flip_all(name, paths, rounds, wanted=None):
    missed = []
    for _ in range(rounds):
        path = rng.choice(paths)
        data = bytearray(before[path][0])
        at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
        data[at] ^= bit
        path.write_bytes(data)
        got = found(f"{path.name} byte {at} of {len(data)} bit {bit}", path, wanted)
        if got is not True:
            missed.append(got)
    check(name, not missed, missed[:3])


segments = sorted(p for p in before if p.suffix == ".seg" and before[p][0])
tiles = [p for p in before if "tile" in p.parts] + [desk.data / "record/checkpoint"]
kept = [desk.data / "files" / f"{files[n][0]:012d}" for n in (0, 1)]
ROUNDS = int(os.environ.get("KHIEN_FLIPS", "60"))
flip_all(f"each of {ROUNDS} flipped bits of stored blocks is found and the blocks are named", segments, ROUNDS, ["stored blocks"])
flip_all(f"each of {ROUNDS} flipped bits of the log is found", tiles, ROUNDS)
flip_all(f"each of {ROUNDS // 3} flipped bits of files is found and the file is named", kept, ROUNDS // 3, ["file "])
for name, paths in (("stored blocks", segments), ("the log", tiles), ("files", kept)):
    missed = []
    for path in paths if len(paths) < 12 else rng.sample(paths, 12):
        path.write_bytes(before[path][0][:rng.randrange(len(before[path][0]))])
        missed.append(found(f"{path.name} truncated", path))
        path.unlink()
        missed.append(found(f"{path.name} dropped", path))
    check(f"{name}: what is cut off or taken away is found", all(m is True for m in missed), [m for m in missed if m is not True][:3])

whole_file = before[segments[0]][0]
cuts = [i for i in range(0, len(whole_file), 64) if whole_file[i:i + 4] == b"KHB1"] + [len(whole_file)]
check("the stored blocks lie in one file", len(cuts) >= 4, cuts)
blocks = [whole_file[a:b] for a, b in zip(cuts, cuts[1:])]
for name, order in (("swapped", [1, 0, *range(2, len(blocks))]), ("dropped", [0, *range(2, len(blocks))]), ("twice", [0, 1, 1, *range(2, len(blocks))])):
    segments[0].write_bytes(b"".join(blocks[i] for i in order))
    got = found(name, segments[0], ["stored blocks"]) if name != "twice" else True
    segments[0].write_bytes(whole_file)
    check(f"a block of the archive {name} is found", got is True, got)

# Rows of the database
rows = desk.data / "khien.db"
db_before = before[rows][0]


def edit(sql, wanted):
    db = sqlite3.connect(rows)
    db.execute(sql)
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    said = verify("--key", key, "--data", desk.data)
    for extra in desk.data.glob("khien.db-*"):
        extra.unlink()
    rows.write_bytes(db_before)
    return said.returncode == 1 and wanted in said.stdout or (sql, said.returncode, said.stdout + said.stderr)


seqs = rng.sample(range(1, len(entries) + 1), min(10, len(entries)))
missed = [edit(f"UPDATE record SET entry = replace(entry, '\"at\":\"2', '\"at\":\"1') WHERE seq = {s}", f"entry {s}") for s in seqs]
missed += [edit(f"DELETE FROM record WHERE seq = {s}", f"entry {s}") for s in seqs[:5]]
missed += [edit(f"UPDATE record SET seq = CASE seq WHEN {a} THEN -1 ELSE {a} END WHERE seq IN ({a}, {a + 1}); ", f"entry {a}") for a in [1, 2]]
missed += [edit("UPDATE sweep_match SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x')", "hit"), edit("DELETE FROM sweep_match", "hit")]
check("each edited, deleted or swapped row is found and named", all(m is True for m in missed), [m for m in missed if m is not True][:3])

# Retention takes days away and says so. What says so is itself in the record.
segments[0].unlink()
last = max(s[2] for s in sealed)
db = sqlite3.connect(rows)
seq = db.execute("SELECT max(seq) FROM record").fetchone()[0] + 1
entry = {"at": "2026-11-22T00:00:00Z", "who": "khien", "peer": "", "action": "evidence.dropped", "noun": "blocks", "id": str(last), "after": {"through": last, "before": "2026-11-23"}}
said = verify("--key", key, "--data", desk.data)
check("stored blocks that are gone are missing", said.returncode == 1 and "MISSING" in said.stdout, said.stdout)
text = json.dumps(entry, separators=(",", ":"))
db.execute("INSERT INTO record (seq, at_ms, who, action, noun, noun_id, entry) VALUES (?, 0, 'khien', 'evidence.dropped', 'blocks', ?, ?)", (seq, str(last), text))
entries.append(text.encode())
independent_log.write_log(desk.data / "record", entries, key, (desk.data / "record.key").read_bytes())
db.commit()
db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.close()
shutil.rmtree(segments[0].parent)
said = verify("--key", key, "--data", desk.data)
check("unless an entry tells that retention took them", said.returncode == 0 and "retention" in said.stdout, said.stdout + said.stderr)
desk.start()
desk.stop()
check("a desk whose archive is older than its record says so there", any(json.loads(e)["action"] == "evidence.behind" for e in
      independent_log.check_log(desk.data / "record", key)))
shutil.rmtree(swept, ignore_errors=True)
desk.close()
done()
