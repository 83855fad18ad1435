"""Why a staged release is not published, or a file not staged; each with a sentence for people."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class StagingError(Exception):
    """Refused; nothing changed."""

    message: str | Promise = _("This staged release cannot be changed. Open the page again to see its state.")

    def __str__(self) -> str:
        return str(self.message)


class NothingChosen(StagingError):
    """No release, too many, or neither of the two buttons."""

    message = _("Choose at least one release, and publish or discard.")


class NoFactor(StagingError):
    """Publishing asks for an authenticator app or a security key."""

    message = _("Add an authenticator app or a security key first. You need one to publish or discard.")


class NotPublisher(StagingError):
    """Only an owner of the project who acts publishes or discards."""

    message = _("Only an owner of the project may do this. A role that is on hold does not count.")


class PublisherInQuarantine(StagingError):
    """The account was recovered recently (design rule 9)."""

    message = _(
        "Your account was recovered. You cannot publish or discard until the limits "
        "of your account end. A co-owner can."
    )


class TooSoonAfterRecovery(StagingError):
    """Staged since the account that would publish it was recovered."""

    message = _(
        "Your account had limits when this release was staged. You can publish the "
        "release 72 hours after it was staged. A co-owner can publish it now."
    )


class StagerPublishes(StagingError):
    """The project asks for another owner than the one who staged a file."""

    message = _("You staged a file of this release. In this project another owner publishes it.")


class Ended(StagingError):
    """Somebody was first."""

    message = _("This staged release was published, discarded or has expired already.")


class ChangedSince(StagingError):
    """Not what the page showed."""

    message = _("A file was added since you looked. Nothing of this release was changed. Look at it again.")


class NotConfirmed(StagingError):
    """It could not be chosen when the batch was confirmed."""

    message = _("You confirmed the other releases, but not this one. Choose it again.")


class FileChanged(StagingError):
    """The storage holds other bytes than were staged."""

    message = _(
        "A file was changed after it was staged. Nothing was published. Discard the release and upload the files again."
    )


class Taken(StagingError):
    """A file of the same name or bytes came into the index by another way."""

    message = _("A file of this release is in the index already. Nothing was published. Discard the staged release.")


class NotNewest(StagingError):
    """The guard "newer versions only" asks at the publication, too."""

    message = _("This project takes only newer versions. A newer one has been published since. Discard this release.")


class LacksFactor(StagingError):
    """The guard of second factors; the caller gives the sentence of guards.py."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.message = sentence


class ReleaseShut(StagingError):
    """The release was deleted, or is too old for more files."""

    message = _("The release was deleted, or it takes no more files. Discard the staged files.")


class ProjectShut(StagingError):
    """The project is archived or quarantined."""

    message = _("The project takes no files now: it is archived or in quarantine.")
