"""Why a verb refused. Each has its own name and one sentence for the person who asked."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class RecoveryError(Exception):
    """A refused verb: nothing was changed. `str()` gives the sentence to show."""

    sentence: str | Promise = _("This cannot be done.")

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.sentence} ({self.detail})" if self.detail else str(self.sentence)


class InvalidTransition(RecoveryError):
    sentence = _("The ticket is not in a state in which this can be done.")


class NotAllowed(RecoveryError):
    sentence = _("You may not do this.")


class OwnTicket(RecoveryError):
    sentence = _("Nobody works a ticket about their own account.")


class CoOwnedTicket(RecoveryError):
    sentence = _("You own a project together with this account; somebody else has to do this.")


class StepUpRequired(RecoveryError):
    sentence = _("Use your second factor again first: the last time is more than five minutes ago.")


class ReasonTooShort(RecoveryError):
    sentence = _("Give a reason of at least 10 characters.")


class UnknownSubject(RecoveryError):
    sentence = _("There is no such account.")


class NoContact(RecoveryError):
    sentence = _("This address cannot be used for this request.")


class TooOften(RecoveryError):
    sentence = _("This was done too often lately; try again later.")


class WaitingPeriodActive(RecoveryError):
    sentence = _("The waiting period is not over.")


class TicketBlocked(RecoveryError):
    sentence = _("Something stops this ticket; look at it first.")


class NothingAsksForIt(RecoveryError):
    sentence = _("Everything policy asks still holds, so it would move on again at once. Dispute or reject it instead.")


class OwnReset(RecoveryError):
    sentence = _("You approved or pressed this reset; somebody else settles the objection to it.")


class StaleTicket(RecoveryError):
    sentence = _("The ticket changed since this page was shown.")


class ApprovalMissing(RecoveryError):
    sentence = _("Two people decide about this one: somebody else has to approve it first.")


class ApprovalNotNeeded(RecoveryError):
    sentence = _("One person decides about this one; there is nothing to approve.")


class SamePerson(RecoveryError):
    sentence = _("Two people decide about this one, and you are the first of them already.")


class TooNew(RecoveryError):
    sentence = _("Staff rights younger than seven days do not count where two people decide.")


class SuperuserNeeded(RecoveryError):
    sentence = _("The account belongs to staff: a superuser has to approve.")


class ResetsSwitchedOff(RecoveryError):
    sentence = _("No person resets this account: only recovery codes and security keys help.")


class NotABoundary(RecoveryError):
    sentence = _("This address names no repository we could look at.")


class WrongProof(RecoveryError):
    sentence = _("This does not match the account.")


class NoTriesLeft(RecoveryError):
    sentence = _("There were too many wrong tries for this request.")


class RoleHeld(RecoveryError):
    sentence = _("This role is not held, or not yet yours to release.")


class RoleRests(RecoveryError):
    sentence = _("Your own role in this project rests after a recovery; until it acts again your word does not count.")


class WrongReturnCode(RecoveryError):
    sentence = _("This is not the return code of this request.")


class PasswordOnHold(RecoveryError):
    sentence = _("Without the return code the new password has to wait for 24 hours.")


class InQuarantine(RecoveryError):
    sentence = _("Your own account was recovered lately: for some days you cannot do this.")


class BackDated(RecoveryError):
    sentence = _("On that date less would be asked for than today. Only a superuser may date a request so far back.")


class BadIssue(RecoveryError):
    sentence = _("Give the address of an issue in our tracker.")


class NoteEmpty(RecoveryError):
    sentence = _("Write something first, at most 20,000 characters.")


class BadSnooze(RecoveryError):
    sentence = _("A ticket can be put off for a while, at most 30 days.")


class WrongUsername(RecoveryError):
    sentence = _("Type the username of the account exactly: two people decide about this one.")


class ReplyRefused(RecoveryError):
    sentence = _("This reply cannot be sent.")


class BadView(RecoveryError):
    sentence = _("Give the view a name of at most 40 characters and a shorter search; twenty views can be saved.")
