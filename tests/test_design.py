"""The look: colours stand in one stylesheet, and whatever is written on them can be read, in light and dark."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template

from accounts import icons
from tests.helpers.files import ROOT, names, tracked_files

DESIGN = ROOT / "accounts" / "static" / "accounts" / "design.css"
STYLES = sorted(
    path for path in tracked_files() if path.suffix == ".css" and not path.name.endswith(".min.css") and path != DESIGN
)
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|lab|oklch)a?\(", re.IGNORECASE)
TOKEN = re.compile(r"(--ui-[\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
GROUNDS = re.compile(r"--ui-(page|surface|sunken|\w+-soft)")
TEXTS = re.compile(r"--ui-(text|quiet|link|ok|warn|danger)")
EDGES = re.compile(r"--ui-(\w+-)?edge")
READABLE, VISIBLE = 4.5, 3.0  # WCAG 2.2: 1.4.3 for words, 1.4.11 for edges
NOT_SEEN_ALONE = {"--ui-line"}  # it divides what space and words divide, too
WHITE_ON_PURPOSE = {
    "accounts/static/accounts/site.css": [".qr"],
    "recoverydesk/recovery/static/recovery/desk.css": ["::backdrop"],
}

Palette = dict[str, str]


def palettes() -> dict[str, Palette]:
    """Each colour's name and value, in light and in dark."""
    found = TOKEN.findall(DESIGN.read_text())
    return {"light": {name: one for name, one, _ in found}, "dark": {name: one for name, _, one in found}}


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2, 0 for black to 1 for white."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def pairs(palette: Palette) -> list[tuple[str, str, float]]:
    """Which colour stands on which, and how much contrast that needs."""
    grounds = [name for name in palette if GROUNDS.fullmatch(name)]
    texts = [name for name in palette if TEXTS.fullmatch(name)]
    fills = [name.replace("-on-", "-", 1) for name in palette if name.startswith("--ui-on-")]
    plain = ("--ui-page", "--ui-surface")
    edges = [name for name in palette if EDGES.fullmatch(name)]
    return (
        [(text, ground, READABLE) for text in texts for ground in grounds]
        + [(fill.replace("--ui-", "--ui-on-", 1), fill, READABLE) for fill in fills]
        + [(edge, ground, VISIBLE) for edge in edges for ground in plain]
    )


def too_faint(palette: Palette) -> list[str]:
    return [
        f"{one} on {other}: {contrast(palette[one], palette[other]):.2f} < {least}"
        for one, other, least in pairs(palette)
        if contrast(palette[one], palette[other]) < least
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_every_ground(scheme: str) -> None:
    assert too_faint(palettes()[scheme]) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_colour_is_outside_the_pairs(scheme: str) -> None:
    palette = palettes()[scheme]
    asked = {name for one, other, _least in pairs(palette) for name in (one, other)}
    assert len(palette) > 20
    assert set(palette) - asked == NOT_SEEN_ALONE


def test_a_faint_text_would_be_seen() -> None:
    palette = palettes()["light"] | {"--ui-quiet": "#8a8f99"}
    assert too_faint(palette)[0].startswith("--ui-quiet on --ui-page: 3.")
    assert contrast("#ffffff", "#000000") == 21


def test_every_colour_is_a_token_with_its_two_values() -> None:
    text = re.sub(r"/\*.*?\*/", "", TOKEN.sub("", DESIGN.read_text()), flags=re.DOTALL)
    assert COLOUR.findall(text) == []


def colours_of_its_own(path: Path) -> list[str]:
    allowed = WHITE_ON_PURPOSE.get(str(path.relative_to(ROOT)), [])
    rules = re.findall(r"([^{}]*)\{([^{}]*)\}", path.read_text())
    return [
        where.strip()
        for where, body in rules
        if COLOUR.search(body) and not where.strip().endswith(tuple(allowed or " "))
    ]


@pytest.mark.parametrize("path", STYLES, ids=names(STYLES))
def test_no_other_stylesheet_has_a_colour(path: Path) -> None:
    assert colours_of_its_own(path) == []


@pytest.mark.parametrize("path", STYLES, ids=names(STYLES))
def test_every_token_that_is_used_is_there(path: Path) -> None:
    known = set(re.findall(r"(--ui-[\w-]+):", DESIGN.read_text()))
    used = {name for one in (path, DESIGN) for name in re.findall(r"var\((--ui-[\w-]+)", one.read_text())}
    assert used - known == set()


def test_every_icon_a_template_names_is_drawn() -> None:
    named = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in re.findall(r'{% icon "(\w+)"', path.read_text())
    }
    assert named <= set(icons.ICONS)
    with pytest.raises(KeyError):
        icons.drawing("no such icon")


def test_the_mark_of_the_pages_and_the_favicon_are_one_drawing() -> None:
    favicon = (ROOT / "accounts" / "static" / "accounts" / "icon.svg").read_text()
    strokes = re.findall(r' d="([^"]+)"', icons.MARK)
    assert len(strokes) == 2
    assert re.findall(r' d="([^"]+)"', favicon) == strokes
    assert palettes()["light"]["--ui-accent"] in favicon


@pytest.mark.parametrize("name", ["500.html", "400.html", "403_csrf.html"])
def test_the_plain_pages_load_the_look(name: str) -> None:
    assert "accounts/design.css" in get_template(name).render()
