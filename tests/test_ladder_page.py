"""docs/ladder.svg is drawn from the policy's own numbers; a change of them changes the drawing in the same commit.

UPDATE_LADDER=1 .venv/bin/python -m pytest tests/test_ladder_page.py
"""

import os
import re
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation
from django.utils.safestring import mark_safe

from recoverydesk.recovery import ladder, policy
from recoverydesk.recovery.evidence import cases
from tests.helpers.files import ROOT

PICTURE = ROOT / "docs" / "ladder.svg"
PAPER = ROOT / "docs" / "recovery-policy.md"
DAY = timedelta(days=1)
STYLE = mark_safe(  # noqa: S308 - ours
    "<style>svg{color:#1f2328;background:#fff}"
    "@media(prefers-color-scheme:dark){svg{color:#f0f6fc;background:#0d1117}}</style>"
)


def drawn(numbers: policy.Numbers, style: str = "") -> str:
    text = render_to_string("recovery/_ladder.svg", {"ladder": ladder.draw(numbers), "style": style})
    return re.sub(r"\n\s*(?=\n)", "", text)


def test_the_picture_shows_the_policys_own_numbers() -> None:
    picture = drawn(cases.numbers(), STYLE)
    if os.environ.get("UPDATE_LADDER"):
        PICTURE.write_text(picture)
    assert PICTURE.read_text() == picture


def test_the_paper_shows_it_below_its_first_heading() -> None:
    head, _, rest = PAPER.read_text().partition("\n## ")
    assert re.search(r"!\[[^\]]{20,}\]\(ladder\.svg\)", head)
    assert rest


def words(picture: str) -> str:
    return " ".join(" ".join(ElementTree.fromstring(picture).itertext()).split())  # noqa: S314 - ours


def changed(name: str) -> policy.Numbers:
    """The same numbers with this one different enough to show on every rung."""
    now = getattr(cases.numbers(), name)
    other: Any = {name: not now if isinstance(now, bool) else now + 77 * DAY}
    return replace(cases.numbers(), **other)


UNDRAWN = {"expires_after", "object_within", "human_reset"}


@pytest.mark.parametrize("name", [field.name for field in fields(policy.Numbers)])
def test_every_number_of_the_ladder_changes_the_drawing(name: str) -> None:
    assert (words(drawn(changed(name))) != words(drawn(cases.numbers()))) == (name not in UNDRAWN)


@pytest.mark.parametrize("language", ["en", "es"])
def test_nothing_is_drawn_outside_the_picture(language: str) -> None:
    """On the smallest phone a unit is a pixel: no letter is smaller than 13. A bold one is 8.3 wide on average."""
    with translation.override(language):
        long = replace(cases.numbers(), objection_window=36 * timedelta(hours=1), wait_nothing_bound=900 * DAY)
        for numbers in (cases.numbers(), long, replace(cases.numbers(), always_two=True)):
            root = ElementTree.fromstring(drawn(numbers))  # noqa: S314 - ours
            _, _, width, height = map(int, root.attrib["viewBox"].split())
            texts = root.findall(".//{*}text")
            assert len(texts) >= 3 * 6
            for text in [one for one in texts if "text-anchor" not in one.attrib]:
                assert float(text.attrib["font-size"]) >= 13
                wide = 8.3 if "font-weight" in text.attrib else 6.8
                assert int(text.attrib["x"]) + wide * len(text.text or "") <= width, text.text
                assert 0 < int(text.attrib["y"]) < height
            ends = [int(end) for path in root.findall(".//{*}path") for end in re.findall(r"H(\d+)", path.attrib["d"])]
            assert max(ends) <= width


def test_it_takes_its_colours_from_where_it_stands() -> None:
    colours = re.findall(r'(?:fill|stroke|color)="([^"]+)"', drawn(cases.numbers()))
    assert set(colours) == {"currentColor", "none"}


def test_a_bar_is_as_long_as_its_wait() -> None:
    drawing = ladder.draw(cases.numbers())
    lengths = [one.end - ladder.RAIL for one in drawing.rungs]
    days = [one.rung.wait / DAY for one in drawing.rungs]
    assert [one.rung.number for one in drawing.rungs] == [5, 4, 3, 2, 1, 0]
    assert [round(one / lengths[0] * days[0]) for one in lengths] == [round(day) for day in days]


@pytest.mark.parametrize(
    ("span", "said"),
    [(36 * 3600, "36 hours"), (86400, "1 day"), (3660, "61 minutes"), (61, "61 seconds"), (30 * 86400, "30 days")],
)
def test_a_length_of_time_is_never_rounded(span: int, said: str) -> None:
    assert ladder.length(timedelta(seconds=span)) == said


def test_the_page_shows_the_ladder_of_the_site(client: Client, settings: object, db: None) -> None:
    settings.RECOVERY_WAIT_NEW_CONTACT = 21 * DAY  # type: ignore[attr-defined]
    settings.RECOVERY_TWO_PERSON = "always"  # type: ignore[attr-defined]
    page = client.get("/recover/policy/").content.decode()
    start = page.index('<svg class="ladder"')
    picture = page[start : page.index("</svg>", start) + 6]
    assert "21 days · 2 people" in words(picture)
    assert "1 person" not in words(picture)
