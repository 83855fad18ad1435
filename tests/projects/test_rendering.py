"""What a stranger wrote about a release becomes a text to read, and nothing else."""

import html.parser
import json
import subprocess
import sys
import time
from typing import Any

import pytest

from recoverydesk.projects import readme, rendering
from recoverydesk.projects.models import About
from tests.helpers.factories import make_project

MD, RST = "text/markdown", "text/x-rst"
TRICKS = [
    "<script>alert(1)</script>",
    "<script src=//evil.example/x.js></script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=//evil.example/count.png alt='a \" onerror=alert(1) <b>'>",
    "![a](https://evil.example/count.png)",
    '![a"onload="alert(1)](https://evil.example/count.png)',
    "[a](javascript:alert(1))",
    "[a](java&#10;script:alert(1))",
    "[a]( JaVaScRiPt:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](vbscript:x)",
    "[a](//evil.example/)",
    "[a](/account/logout/)",
    "[a](../../admin/)",
    "<a href='&#x6A;avascript:alert(1)'>a</a>",
    "<a href='#main' id='main' class='skip' style='position:fixed' onclick=x>a</a>",
    "<a href='https://evil.example/' target=_top rel=opener>a</a>",
    "<form action=/account/login/ method=post><input name=password><button>Sign in</button></form>",
    "<input type=checkbox checked autofocus onfocus=alert(1)>",
    "<iframe src=//evil.example/></iframe><object data=x></object><embed src=x>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'><text>a</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'><base href=//evil.example/>",
    "<div class='notice error' role=alert aria-live=assertive>We need your password</div>",
    "</article></main><h1>You are signed out</h1>",
    "<video src=x poster=//evil.example/x><source srcset=//evil.example/y></video>",
    "<picture><source srcset='//evil.example/y'><img src=z></picture>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template><textarea><script>alert(1)</script></textarea>",
    "<details open ontoggle=alert(1)><summary>a</summary></details>",
    "<p dir=rtl lang=x hidden contenteditable tabindex=9 accesskey=x draggable=true>a</p>",
    "\x00<\x00script>alert(1)</script>",
    "[a]: javascript:alert(1)\n[a]",
    "<javascript:alert(1)>",
    "`` <script>alert(1)</script> ``\n\n    <script>alert(1)</script>\n",
    '```"onmouseover=alert(1)\n<script>alert(1)</script>\n```',
]
RST_TRICKS = [
    ".. raw:: html\n\n   <script>alert(1)</script>\n",
    ".. include:: /etc/passwd\n",
    ".. csv-table::\n   :file: /etc/passwd\n",
    ".. image:: https://evil.example/count.png\n   :target: javascript:alert(1)\n   :alt: a\n",
    ".. figure:: data:image/svg+xml,<svg onload=alert(1)>\n",
    "`a <javascript:alert(1)>`_",
    "`a </account/logout/>`_",
    ".. _a: data:text/html,x\n\na_",
    ".. class:: notice error\n\nWe need your password\n",
    ".. container:: skip\n\n   a\n",
    ".. role:: raw-html(raw)\n   :format: html\n\n:raw-html:`<script>alert(1)</script>`\n",
    ".. math:: \\href{javascript:alert(1)}{a}\n",
    ".. meta::\n   :http-equiv=refresh: 0;url=//evil.example/\n",
    ".. code:: html\n\n   <script>alert(1)</script>\n",
    "<script>alert(1)</script>",
]
ATTRIBUTES = {"href", "title", "rel", "id", "colspan", "rowspan", "start"}


class Reader(html.parser.HTMLParser):
    """Notes every tag and attribute that is none of a plain text's."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[Any] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in rendering.TAGS or set(given) - ATTRIBUTES:
            self.wrong.append((tag, given))
        if "href" in given and not given["href"].startswith(("https://", "http://", "mailto:", "#user-content-")):
            self.wrong.append(given)
        if tag == "a" and given.get("rel") != "nofollow noopener noreferrer":
            self.wrong.append(given)
        if not given.get("id", "user-content-").startswith("user-content-"):
            self.wrong.append(given)
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def wrong_in(text: str, kind: str) -> list[Any]:
    reader = Reader()
    reader.feed(rendering.render(text, kind))
    reader.close()
    return reader.wrong + reader.open


@pytest.mark.parametrize("kind", [MD, RST, "text/plain", "", "text/html", "TEXT/MARKDOWN; charset=UTF-8; variant=GFM"])
def test_no_trick_leaves_more_than_a_text(kind: str) -> None:
    whole = "\n\n".join(TRICKS)
    assert {text: wrong for text in [*TRICKS, *RST_TRICKS, whole] if (wrong := wrong_in(text, kind))} == {}


def test_the_reader_of_these_tests_sees_what_is_wrong() -> None:
    for text in ("<script></script>", "<p class=x></p>", "<a href=/x></a>", "<p>", "</main>", "<p id=main></p>"):
        reader = Reader()
        reader.feed(text)
        assert reader.wrong + reader.open, text


def test_an_image_is_its_words_and_a_link_of_nothing_is_gone() -> None:
    badge = (
        "[![tests](https://ci.example/b.svg)](https://ci.example/) [![](https://ci.example/c.svg)](https://c.example/)"
    )
    assert rendering.render(badge, MD) == (
        '<p><a href="https://ci.example/" rel="nofollow noopener noreferrer">tests</a> </p>\n'
    )


def test_headings_stand_below_those_of_the_page() -> None:
    assert "<h3" in rendering.render("# Title", MD)
    assert "<h6" in rendering.render("###### Small", MD)
    assert "<h3" in rendering.render("Title\n=====\n\nText\n", RST)


def test_a_link_within_the_text_leads_to_its_heading() -> None:
    html_of = rendering.render("[down](#usage)\n\n## Usage", MD)
    assert 'href="#user-content-usage"' in html_of
    assert 'id="user-content-usage"' in html_of


def test_no_file_of_the_machine_is_read() -> None:
    for text in RST_TRICKS:
        assert "root:" not in rendering.render(text, RST)


@pytest.mark.django_db
def test_a_text_is_rendered_once_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    release = make_project("spam").releases.get()
    About.objects.create(release=release, description="# Hello <script>", content_type=MD)
    first = readme.html_of(About.objects.get())
    assert first.startswith('<h3 id="user-content-hello')
    monkeypatch.setattr(subprocess, "run", None)
    assert readme.html_of(About.objects.get()) == first


@pytest.mark.django_db
def test_who_asks_while_another_text_is_rendered_gets_plain_text() -> None:
    about = About(release=make_project("spam").releases.get(), description="# <b>", content_type=MD)
    with readme._one_at_a_time:
        assert readme.html_of(about) == "<pre># &lt;b&gt;</pre>"
    assert about.html is None


@pytest.mark.parametrize("died", ["raise SystemExit(1)", "import os; os.abort()"])
def test_whatever_the_text_does_to_the_program_plain_text_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, died: str
) -> None:
    program = tmp_path / "program.py"
    program.write_text(died)
    monkeypatch.setattr(readme, "PROGRAM", program)
    assert readme._render("# <b>", MD) == "<pre># &lt;b&gt;</pre>"


def test_what_a_busy_machine_had_no_time_for_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readme, "PATIENCE", 0.001)
    assert readme._render("# <b>", MD) is None


@pytest.mark.thorough
@pytest.mark.parametrize("text", [">" * 40_000, "|" + "a|" * 400 + "\n|" + "-|" * 400 + "\n" + "|x\n" * 10_000])
def test_a_text_that_would_take_seconds_is_cut_off(text: str) -> None:
    began = time.monotonic()
    given = json.dumps([text, MD])
    subprocess.run([sys.executable, "-I", str(readme.PROGRAM)], input=given, capture_output=True, encoding="utf-8")
    assert time.monotonic() - began < 60
