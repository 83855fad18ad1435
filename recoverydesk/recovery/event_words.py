"""The details of an event in words: what each is called, and what the values say that the program writes itself."""

import re
from collections.abc import Mapping

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from recoverydesk.projects import guards
from recoverydesk.projects.models import Project, Role
from recoverydesk.recovery import errors
from recoverydesk.recovery.models import BoundaryException, Claim, Judgement, OtherProof, Source, Status
from recoverydesk.recovery.wording import MAILS, VERBS

DETAILS: dict[str, str | Promise] = {
    "a_day": _("checks a day"),
    "a_second": _("checks a second"),
    "actor": _("who started it"),
    "again": _("repeated"),
    "at": _("on"),
    "bound": _("bound to its repository for the first time"),
    "boundaries": _("repository owners asked"),
    "boundary": _("repository owner"),
    "by": _("by"),
    "by_mail": _("invited by e-mail address"),
    "characters": _("length of the message"),
    "claim": _("claim"),
    "closed": _("tickets closed in what is lost"),
    "code": _("answer of the mail server"),
    "codes": _("recovery codes"),
    "codes_left": _("recovery codes left"),
    "count": _("how many"),
    "decision": _("decision"),
    "demoted": _("earlier addresses"),
    "devices": _("which factors"),
    "doubt": _("doubt"),
    "environment": _("environment"),
    "error": _("why"),
    "event_name": _("what started it"),
    "failures": _("wrong answers"),
    "fields": _("what was changed"),
    "file": _("file"),
    "files": _("files"),
    "gone": _("events that are missing"),
    "group": _("group"),
    "guard": _("guard"),
    "host": _("code host"),
    "how": _("how"),
    "improved": _("links added to earlier releases"),
    "is_staff": _("staff"),
    "is_superuser": _("superuser"),
    "issuer": _("issuer"),
    "kind": _("kind"),
    "looks": _("checks made due"),
    "lost_to": _("last seal that is lost"),
    "lost_until": _("lost until"),
    "method": _("factor"),
    "name": _("name"),
    "object_id": _("commit"),
    "old": _("before"),
    "open": _("tickets open"),
    "origin": _("address"),
    "other_proof": _("kind of other proof"),
    "outcome": _("outcome"),
    "owner_id": _("number of the repository's owner"),
    "parameter": _("search"),
    "people": _("people who decide"),
    "pipeline_id": _("pipeline"),
    "pipeline_source": _("what started the pipeline"),
    "plain_http": _("without encryption"),
    "private": _("in a private network"),
    "publisher": _("trusted publisher"),
    "reason": _("reason"),
    "ref": _("branch or tag"),
    "ref_path": _("branch or tag, in full"),
    "releases": _("releases"),
    "repository_id": _("number of the repository"),
    "roles": _("roles on hold"),
    "rows": _("rules"),
    "run": _("run"),
    "run_id": _("number of the run"),
    "scope": _("for"),
    "seal": _("seal"),
    "sessions": _("sessions"),
    "sha": _("commit"),
    "since": _("from seal or time"),
    "source": _("how it came in"),
    "state": _("what it was"),
    "status": _("status"),
    "style": _("how it writes addresses"),
    "sub": _("subject of the token"),
    "template": _("canned reply"),
    "to": _("to"),
    "token": _("token"),
    "tokens": _("API tokens"),
    "told": _("named in it"),
    "totp": _("authenticator apps"),
    "until": _("until"),
    "up_to": _("up to event"),
    "url": _("address"),
    "user_login": _("who started the pipeline"),
    "value": _("level"),
    "verb": _("step"),
    "version": _("version"),
    "versions": _("versions"),
    "wanted_environment": _("environment it must run in"),
    "was": _("before"),
    "was_called": _("earlier name"),
    "was_staff": _("staff before"),
    "was_superuser": _("superuser before"),
    "webauthn": _("security keys"),
    "what": _("what was done"),
    "why": _("why"),
    "workflow": _("workflow"),
}
WORDS: dict[str, dict[str, str | Promise]] = {
    "by": {"staff": _("our staff"), "owner": _("its owner"), "system": _("the system")},
    "how": {
        "link": _("by a mailed link"),
        "shell": _("in the shell"),
        "csv": _("as CSV"),
        "admin": _("at the desk"),
        "owner": _("another owner said yes"),
        "time": _("the time was over"),
        "less strict": _("less strict"),
        "stricter": _("stricter"),
        "taken back": _("taken back"),
        "ended": _("whoever asked can no longer change guards"),
        "owner lost": _("an owner lost the role"),
    },
    "fields": {"name": _("name"), "situation": _("suggested when"), "body": _("text"), "active": _("offered")},
    "kind": {**dict(Role.Kind.choices), **dict(OtherProof.Kind.choices), **MAILS},
    "method": {
        "totp": _("authenticator app"),
        "webauthn": _("security key"),
        "recovery_code": _("recovery code"),
        "password": _("password"),
    },
    "scope": {"user": _("the whole account"), "trusted publisher": _("a trusted publisher")},
    "state": {"removed": _("a role"), "withdrawn": _("an invitation")},
    "what": {"added": _("added"), "changed": _("changed"), "deleted": _("deleted")},
    "why": {
        "account": _("the account asked for it"),
        "changed meanwhile": _("the account changed meanwhile"),
        "code": _("wrong code"),
        "frozen": _("the account is frozen"),
        "inactive": _("the account is deactivated"),
        "password": _("wrong password"),
        "retention": _("they were old enough"),
        "time": _("the time was over"),
        "unknown": _("no such account"),
    },
}
STEPS: dict[str, str | Promise] = {  # steps and decisions that are no verbs of a ticket
    "delete": _("delete a release or a file"),
    "mint": _("make an API token"),
    "set_guard": _("change a guard"),
    "set_status": _("change the status of a project"),
    "staff_rights": _("change staff rights"),
    "ask": _("ask for a new password"),
    "join": _("open a ticket, while one was open"),
    "choose_password": _("choose a new password"),
    "correct_address": _("correct the address"),
    "freeze": _("freeze the account"),
    "never_reset": _("forbid resets"),
    "open": _("open a ticket"),
    "release_role": _("give a role back"),
    "renew": _("renew the link for a new password"),
    "unfreeze": _("unfreeze the account"),
}
UNSAID = frozenset({"about", "caveats", "hash", "id", "page", "publishers", "staged"})  # written for programs
SPELLED: dict[str, tuple[type[TextChoices], ...]] = {
    "claim": (Claim,), "other_proof": (BoundaryException.OtherProof,), "source": (Source,), "outcome": (Judgement,),
    "status": (Status, Project.Status), "old": (Role.Kind,),
}  # fmt: skip


def detail_name(key: str) -> str:
    """What a detail of an event is called on a page."""
    return str(DETAILS.get(key, key.replace("_", " ")))


def detail(key: str, value: object) -> str:
    """A detail of an event in words: choices by their labels, yes and no, a refusal by its sentence."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{detail_name(name)} {detail(name, one)}" for name, one in value.items() if one is not None)
    text = str(value)
    if key == "error":
        return _refusal(text)
    if key in ("verb", "decision"):
        return str(VERBS.get(text) or STEPS.get(text) or text.replace("_", " "))
    if key == "guard" and text in guards.GUARDS:
        return str(guards.GUARDS[text].title)
    return str(_labels(key).get(text, text))


def _labels(key: str) -> Mapping[str, str | Promise]:
    spelled = {value: label for choices in SPELLED.get(key, ()) for value, label in choices.choices}
    return {**spelled, **WORDS.get(key, {})}


def _refusal(name: str) -> str:
    """The sentence of a refusal of ours; of one that has none here, its name as words."""
    refusal = getattr(errors, name, None)
    return str(refusal.sentence) if refusal is not None else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
