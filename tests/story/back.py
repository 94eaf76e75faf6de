# SPDX-License-Identifier: EUPL-1.2
"""What the stories of looking back share: days of lines, and asking for jobs and checks."""
from desk import *

DAY = 86400
SAME = {"Sec-Fetch-Site": "same-origin"}
TWO_HOSTS = REGISTER.replace("hosts: [ubndx-web]", "hosts: [ubndx-web, ubndx-mail]")

WORDS = """title: Nobody of that name
id: 6d1f0000-0000-4000-8000-00000000000a
level: medium
logsource: {product: linux, service: sshd}
detection:
  words:
    - 'Invalid user admin'
  condition: words
"""
CORRELATION = """title: Many closed connections
id: 6d1f0000-0000-4000-8000-00000000000b
level: high
correlation:
  type: event_count
  rules: [closed_connection]
  group-by: [source.ip]
  timespan: 2h
  condition: {gte: 2}
---
title: Closed connection
id: 6d1f0000-0000-4000-8000-00000000000c
name: closed_connection
level: low
logsource: {product: linux, service: sshd}
detection:
  words: ['Connection closed by']
  condition: words
"""


def days_of_lines(count, now, days=8):
    """From days + 1 days ago up to yesterday."""
    lines = []
    for n in range(count):
        ip = f"203.0.113.{n % 50}"
        if n % 97 == 0:
            text = f"Invalid user admin{n % 11} from {ip} port 4{n % 1000:03d}"
        elif n % 11 == 0:
            text = f"Accepted password for an.nguyen from 10.21.4.{n % 200} port 5{n % 1000:03d} ssh2"
        else:
            text = f"Connection closed by {ip} port 4{n % 1000:03d} [preauth]"
        when = now - (days + 1) * DAY + n * (days * DAY / count)
        lines.append(sshd("ubndx-web" if n % 3 else "ubndx-mail", text, pid=4000 + n % 999, when=when))
    return lines


def pour(desk, lines):
    """All lines over RELP; True when all were acknowledged."""
    client = Relp(desk.relp)
    for line in lines:
        client.send(line.encode())
        while client.txnr - len(client.acked) > 500:
            client.read(0.2)
    good = client.wait(client.txnr, 60) and len(client.acked) == client.txnr
    client.close()
    return good


def stored(desk, count):
    return until(lambda: desk.get("/api/v1/status")["archive"]["events"] >= count, 60)


def scan(desk, text, lines):
    """What `khien scan` finds in these lines with this rule."""
    folder = desk.folder / "scan"
    folder.mkdir(exist_ok=True)
    (folder / "rule.yml").write_text(text)
    (folder / "lines.log").write_text("\n".join(lines) + "\n")
    out = subprocess.run([KHIEN, "scan", "--json", "--map", str(SOURCE / "content/rules/map.yaml"), "--rules", str(folder / "rule.yml"),
                          str(folder / "lines.log")], capture_output=True, text=True, env=LANG).stdout
    return [json.loads(line) for line in out.splitlines() if "summary" not in line]


def ask(desk, **wish):
    status, body, _ = desk.call("POST", "/api/v1/lookbacks", {"from_ms": 0, "to_ms": int(time.time() * 1000), **wish}, SAME)
    return status, json.loads(body)


def job_of(desk, job):
    return desk.get(f"/api/v1/lookbacks/{job}")


def ended(desk, job, seconds=90):
    until(lambda: job_of(desk, job)["state"] not in ("queued", "running"), seconds)
    return job_of(desk, job)


def brief(job):
    return {k: v for k, v in job.items() if k not in ("hits", "text")}


def rule_check(desk, text):
    status, body, _ = desk.call("POST", "/api/v1/rules/checks", {"text": text}, SAME)
    return status, json.loads(body)
