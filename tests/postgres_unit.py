#!/usr/bin/env python3
# SPDX-License-Identifier: EUPL-1.2
"""The unit tests that use a database, on PostgreSQL: postgres_unit.py PROGRAM..., as one TAP stream."""
import os, pathlib, re, subprocess, sys
sys.path.insert(0, str(pathlib.Path(__file__).parent / "story"))
import cluster

if not cluster.programs():
    print("1..0 # SKIP PostgreSQL is not installed: what the program does with it is not tested here")
    sys.exit(0)
server, number = cluster.Cluster(), 0
try:
    server.make()
    for program in sys.argv[1:]:
        name = pathlib.Path(program).name.removeprefix("unit_")
        run = subprocess.run([program], capture_output=True, text=True, errors="replace",
                             env={**os.environ, "KHIEN_TEST_DATABASE": server.address()})
        told = 0
        for line in run.stdout.splitlines():
            m = re.match(r"(ok|not ok) \d+(?: - )?(.*)", line)
            if m:
                number, told = number + 1, told + 1
                print(f"{m[1]} {number} - {name}: {m[2]}")
            elif line.startswith("#"):
                print(line)
        for line in run.stderr.splitlines()[-20:]:
            print(f"# {line}")
        if run.returncode < 0 or not told:
            number += 1
            print(f"not ok {number} - {name} ended with {run.returncode}")
finally:
    server.close()
print(f"1..{number}")
