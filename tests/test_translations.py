"""Whoever reads another language than English reads all of it: the catalogues are whole, and they are used."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.test import Client
from django.utils import translation

from accounts.mail import rendering
from accounts.mail.models import Mail
from accounts.models import User
from audit.tags import Tag
from recoverydesk.recovery import notices
from recoverydesk.recovery.desk import notes
from recoverydesk.recovery.models import Claim, ReplyTemplate, Status
from recoverydesk.recovery.permissions import staff
from recoverydesk.statistics import computing
from tests.helpers import decided, factories
from tests.helpers.catalogue import Entry, read_mo, read_po, says, texts_in, texts_of_the_program, words_on
from tests.helpers.desk import QUEUE, browser
from tests.helpers.files import ROOT
from tests.helpers.tickets import REASON, add_boundary, make_moderator, make_ticket

OTHERS = [code for code, _ in settings.LANGUAGES if code != "en"]
PLACES = {code: ROOT / "locale" / code / "LC_MESSAGES" for code in OTHERS}
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%[a-z]|</?\w+>|https?://\S+|__token__|recovery-codes\.txt|manage\.py \S+")
TAG = re.compile(r"\w+(?::\w+)+")  # of an event: the same in every language
KINDS = sorted(path.parent.name for path in (ROOT / "templates/emails").glob("*/body.txt"))
LINKS = {"choose_password", "confirm_contact", "go", "status", "stop"}
BOUNDARY = {"host": "git.example", "namespace": "ada", "repositories": ["https://git.example/ada/tool"], "more": 2}
RESTS = [{"name": "one", "ends": "<ends>", "owned": True}, {"name": "two", "ends": "", "owned": True}]
STATES = (  # of mails that come at several moments
    "begun", "middle", "last", "owner", "time", "yanked", "unyanked", "deleted",
    "archived", "deprecated", "quarantined", "active",
    "invited", "invited by mail", "accepted", "declined", "withdrawn", "withdrawn by mail",
    "is owner", "is maintainer", "removed",
)  # fmt: skip
NUMBERS = ("codes_left", "days", "done", "factors", "left", "minutes", "more", "seal", "tokens", "total", "usual")
DESK = {
    "dashboard": "/admin/", "queue": QUEUE, "log": "/admin/audit/event/", "statistics": "/admin/statistics/figures/",
    "settings": f"{QUEUE}settings/",
}  # fmt: skip
PATHS = {"recover": "/recover/", "policy": "/recover/policy/", "sign in": "/account/login/", "home": "/"}


# The files ------------------------------------------------------------------------------------------------------------


def test_every_language_on_offer_has_a_catalogue() -> None:
    assert "es" in OTHERS
    assert sorted(path.name for path in (ROOT / "locale").iterdir()) == sorted(OTHERS)


@pytest.mark.parametrize("language", OTHERS)
def test_the_compiled_catalogue_is_what_the_readable_one_says(language: str) -> None:
    """After an edit: `manage.py compilemessages`."""
    entries = [entry for entry in read_po(PLACES[language] / "django.po").values() if all(entry.texts)]
    compiled, number = read_mo(PLACES[language] / "django.mo")
    assert number == len(entries)  # the header is one of them
    for entry in entries[1:]:
        if entry.plural:
            spoken = [compiled.ngettext(entry.msgid, entry.plural, count) for count in (1, 2)]
            assert spoken == entry.texts
        else:
            assert compiled.gettext(entry.msgid) == entry.texts[0]
    assert not any(entry.fuzzy for entry in entries)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    """After a new text: `makemessages` as README says, and a translation.

    A text `makemessages` leaves out stands in an f-string or behind a name it does not know, such as `_lazy`.
    """
    known, texts = read_po(PLACES[language] / "django.po"), texts_of_the_program()
    assert len(texts) > 1600
    missing = {text: place for text, place in texts.items() if text not in known}
    empty = [entry.msgid for entry in known.values() if not all(entry.texts)]
    assert (missing, empty) == ({}, [])


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_placeholders_markup_and_line_ends(language: str) -> None:
    wrong = []
    for entry in list(read_po(PLACES[language] / "django.po").values())[1:]:
        for text in filter(None, entry.texts):
            same = sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(entry.plural or entry.msgid))
            ends = [(line[:1] == "\n", line[-1:] == "\n", line.count("\n")) for line in (entry.msgid, text)]
            wrong += [] if same and ends[0] == ends[1] else [(entry.msgid, text)]
    assert wrong == []


@pytest.mark.parametrize("count", [0, 1, 2, 1_000_000])
def test_our_plurals_and_djangos_stand_side_by_side(count: int) -> None:
    """Django's own Spanish has three forms, ours has two."""
    with translation.override("es"):
        ours = translation.ngettext("%d session", "%d sessions", count)
        theirs = translation.ngettext("%(num)d day", "%(num)d days", count)
    assert ours == ("%d sesión" if count == 1 else "%d sesiones")
    assert theirs.replace("\xa0", " ") == ("%(num)d día" if count == 1 else "%(num)d días")


# Mails ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def _a_secret(settings: Any) -> None:
    settings.ACCOUNTS_HOOKS = settings.ACCOUNTS_HOOKS | {"mail_secrets": "tests.accounts.mail.samples.secrets_of"}


def mail(kind: str, language: str, **context: Any) -> rendering.Rendered:
    """A mail of that kind with every link it could have."""
    return rendering.render(
        Mail(kind=kind, language=language, context=context, links=dict.fromkeys(LINKS, 0)), masked=True
    )


def full(count: int) -> dict[str, Any]:
    """A context in which every part of every mail has something to say."""
    words = {name: f"<{name}>" for name in ("owner", "username", "until", "when", "network", "address", "names", "who")}
    lists = {"names": ["x"], "boundaries": [BOUNDARY], "roles": RESTS}
    return words | dict.fromkeys(NUMBERS, count) | {"tag": Tag.ACCOUNT_FREEZE} | lists


@pytest.mark.usefixtures("_a_secret")
@pytest.mark.parametrize("kind", KINDS)
def test_every_mail_speaks_spanish_only(kind: str) -> None:
    english = {text for name in ("subject", "body") for text in texts_in(ROOT / f"templates/emails/{kind}/{name}.txt")}
    states = [full(2) | {"state": state} for state in STATES]
    for context in (dict.fromkeys(NUMBERS, 0), full(1), full(2), *states):
        theirs = mail(kind, "es", **context)
        assert theirs.subject != mail(kind, "en", **context).subject
        assert [text for text in english if text in theirs.text or text in theirs.subject] == []
        assert "Este correo se envió automáticamente." in theirs.text
        assert "%(" not in theirs.subject + theirs.text
        assert '<html lang="es">' in theirs.html


@pytest.mark.usefixtures("_a_secret")
@pytest.mark.parametrize("claim", Claim.values)
def test_what_was_asked_for_is_part_of_the_sentence(claim: str) -> None:
    text = mail("recovery_notice", "es", claim=claim, username="ada").text
    assert re.search(r"Alguien nos pidió (poner|verificar|restablecer) .*cuenta ada", text)


@pytest.mark.django_db
def test_a_length_of_time_in_a_mail_is_in_its_language() -> None:
    user = factories.make_user("ada")
    user.language = "es"
    ticket = make_ticket(user)
    notices.make_status_link(ticket)
    sent = notices.send_challenge(ticket, [add_boundary(ticket)], wait=timedelta(days=7), round_=0)
    assert (sent.language, sent.context["wait"]) == ("es", "7 días")
    assert translation.get_language() == "en"


# Pages ----------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_public_pages_answer_in_the_browsers_language(client: Client, path: str) -> None:
    page = client.get(path, headers={"accept-language": "es-MX,es;q=0.9,en;q=0.5"}).content.decode()
    assert '<html lang="es">' in page
    assert "Saltar al contenido" in page
    assert '<html lang="en">' in client.get(path, headers={"accept-language": "fr"}).content.decode()


@pytest.mark.django_db
def test_the_form_asks_and_answers_in_spanish(client: Client) -> None:
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    assert "¿Qué ya no puedes hacer?" in client.get("/recover/").content.decode()
    given = {"username": "ada", "claim": "second_factor", "codes": "kept"}
    refused = client.post("/recover/", given).content.decode()
    assert "What can you no longer do?" not in refused
    assert "recuperación" in refused


@pytest.mark.django_db
def test_account_pages_answer_in_the_language_of_the_account(client: Client) -> None:
    user = factories.make_user("ada")
    _, secret = factories.add_totp(user)
    User.objects.filter(pk=user.pk).update(language="es")
    client.post("/account/login/", {"login": "ada", "password": factories.PASSWORD})
    client.post("/account/second-factor/", {"code": factories.code(secret)})
    page = client.get("/account/security/", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="es">' in page
    assert "Inicio de sesión con segundo factor" in page
    assert "Alguien inició sesión." in client.get("/account/history/").content.decode()


@pytest.mark.parametrize("template", ["400.html", "404.html", "500.html", "unknown.html"])
def test_error_pages_name_the_language_they_speak(template: str) -> None:
    with translation.override("es"):
        page = render_to_string(template)
    assert '<html lang="es">' in page
    assert "To the first page" not in page


# The desk -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(db: None) -> dict[str, str]:
    """The pages of the desk, that of a ticket with a branch missing and an exception asked among others."""
    ReplyTemplate.objects.all().delete()
    for name, status in (("kim", Status.NEW), ("lee", Status.READY), ("sam", Status.COMPLETED)):
        add_boundary(make_ticket(factories.make_user(name), status), proved=status != Status.NEW)
    ada = factories.make_user("ada")
    factories.make_project("tool", ada)
    ticket = make_ticket(ada)
    asker = staff(make_moderator("jon"))
    decided.ask_exception(
        ticket.pk, actor=asker, boundary_id=add_boundary(ticket).pk, other_proof="archived", reason=REASON
    )
    notes.add_note(ticket.pk, actor=asker, text="@mira: ?")
    computing.refresh()
    addresses = {"ticket": f"{QUEUE}{ticket.pk}/change/", "account": f"{QUEUE}account/{ada.pk}/"}
    return DESK | addresses


@pytest.fixture
def spanish(db: None) -> Iterator[Client]:
    """A moderator whose account speaks Spanish, at a browser that asks for English."""
    mira = make_moderator("mira")
    User.objects.filter(pk=mira.pk).update(language="es")
    with translation.override("en"):
        client = browser(mira)
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
        client.get("/account/security/")  # reads what signing in had to say
        yield client


def english_on(page: Any, known: dict[str, Entry]) -> list[str]:
    """The English of this answer: texts of its own templates, and sentences from wherever they come."""
    files = [ROOT / "templates" / str(template.name) for template in page.templates if template.name]
    own = {text for file in files if file.is_file() for text in texts_in(file)}
    words = TAG.sub("", words_on(page.content.decode()))
    foreign = [entry.msgid for entry in known.values() if entry.texts[0] != entry.msgid]
    return [text for text in foreign if (text in own or text.count(" ") > 1) and says(words, text)]


@pytest.mark.parametrize("place", [*DESK, "ticket", "account"])
def test_the_desk_of_a_spanish_speaker_shows_no_english(spanish: Client, desk: dict[str, str], place: str) -> None:
    known = read_po(PLACES["es"] / "django.po")
    page = spanish.get(desk[place])
    assert '<html lang="es"' in page.content.decode()
    assert english_on(page, known) == []


@pytest.mark.thorough
def test_the_search_for_english_finds_it(spanish: Client, desk: dict[str, str]) -> None:
    """Else the test above could not fail."""
    known = read_po(PLACES["es"] / "django.po")
    User.objects.filter(username="mira").update(language="en")
    found = {place: english_on(spanish.get(path), known) for place, path in desk.items()}
    assert {place: len(texts) > 5 for place, texts in found.items()} == dict.fromkeys(desk, True)
