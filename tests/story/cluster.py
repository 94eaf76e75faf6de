# SPDX-License-Identifier: EUPL-1.2
"""A PostgreSQL server of the test's own: in a folder that is thrown away, on a socket in it and nowhere else."""
import os, pathlib, pwd, shutil, subprocess, tempfile


def programs():
    """The folder of initdb and postgres, or None where PostgreSQL is not installed."""
    for folder in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    found = shutil.which("initdb")
    return pathlib.Path(found).parent if found else None


class Cluster:
    """Its server refuses to run as root, so root lends it another name."""

    def __init__(self, folder=None):
        """A new one, or one that another program made."""
        self.bin = programs()
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="khien-pg-"))
        self.data, self.log, self.number = self.folder / "data", self.folder / "log", 0
        self.user = None
        if os.geteuid() == 0:
            names = {p.pw_name for p in pwd.getpwall()}
            self.user = "postgres" if "postgres" in names else "nobody"
            if not folder:
                shutil.chown(self.folder, self.user)
        if not folder:
            os.chmod(self.folder, 0o755)

    def run(self, program, *args):
        who = {"user": self.user, "group": pwd.getpwnam(self.user).pw_gid, "extra_groups": []} if self.user else {}
        done = subprocess.run([self.bin / program, *args], capture_output=True, text=True, cwd="/",
                              env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, **who)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")
        return done.stdout

    def make(self, sync=False):
        """What the tests try is our side: the server need not wait for the disk."""
        self.run("initdb", "-D", self.data, "-U", "khien", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8",
                 "--no-instructions")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n" + ("" if sync else "fsync = off\nfull_page_writes = off\n") +
                       "shared_buffers = 32MB\nmax_connections = 60\nautovacuum = off\njit = off\n")
        return self.start()

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-l", self.log, "-w", "-t", "60", "start")
        return self

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def address(self, database="postgres"):
        return f"postgresql://khien@/{database}?host={self.folder}"

    def psql(self, sql, database="postgres"):
        return self.run("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "khien", "-d", database,
                        "-c", sql).strip()

    def new_database(self):
        self.number += 1
        name = f"desk{os.getpid()}_{self.number}"
        self.psql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        return name

    def close(self):
        try:
            self.stop("immediate")
        except RuntimeError:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)
