"""Whatever strangers and holders send, the endpoint answers, and never with a 5xx.

20,000 cases and more together with those of tests/tokens: token bytes there; forms, metadata and requests here.
"""

from contextlib import suppress
from random import Random
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from packaging.version import Version

from recoverydesk.projects.archives import metadata
from recoverydesk.projects.archives.limits import InvalidArchive
from recoverydesk.projects.published import InvalidFact
from recoverydesk.upload import form
from recoverydesk.upload.answers import UploadRefused
from tests.helpers import factories, packages
from tests.helpers.tokens import basic, mint
from tests.tiers import times

WORDS = [
    "1.0",
    "2.1",
    "2.5",
    "sample",
    "sdist",
    "bdist_wheel",
    "py3",
    "source",
    "UNKNOWN",
    "text/markdown",
    "x>=1",
    "OR",
]
WORDS += [
    ">=3.8",
    "a@example.org",
    "1!0.post1.dev0+l",
    "text/plain;x*",
    "Source, https://code.example/x",
    "x @ y",
    "\x00",
]
WORDS += ["0" * 64, "", " ", "\n", "ü", "\U0001f600", "\u2028", "'", "%", "(", "]", ":", ";", "=", "\ufeff", "9" * 400]
NAMES = [*form.ONCE, *form.SEVERAL, *form.OURS, "content", "attestations", "nonsense"]
HEADERS = [
    "Name",
    "Version",
    "Metadata-Version",
    "Project-URL",
    "Home-page",
    "Requires-Dist",
    "Keywords",
    "Content-Type",
]
KINDS = ["multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "application/x-www-form-urlencoded"]
KINDS += ["multipart/form-data; boundary=" + "x" * 300, "multipart/form-data; boundary=x; charset=nonsense"]
GOOD = packages.form(packages.wheel_name(), packages.wheel())
EACH = 25  # cases per example: drawing them is what takes the time
MANY = settings(max_examples=times(400, fast=40), deadline=None, suppress_health_check=list(HealthCheck))
SOME = settings(max_examples=times(100, fast=20), deadline=None, suppress_health_check=list(HealthCheck))
SEED = st.integers(0, 2**64).map(Random)


def value(dice: Random) -> str:
    """A word that means something here, a few of them, or anything."""
    if dice.random() < 0.7:
        return "".join(dice.choices(WORDS, k=dice.choice((1, 1, 1, 2, 3))))
    return "".join(chr(dice.choice((dice.randrange(128), dice.randrange(0xD800)))) for _ in range(dice.randrange(30)))


def fields(dice: Random) -> dict[str, Any]:
    return {dice.choice(NAMES): [value(dice) for _ in range(dice.choice((1, 1, 2)))] for _ in range(dice.randrange(6))}


def query(fields: dict[str, Any]) -> QueryDict:
    made = QueryDict(mutable=True)
    for name, value in fields.items():
        made.setlist(name, value if isinstance(value, list) else [value])
    return made


@given(SEED)
@MANY
def test_any_change_of_a_form_gives_a_form_or_a_refusal(dice: Random) -> None:
    for _case in range(EACH):
        with suppress(UploadRefused, InvalidFact):
            read = form.read_form(query(GOOD | fields(dice)), dice.choices(NAMES, k=dice.choice((0, 0, 1))))
            metadata.described(read.raw)


@given(SEED)
@MANY
def test_any_metadata_in_an_archive_gives_facts_or_the_error(dice: Random) -> None:
    for _case in range(EACH):
        lines = [f"{dice.choice(HEADERS)}: {value(dice)}" for _ in range(dice.randrange(9))]
        data = "\n".join(lines).encode() if dice.random() < 0.7 else dice.randbytes(dice.randrange(200))
        with suppress(InvalidArchive, InvalidFact):
            raw, unread = metadata.read_metadata(data)
            assert isinstance(metadata.same(raw, "sample", Version("1.0")), bool)
            assert isinstance(metadata.problem(raw) + metadata.kept_problem(raw, unread), str)
            metadata.described(raw)


class AnyRequest(TestCase):
    """Whole requests, each rolled back: fields, file names, bytes, headers."""

    @classmethod
    def setUpTestData(cls) -> None:
        user = factories.make_user("ada")
        factories.add_totp(user)
        cls.token = mint(user).text

    token: str
    site = Client()

    @given(SEED, st.binary(max_size=60), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
    @SOME
    def test_no_upload_is_answered_with_5xx(self, dice: Random, content: bytes, accept: str) -> None:
        name = dice.choice([packages.wheel_name(), packages.sdist_name(), f"x{value(dice)}".replace("/", "")[:200]])
        body = dice.choice([packages.wheel(), packages.sdist(), content])
        file = SimpleUploadedFile(name, body, dice.choice(["application/octet-stream", "image/png", "x"]))
        accept = dice.choice([accept, "text/html", "application/json", "application/problem+json"])
        headers = {"Authorization": basic(self.token), "Accept": accept}
        answer = self.site.post("/legacy/", GOOD | {"content": file} | fields(dice), headers=headers)
        assert answer.status_code < 500
        assert "\n" not in (answer.reason_phrase or "")

    @given(st.binary(max_size=200), st.sampled_from(KINDS))
    @SOME
    def test_no_body_is_answered_with_5xx(self, body: bytes, content_type: str) -> None:
        part = b'--x\r\nContent-Disposition: form-data; name="content"; filename="x"\r\n\r\n'
        headers = {"Authorization": basic(self.token)}
        for data in (body, part + body + b"\r\n--x--\r\n"):
            answer = self.site.generic("POST", "/legacy/?:action=file_upload", data, content_type, headers=headers)
            assert 400 <= answer.status_code < 500

    @given(SEED)
    @SOME
    def test_no_question_to_a_token_is_answered_with_5xx(self, dice: Random) -> None:
        values = {"project": value(dice), "version": value(dice), "action": "upload"}
        for authorization in (basic(self.token), basic(value(dice)), "Basic " + ascii(value(dice))):
            answer = self.site.get("/api/token", values, headers={"Authorization": authorization})
            assert answer.status_code < 500
