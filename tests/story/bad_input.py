# SPDX-License-Identifier: EUPL-1.2
"""Hostile and broken input: kept raw, counted, shown; the desk stays up and quiet senders lose nothing."""
from desk import *

desk = Desk().start()
garbage = [b"\x00\x01\x02 NUL inside", b"<999>bad pri", b"\xff\xfe invalid utf-8", b"<13>Oct 99 25:61:61 host x: y", b"{\"a\":", b"{" * 5000,
           b"<34>1 2026-02-30T00:00:00Z h a p m [x y=\"unclosed", b"%s%n%x", b"<13>" + b"A" * 60000]
desk.udp(*garbage)
desk.udp("<13>Nov 22 01:02:03 quiet app: after the garbage")
check("what follows garbage arrives", until(lambda: desk.all_events("\"after the garbage\""), 10), desk.log.read_text()[-2000:])
stored = until(lambda: (lambda e: e if len(e) >= len(garbage) + 1 else None)(desk.all_events()), 10) or []
check("every piece of garbage is stored", len(stored) >= len(garbage) + 1, len(stored))

big = 50 << 20
desk.tcp(b"<13>Nov 22 01:02:03 big app: " + b"Z" * big + b"\n<13>Nov 22 01:02:04 big app: after fifty megabytes\n")
check("a line of 50 MB does not stop the next one", until(lambda: desk.all_events("\"after fifty megabytes\""), 60), desk.log.read_text()[-2000:])
tcp = until(lambda: [s for s in desk.get("/api/v1/sources")["items"] if s["transport"] == "tcp" and s["oversized"] >= 1], 10)
check("it is counted as oversized", tcp, desk.get("/api/v1/sources"))
check("and all its bytes are kept", sum(s["bytes"] for s in desk.get("/api/v1/sources")["items"]) > big)

desk.tcp(b"99999999999999999999 broken length\n<13>Nov 22 01:02:05 f app: after a broken frame\n")
check("a broken octet count is resynchronised", until(lambda: desk.all_events("\"after a broken frame\""), 10))
with socket.create_connection(("127.0.0.1", desk.relp), 5) as s:
    s.sendall(b"GET / HTTP/1.1\r\n\r\n" * 100)
relp = Relp(desk.relp)
check("RELP serves on after a client that speaks HTTP", relp.wait(relp.send(b"<13>Nov 22 01:02:06 r app: after hostile relp")))
relp.close()
check("no role died of it", all(r["crashes"] == 0 for r in desk.get("/api/v1/status")["roles"]), desk.get("/api/v1/status")["roles"])

# A rule with a fault is refused alone, with its place.
rules = desk.folder / "rules"
shutil.copytree(SOURCE / "content/rules", rules)
(rules / "broken.yml").write_text("title: x\nlogsource: {product: linux}\ndetection:\n  a:\n    f|nosuchmodifier: 1\n  condition: a\n")
checked = subprocess.run([KHIEN, "check", "--data", str(desk.data), "--rules", str(rules)], capture_output=True, text=True, env=LANG)
check("khien check names file, line and column", checked.returncode == 1 and "broken.yml:5:" in checked.stderr, checked.stderr + checked.stdout)
desk.close()
done()
