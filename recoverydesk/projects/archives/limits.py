"""How much an archive may hold and how much work it may cost, and what its members may be called.

Work is counted in expanded bytes, never in seconds, so that the same archive has the same answer on every machine.
The prices are what one CPU of 2020 needs: 500 million of them are well below a second (docs/benchmarks.md, Uploads).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

FREE_BYTES = 64 * 2**20  # up to here any ratio is fine
RATIO = 50  # beyond, expanded bytes per packed byte
MOST_BYTES = 2**30
FREE_WORK = 500 * 10**6  # beyond, RATIO per packed byte: a second of CPU for 10 MB
HEADER = 2**13  # the price of a member or of a header that describes one
NAME_BYTE = 32  # the price of a byte of a name, on top of its header's
RECORD = 2**10  # the price of one record of a PAX header, or of one extra field of a zip
STEP = 2**9  # the price of one folder on the way to the target of a link
LONGEST_NAME = 1_024  # bytes
MOST_NAMES = 16 * 2**20  # bytes of all names together, each with what remembering it takes
REMEMBERING = 64
MOST_KEPT = 4 * 2**20  # bytes of one member that is read, not only counted
CHUNK = 2**16

# Unicode's categories Cc, Cf and Cs, which people do not see, and the backslash
_ODD_LETTER = re.compile(
    "[\\\\\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
_NO_PART = re.compile(r"(?:^|/)\.{0,2}(?:/|$)")


class InvalidArchive(ValueError):
    """The file is not a plain archive of the kind it says it is; the message says why."""


@dataclass
class Listing:
    """What an archive holds: the names of its files, and the bytes of those that `wanted` chose.

    `links` maps the names of links (they are in `files`, too) to where they lead: a path inside the archive.
    """

    wanted: Callable[[str], bool]
    packed: int
    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    links: dict[str, str] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)
    expanded: int = 0
    work: int = 0
    remembered: int = 0

    def charge(self, work: int) -> None:
        """Pay for reading something. Raises InvalidArchive when the archive has cost more than its size is worth."""
        self.work += work
        if self.work > max(FREE_WORK, RATIO * self.packed):
            raise InvalidArchive("reading it is too much work for its size: it has too many members or headers")

    def count(self, size: int) -> None:
        """Take `size` expanded bytes. Raises InvalidArchive for a bomb."""
        self.expanded += size
        if self.expanded > MOST_BYTES or self.expanded > max(FREE_BYTES, RATIO * self.packed):
            raise InvalidArchive("it expands to too much (decompression bomb)")
        self.charge(size)

    def enter(self, name: str, *, is_folder: bool) -> str:
        """Take a member's name and return it without its final slash. Raises InvalidArchive."""
        plain = name.removesuffix("/") if is_folder else name
        self._remember(plain)
        check_name(plain)
        if plain in self.files or (not is_folder and plain in self.folders):
            raise InvalidArchive(f"{plain!r} appears twice")
        (self.folders if is_folder else self.files).add(plain)
        return plain

    def enter_link(self, name: str, target: str) -> None:
        """Take a link that leads to `target`, a path inside the archive. Raises InvalidArchive."""
        self.links[self.enter(name, is_folder=False)] = target
        self._remember(target)
        self.charge(STEP * target.count("/"))

    def _remember(self, name: str) -> None:
        length = name_length(name)
        self.charge(NAME_BYTE * length)
        self.remembered += length + REMEMBERING
        if self.remembered > MOST_NAMES:
            raise InvalidArchive("the names of its members take too much room")

    def finish(self) -> "Listing":
        """Check that no file is also somebody's folder and no link leads through another, and return this."""
        # A folder comes just before what is in it: no letter sorts before the one that stands for the slash.
        ordered = sorted(
            name.replace("/", "\0") for name in self.files | self.folders
        )  # folders before what is in them
        for one, following in pairwise(ordered):
            if following.startswith(one + "\0") and (name := one.replace("\0", "/")) in self.files:
                raise InvalidArchive(f"{name!r} is both a file and a folder")
        for name, target in self.links.items():
            if self._leads_through_link(target):
                raise InvalidArchive(f"the link {name!r} leads through another link")
        return self

    def _leads_through_link(self, target: str) -> bool:
        folder = target.rpartition("/")[0]
        while folder and folder not in self.links:
            folder = folder.rpartition("/")[0]
        return bool(folder)


def name_length(name: str) -> int:
    """Return the length of a name in bytes, if it is one. Raises InvalidArchive."""
    length = len(name.encode("utf-8", "surrogatepass"))
    if not 0 < length <= LONGEST_NAME:
        raise InvalidArchive(f"a member's name is empty or longer than {LONGEST_NAME} bytes")
    return length


def check_name(name: str) -> None:
    """Refuse a member's name that is absolute, leaves its folder, or that two programs may read in two ways."""
    if _ODD_LETTER.search(name):
        raise InvalidArchive(f"the name {name!r} holds control characters or backslashes")
    if name[1:2] == ":" or _NO_PART.search(name):
        raise InvalidArchive(f"the name {name!r} is absolute or leaves its folder")
