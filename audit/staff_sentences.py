"""The second sentence of every tag: who did what to whom, for staff. The users' sentences are in `tags.py`."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from audit.tags import Tag, is_woken

SENTENCES = {
    # The account
    Tag.ACCOUNT_CREATE: _("%(actor)s created the account %(subject)s."),
    Tag.ACCOUNT_UNUSED: _("The account %(subject)s was never used, so others can take its name."),
    Tag.ACCOUNT_DELETE: _("%(actor)s deleted the account %(subject)s."),
    Tag.ACCOUNT_RENAME: _("%(actor)s changed the username of %(subject)s."),
    Tag.ACCOUNT_IMPORT: _("%(actor)s imported the account %(subject)s."),
    Tag.ACCOUNT_SETTINGS_CHANGE: _("%(actor)s changed a setting of %(subject)s."),
    Tag.ACCOUNT_NEVER_RESET_ON: _("%(actor)s forbade resets of the second factors of %(subject)s."),
    Tag.ACCOUNT_NEVER_RESET_ENDING: _(
        "%(actor)s asked to allow resets of the second factors of %(subject)s again, in seven days."
    ),
    Tag.ACCOUNT_NEVER_RESET_OFF: _("Resets of the second factors of %(subject)s are allowed again."),
    Tag.ACCOUNT_FREEZE: _("%(actor)s froze %(subject)s."),
    Tag.ACCOUNT_UNFREEZE: _("%(actor)s unfroze %(subject)s."),
    Tag.ACCOUNT_REFUSED: _("%(actor)s tried to change the account of %(subject)s. We refused it."),
    Tag.ACCOUNT_QUARANTINE_ENTER: _("%(actor)s set limits on the account of %(subject)s, as after a recovery."),
    Tag.ACCOUNT_QUARANTINE_EXIT: _("The date on which the limits of %(subject)s end was set."),
    Tag.ACCOUNT_LOGIN_SUCCESS: _("%(actor)s signed in."),
    Tag.ACCOUNT_LOGIN_FAILURE: _("A sign-in to %(subject)s failed."),
    Tag.ACCOUNT_LOGOUT: _("%(actor)s signed out."),
    Tag.ACCOUNT_SESSION_END: _("%(actor)s ended the sessions of %(subject)s."),
    Tag.ACCOUNT_STEP_UP: _("%(actor)s confirmed the second factor again."),
    Tag.ACCOUNT_STEP_UP_FAILURE: _("%(actor)s entered a wrong second factor for the account %(subject)s."),
    # Addresses and mail
    Tag.ACCOUNT_EMAIL_ADD: _("%(actor)s added an address to %(subject)s."),
    Tag.ACCOUNT_EMAIL_REMOVE: _("%(actor)s removed an address of %(subject)s."),
    Tag.ACCOUNT_EMAIL_VERIFIED: _("%(actor)s verified an address of %(subject)s."),
    Tag.ACCOUNT_EMAIL_PRIMARY_CHANGE: _("%(actor)s changed the primary address of %(subject)s."),
    Tag.ACCOUNT_EMAIL_SENT: _("A mail to %(subject)s was sent."),
    Tag.ACCOUNT_EMAIL_BOUNCED: _("A mail to %(subject)s came back."),
    Tag.ACCOUNT_EMAIL_FAILED: _("A mail to %(subject)s could not be delivered."),
    # Passwords and second factors
    Tag.ACCOUNT_PASSWORD_CHANGE: _("%(actor)s changed the password of %(subject)s."),
    Tag.ACCOUNT_PASSWORD_RESET: _("%(actor)s chose a new password for %(subject)s."),
    Tag.ACCOUNT_PASSWORD_RESET_REQUEST: _("Somebody asked for a new password for %(subject)s."),
    Tag.ACCOUNT_PASSWORD_DISABLED: _("%(actor)s removed the password of %(subject)s."),
    Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED: _("%(actor)s added a second factor to %(subject)s."),
    Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED: _("%(actor)s removed a second factor of %(subject)s."),
    Tag.ACCOUNT_TWO_FACTOR_RESET: _("%(actor)s removed all second factors of %(subject)s."),
    Tag.ACCOUNT_TWO_FACTOR_WRONG: _("Somebody tried ten wrong second factors in a row for %(subject)s."),
    Tag.ACCOUNT_TWO_FACTOR_OFF: _("A second factor of %(subject)s was switched off after a hundred wrong answers."),
    Tag.ACCOUNT_TWO_FACTOR_ON: _("A second factor of %(subject)s that was switched off works again."),
    Tag.ACCOUNT_RECOVERY_CODES_GENERATED: _("%(actor)s made new recovery codes for %(subject)s."),
    Tag.ACCOUNT_RECOVERY_CODES_USED: _("%(actor)s used a recovery code of %(subject)s."),
    # API tokens and roles
    Tag.ACCOUNT_API_TOKEN_ADDED: _("%(actor)s made an API token for %(subject)s."),
    Tag.ACCOUNT_API_TOKEN_REMOVED: _("%(actor)s revoked an API token of %(subject)s."),
    Tag.ACCOUNT_API_TOKEN_REMOVED_LEAK: _("An API token of %(subject)s was found in public and revoked."),
    Tag.ACCOUNT_API_TOKEN_HELD: _("%(actor)s put API tokens of %(subject)s on hold."),
    Tag.ACCOUNT_API_TOKEN_CONFIRMED: _("%(actor)s let an API token of %(subject)s work again."),
    Tag.ACCOUNT_PUBLISHER_ADD: _("%(actor)s added a trusted publisher for a new project."),
    Tag.ACCOUNT_PUBLISHER_REMOVE: _("%(actor)s removed a trusted publisher for a new project."),
    Tag.ACCOUNT_PUBLISHER_HOLD: _("%(actor)s put trusted publishers of %(subject)s on hold."),
    Tag.ACCOUNT_ROLE_ADD: _("%(actor)s gave %(subject)s a role in a project."),
    Tag.ACCOUNT_ROLE_CHANGE: _("%(actor)s changed the role of %(subject)s in a project."),
    Tag.ACCOUNT_ROLE_REMOVE: _("%(actor)s removed %(subject)s from a project."),
    Tag.ACCOUNT_ROLE_INVITE: _("%(actor)s invited %(subject)s to a project."),
    Tag.ACCOUNT_ROLE_DECLINE_INVITE: _("%(actor)s declined an invitation to a project."),
    Tag.ACCOUNT_ROLE_REVOKE_INVITE: _("%(actor)s withdrew the invitation of %(subject)s to a project."),
    # Staff rights
    Tag.ACCOUNT_STAFF_ADD: _("%(actor)s gave %(subject)s staff rights."),
    Tag.ACCOUNT_STAFF_REMOVE: _("%(actor)s took staff rights from %(subject)s."),
    Tag.ACCOUNT_STAFF_GROUP_ADD: _("%(actor)s put %(subject)s into a staff group."),
    Tag.ACCOUNT_STAFF_GROUP_REMOVE: _("%(actor)s took %(subject)s out of a staff group."),
    # Recovery tickets
    Tag.ACCOUNT_RECOVERY_OPEN: _("%(actor)s opened a ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_JOIN: _("%(actor)s sent another request. It was added to the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_CHALLENGE: _("%(actor)s asked the claimant for proof."),
    Tag.ACCOUNT_RECOVERY_RESEND: _("%(actor)s sent the instructions to the claimant again."),
    Tag.ACCOUNT_RECOVERY_CONFIRM_MAILBOX: _("%(actor)s confirmed the mailbox of the contact."),
    Tag.ACCOUNT_RECOVERY_PROOF: _("The branch was found: the claimant proved one repository owner."),
    Tag.ACCOUNT_RECOVERY_OTHER_PROOF: _("%(actor)s gave other proof of the account."),
    Tag.ACCOUNT_RECOVERY_VOUCH: _("%(actor)s, a co-owner, vouched for %(subject)s."),
    Tag.ACCOUNT_RECOVERY_ADD_BOUNDARY: _("%(actor)s added a repository that the releases do not name."),
    Tag.ACCOUNT_RECOVERY_DECLINE_EXCEPTION: _("%(actor)s refused to accept a repository owner without proof."),
    Tag.ACCOUNT_RECOVERY_ASK_EXCEPTION: _("%(actor)s asked for an exception."),
    Tag.ACCOUNT_RECOVERY_APPROVE_EXCEPTION: _("%(actor)s approved an exception."),
    Tag.ACCOUNT_RECOVERY_DISPUTE: _("%(actor)s disputed the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_SIGNED_IN: _(
        "Somebody signed in to the account of %(subject)s with a second factor. The doubt is now 4."
    ),
    Tag.ACCOUNT_RECOVERY_ALARM: _(
        "Somebody added a second factor to the account of %(subject)s, or used a recovery code. The doubt is now 4."
    ),
    Tag.ACCOUNT_RECOVERY_BLOCK: _("%(subject)s signed in with a second factor: the ticket is blocked."),
    Tag.ACCOUNT_RECOVERY_WAIT_STARTED: _("The waiting period of the ticket has begun."),
    Tag.ACCOUNT_RECOVERY_WAIT_OVER: _("The waiting period of the ticket is over."),
    Tag.ACCOUNT_RECOVERY_APPROVE: _("%(actor)s approved the reset of %(subject)s."),
    Tag.ACCOUNT_RECOVERY_SEND_BACK: _("%(actor)s sent the ticket back one step."),
    Tag.ACCOUNT_RECOVERY_RESET: _("%(actor)s reset %(subject)s."),
    Tag.ACCOUNT_RECOVERY_REJECT: _("%(actor)s rejected the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_STOP: _("%(actor)s stopped the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_WITHDRAW: _("%(actor)s withdrew the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_EXPIRE: _("The ticket about %(subject)s expired."),
    Tag.ACCOUNT_RECOVERY_OBJECT: _("%(actor)s objected to the completed reset of %(subject)s."),
    Tag.ACCOUNT_RECOVERY_SETTLE_OBJECTION: _("%(actor)s closed the objection to the reset of %(subject)s."),
    Tag.ACCOUNT_RECOVERY_MEND_BOUNCE: _("The contact of the ticket about %(subject)s receives our mail again."),
    Tag.ACCOUNT_RECOVERY_REFUSED: _("%(actor)s tried something that is not allowed on a ticket."),
    Tag.ACCOUNT_RECOVERY_ADVANCE: _("The ticket about %(subject)s moved on automatically."),
    Tag.ACCOUNT_RECOVERY_ASSIGN: _("%(actor)s took the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_MESSAGE: _("The claimant wrote to our staff."),
    Tag.ACCOUNT_RECOVERY_NOTE: _("%(actor)s wrote a note on the ticket."),
    Tag.ACCOUNT_RECOVERY_REPLY: _("%(actor)s wrote to the contact of the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_SNOOZE: _("%(actor)s snoozed the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_LINK_RENEWED: _("%(actor)s renewed the link to set a password."),
    Tag.ACCOUNT_RECOVERY_RETURN_CODE: _("%(actor)s was shown the return code."),
    Tag.ACCOUNT_RECOVERY_PASSWORD_HOLD: _("%(actor)s has no return code and has to wait 24 hours for a new password."),
    Tag.ACCOUNT_RECOVERY_BREAK_GLASS: _(
        "%(actor)s reset %(subject)s on the command line, past the rules (break-glass)."
    ),
    # Projects, files, code hosts, the log itself
    Tag.PROJECT_CREATE: _("%(actor)s made the project."),
    Tag.PROJECT_CHANGE: _("%(actor)s changed the project."),
    Tag.PROJECT_STATUS: _("%(actor)s changed the status of the project."),
    Tag.PROJECT_STAGED_PUBLISH: _("%(actor)s published a staged release."),
    Tag.PROJECT_STAGED_DISCARD: _("%(actor)s discarded a staged release."),
    Tag.PROJECT_STAGED_EXPIRE: _("A staged release expired."),
    Tag.PROJECT_STAGED_CHANGED: _(
        "%(actor)s tried to publish. A file was changed after it was staged, so nothing was published."
    ),
    Tag.PROJECT_RELEASE_ADD: _("%(actor)s published a release."),
    Tag.PROJECT_RELEASE_REMOVE: _("%(actor)s deleted a release."),
    Tag.PROJECT_RELEASE_YANK: _("%(actor)s yanked a release."),
    Tag.PROJECT_RELEASE_UNYANK: _("%(actor)s un-yanked a release."),
    Tag.PROJECT_ROLE_ADD: _("%(actor)s gave %(subject)s a role in the project."),
    Tag.PROJECT_ROLE_CHANGE: _("%(actor)s changed the role of %(subject)s in the project."),
    Tag.PROJECT_ROLE_REMOVE: _("%(actor)s removed %(subject)s from the project."),
    Tag.PROJECT_ROLE_HOLD: _("The role of %(subject)s in the project was put on hold."),
    Tag.PROJECT_ROLE_RELEASE: _("%(actor)s gave %(subject)s back the role in the project."),
    Tag.PROJECT_ROLE_INVITE: _("%(actor)s invited %(subject)s to the project."),
    Tag.FILE_STAGE: _("%(actor)s staged a file."),
    Tag.PROJECT_GUARD_CHANGE: _("%(actor)s changed a guard of the project."),
    Tag.PROJECT_GUARD_ANNOUNCE: _("%(actor)s announced a stricter guard of the project."),
    Tag.PROJECT_GUARD_ASK: _("%(actor)s asked for a less strict guard of the project, in 24 hours."),
    Tag.PROJECT_GUARD_KEEP: _("%(actor)s undid a planned change of a guard of the project."),
    Tag.PROJECT_PUBLISHER_ADD: _("%(actor)s added a trusted publisher to the project."),
    Tag.PROJECT_PUBLISHER_REMOVE: _("%(actor)s removed a trusted publisher from the project."),
    Tag.PROJECT_PUBLISHER_KEEP: _("A trusted publisher now uploads in the name of %(actor)s."),
    Tag.PROJECT_PUBLISHER_TOKEN: _("A trusted publisher got a token that acts for %(subject)s."),
    Tag.FILE_ADD: _("%(actor)s uploaded a file."),
    Tag.FILE_YANK: _("%(actor)s yanked a file."),
    Tag.FILE_UNYANK: _("%(actor)s un-yanked a file."),
    Tag.FILE_REMOVE: _("%(actor)s deleted a file."),
    Tag.INCIDENT_MARK: _("%(actor)s marked a malicious release."),
    Tag.INCIDENT_ASK_LIFT: _("%(actor)s asked to end an incident."),
    Tag.INCIDENT_LIFT: _("%(actor)s ended an incident."),
    Tag.CODEHOST_ADD: _("%(actor)s added a code host."),
    Tag.CODEHOST_CHANGE: _("%(actor)s changed the settings of a code host."),
    Tag.CODEHOST_PAUSE: _("%(actor)s paused a code host."),
    Tag.CODEHOST_RESUME: _("%(actor)s resumed a code host."),
    Tag.CODEHOST_LIMIT: _("%(actor)s changed how often we ask a code host."),
    Tag.CODEHOST_PROBE_NOW: _("%(actor)s started all waiting checks on a code host."),
    Tag.CODEHOST_REMOVE: _("%(actor)s removed a code host."),
    Tag.REPLY_TEMPLATE_CHANGE: _("%(actor)s changed a canned reply."),
    Tag.DESK_LOOKUP_REFUSED: _(
        "%(actor)s typed a search into the address of a staff page. The page does not allow this search."
    ),
    Tag.DESK_UNMATCHED_END: _("%(actor)s ended a request that named no account."),
    Tag.AUDIT_DETAIL_ERASE: _("%(actor)s erased networks, devices and addresses from the log."),
    Tag.AUDIT_LOG_OPEN: _("%(actor)s opened the whole log of %(subject)s."),
    Tag.AUDIT_LOG_EXPORT: _("%(actor)s exported from the log."),
    Tag.AUDIT_LOG_RESTORE: _("%(actor)s recorded that the database was restored from a backup."),
}


WOKEN = {Tag.ACCOUNT_RECOVERY_SNOOZE: _("%(actor)s woke the ticket about %(subject)s.")}  # as in tags.py


def staff_sentence(tag: str, actor: str, subject: str, *, data: Mapping[str, Any]) -> str:
    """What happened, with names; the bare tag when this version no longer knows it."""
    if tag not in Tag:
        return tag
    known = Tag(tag)
    if known not in SENTENCES:
        return str(known.label)
    sentence = WOKEN[known] if is_woken(known, data) else SENTENCES[known]
    return sentence % {"actor": actor or _("somebody"), "subject": subject or _("an unknown account")}
