"""Canned replies: filled in for a ticket, looked at first, then sent through the outbox to the contact.

A reply never carries a secret of its own; the status link, which the contact has already, is added by the mail.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.mail import outbox, rendering
from accounts.mail.models import Link, Mail
from accounts.models import User
from audit.tags import Tag
from common import keys
from recoverydesk.projects import people
from recoverydesk.recovery import errors, notices
from recoverydesk.recovery.desk.at_desk import at_desk
from recoverydesk.recovery.models import Boundary, RecoveryTicket, ReplyTemplate, Status
from recoverydesk.recovery.permissions import Actor
from recoverydesk.recovery.policy import NEW_CONTACT
from recoverydesk.recovery.probing.verdicts import Verdict
from recoverydesk.recovery.workflow.locked_ticket import record
from recoverydesk.recovery.workflow.messages import answered
from recoverydesk.recovery.workflow.seen_pages import Seen

KIND = "recovery_reply"
MARK = "reply preview"  # the purpose of the key that marks what was shown
LOOK_FIRST = _("look at the preview first")
LONGEST = 5_000
FIELD = re.compile(r"\{([a-z_]*)\}")
SECRETS = re.compile(r"000-recovery-[a-z2-7]|/recover/(?:status|stop|password)/|[0-9]\.[A-Za-z0-9_-]{43}", re.ASCII)
SNOOZE = timedelta(days=7)
SITUATIONS: dict[str, str | Promise] = {
    "out_of_reach": _("the address is new, and no repository can be proved"),
    "no_factor": _("the account has no second factor"),
    "codes": _("they still have recovery codes"),
    "frozen": _("the account is frozen or deactivated"),
    "unreadable": _("a repository is private, moved or not there"),
    "missing": _("a branch is still missing"),
    "waiting": _("the waiting period runs"),
}
FIELDS: dict[str, str | Promise] = {
    "username": _("the account's name"),
    "number": _("the ticket's number"),
    "site_name": _("the name of this site"),
    "missing": _("repository owners not proved yet, a line each"),
    "proved": _("repository owners proved, a line each"),
    "wait_until": _("when the waiting period ends"),
    "policy_url": _("where the rules are explained"),
}


@dataclass(frozen=True)
class Draft:
    """A reply filled in for one ticket. `lacking` names fields that have no value for it; then it cannot be sent."""

    text: str
    lacking: list[str]

    @property
    def foreign(self) -> list[str]:
        """Addresses in it that are not of this site: the mail shows them as plain words."""
        return [address for address in rendering.web_addresses(self.text) if not rendering.is_of_site(address)]


def offered() -> list[ReplyTemplate]:
    """The replies to choose from, by name."""
    return list(ReplyTemplate.objects.filter(active=True))


def situation(ticket: RecoveryTicket, boundaries: list[Boundary]) -> str:
    """The situation a ticket is in, as the key of SITUATIONS; "" for none in particular."""
    seen, codes = ticket.facts, not ticket.says_codes_lost
    open_rows = [row for row in boundaries if row.kind == Boundary.Kind.ASKED and row.proved_at is None]
    troubled = {Verdict.PRIVATE_OR_ABSENT, Verdict.NOT_A_REPOSITORY, Verdict.MOVED, Verdict.BLOCKED}
    held = {
        "out_of_reach": ticket.claim in NEW_CONTACT and not any(row.kind == Boundary.Kind.ASKED for row in boundaries),
        "frozen": seen.get("frozen") or not seen.get("active", True),
        "no_factor": not seen.get("totp", 0) + seen.get("webauthn", 0),
        "codes": codes and seen.get("codes_left", 0) > 0,
        "unreadable": any(row.last_verdict in troubled for row in open_rows),
        "missing": ticket.status == Status.CHALLENGED and open_rows,
        "waiting": ticket.status == Status.WAITING,
    }
    return next((name for name, there in held.items() if there), "")


def suggested(templates: list[ReplyTemplate], name: str) -> ReplyTemplate | None:
    """The reply kept for this situation, if there is one."""
    return next((template for template in templates if name and template.situation == name), None)


def unknown_fields(body: str) -> list[str]:
    """Names in braces that no ticket can fill in."""
    return sorted({name for name in FIELD.findall(body) if name not in FIELDS})


def fill(body: str, ticket: RecoveryTicket) -> Draft:
    """Put the ticket's values for the fields. What has none stays in braces and is named as lacking."""
    values = _values(ticket)
    text = FIELD.sub(lambda found: values.get(found[1]) or found[0], body.replace("\r\n", "\n")).strip()
    return Draft(text, sorted(set(FIELD.findall(text))))


def _values(ticket: RecoveryTicket) -> dict[str, str]:
    asked = list(ticket.boundaries.filter(kind=Boundary.Kind.ASKED).order_by("host", "namespace"))
    until = ticket.wait_until
    return {
        "username": ticket.subject.username if notices.contact_is_known(ticket) else str(_("your account")),
        "number": str(ticket.pk),
        "site_name": settings.SITE_NAME,
        "missing": "\n".join(f"- {row}" for row in asked if row.proved_at is None),
        "proved": "\n".join(f"- {row}" for row in asked if row.proved_at is not None),
        "wait_until": f"{until:%Y-%m-%d %H:%M} UTC" if until else "",
        "policy_url": f"{settings.BASE_URL}/recover/policy/",
    }


def preview(ticket: RecoveryTicket, draft: Draft) -> outbox.Rendered:
    """The mail as the contact would get it, its links masked."""
    return outbox.render(_mail(ticket, draft), masked=True)


def send_reply(ticket_id: int, *, actor: Actor, text: str, previewed: str, seen: Seen | None = None) -> Mail:
    """Queue a reply to the contact. `previewed` is the `mark` of the page that showed this very mail to this person.

    Raises NotAllowed, OwnTicket, StaleTicket, and ReplyRefused for what is empty, too long, unfilled, not previewed
    or would give away a branch token or a link.
    """
    with at_desk("reply", ticket_id, actor, seen) as ticket:
        draft = fill(text, ticket)
        if reason := why_not(ticket, draft) or _not_shown(ticket, draft, actor, seen, previewed):
            raise errors.ReplyRefused(reason)
        ticket.version += 1
        ticket.save(update_fields=["version", *answered(ticket, actor=actor)])
        record(Tag.ACCOUNT_RECOVERY_REPLY, ticket, actor)
        mail = _mail(ticket, draft)
        return outbox.queue(
            KIND,
            mail.recipient,
            user=mail.user,
            reference=mail.reference,
            context=mail.context,
            links=mail.links,
            dedupe=f"{ticket.reference}:reply:{ticket.version}",
        )


def why_not_by(user: User, ticket: RecoveryTicket) -> str:
    """The reason this person may not speak for the ticket, in words; "" when they may."""
    if people.co_owns(user, ticket.subject):
        return str(errors.CoOwnedTicket())
    return ""


def mark(ticket: RecoveryTicket, draft: Draft, user: User, seen: Seen) -> str:
    """What the page of a preview carries to prove that it showed this text, for this ticket as it was, to this person.

    A keyed digest (FIELD_KEYS): nobody can write one without having been shown the preview.
    """
    about = (ticket.reference, str(user.uid), str(seen.version), str(seen.event), draft.text)
    return keys.mac(MARK, keys.current_key_id(), *about)


def _not_shown(ticket: RecoveryTicket, draft: Draft, actor: Actor, seen: Seen | None, previewed: str) -> str:
    if actor.user is None or seen is None:
        return str(LOOK_FIRST)
    shown = constant_time_compare(mark(ticket, draft, actor.user, seen), previewed)
    return "" if shown else str(LOOK_FIRST)


def why_not(ticket: RecoveryTicket, draft: Draft) -> str:
    """The reason this draft cannot be sent, in words; "" when it can."""
    problems: list[tuple[object, object]] = [
        (_("write something first"), not draft.text),
        (_("at most 5,000 characters"), len(draft.text) > LONGEST),
        (_("no value for: %(fields)s") % {"fields": ", ".join(draft.lacking)}, draft.lacking),
        (_("the reply contains a branch name or a personal link"), _secret(ticket, draft.text)),
        (_("the ticket has no contact address"), not ticket.contact),
    ]
    return next((str(problem) for problem, there in problems if there), "")


def _secret(ticket: RecoveryTicket, text: str) -> bool:
    plain = "".join(text.split()).lower()
    return bool(SECRETS.search(text)) or notices.token_of(ticket) in plain


def _mail(ticket: RecoveryTicket, draft: Draft) -> Mail:
    link = Link.objects.filter(
        reference=ticket.reference, purpose="status", recipient=ticket.contact, used_at=None, dead_at=None
    ).first()
    return Mail(
        kind=KIND,
        recipient=ticket.contact,
        user=ticket.subject,
        reference=ticket.reference,
        language=ticket.subject.language,
        context={"text": draft.text},
        links={"status": link.pk} if link else {},
    )


def make_templates(**kwargs: object) -> None:
    """The replies a new desk starts with; runs after every migrate and leaves a desk that has some alone."""
    if not ReplyTemplate.objects.exists():
        ReplyTemplate.objects.bulk_create(
            ReplyTemplate(name=name, situation=key, body=body) for name, key, body in FIRST_TEMPLATES
        )


FIRST_TEMPLATES = (
    (
        "There is no repository to prove",
        "out_of_reach",
        "Hello,\n\nWe cannot put a new address on {username}: none of its releases names a repository in which you "
        "could create a branch.\n\nIf you can still sign in, with your password and a second factor or a recovery "
        "code, change the address yourself. Or ask your mail provider to give you the old mailbox back, and then use "
        '"Forgot password?".',
    ),
    (
        "No second factor on this account",
        "no_factor",
        "Hello,\n\nYou asked us to reset the second factors of {username}, but this account has no second factor. "
        'To sign in, you need only the password.\n\nIf you forgot the password, use "Forgot password?" on the '
        "sign-in page. If you have several accounts and meant another one, ask again with its name.",
    ),
    (
        "Use a recovery code",
        "codes",
        "Hello,\n\nYou told us that you still have recovery codes of {username}. Sign in with your password. When "
        "you are asked for the second factor, type one of the codes. Each code works once.\n\nThen add a new "
        "authenticator app or security key on the security page. You do not need to wait for us.",
    ),
    (
        "The account is frozen",
        "frozen",
        "Hello,\n\nThe account {username} is frozen, so we cannot reset its second factors now. Our staff look at "
        "it first. Then they write to you.",
    ),
    (
        "We cannot see a repository",
        "unreadable",
        "Hello,\n\nWe cannot see a repository in each of these places:\n\n{missing}\n\nIf the repository is "
        "private, make it public for a moment. If it was moved or deleted, create the branch in another repository"
        " in the same place.\n\nIs there no such repository? Write to us in the message box on your status page.",
    ),
    (
        "A branch is still missing",
        "missing",
        "Hello,\n\nWe have not found the branch in these places yet:\n\n{missing}\n\nAny repository in each place "
        "will do. The name of the branch is in our first mail; copy it exactly. We check again automatically."
        "\n\nDoes something stop you? Write to us in the message box on your status page.",
    ),
    (
        "The waiting period runs",
        "waiting",
        "Hello,\n\nWe have everything we need. In case somebody used your name, we wait until {wait_until}. There "
        "is nothing for you to do. We write to you when the wait is over.",
    ),
    (
        "We ask for patience",
        "",
        "Hello,\n\nYour request {number} for {username} is with us. Our staff look at it. There is nothing to do now.",
    ),
)
