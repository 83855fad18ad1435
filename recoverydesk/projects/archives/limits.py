"""How much an archive may hold, and what its members may be called."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_MEMBERS = 10_000
FREE_BYTES = 64 * 2**20  # up to here any ratio is fine
RATIO = 50  # beyond, expanded bytes per packed byte
MOST_BYTES = 2**30
LONGEST_NAME = 1_000
MOST_KEPT = 4 * 2**20  # bytes of one member that is read, not only counted
CHUNK = 2**16


class InvalidArchive(ValueError):
    """The file is not a plain archive of the kind it says it is; the message says why."""


@dataclass
class Listing:
    """What an archive holds: the names of its files, and the bytes of those that `wanted` chose."""

    wanted: Callable[[str], bool]
    packed: int
    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    kept: dict[str, bytes] = field(default_factory=dict)
    expanded: int = 0

    def enter(self, name: str, *, is_folder: bool) -> str:
        """Take a member's name and return it without its final slash. Raises InvalidArchive."""
        if len(self.files) + len(self.folders) >= MOST_MEMBERS:
            raise InvalidArchive(f"more than {MOST_MEMBERS} members")
        plain = name.removesuffix("/") if is_folder else name
        check_name(plain)
        if plain in self.files or (not is_folder and plain in self.folders):
            raise InvalidArchive(f"{plain!r} appears twice")
        (self.folders if is_folder else self.files).add(plain)
        return plain

    def count(self, size: int) -> None:
        """Take `size` expanded bytes. Raises InvalidArchive for a bomb."""
        self.expanded += size
        if self.expanded > MOST_BYTES or self.expanded > max(FREE_BYTES, RATIO * self.packed):
            raise InvalidArchive("it expands to too much (decompression bomb)")

    def finish(self) -> "Listing":
        """Check that no file is also somebody's folder, and return this."""
        for name in self.files | self.folders:
            folder = name
            while "/" in folder:
                folder = folder.rpartition("/")[0]
                if folder in self.files:
                    raise InvalidArchive(f"{folder!r} is both a file and a folder")
        return self


def check_name(name: str) -> None:
    """Refuse a member's name that is absolute, leaves its folder, or that two programs may read in two ways."""
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidArchive("a member's name is empty or too long")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Cf") for letter in name) or "\\" in name:
        raise InvalidArchive(f"the name {name!r} holds control characters or backslashes")
    parts = name.split("/")
    if name[1:2] == ":" or any(part in ("", ".", "..") for part in parts):
        raise InvalidArchive(f"the name {name!r} is absolute or leaves its folder")
