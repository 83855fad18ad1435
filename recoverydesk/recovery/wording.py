"""One place for the desk's words: verdicts, steps, what is missing. Every door reads them from here."""

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from recoverydesk.recovery import errors
from recoverydesk.recovery.models import BoundaryException, Claim, OtherProof, Source, Status
from recoverydesk.recovery.policy import Block, Explanation, Missing, Step
from recoverydesk.recovery.probing.verdicts import Verdict

VERDICTS: dict[str, str | Promise] = {
    "": _("Not looked at yet"),
    Verdict.FOUND: _("Branch found"),
    Verdict.MISSING: _("Not found yet: the repository has no branch of that name"),
    Verdict.PRIVATE_OR_ABSENT: _("Private, or not there: the host lets us see nothing"),
    Verdict.NOT_A_REPOSITORY: _("There is no repository at this address"),
    Verdict.MOVED: _("Moved to another owner or host, which does not count"),
    Verdict.UNREACHABLE: _("We could not reach the host; this is not your fault and we try again"),
    Verdict.BLOCKED: _("We may not look at this address"),
    Verdict.AMBIGUOUS: _("The host gave an answer we cannot rely on"),
}

MAILS: dict[str, str | Promise] = {
    "recovery_challenge": _("Branch token and status link"),
    "recovery_challenge_without_repositories": _("Status link"),
    "recovery_challenge_added": _("What is asked in addition"),
    "recovery_notice": _("Notice with a stop link"),
    "recovery_received": _("Word that a person looks first, with a stop link"),
    "recovery_co_owner": _("Notice to a co-owner"),
    "recovery_reset": _("Notice of the reset"),
    "recovery_co_owner_reset": _("Notice of the reset to a co-owner"),
    "recovery_choose_password": _("Link to choose a password"),
    "recovery_start_again": _("Word that a new request is needed"),
    "recovery_password_hold": _("Notice of the 24 hours' hold"),
    "recovery_closed": _("Request closed"),
    "recovery_confirm_contact": _("Link that confirms a new address"),
    "recovery_waiting": _("Notice of the waiting period"),
    "recovery_wait_over": _("Notice that the waiting period is over"),
    "recovery_reminder": _("Reminder in the claimant's turn"),
    "recovery_progress": _("One boundary is proved"),
    "recovery_still_ours": _("Still our turn"),
    "recovery_objection_settled": _("Notice that the objection is settled"),
    "recovery_verified": _("Notice of the verified address"),
    "recovery_first_sign_in": _("Notice of the first sign-in to a co-owner"),
    "recovery_reply": _("Our reply"),
    "recovery_mention": _("Word to staff named in a note"),
}

MISSING: dict[str, str | Promise] = {
    Missing.BOUNDARIES: _("not every security boundary is proved"),
    Missing.ONE_BOUNDARY: _("at least one security boundary has to be proved"),
    Missing.ACCOUNT_PROOF: _("a proof bound to the account is missing: password, API token, browser or factor"),
    Missing.BOUNDARY_OR_PROOF: _("beside the exception one boundary, or a proof bound to the account, is missing"),
    Missing.MAILBOX: _("the mailbox of the contact is not confirmed"),
    Missing.NOTICES: _("the clock has not started: not all notices have left"),
    Missing.CLOCK: _("the waiting period has not begun"),
    Missing.WAITING_PERIOD: _("the waiting period is not over"),
    Missing.APPROVAL: _("a second person has not approved yet"),
}

ASKED_OF_CLAIMANTS: dict[str, str | Promise] = {
    Missing.BOUNDARIES: _("the branch, for every owner in the list"),
    Missing.ONE_BOUNDARY: _("the branch, for at least one owner in the list"),
    Missing.ACCOUNT_PROOF: _("something that belongs to the account: its password, an API token, a browser or a key"),
    Missing.BOUNDARY_OR_PROOF: _("the branch for one owner in the list, or something that belongs to the account"),
    Missing.MAILBOX: _("your word that this mailbox is yours: the button on this page"),
}

BLOCKS: dict[str, str | Promise] = {
    Block.SIGNED_IN: _("the owner signed in with a second factor and has not said what this request is"),
    Block.BOUNCED: _("the mail to the contact came back"),
    Block.FROZEN: _("the account is frozen or deactivated"),
    Block.SWITCHED_OFF: _("no person resets this account: only recovery codes and security keys help"),
    Block.CONTACT_TAKEN: _("another account has verified the contact's address"),
    Block.CONTACT_CHANGED: _(
        "the account's addresses changed, and this claim may not name the contact any more: reject it, "
        "and a new request goes to the address on file"
    ),
}

STEPS: dict[str, str | Promise] = {
    Step.CHALLENGE: _("The claim does not match the account by itself. Look at it, then ask for proof or reject it."),
    Step.PROBE: _("The claimant knows what is missing. We keep looking; you can look now."),
    Step.APPROVE_EXCEPTION: _("Somebody asked for an exception. Another person decides."),
    Step.APPROVE: _("Everything is proved, and two people decide. A second person approves; another one resets."),
    Step.RESET: _("Everything policy asks is there. An admin resets."),
    Step.AWAIT_CLOCK: _("Everything is proved. The clock runs, so that the owner can still say no."),
    Step.AWAIT_CLAIMANT: _("The claimant has to confirm the mailbox."),
    Step.AWAIT_OWNER: _("The owner signed in. They have to say whether this request is theirs."),
    Step.LOOK: _("Something stops this ticket. Look at it."),
    Step.NONE: _("This ticket is closed."),
}
BY_ITSELF = _("The claim matches the account: the desk asks for proof by itself, in a moment.")


DETAILS: dict[str, str | Promise] = {
    "again": _("once more"),
    "boundaries": _("boundaries asked"),
    "boundary": _("boundary"),
    "claim": _("claim"),
    "codes": _("recovery codes"),
    "error": _("why"),
    "how": _("how"),
    "kind": _("proof"),
    "object_id": _("commit"),
    "other_proof": _("instead of proof"),
    "reason": _("reason"),
    "rows": _("rules"),
    "sessions": _("sessions"),
    "source": _("by way of"),
    "status": _("status"),
    "to": _("to"),
    "tokens": _("API tokens"),
    "totp": _("authenticator apps"),
    "until": _("until"),
    "url": _("repository"),
    "webauthn": _("security keys"),
}
_SPELLED: dict[str, type[TextChoices]] = {
    "claim": Claim, "kind": OtherProof.Kind, "other_proof": BoundaryException.OtherProof, "source": Source,
    "status": Status,
}  # fmt: skip


def detail_name(key: str) -> str:
    """What a detail of an event is called on a page."""
    return str(DETAILS.get(key, key.replace("_", " ")))


def detail(key: str, value: object) -> str:
    """A detail of an event in words: choices by their labels, yes and no, a refusal by its sentence."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if key == "error":
        refusal = getattr(errors, str(value), None)
        return str(refusal.sentence) if refusal is not None else str(value)
    labels = dict(_SPELLED[key].choices) if key in _SPELLED else {}
    return str(labels.get(str(value), value))


def said(explanation: Explanation) -> str:
    """One sentence: what the next step is, whose it is, and what is missing."""
    lacking = [str(BLOCKS[block]) for block in explanation.blocks] + [str(MISSING[ask]) for ask in explanation.lacking]
    step = str(STEPS[explanation.step])
    return f"{step} ({'; '.join(lacking)})" if lacking else step


def counted(*, totp: int, webauthn: int, codes: int, sessions: int, tokens: int) -> dict[str, str]:
    """How many of each, in words with their right plurals."""
    return {
        "totp": ngettext("%d authenticator app", "%d authenticator apps", totp) % totp,
        "webauthn": ngettext("%d security key", "%d security keys", webauthn) % webauthn,
        "codes": ngettext("%d recovery code", "%d recovery codes", codes) % codes,
        "sessions": ngettext("%d session", "%d sessions", sessions) % sessions,
        "tokens": ngettext("%d API token", "%d API tokens", tokens) % tokens,
    }
