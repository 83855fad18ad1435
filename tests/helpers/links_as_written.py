"""`tests/data/links.tsv`: a link as people write it, and the boundary it makes where it is the only one."""

import csv
from typing import NamedTuple

from tests.helpers.files import ROOT

Place = tuple[str, str, str]
NOWHERE: Place = ("", "", "")
MOUNTED = "https://repo.or.cz/w/tool-a.git"  # the table leaves open how the repository's own boundary is spelt
READ_OTHERWISE: dict[str, Place] = {MOUNTED: ("repo.or.cz", "w/tool-a.git", "tool-a")}


class Case(NamedTuple):
    label: str
    url: str
    place: Place


def _place(row: dict[str, str]) -> Place:
    host, owner, repository = ("" if row[name] == "-" else row[name] for name in ("host", "owner", "repository"))
    return READ_OTHERWISE.get(row["url"], (host, owner, repository))


with (ROOT / "tests" / "data" / "links.tsv").open() as file:
    CASES = [Case(row["label"], row["url"], _place(row)) for row in csv.DictReader(file, delimiter="\t")]
HOME_PAGE = ("Homepage", "https://github.com/kvist/tool")
