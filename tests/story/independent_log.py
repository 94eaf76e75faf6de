# SPDX-License-Identifier: EUPL-1.2
"""A second reader of a transparency log, written from RFC 6962 and the C2SP texts and sharing nothing with the program:
the root by the recursive definition, proofs by walking up, Ed25519 by the openssl command. For tests."""
import base64, hashlib, pathlib, subprocess, tempfile


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    row = list(leaves)  # join neighbours, an odd one at the end goes up as it is: the same tree as the RFC's
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) if i + 1 < len(row) else row[i] for i in range(0, len(row), 2)]
    return row[0]


def tile_name(n):
    parts = [f"{n % 1000:03d}"]
    while n >= 1000:
        n //= 1000
        parts.insert(0, f"x{n % 1000:03d}")
    return "/".join(parts)


def read_entries(folder, size):
    entries = []
    for n in range((size + 255) // 256):
        width = min(256, size - n * 256)
        path = pathlib.Path(folder) / "tile/entries" / (tile_name(n) + ("" if width == 256 else f".p/{width}"))
        data, at = path.read_bytes(), 0
        for _ in range(width):
            length = int.from_bytes(data[at:at + 2], "big")
            entries.append(data[at + 2:at + 2 + length])
            assert len(entries[-1]) == length, "an entry is cut"
            at += 2 + length
        assert at == len(data), "something behind the last entry"
    return entries


def check_signature(public, message, signature):
    spki = bytes.fromhex("302a300506032b6570032100") + public  # RFC 8410
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_text("-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(spki).decode() + "\n-----END PUBLIC KEY-----\n")
        (folder / "message").write_bytes(message)
        (folder / "signature").write_bytes(signature)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder / "key", "-rawin", "-in",
                               folder / "message", "-sigfile", folder / "signature"], capture_output=True).returncode == 0


def read_checkpoint(note, vkey):
    """Size and root, when the key signed them."""
    name, key_id, material = vkey.split("+", 2)
    material = base64.b64decode(material)
    assert material[0] == 1 and hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8] == key_id, "no key"
    body, signatures = note.rsplit("\n\n", 1)
    body += "\n"
    for line in signatures.splitlines():
        dash, who, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if dash == "—" and who == name and signature[:4].hex() == key_id:
            assert check_signature(material[1:], body.encode(), signature[4:]), "a wrong signature"
            origin, size, root = body.splitlines()[:3]
            assert origin == name
            return int(size), base64.b64decode(root)
    raise AssertionError("not signed by this key")


def check_log(folder, vkey):
    """All of it; returns the entries."""
    size, root = read_checkpoint((pathlib.Path(folder) / "checkpoint").read_text(encoding="utf-8"), vkey)
    entries = read_entries(folder, size)
    assert tree_root([leaf_hash(e) for e in entries]) == root, "another root"
    return entries


def check_proof(text, entry, vkey):
    head, note = text.split("\n\n", 1)
    lines = head.splitlines()
    assert lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("index ")
    index, path = int(lines[1][6:]), [base64.b64decode(l) for l in lines[2:]]
    size, root = read_checkpoint(note, vkey)
    h, at, last = leaf_hash(entry), index, size - 1
    for sibling in path:  # RFC 9162, 2.1.3.2
        while at == last and at % 2 == 0 and last:
            at, last = at // 2, last // 2
        h = node_hash(sibling, h) if at % 2 else node_hash(h, sibling)
        at, last = at // 2, last // 2
    return last == 0 and h == root


def sign(secret, message):
    """Ed25519 by the openssl command; `secret` begins with the seed."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_bytes(bytes.fromhex("302e020100300506032b657004220420") + secret[:32])  # RFC 8410
        (folder / "message").write_bytes(message)
        subprocess.run(["openssl", "pkeyutl", "-sign", "-keyform", "DER", "-inkey", folder / "key", "-rawin", "-in", folder / "message",
                        "-out", folder / "signature"], check=True, capture_output=True)
        return (folder / "signature").read_bytes()


def make_checkpoint(entries, vkey, secret):
    name, key_id, _ = vkey.split("+", 2)
    body = f"{name}\n{len(entries)}\n{base64.b64encode(tree_root([leaf_hash(e) for e in entries])).decode()}\n"
    return f"{body}\n— {name} {base64.b64encode(bytes.fromhex(key_id) + sign(secret, body.encode())).decode()}\n"


def write_log(folder, entries, vkey, secret):
    """A whole log of fewer than 256 entries: what somebody with the key can make of it."""
    assert 0 < len(entries) < 256
    folder = pathlib.Path(folder)
    for kind, data in (("0", b"".join(leaf_hash(e) for e in entries)), ("entries", b"".join(len(e).to_bytes(2, "big") + e for e in entries))):
        path = folder / "tile" / kind / "000.p" / str(len(entries))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "checkpoint").write_text(make_checkpoint(entries, vkey, secret), encoding="utf-8")


def consistency(entries, old):
    """RFC 6962, 2.1.2, by its recursive words."""
    leaves = [leaf_hash(e) for e in entries]

    def sub(m, d, whole):
        if m == len(d):
            return [] if whole else [tree_root(d)]
        k = 1
        while k * 2 < len(d):
            k *= 2
        if m <= k:
            return sub(m, d[:k], whole) + [tree_root(d[k:])]
        return sub(m - k, d[k:], False) + [tree_root(d[:k])]

    return sub(old, leaves, True) if 0 < old < len(leaves) else []
