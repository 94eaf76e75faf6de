# SPDX-License-Identifier: EUPL-1.2
"""The record is shown to a witness over TLS. Whoever has no good certificate for the name that was asked for hears nothing of it, and
the desk says which of the reasons it is; the others cosign meanwhile."""
import ssl, threading
import authority

if not authority.available:
    print("1..0 # SKIP openssl is not installed (KHIEN_BUILD_TESTS=1 tools/build installs it)")
    raise SystemExit
from desk import *
from witness_box import Witness

desk = Desk(register=REGISTER)
good, other = authority.Authority(desk.folder / "ca"), authority.Authority(desk.folder / "other")
LOCAL = "DNS:localhost,IP:127.0.0.1"


class Front:
    """TLS in front of the witness, one connection after the other."""

    def __init__(self, certificate, *, version=None, plain=None):
        self.context, self.plain, self.heard, self.names = None, plain, 0, []
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            self.context.sni_callback = lambda connection, name, context: self.names.append(name)
            if version:
                self.context.minimum_version = self.context.maximum_version = version
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client = self.listener.accept()[0]
            with contextlib.suppress(OSError), client:
                client.settimeout(5)
                self.answer(client)

    def answer(self, client):
        if self.plain:
            client.recv(10)
            client.sendall(self.plain)
            return
        with self.context.wrap_socket(client, server_side=True) as tls:
            request = b""
            while b"\r\n\r\n" not in request or len(request.split(b"\r\n\r\n", 1)[1]) < int(request.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
                part = tls.recv(65536)
                if not part:
                    return
                request += part
            self.heard += 1
            with socket.create_connection(("127.0.0.1", witness.port)) as behind:
                behind.sendall(request)
                while part := behind.recv(65536):
                    tls.sendall(part)


desk.start()
key = desk.get("/api/v1/checkpoint")["key"]
desk.stop()
witness = Witness(desk.folder, key).start()
right = good.certificate("right", LOCAL)
fronts = {
    "by its name": ("localhost", Front(right), None),
    "by its address": ("127.0.0.1", Front(right), None),
    "over TLS 1.2": ("localhost", Front(right, version=ssl.TLSVersion.TLSv1_2), None),
    "with the name of another": ("localhost", Front(good.certificate("name", "DNS:other.example,IP:127.0.0.2")), "certificate_name"),
    "with the address of another": ("127.0.0.1", Front(good.certificate("address", "DNS:localhost")), "certificate_name"),
    "that has expired": ("localhost", Front(good.certificate("expired", LOCAL, expired=True)), "certificate_time"),
    "of an authority that nobody knows": ("localhost", Front(other.certificate("right", LOCAL)), "certificate_authority"),
    "that speaks no TLS": ("localhost", Front(None, plain=b"HTTP/1.1 200 OK\r\n\r\n"), "closed"),
}
for host, front, _ in fronts.values():
    desk.options += ["--witness", f"https://{host}:{front.port} {witness.key}"]
os.environ["SSL_CERT_FILE"] = LANG["SSL_CERT_FILE"] = str(good.file)
desk.start()


def witnesses():
    return dict(zip(fronts, desk.get("/api/v1/status")["record"]["witnesses"]))


def is_told(what, refused):
    w = witnesses()[what]
    return w["error"] == refused and w["time_ms"] is None if refused else w["size"] > 0 and w["failing_since_ms"] is None


# They share one witness, so that a cosignature for one may be news to the next
for what, (host, front, refused) in fronts.items():
    if refused:
        check(f"a witness {what} is refused as such: {refused}", until(lambda: is_told(what, refused), 30), (witnesses()[what], desk.log.read_text()[-800:]))
        check("and hears nothing", front.heard == 0)
    else:
        check(f"a witness is reached {what}", until(lambda: is_told(what, None), 30), witnesses()[what])
check("the name is asked for, an address is not", fronts["by its name"][1].names[:1] == ["localhost"] and fronts["by its address"][1].names[:1] == [None],
      [f.names for _, f, _ in fronts.values()])
said = [json.loads(line)["error"] for line in desk.log.read_text().splitlines() if '"witness.away"' in line]
check("the log says each once", sorted(said) == sorted(r for _, _, r in fronts.values() if r), said)
check("nothing crashed", sum(r["crashes"] for r in desk.get("/api/v1/status")["roles"]) == 0)
for language in ("vi", "en"):
    sentences = (SOURCE / f"content/lang/{language}.yaml").read_text(encoding="utf-8")
    check(f"there is a sentence for each ({language})", all(f"\noffice.record.why.{r}: " in sentences for _, _, r in fronts.values() if r))
desk.stop()
witness.stop()
desk.close()
done()
