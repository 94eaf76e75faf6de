# SPDX-License-Identifier: EUPL-1.2
"""Certificates of the test's own, by the openssl command."""
import os, pathlib, shutil, subprocess

available = shutil.which("openssl") is not None


class Authority:
    """A name that signs. Its files lie in `folder`: ca.pem, and a KEY and PEM for each name that is asked for."""

    def __init__(self, folder, name="Khien test authority"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.file = self.folder / "ca.pem"
        (self.folder / "index").write_text("")
        (self.folder / "conf").write_text(f"[ca]\ndefault_ca = own\n[own]\ndatabase = {self.folder}/index\nnew_certs_dir = {self.folder}\n"
                                          "rand_serial = yes\ndefault_md = sha256\npolicy = any\nunique_subject = no\n[any]\ncommonName = supplied\n")
        self.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", "ca.key", "-out", "ca.pem")

    def run(self, *words):
        subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, check=True)

    def certificate(self, file, names, expired=False):
        """(certificate, key) for names such as "DNS:localhost,IP:127.0.0.1"."""
        self.run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-keyout", f"{file}.key", "-out", f"{file}.csr")
        (self.folder / f"{file}.san").write_text(f"subjectAltName={names}\n")
        when = ("20200101000000Z", "20210101000000Z") if expired else ("20200101000000Z", "20990101000000Z")
        self.run("ca", "-batch", "-config", "conf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", f"{file}.csr", "-out", f"{file}.pem",
                 "-notext", "-extfile", f"{file}.san", "-startdate", when[0], "-enddate", when[1])
        os.chmod(self.folder / f"{file}.key", 0o600)
        return self.folder / f"{file}.pem", self.folder / f"{file}.key"
