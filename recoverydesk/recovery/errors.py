"""Why a verb refused. Each has its own name and one sentence for the person who asked."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class RecoveryError(Exception):
    """A refused verb: nothing was changed. `str()` gives the sentence to show."""

    sentence: str | Promise = _("This cannot be done now.")

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.sentence} ({self.detail})" if self.detail else str(self.sentence)


class InvalidTransition(RecoveryError):
    sentence = _("You cannot do this now: the request is at another stage. Open the page again to see what you can do.")


class NotAllowed(RecoveryError):
    sentence = _("You may not do this.")


class OwnTicket(RecoveryError):
    sentence = _("You cannot work on a ticket about your own account.")


class CoOwnedTicket(RecoveryError):
    sentence = _("You own a project together with this account, so another person has to do this.")


class StepUpRequired(RecoveryError):
    sentence = _("Use your second factor again first: you last used it more than five minutes ago.")


class ReasonTooShort(RecoveryError):
    sentence = _("Give a reason of at least 10 characters.")


class UnknownSubject(RecoveryError):
    sentence = _("There is no such account.")


class NoContact(RecoveryError):
    sentence = _("You cannot use this address for this request. Give another address.")


class TooOften(RecoveryError):
    sentence = _("This was done too often. Try again later.")


class WaitingPeriodActive(RecoveryError):
    sentence = _("The waiting period is not over.")


class TicketBlocked(RecoveryError):
    sentence = _("This ticket is blocked: see the reasons under Next step.")


class AccountClosed(TicketBlocked):
    sentence = _(
        "The account is frozen or deactivated, so nobody can set a password now. Write to us on your status page."
    )


class NothingAsksForIt(RecoveryError):
    sentence = _(
        "All requirements are still met. If you sent the ticket back, it would move on again "
        "at once. Dispute or reject the ticket instead."
    )


class OwnReset(RecoveryError):
    sentence = _("You approved or did this reset, so another person has to close the objection.")


class NoJudgement(RecoveryError):
    sentence = _("Say whether the reset was right.")


class StaleTicket(RecoveryError):
    sentence = _("The ticket has changed since you opened this page. Look at it again.")


class ApprovalMissing(RecoveryError):
    sentence = _("Two people decide about this ticket: somebody else has to approve it first.")


class ApprovalNotNeeded(RecoveryError):
    sentence = _("One person decides about this ticket, so there is nothing to approve.")


class SamePerson(RecoveryError):
    sentence = _("Two people have to decide, and you are already one of them.")


class TooNew(RecoveryError):
    sentence = _("Your staff rights are younger than seven days. They do not count yet where two people decide.")


class SuperuserNeeded(RecoveryError):
    sentence = _("This is an account of our own staff, so a superuser has to approve.")


class ResetsSwitchedOff(RecoveryError):
    sentence = _("Staff cannot reset this account: only recovery codes and security keys help.")


class NotABoundary(RecoveryError):
    sentence = _("This URL names no repository that we can check.")


class WrongProof(RecoveryError):
    sentence = _("This does not match the account.")


class YoungProof(RecoveryError):
    """What was offered is right, and too young to speak for the account (see evidence/ages.py)."""

    sentence = _("This is correct, but it does not count: you set or added it less than 30 days before the request.")


class NoTriesLeft(RecoveryError):
    sentence = _("There were too many wrong tries for this request.")


class RoleHeld(RecoveryError):
    sentence = _("This role is not on hold, or only another owner can give it back.")


class RoleRests(RecoveryError):
    sentence = _(
        "Your own role in this project is on hold after a recovery. Until it is given back, "
        "you cannot vouch for others."
    )


class WrongReturnCode(RecoveryError):
    sentence = _("This is not the return code of this request.")


class PasswordOnHold(RecoveryError):
    sentence = _("Without the return code you have to wait 24 hours before you can set a new password.")


class InQuarantine(RecoveryError):
    sentence = _("Your own account was recovered. You cannot do this until the limits of your account end.")


class BackDated(RecoveryError):
    sentence = _(
        "On the date that you chose, the account had fewer repository owners than "
        "today. Only a superuser may choose such a date."
    )


class BadIssue(RecoveryError):
    sentence = _("Type the address of an issue in our tracker.")


class MessageRefused(RecoveryError):
    sentence = _("A message has between 1 and 2,000 characters.")


class NoteEmpty(RecoveryError):
    sentence = _("A note has between 1 and 20,000 characters.")


class BadSnooze(RecoveryError):
    sentence = _("You can snooze a ticket for at most 30 days.")


class WrongUsername(RecoveryError):
    sentence = _("Type the username of the account exactly as it is: two people decide about this ticket.")


class ReplyRefused(RecoveryError):
    sentence = _("The reply is not sent yet.")


class BadView(RecoveryError):
    sentence = _("Give the view a name of 1 to 40 characters.")


class SearchTooLong(BadView):
    sentence = _("This search is too long to be saved.")


class ViewsFull(BadView):
    sentence = _("You already have 20 saved views. Remove one first.")
