"""One place for the desk's words: verdicts, steps, what is missing. Every door reads them from here."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from recoverydesk.recovery.policy import Block, Explanation, Missing, Step
from recoverydesk.recovery.probing.verdicts import Verdict

VERDICTS: dict[str, str | Promise] = {
    "": _("Not checked yet"),
    Verdict.FOUND: _("Branch found"),
    Verdict.MISSING: _("Not found yet: this repository has no branch of that name"),
    Verdict.PRIVATE_OR_ABSENT: _("We cannot see it: make it public, or use another repository there"),
    Verdict.NOT_A_REPOSITORY: _("There is no repository at this address: use another one there"),
    Verdict.MOVED: _(
        "The repository has moved to another owner. That owner does not count. Use another "
        "repository of the owner that it had before."
    ),
    Verdict.UNREACHABLE: _("We could not reach the host. This is not your fault, and we try again"),
    Verdict.BLOCKED: _("We may not check this address. Use another repository of this owner."),
    Verdict.AMBIGUOUS: _("The host gave an answer we cannot rely on. We try again"),
}

UNUSED_LINKS: dict[str, str | Promise] = {  # by the reasons of evidence/unused_links.py
    "stranger": _("We do not know this host. There, a repository needs an address that ends in .git."),
    "refused": _("We cannot read the address of a repository in this form."),
    "page": _("It leads to a code host, but to no repository there."),
    "label": _("It leads to a repository, but the label of the link does not say that it is the source code."),
    "behind": _("Another link of the same release leads to the source code, so this one does not count."),
    "no-code": _("This host has pages or files, and no repositories."),
    "other": _("The label of the link does not say that it is source code."),
    "covered": _("It leads to an owner who is in the list already."),
}

MAILS: dict[str, str | Promise] = {
    "recovery_challenge": _("Branch name and status link"),
    "recovery_challenge_without_repositories": _("Status link"),
    "recovery_challenge_added": _("More branches asked for"),
    "recovery_notice": _("Notice with a stop link"),
    "recovery_received": _("Request received, with a stop link"),
    "recovery_co_owner": _("To a co-owner: recovery request"),
    "recovery_reset": _("Notice of the reset"),
    "recovery_co_owner_reset": _("To a co-owner: reset done"),
    "recovery_choose_password": _("Link to set a password"),
    "recovery_start_again": _("A new request is needed"),
    "recovery_password_hold": _("Notice of the 24-hour wait"),
    "recovery_closed": _("Request closed"),
    "recovery_confirm_contact": _("Link to confirm a new address"),
    "recovery_out_of_reach": _("Notice that the rules do not allow the request"),
    "recovery_waiting": _("Notice of the waiting period"),
    "recovery_wait_over": _("Notice that the waiting period is over"),
    "recovery_reminder": _("Reminder to the claimant"),
    "recovery_progress": _("One repository owner is proved"),
    "recovery_status": _("Status link, asked for again"),
    "recovery_still_ours": _("Still our turn"),
    "recovery_objection_settled": _("Notice that the objection is closed"),
    "recovery_verified": _("Notice of the verified address"),
    "recovery_first_sign_in": _("To a co-owner: first sign-in"),
    "recovery_address_in_use": _("Notice that the address belongs to another account"),
    "recovery_incident": _("To owners: a release may be malicious"),
    "recovery_reply": _("Our reply"),
    "recovery_mention": _("To staff named in a note"),
    "recovery_invitation_ended": _("To an owner: an invitation ended"),
    "recovery_own_role_rests": _("Roles on hold after the recovery"),
    "recovery_role_rests": _("To an owner: a role on hold"),
    "account_address_corrected": _("Notice of a corrected address"),
    "account_checkup": _("Twice a year: can you still get in?"),
    "account_few_codes": _("Few recovery codes are left"),
    "account_new_browser": _("Sign-in with a new browser"),
    "account_wrong_factors": _("Ten wrong second factors"),
    "audit_checkpoint": _("Checkpoint of the log"),
    "audit_restored": _("Notice of a restore"),
    "codehost_changed": _("Notice of a changed code host"),
    "guard_changed": _("Notice of a guard"),
    "publisher_changed": _("Notice of a trusted publisher"),
    "release_changed": _("Notice of a changed release"),
    "release_in_quarantine": _("Release soon after a recovery"),
    "release_staged": _("Notice of a staged release"),
    "role_changed": _("Notice of a role"),
    "role_invitation": _("Invitation to a project"),
    "security_notice": _("Notice of a change of the account"),
    "token_expires": _("An API token ends soon"),
    "token_held": _("API tokens on hold"),
    "token_in_quarantine": _("To a co-owner: a new API token"),
    "token_leaked": _("Notice of a leaked API token"),
    "token_revoked": _("API tokens revoked"),
    "wheel_replaced": _("Notice of a file that replaces another"),
    "account_already_exists": _("Notice that the address has an account"),
    "email_confirmation": _("Link to confirm an address"),
    "email_confirmation_signup": _("Link to confirm an address, at sign-up"),
    "password_reset_key": _("Link to set a new password"),
    "check_the_name": _("Answer to a request that names no account"),
    "use_the_form": _("Answer to a mail: use the form"),
}

MISSING: dict[str, str | Promise] = {
    Missing.BOUNDARIES: _("not every repository owner is proved"),
    Missing.ONE_BOUNDARY: _("at least one repository owner must be proved"),
    Missing.ACCOUNT_PROOF: _("account proof is missing: password, API token, browser or factor"),
    Missing.MAILBOX: _("the claimant has not confirmed the mailbox"),
    Missing.NOTICES: _("the waiting period has not begun: some notices have not been sent yet"),
    Missing.CLOCK: _("the waiting period has not begun"),
    Missing.WAITING_PERIOD: _("the waiting period is not over"),
    Missing.APPROVAL: _("a second person has not approved yet"),
}

BLOCKS: dict[str, str | Promise] = {
    Block.BOUNCED: _("our mail to the contact came back"),
    Block.FROZEN: _("the account is frozen or deactivated"),
    Block.SWITCHED_OFF: _("staff cannot reset this account: only recovery codes and security keys help"),
    Block.CONTACT_TAKEN: _("another account has verified the contact's address"),
    Block.INCIDENT: _(
        "a release may be malicious: the account, one of its projects or somebody who shares one is marked. Two of our "
        "staff have to end that first"
    ),
    Block.CONTACT_CHANGED: _(
        "the rules no longer allow this contact address. Reject the ticket. The claimant can "
        "ask again with an address of the account"
    ),
}

STEPS: dict[str, str | Promise] = {
    Step.CHALLENGE: _("The claim does not match the account. Look at it, then ask for proof or reject it."),
    Step.PROBE: _("The claimant knows what is missing. We keep checking automatically; you can also check now."),
    Step.APPROVE_EXCEPTION: _("A colleague asked for an exception. Somebody else has to decide it."),
    Step.APPROVE: _("Everything is proved. Two people decide: one approves, another one resets."),
    Step.RESET: _("All requirements are met. An admin can reset now."),
    Step.AWAIT_CLOCK: _("Everything is proved. The waiting period runs, so that the account holder can say no."),
    Step.OUT_OF_REACH: _(
        "The rules do not allow this request. For a new address, the claimant has to prove a "
        "repository, and no repository of the account counts. Add a repository of the "
        "account, or reject the ticket."
    ),
    Step.AWAIT_CLAIMANT: _("The claimant has to confirm the mailbox."),
    Step.LOOK: _("One of our staff has to look at this ticket."),
    Step.NONE: _("This ticket is closed."),
}
OURS: dict[str, str | Promise] = {  # in place of the above where it is our turn all the same
    Step.PROBE: _("Look at this ticket: the reasons are below. We keep checking the repositories automatically."),
    Step.AWAIT_CLOCK: _("The waiting period runs. Check this ticket now, for the reasons below."),
    Step.LOOK: _("Look at this ticket: the reasons are below."),
}
WHY_OURS: dict[str, str | Promise] = {
    "unanswered": _("the claimant wrote to us and waits for an answer"),
    "disputed_at": _("it is disputed: who said no, when and why is below"),
    "signed_in_at": _(
        "somebody signed in to the account with a second factor, added one or used a recovery code, so perhaps nothing "
        "is lost"
    ),
    "exceptions_asked": _("a colleague asked for an exception"),
    "needs_a_person": _("we cannot judge a repository automatically: the result of its check is below"),
    "objected": _("somebody objected after the reset"),
}
BY_ITSELF = _("The claim matches the account. The desk asks for proof automatically, in a moment.")


VERBS: dict[str, str | Promise] = {  # after "wanted to"
    "add_boundary": _("add a repository"),
    "approve": _("approve the reset"),
    "approve_exception": _("approve an exception"),
    "ask_exception": _("ask for an exception"),
    "assign": _("give the ticket to somebody"),
    "break_glass": _("reset the account from the shell"),
    "challenge": _("ask for proof"),
    "check_now": _("check the repositories now"),
    "confirm_mailbox": _("confirm the mailbox"),
    "decline_exception": _("decline an exception"),
    "dispute": _("dispute the request"),
    "expire": _("let the ticket expire"),
    "note": _("write a note"),
    "object": _("object to the reset"),
    "offer_proof": _("give account proof"),
    "reject": _("reject the request"),
    "reply": _("reply to the claimant"),
    "resend": _("send the mail again"),
    "reset": _("reset the account"),
    "send_back": _("send the ticket back"),
    "settle_objection": _("close the objection"),
    "snooze": _("snooze the ticket"),
    "stop": _("stop the request"),
    "take": _("take the ticket"),
    "take_next": _("take the next ticket"),
    "take_return_code": _("see the return code"),
    "vouch": _("vouch for the claimant: say that they asked"),
    "wait_over": _("end the waiting period"),
    "withdraw": _("withdraw the request"),
    "write": _("write to our staff"),
}


def said(explanation: Explanation) -> str:
    """One sentence: what the next step is, whose it is, and what is missing."""
    lacking = [str(BLOCKS[block]) for block in explanation.blocks] + [str(MISSING[ask]) for ask in explanation.lacking]
    step = str(STEPS[explanation.step])
    return f"{step} ({'; '.join(lacking)})" if lacking else step


def counted(*, totp: int, webauthn: int, codes: int, sessions: int, tokens: int) -> dict[str, str]:
    """What goes with a reset, in words with their right plurals; "" where there is none of it."""
    factors = (
        (totp, ngettext("%d authenticator app", "%d authenticator apps", totp)),
        (webauthn, ngettext("%d security key", "%d security keys", webauthn)),
        (codes, ngettext("%d recovery code", "%d recovery codes", codes)),
    )
    return {
        "factors": ", ".join(words % number for number, words in factors if number),
        "sessions": ngettext("%d session", "%d sessions", sessions) % sessions if sessions else "",
        "tokens": ngettext("%d API token", "%d API tokens", tokens) % tokens if tokens else "",
    }
