# SPDX-License-Identifier: EUPL-1.2
"""Stories once more, on PostgreSQL: on_postgres.py NAME... [--thorough NAME...], one server for all of them, a database for
each desk. Those behind --thorough are told with KHIEN_THOROUGH=1 alone."""
import os, pathlib, re, subprocess, sys
import cluster

here = pathlib.Path(__file__).resolve().parent
if not cluster.programs():
    print("1..0 # SKIP PostgreSQL is not installed: no story is told on it")
    sys.exit(0)
server, number = cluster.Cluster(), 0
try:
    server.make()
    names, _, more = " ".join(sys.argv[1:]).partition("--thorough")
    for name in names.split() + (more.split() if os.environ.get("KHIEN_THOROUGH") else []):
        run = subprocess.Popen([sys.executable, here / f"{name}.py"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", env={**os.environ, "KHIEN_STORY_CLUSTER": str(server.folder)})
        told = 0
        for line in run.stdout:
            m = re.match(r"(ok|not ok) \d+ - (.*)", line)
            if m:
                number, told = number + 1, told + 1
                print(f"{m[1]} {number} - {name}: {m[2]}", flush=True)
            elif not line.startswith("1.."):
                print(f"# {line.strip()}", flush=True)
        if run.wait() < 0 or not told:
            number += 1
            print(f"not ok {number} - {name} ended with {run.returncode}", flush=True)
finally:
    server.close()
print(f"1..{number}")
