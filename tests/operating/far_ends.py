"""A proxy that ends TLS and a name server, both on loopback, which do what a test says."""

import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from tests.helpers.files import ROOT
from tests.helpers.ports import free_port
from tests.services import servers

RIGHT, TWO, UNCHANGED, SILENT, FORWARDS_PROTO, NO_PROTO = (
    "sets all headers", "two proxies", "passes X-Forwarded-For", "sets no X-Forwarded-For",
    "passes X-Forwarded-Proto", "sets no X-Forwarded-Proto",
)  # fmt: skip


class Proxy(ThreadingHTTPServer):
    """Ends TLS for a server on `upstream`. `manners` is one of the words above."""

    daemon_threads = True

    def __init__(self, port: int, upstream: int, certificate: Path) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.upstream, self.manners = upstream, RIGHT
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that does not trust the certificate hangs up."""


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def do_GET(self) -> None:
        """Pass the request on as these manners would."""
        line = HTTPConnection("127.0.0.1", self.server.upstream, timeout=30)
        try:
            line.request("GET", self.path, headers=self._headers())
            answer = line.getresponse()
            body = answer.read()
        finally:
            line.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _headers(self) -> dict[str, str]:
        manners, headers = self.server.manners, dict(self.headers.items())
        theirs = headers.pop("X-Forwarded-For", "")
        appended = {RIGHT: "127.0.0.9", TWO: "127.0.0.9, 10.0.0.1", UNCHANGED: "", SILENT: None}
        added = appended.get(manners, "127.0.0.9")
        if added is not None:
            headers["X-Forwarded-For"] = ", ".join(filter(None, (theirs, added)))
        if manners == NO_PROTO:
            del headers["X-Forwarded-Proto"]
        elif manners != FORWARDS_PROTO:
            headers["X-Forwarded-Proto"] = "https"
        return headers

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""


@contextmanager
def proxy(port: int, upstream: int, certificate: Path) -> Iterator[Proxy]:
    """Serve while the block lasts."""
    server = Proxy(port, upstream, certificate)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def name_server(texts: dict[str, list[str]]) -> Iterator[int]:
    """A name server of these TXT records (name without its dot at the end); yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=_serve, args=(sock, texts), daemon=True)
        thread.start()
        yield sock.getsockname()[1]
        sock.sendto(b"", sock.getsockname())
        thread.join(10)


def _serve(sock: socket.socket, texts: dict[str, list[str]]) -> None:
    while True:
        wire, asker = sock.recvfrom(4096)
        if not wire:
            return
        query = dns.message.from_wire(wire)
        name = query.question[0].name
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        wanted = name.to_text(omit_final_dot=True)
        if found := texts.get(wanted):
            parts = [" ".join(f'"{one[at : at + 200]}"' for at in range(0, len(one), 200)) for one in found]
            answer.answer.append(dns.rrset.from_text_list(name, 60, "IN", "TXT", parts))
        elif not any(one.endswith(f".{wanted}") for one in texts):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        sock.sendto(answer.to_wire(), asker)


KITS = {"nginx": ROOT / "deploy/nginx.conf", "caddy": ROOT / "deploy/Caddyfile"}
NGINX = """
daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1; {user}
events {{}}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  include {folder}/site.conf;
}}
"""
CADDY = "\tadmin off\n\tauto_https disable_redirects\n\thttp_port {plain}\n\thttps_port {port}\n\tservers {{"


@contextmanager
def kit(name: str, upstream: int, certificate: Path, folder: Path) -> Iterator[int]:
    """The file of `deploy/` in its own program, on loopback ports with this certificate; yields the port of https."""
    port, plain = free_port(), free_port()
    text = (
        KITS[name]
        .read_text()
        .replace("127.0.0.1:8000", f"127.0.0.1:{upstream}")
        .replace("desk.example.org", "localhost")
    )
    command = {"nginx": _nginx, "caddy": _caddy}[name](text, port, plain, certificate, folder)
    given = {**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    child = servers.launch(command, given, folder / f"{name}.log", cwd=folder)
    try:
        servers.wait_for(lambda: servers.listens(port), (folder / f"{name}.log").read_text() or name, within=30)
        yield port
    finally:
        child.terminate()
        child.wait(30)


def _nginx(text: str, port: int, plain: int, certificate: Path, folder: Path) -> list[str]:
    text = re.sub(r"^ *listen \[::\].*\n", "", text, flags=re.MULTILINE)
    text = text.replace("listen 80;", f"listen 127.0.0.1:{plain};").replace("listen 443 ", f"listen 127.0.0.1:{port} ")
    text = re.sub(r"/etc/ssl/localhost\.(pem|key)", str(certificate), text)
    (folder / "site.conf").write_text(text)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def _caddy(text: str, port: int, plain: int, certificate: Path, folder: Path) -> list[str]:
    text = text.replace("\tservers {", CADDY.format(plain=plain, port=port), 1)
    text = text.replace(
        "\nlocalhost {", f"\nhttps://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate} {certificate}", 1
    )
    (folder / "Caddyfile").write_text(text)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
