# SPDX-License-Identifier: EUPL-1.2
"""Starts a real desk, then runs a story (story.mjs, or the one that is named) against it in headless Chromium. TAP comes
from the story."""
import pathlib, shutil, sys
here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "story"))
from desk import *

if not shutil.which("node") or not (here / "node_modules").is_dir():
    print("1..0 # SKIP node or the npm packages of the browser test are missing (./test installs them)")
    sys.exit(0)
if "send" in sys.argv:  # the brute force of the story, sent by a process of its own
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for n in range(40):
            s.sendto(sshd("ubndx-web", f"Failed password for invalid user admin{n} from 203.0.113.77 port {51000 + n} ssh2").encode(),
                     ("127.0.0.1", int(sys.argv[2])))
    sys.exit(0)
if "later" in sys.argv:  # as if what people proved in their sessions were long ago
    with contextlib.closing(sqlite3.connect(sys.argv[2], timeout=10)) as db, db:
        db.execute("UPDATE session SET proven_ms = 0, second_ms = 0")
    sys.exit(0)
swept = pathlib.Path(tempfile.mkdtemp(prefix="khien-swept-"))
(swept / "xau.txt").write_text("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STAN" + "DARD-ANTIVIRUS-TEST-FILE!$H+H*")
script = next((a for a in sys.argv[1:] if a.endswith(".mjs")), "story.mjs")
demonstration = (SOURCE / "content/demo/register.yaml").read_text(encoding="utf-8")
desk = Desk("--sweep", str(swept), register=demonstration if script == "systems.mjs" else REGISTER).start()
setup = until(lambda: [l for l in desk.out.read_text().splitlines() if "/setup?token=" in l], 5)[0]
host = "localhost" if script == "account.mjs" else "127.0.0.1"  # passkeys want a name
env = {**os.environ, "KHIEN_URL": f"http://{host}:{desk.http}", "KHIEN_SETUP_URL": setup.replace("127.0.0.1", host),
       "KHIEN_SWEEP": str(swept), "KHIEN_SYSLOG": str(desk.syslog), "KHIEN_KEY": desk.key,
       "KHIEN_LATER": f"{sys.executable} {here / 'desk.py'} later {desk.data / 'khien.db'}",
       "KHIEN_SEND": f"{sys.executable} {here / 'desk.py'} send {desk.syslog}"}
story = subprocess.run(["node", str(here / script)], env=env, timeout=560)
crashes = [r for r in desk.get("/api/v1/status")["roles"] if r["crashes"]]
if crashes:
    print(f"# roles died meanwhile: {crashes}")
desk.close()
shutil.rmtree(swept, ignore_errors=True)
sys.exit(story.returncode or bool(crashes))
