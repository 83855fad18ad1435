"""A real HTTP server for a WSGI application, a code host on it, git with a clean environment. No database."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import ThreadingMixIn, ThreadingTCPServer
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from recoverydesk.demo import codehost

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host's name, which can take seconds."""
        ThreadingTCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the base class's
        """Keep requests out of the test output."""


@contextmanager
def serve(app: "WSGIApplication") -> Iterator[str]:
    """Serve a WSGI application on a free loopback port, a thread per request, and yield its URL (no final slash).

    It reads bodies by Content-Length only: pushes over 1 MB are chunked and need gunicorn.
    """
    with _Server(("127.0.0.1", 0), _Quiet) as server:
        server.set_app(app)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def git(folder: Path, *arguments: str, **variables: str) -> str:
    """Run the claimant's git in `folder` and return its output. Raises CalledProcessError when git fails."""
    environment = {**codehost.environment(), "HOME": str(folder), "no_proxy": "127.0.0.1,localhost", **variables}
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@dataclass(frozen=True)
class Host:
    """A real code host on loopback that the desk knows."""

    url: str
    root: Path

    @property
    def key(self) -> str:
        return self.url.removeprefix("http://")

    def create(self, path: str, **options: object) -> str:
        """Make the repository `owner/name` and return its URL."""
        codehost.create_repository(self.root, path, **options)  # type: ignore[arg-type]
        return f"{self.url}/{path}"

    def push(self, url: str, branch: str, folder: Path) -> None:
        """Do what the challenge mail tells the claimant to do."""
        clone = folder / url.rsplit("/", 1)[-1]
        git(folder, "clone", "--quiet", "--depth", "1", url, str(clone))
        git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
