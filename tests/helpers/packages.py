"""Wheels and sdists made on the spot, right ones and hostile ones, and the form that twine would send with them."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from django.http import HttpResponse

METADATA = """Metadata-Version: 2.1
Name: {name}
Version: {version}
Summary: made for a test
Project-URL: Source, https://code.example/ada/{name}
Requires-Python: >=3.8

A description.
"""


def metadata_of(name: str, version: str) -> bytes:
    return METADATA.format(name=name, version=version).encode()


def wheel(
    name: str = "sample",
    version: str = "1.0",
    *,
    body: bytes = b"x = 1\n",
    leave_out: str = "",
    metadata: bytes = b"",
    also: dict[str, bytes] | None = None,
) -> bytes:
    """A wheel as any tool would make it, with one module; `also` are further files of its .dist-info."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": body,
        f"{info}/METADATA": metadata or metadata_of(name, version),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": f"{name}/__init__.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n".encode(),
        **{f"{info}/{path}": data for path, data in (also or {}).items()},
    }
    return zipped((path, data) for path, data in files.items() if not (leave_out and path.endswith(leave_out)))


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of these members in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files:
            archive.writestr(zipfile.ZipInfo(path, (2024, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def sdist(
    name: str = "sample", version: str = "1.0", *, extra: Iterable[tarfile.TarInfo] = (), metadata: bytes = b""
) -> bytes:
    """A source distribution as any tool would make it, with further members behind."""
    top = f"{name}-{version}"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        described = metadata or metadata_of(name, version)
        for path, data in ((f"{top}/PKG-INFO", described), (f"{top}/{name}.py", b"x = 1\n")):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        for member in extra:
            archive.addfile(member, io.BytesIO(bytes(member.size)))
    return gzip.compress(buffer.getvalue(), mtime=0)


def wheel_name(name: str = "sample", version: str = "1.0") -> str:
    return f"{name}-{version}-py3-none-any.whl"


def sdist_name(name: str = "sample", version: str = "1.0") -> str:
    return f"{name}-{version}.tar.gz"


def form(filename: str, content: bytes, name: str = "sample", version: str = "1.0") -> dict[str, object]:
    """What an uploader sends beside the file."""
    is_wheel = filename.endswith(".whl")
    return {
        ":action": "file_upload",
        "protocol_version": "1",
        "metadata_version": "2.1",
        "name": name,
        "version": version,
        "filetype": "bdist_wheel" if is_wheel else "sdist",
        "pyversion": "py3" if is_wheel else "source",
        "sha256_digest": hashlib.sha256(content).hexdigest(),
        "project_urls": [f"Source, https://code.example/ada/{name}"],
        "requires_python": ">=3.8",
    }


Send = Callable[..., HttpResponse]


def stored_files(storage: Path) -> list[Path]:
    """Every file below the storage, half-made ones too."""
    return sorted(path for path in storage.rglob("*") if path.is_file())
