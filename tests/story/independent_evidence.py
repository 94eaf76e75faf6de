# SPDX-License-Identifier: EUPL-1.2
"""A second reader of what the record says of stored events: the journal as collect wrote it, from its format's description, and
the roots over it, sharing nothing with the program. For tests."""
import hashlib, json, pathlib, struct, subprocess
import independent_log


def read_journal(folder):
    """number -> bytes of the batch; where a number was given twice, the younger epoch's."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.journal")):
        data, at = path.read_bytes(), 0
        while at + 56 <= len(data):
            magic, _, number, epoch, _, room, body, raw, _, _, _ = struct.unpack_from("<IIQQQIIIIII", data, at)
            if magic != 0x424A484B or room < 56:
                break
            bytes_ = data[at + 56:at + 56 + body]
            if body != raw:
                bytes_ = subprocess.run(["zstd", "-dcq"], input=bytes_, capture_output=True, check=True).stdout
            assert len(bytes_) == raw
            if number not in found or epoch >= found[number][0]:
                found[number] = (epoch, bytes_)
            at += room
    return {number: batch for number, (_, batch) in found.items()}


def sealed_of(entries):
    """Every sealed block that the record speaks of: [day, first, last, blocks, bytes, events, root]."""
    for entry in map(json.loads, entries):
        if entry["action"] == "evidence.sealed":
            yield from entry["after"]["sealed"]


def check_sealed(sealed, journal):
    """Is it what the journal held?"""
    _, first, last, blocks, size, _, root = sealed
    mine = [(n, journal[n]) for n in range(first, last + 1) if n in journal]
    leaves = [independent_log.leaf_hash(struct.pack(">QQ", n, len(b)) + hashlib.sha256(b).digest()) for n, b in mine]
    return len(mine) == blocks and sum(len(b) for _, b in mine) == size and independent_log.tree_root(leaves).hex() == root
