# SPDX-License-Identifier: EUPL-1.2
"""A second box that cosigns what records publish, for the stories about it."""
import base64
from desk import *


class Witness:
    """`khien witness` in a folder of its own; it stays at its port over restarts."""

    def __init__(self, folder, *keys):
        self.folder, self.port = folder / "witness", free_port()
        self.log, self.keys, self.process = folder / "witness.log", keys, None

    def start(self):
        logs = [part for n, key in enumerate(self.keys) for part in ("--log", f"tỉnh {n}={key}")]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([KHIEN, "witness", "--data", str(self.folder), "--http", f"127.0.0.1:{self.port}", *logs],
                                            stdout=subprocess.PIPE, stderr=log, env=LANG, text=True)
        self.key = self.process.stdout.readline().strip()
        until(lambda: self.get("/key")[0] == 200)
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(10)

    def get(self, path):
        return self.ask(path, None)

    def ask(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, method="GET" if body is None else "POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode(), answer.headers["Content-Type"]
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode(), e.headers["Content-Type"]

    def add(self, old, proof, checkpoint):
        lines = [f"old {old}", *(base64.b64encode(h).decode() for h in proof), "", checkpoint]
        return self.ask("/add-checkpoint", "\n".join(lines).encode())
