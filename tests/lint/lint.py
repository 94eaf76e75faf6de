#!/usr/bin/env python3
"""The conventions that a machine can judge, as TAP. Exceptions stand by name, with a reason, in exceptions.txt."""
import pathlib, re, subprocess, sys

root = pathlib.Path(sys.argv[1])
here = root / pathlib.Path(__file__).parent.name
number = 0
sources = sorted(p for p in (root / "src").rglob("*.[ch]"))
rooms = [l.strip() for l in open(root / "tools/layers.txt") if l.strip() and not l.startswith("#")]
exceptions = {}
for line in open(pathlib.Path(__file__).with_name("exceptions.txt"), encoding="utf-8"):
    if line.strip() and not line.startswith("#"):
        rule, what, reason = line.strip().split(None, 2)
        exceptions[(rule, what)] = reason

def report(name, faults):
    global number
    number += 1
    faults = [f for f in faults if f]
    for f in faults[:30]:
        print(f"# {f}")
    print(f"{'not ok' if faults else 'ok'} {number} - {name}")

def rel(path):
    return str(path.relative_to(root))

def excepted(rule, what):
    return (rule, what) in exceptions

def room_of(path):
    parts = path.relative_to(root / "src").parts
    return parts[0] if len(parts) > 1 else "khien"

def code_of(text):
    """Without comments and the insides of strings, lines kept."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m[0]) if m[0][0] == "/" else '""' + "\n" * m[0].count("\n")
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)

def layers():
    for p in sources:
        for n, line in enumerate(open(p, encoding="utf-8"), 1):
            m = re.match(r'#include "([a-z_]+)/', line)
            if m and m[1] in rooms and rooms.index(m[1]) > rooms.index(room_of(p)):
                yield f"{rel(p)}:{n}: {room_of(p)} must not include {m[1]}"
            elif m and m[1] not in rooms:
                yield f"{rel(p)}:{n}: {m[1]} is no room of tools/layers.txt"

def ascii_only():
    for p in sources:
        for n, line in enumerate(open(p, "rb"), 1):
            if any(b > 126 or (b < 32 and b not in (9, 10)) for b in line):
                yield f"{rel(p)}:{n}: not ASCII; sentences live in content/lang"

BANNED = r"\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|localtime|gmtime|ctime|asctime|alloca|system|popen|scanf|sscanf)\s*\("
def banned():
    for p in sources:
        if p.name == "banned.h":
            continue
        for n, line in enumerate(code_of(p.read_text()).splitlines(), 1):
            m = re.search(BANNED, line)
            if m:
                yield f"{rel(p)}:{n}: {m[1]}() is banned (base/banned.h)"

def heap():
    for p in sources:
        if rel(p) in ("src/base/memory.c", "src/base/memory.h"):
            continue
        for n, line in enumerate(code_of(p.read_text()).splitlines(), 1):
            if re.search(r"\b(malloc|calloc|realloc|strdup|strndup|free)\s*\(", line) and not excepted("heap", rel(p)):
                yield f"{rel(p)}:{n}: the heap is behind base/memory.h"

def sql_and_html():
    for p in sources:
        text = p.read_text()
        for m in re.finditer(r'"[^"\n]*"', text if not excepted("sql", rel(p)) else ""):
            if re.search(r"\b(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE)\b|<(html|div|p|body)\b", m[0]):
                yield f"{rel(p)}:{text.count(chr(10), 0, m.start()) + 1}: SQL and HTML do not live in C"
    for p in sources:
        if "sqlite3.h" in p.read_text() and room_of(p) != "store":
            yield f"{rel(p)}: only store/ includes sqlite3.h"

def functions(path):
    """(name, first line, last line, complexity, nesting) of each definition: a name at column 0 under its return type."""
    lines = code_of(path.read_text()).splitlines()
    start = None
    for n, line in enumerate(lines, 1):
        m = re.match(r"([a-z_][a-z0-9_]*)\(", line)
        if m and n > 1 and not line.rstrip().endswith(";"):
            start = (m[1], n)
        if line == "{" and start:
            open_line = n
        if line == "}" and start:
            body = lines[open_line:n]
            text = "\n".join(body)
            complexity = 1 + len(re.findall(r"\b(if|for|while|case)\b|&&|\|\||\?", text))
            depth = max((len(l) - len(l.lstrip("\t")) for l in body if l.strip() and not re.match(r"\t+ ", l)), default=1) - 1
            yield start[0], start[1], n, complexity, depth
            start = None

def sizes():
    lengths = []
    for p in sources:
        count = len(p.read_text().splitlines())
        if count > 1000 and not excepted("file", rel(p)):
            yield f"{rel(p)}: {count} lines, more than 1,000"
        if p.suffix != ".c":
            continue
        for name, first, last, complexity, depth in functions(p):
            length = last - first + 1
            lengths.append(length)
            where = f"{rel(p)}:{first}: {name}()"
            if length > 100 and not excepted("function", name):
                yield f"{where} has {length} lines, more than 100"
            if complexity > 20 and not excepted("complexity", name):
                yield f"{where} has complexity {complexity}, more than 20"
            if depth > 5 and not excepted("nesting", name):
                yield f"{where} nests {depth} deep, more than 4"
    if lengths:
        lengths.sort()
        print(f"# {len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, p90 {lengths[len(lengths) * 9 // 10]}")

def language_keys():
    rows = {}
    for lang in ("vi", "en"):
        rows[lang] = {}
        for line in open(root / f"content/lang/{lang}.yaml", encoding="utf-8"):
            m = re.match(r'([a-z0-9_.]+): "(.*)"', line)
            if m:
                rows[lang][m[1]] = m[2]
    for key in sorted(rows["vi"].keys() ^ rows["en"].keys()):
        yield f"content/lang: {key} stands in one language only"
    for key in rows["vi"].keys() & rows["en"].keys():
        holes = [sorted(set(re.findall(r"\{\w+\}", rows[l][key]))) for l in ("vi", "en")]
        if holes[0] != holes[1]:
            yield f"content/lang: {key} has other placeholders in the other language"
    used = set()
    for p in sources:
        text = p.read_text()
        if p.name == "lang.h":
            continue
        used |= {"fault." + m for m in re.findall(r'(?:fault_set|yaml_fault)\([^;]*?"([a-z0-9_]+)"', text)}
        used |= set(re.findall(r'STR\("((?:cli|say|fault|help)\.[a-z0-9_.]+)"\)', text))
    for key in sorted(used - rows["en"].keys()):
        yield f"content/lang: {key} is used in C and has no sentence"

def spdx():
    for p in sources:
        if "SPDX-License-Identifier: EUPL-1.2" not in p.read_text()[:200]:
            yield f"{rel(p)}: no SPDX line"

def no_machine_paths():
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True)
    if listed.returncode:
        return
    for name in listed.stdout.decode().split("\0"):
        p = root / name
        if name and p.is_file() and p.stat().st_size < 2 << 20:
            text = p.read_bytes()
            if re.search(rb"/work/(wt|main|shared)\b|/root/[a-z.]", text) and p.name != "lint.py":
                yield f"{name}: holds the path of one machine"
            if p.stat().st_size > 1 << 20:
                yield f"{name}: larger than 1 MB"

CRYPTOGRAPHY = set("""EVP_Digest EVP_DigestFinal_ex EVP_DigestInit_ex EVP_DigestUpdate EVP_MD_CTX_free EVP_MD_CTX_new EVP_sha256
crypto_aead_xchacha20poly1305_ietf_decrypt crypto_aead_xchacha20poly1305_ietf_encrypt crypto_generichash crypto_kdf_derive_from_key
crypto_pwhash_str_alg crypto_pwhash_str_verify crypto_secretbox_easy crypto_secretbox_open_easy crypto_sign_detached
crypto_sign_ed25519_sk_to_pk crypto_sign_keypair crypto_sign_verify_detached getrandom randombytes_buf""".split())
IN_TOTP = {"EVP_sha1", "HMAC"}  # as authenticator apps want it (RFC 6238)
def cryptography():
    """Digests, ciphers, signatures and random numbers: what is called is on the list, of libsodium, OpenSSL and the kernel."""
    calls = r"\b(EVP_\w+|HMAC\w*|SHA\d\w*|MD[245]\w*|RC4\w*|DES_\w+|AES_\w+|BF_\w+|RSA_\w+|EC_\w+|ECDSA_\w+|RAND_\w+|crypto_\w+|randombytes\w*|l?rand48|drand48|mrand48|s?rand|s?random|rand_r|random_r|getrandom|arc4random\w*|getentropy|crypt|crypt_r)\s*\("
    for p in sources:
        for n, line in enumerate(code_of(p.read_text()).splitlines(), 1):
            for call in re.findall(calls, line):
                if call not in CRYPTOGRAPHY and not (call in IN_TOTP and rel(p) == "src/web/totp.c"):
                    yield f"{rel(p)}:{n}: {call}() is not on the list of tests/lint/lint.py"

def names_of_checks(path):
    """What the checks of a test are called, as its source says it."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".c":
        return re.findall(r"^TEST\((\w+)\)", text, re.M)
    if path.name == "lint.py":
        return re.findall(r'\("([^"]+)", [a-z_]+\)', text)
    if path.suffix == ".mjs":
        lines = re.findall(r"^\s*(?:await chapter|ok)\(.*", text, re.M)
        return [m for line in lines for m in re.findall(r'"([^"]*)"|`([^`]*)`', line) for m in m if m]
    return re.findall(r'\bcheck\(f?"((?:[^"\\\n]|\\.)*)"', text)

def test_is_missing(named):
    """A file, a colon and words of a check's name; a fuzz target is a check by itself."""
    place, _, name = named.partition(": ")
    path = root / place
    if not path.is_file() or not place.startswith("tests/"):
        return f"{place} is no test"
    if not re.search(rf"\b{re.escape(path.stem)}\b", (path.parent / "meson.build").read_text()):
        return f"{place} is not run"
    if not place.startswith("tests/fuzz/") and not (name and any(name in n for n in names_of_checks(path))):
        return f"{place} has no check called {name!r}"
    return None

def asvs():
    text = (root / "doc/asvs.md").read_text(encoding="utf-8")
    told = {m[0]: [int(n) for n in m[1:]] for m in re.findall(r"^\| (level \d|both) " + r"\| (\d+) " * 4 + r"\|$", text, re.M)}
    counted, seen = {"level 1": [0] * 4, "level 2": [0] * 4, "both": [0] * 4}, set()
    for line in re.findall(r"^\| V\d.*", text, re.M):
        m = re.fullmatch(r"\| (V\d+\.\d+\.\d+) \| ([12]) \| [^|]+ \| (`[^|]+`|\*\*open\*\*: [^|]+|n/a: [^|]+) \|", line)
        if not m or m[1] in seen:
            yield f"doc/asvs.md: no row of its own: {line}"
            continue
        seen.add(m[1])
        kind = "`*n".index(m[3][0])
        for row in (counted[f"level {m[2]}"], counted["both"]):
            row[kind] += 1
            row[3] += 1
        if kind == 0:
            yield from (f"doc/asvs.md: {m[1]}: {fault}" for fault in map(test_is_missing, m[3].strip("`").split("`; `")) if fault)
    if told != counted:
        yield f"doc/asvs.md: the figures on top say {told}, the rows {counted}"
    if [counted[level][3] for level in ("level 1", "level 2")] != [70, 183]:
        yield "doc/asvs.md: level 1 has 70 requirements, level 2 has 183 more"

for name, check in [("a room includes only rooms below it", layers), ("C is ASCII", ascii_only),
                    ("no banned call", banned), ("the heap has one door", heap), ("no SQL, no HTML in C", sql_and_html),
                    ("files, functions, complexity and nesting are small", sizes),
                    ("both languages have the same keys", language_keys), ("every source names its licence", spdx),
                    ("cryptography is what is listed, and nothing else", cryptography),
                    ("nothing of one machine is in the repository", no_machine_paths),
                    ("asvs: every named test exists, counts on top are right", asvs)]:
    report(name, list(check()))
print(f"1..{number}")
