"""A small code host over HTTP: WSGI around the real `git http-backend`, for the demo and the tests.

Anybody may fetch and push: it is meant for the loopback address of one machine and is never installed in production.
"""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING
from wsgiref.util import FileWrapper

from django.utils.html import format_html, format_html_join

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

BODY_LIMIT = 64 * 1024 * 1024  # bytes of one push
SECONDS = 60  # one git process
PART = r"[A-Za-z0-9_~][A-Za-z0-9_.~+-]*"
NAME = re.compile(rf"{PART}(?:/{PART})+")
REQUEST = re.compile(rf"/({PART}(?:/{PART})+)(/(?:info/refs|git-upload-pack|git-receive-pack))")
PASSED_ON = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "HTTP_CONTENT_ENCODING", "REMOTE_ADDR")
EMPTY_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "sample",
    "GIT_AUTHOR_EMAIL": "sample@example.org",
    "GIT_COMMITTER_NAME": "sample",
    "GIT_COMMITTER_EMAIL": "sample@example.org",
    "LC_ALL": "C.UTF-8",
}
HEADERS = [("Content-Security-Policy", "default-src 'none'"), ("X-Content-Type-Options", "nosniff")]


class GitMissing(RuntimeError):
    """git, or its http-backend, is not installed; the message is one line for the person who starts us."""


class BadBody(ValueError):
    """The request body is shorter than announced, broken, or over BODY_LIMIT bytes."""


def environment() -> dict[str, str]:
    """Return a process environment for git in which no user, system or calling process configures anything."""
    return {"PATH": os.environ.get("PATH", os.defpath), **EMPTY_ENVIRONMENT}


def git(folder: Path, *arguments: str, text: str = "") -> str:
    """Run git in `folder` with a clean environment; `text` goes to its input. Raises CalledProcessError, GitMissing."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, input=text, env=environment(), capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise GitMissing("git is not installed: install git and start again") from error
    return done.stdout.strip()


def http_backend() -> Path:
    """Return the path of git's own CGI program. Raises GitMissing where the system packages it apart."""
    path = Path(git(Path("/"), "--exec-path")) / "git-http-backend"
    if not os.access(path, os.X_OK):
        raise GitMissing(f"{path} is missing: install the package that holds `git http-backend`")
    return path


def create_repository(root: Path, name: str, *, object_format: str = "sha1", commits: int = 1) -> Path:
    """Make the bare repository `owner/name` with that many commits on `main`; one that exists is left as it is.

    Raises ValueError for a name the host would not serve.
    """
    path = folder_of(root, name)
    if not path.exists():
        path.mkdir(parents=True)
        git(
            path,
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--initial-branch=main",
            f"--object-format={object_format}",
        )
        _add_commits(path, name, commits)
    return path


def _add_commits(path: Path, name: str, commits: int) -> None:
    parent: list[str] = []
    for number in range(1, commits + 1):
        blob = git(path, "hash-object", "-w", "--stdin", text=f"{name}, commit {number}\n")
        tree = git(path, "mktree", text=f"100644 blob {blob}\tREADME\n")
        parent = ["-p", git(path, "commit-tree", tree, *parent, "-m", f"Commit {number}")]
    if parent:
        git(path, "update-ref", "refs/heads/main", parent[1])


def folder_of(root: Path, name: str) -> Path:
    """Return the folder of `owner/name` under `root`. Raises ValueError for a name that could leave it."""
    if not NAME.fullmatch(name) or name.endswith(".git"):
        raise ValueError(f"not a repository name: {name!r}")
    return Path(root) / f"{name}.git"


def exists(root: Path, name: str) -> bool:
    """Say whether there is a repository `owner/name`; no name leads out of `root`."""
    try:
        return folder_of(root, name).is_dir()
    except ValueError:
        return False


def repositories(root: Path) -> list[str]:
    """Return the names of all repositories under `root`, sorted."""
    return sorted(str(path.relative_to(root)).removesuffix(".git") for path in Path(root).glob("*/**/*.git"))


def branches(root: Path, name: str) -> list[str]:
    """Return the branch names of `owner/name`, sorted, without `refs/heads/`."""
    return git(folder_of(root, name), "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").splitlines()


def make_app(root: Path | str) -> "WSGIApplication":
    """Return the WSGI application that serves every repository under `root`. Raises GitMissing."""
    home, backend = Path(root).resolve(), http_backend()
    home.mkdir(parents=True, exist_ok=True)

    def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        match = REQUEST.fullmatch(environ.get("PATH_INFO", ""))
        name = match[1].removesuffix(".git") if match else ""
        if match and exists(home, name):
            return _answer(backend, home, f"/{name}.git{match[2]}", environ, start_response)
        return _page(home, environ, start_response)

    return application


def _answer(
    backend: Path, home: Path, path: str, environ: "WSGIEnvironment", start_response: "StartResponse"
) -> Iterable[bytes]:
    """Let git answer. Both bodies go through files: with pipes an aborted push makes http-backend spin for ever."""
    with tempfile.TemporaryFile() as body:
        try:
            length = _spool(environ, body)
        except BadBody as error:
            return _say(start_response, HTTPStatus.BAD_REQUEST, str(error))
        answer = tempfile.TemporaryFile()  # noqa: SIM115  # the server closes it through FileWrapper
        if not _run([str(backend)], _cgi(home, path, length, environ), body, answer):
            return _say(start_response, HTTPStatus.GATEWAY_TIMEOUT, f"git took longer than {SECONDS} seconds")
    status, headers = _cgi_headers(answer)
    start_response(status, headers)
    return FileWrapper(answer, 65536)


def _spool(environ: "WSGIEnvironment", body: IO[bytes]) -> int:
    """Copy the request body into a file and return its length in bytes. Raises BadBody."""
    announced = environ.get("CONTENT_LENGTH") or ""
    wanted = int(announced) if announced.isdecimal() else BODY_LIMIT + 1 if environ.get("wsgi.input_terminated") else 0
    length = 0
    try:
        while length < wanted and (chunk := environ["wsgi.input"].read(min(65536, wanted - length))):
            length += body.write(chunk)
    except OSError as error:  # gunicorn's broken chunk, a reset connection
        raise BadBody("the body broke off") from error
    if length > BODY_LIMIT or (announced and length != wanted):
        raise BadBody(f"the body has {length} bytes, announced: {announced or 'none'}, most allowed: {BODY_LIMIT}")
    body.seek(0)
    return length


def _cgi(home: Path, path: str, length: int, environ: "WSGIEnvironment") -> dict[str, str]:
    """Return the CGI variables (RFC 3875) and the push permission, given to this one process only."""
    version = environ.get("HTTP_GIT_PROTOCOL", "")
    return {
        **environment(),
        **{name: environ[name] for name in PASSED_ON if environ.get(name)},
        **({"GIT_PROTOCOL": version, "HTTP_GIT_PROTOCOL": version} if version else {}),
        "CONTENT_LENGTH": str(length),
        "PATH_INFO": path,
        "GIT_PROJECT_ROOT": str(home),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.receivepack",
        "GIT_CONFIG_VALUE_0": "true",
    }


def _run(command: list[str], variables: dict[str, str], body: IO[bytes], answer: IO[bytes]) -> bool:
    """Run one git process and its children to the end; False when they had to be killed."""
    process = subprocess.Popen(
        command, stdin=body, stdout=answer, stderr=subprocess.DEVNULL, env=variables, start_new_session=True
    )
    try:
        process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False
    answer.seek(0)
    return True


def _cgi_headers(answer: IO[bytes]) -> tuple[str, list[tuple[str, str]]]:
    status, headers = "200 OK", []
    while line := answer.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = value.strip()
        else:
            headers.append((name, value.strip()))
    return (status if headers or status != "200 OK" else "500 No answer from git"), headers


def _say(start_response: "StartResponse", status: HTTPStatus, text: str, kind: str = "text/plain") -> Iterable[bytes]:
    start_response(f"{status.value} {status.phrase}", [("Content-Type", f"{kind}; charset=utf-8"), *HEADERS])
    return [f"{text}\n".encode()]


def _page(home: Path, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Show all repositories, or the branches of one; anything else is not found."""
    name = environ.get("PATH_INFO", "").strip("/").removesuffix(".git")
    if not name:
        rows = format_html_join("", '<li><a href="/{0}">{0}</a></li>', ([each] for each in repositories(home)))
        title = "Code host of the demo"
    elif exists(home, name):
        rows = format_html_join("", "<li>{}</li>", ([each] for each in branches(home, name)))
        title = f"Branches of {name}"
    else:
        return _say(start_response, HTTPStatus.NOT_FOUND, "not found")
    page = format_html('<!doctype html><html lang="en"><title>{0}</title><h1>{0}</h1><ul>{1}</ul></html>', title, rows)
    return _say(start_response, HTTPStatus.OK, page, "text/html")
