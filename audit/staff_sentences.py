"""The second sentence of every tag: who did what to whom, for staff. The users' sentences are in `tags.py`."""

from django.utils.translation import gettext_lazy as _

from audit.tags import Tag

SENTENCES = {
    # The account
    Tag.ACCOUNT_CREATE: _("%(actor)s opened the account %(subject)s."),
    Tag.ACCOUNT_DELETE: _("%(actor)s deleted the account %(subject)s."),
    Tag.ACCOUNT_RENAME: _("%(actor)s changed the username of %(subject)s."),
    Tag.ACCOUNT_IMPORT: _("%(actor)s brought in the account %(subject)s."),
    Tag.ACCOUNT_SETTINGS_CHANGE: _("%(actor)s changed a setting of %(subject)s."),
    Tag.ACCOUNT_FREEZE: _("%(actor)s froze %(subject)s."),
    Tag.ACCOUNT_UNFREEZE: _("%(actor)s unfroze %(subject)s."),
    Tag.ACCOUNT_REFUSED: _("%(actor)s was refused a change to %(subject)s."),
    Tag.ACCOUNT_QUARANTINE_ENTER: _("%(actor)s put %(subject)s in quarantine."),
    Tag.ACCOUNT_QUARANTINE_EXIT: _("The quarantine of %(subject)s got its end."),
    Tag.ACCOUNT_LOGIN_SUCCESS: _("%(actor)s signed in."),
    Tag.ACCOUNT_LOGIN_FAILURE: _("A sign-in to %(subject)s failed."),
    Tag.ACCOUNT_LOGOUT: _("%(actor)s signed out."),
    Tag.ACCOUNT_SESSION_END: _("%(actor)s ended the sessions of %(subject)s."),
    Tag.ACCOUNT_STEP_UP: _("%(actor)s confirmed the second factor again."),
    Tag.ACCOUNT_STEP_UP_FAILURE: _("%(actor)s failed to confirm the second factor of %(subject)s."),
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
    Tag.ACCOUNT_PASSWORD_DISABLED: _("%(actor)s made the password of %(subject)s unusable."),
    Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED: _("%(actor)s added a second factor to %(subject)s."),
    Tag.ACCOUNT_TWO_FACTOR_METHOD_REMOVED: _("%(actor)s removed a second factor of %(subject)s."),
    Tag.ACCOUNT_TWO_FACTOR_RESET: _("%(actor)s removed all second factors of %(subject)s."),
    Tag.ACCOUNT_RECOVERY_CODES_GENERATED: _("%(actor)s made new recovery codes for %(subject)s."),
    Tag.ACCOUNT_RECOVERY_CODES_USED: _("%(actor)s used a recovery code of %(subject)s."),
    # API tokens and roles
    Tag.ACCOUNT_API_TOKEN_ADDED: _("%(actor)s made an API token for %(subject)s."),
    Tag.ACCOUNT_API_TOKEN_REMOVED: _("%(actor)s revoked an API token of %(subject)s."),
    Tag.ACCOUNT_API_TOKEN_HELD: _("%(actor)s suspended API tokens of %(subject)s."),
    Tag.ACCOUNT_API_TOKEN_CONFIRMED: _("%(actor)s confirmed a suspended API token of %(subject)s."),
    Tag.ACCOUNT_ROLE_ADD: _("%(actor)s gave %(subject)s a role in a project."),
    Tag.ACCOUNT_ROLE_CHANGE: _("%(actor)s changed the role of %(subject)s in a project."),
    Tag.ACCOUNT_ROLE_REMOVE: _("%(actor)s took a role in a project from %(subject)s."),
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
    Tag.ACCOUNT_RECOVERY_JOIN: _("A further request of %(actor)s joined the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_CHALLENGE: _("%(actor)s asked the claimant for proof."),
    Tag.ACCOUNT_RECOVERY_RESEND: _("%(actor)s sent the challenge again."),
    Tag.ACCOUNT_RECOVERY_CONFIRM_MAILBOX: _("%(actor)s confirmed the mailbox of the contact."),
    Tag.ACCOUNT_RECOVERY_PROOF: _("The branch was found: a boundary is proved."),
    Tag.ACCOUNT_RECOVERY_OTHER_PROOF: _("%(actor)s gave another proof."),
    Tag.ACCOUNT_RECOVERY_VOUCH: _("%(actor)s, a co-owner, vouched for %(subject)s."),
    Tag.ACCOUNT_RECOVERY_ADD_BOUNDARY: _("%(actor)s added a repository that the metadata misses."),
    Tag.ACCOUNT_RECOVERY_DECLINE_EXCEPTION: _("%(actor)s declined an exception."),
    Tag.ACCOUNT_RECOVERY_ASK_EXCEPTION: _("%(actor)s asked for an exception."),
    Tag.ACCOUNT_RECOVERY_APPROVE_EXCEPTION: _("%(actor)s approved an exception."),
    Tag.ACCOUNT_RECOVERY_DISPUTE: _("%(actor)s disputed the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_BLOCK: _("%(subject)s signed in with a second factor: the ticket is blocked."),
    Tag.ACCOUNT_RECOVERY_WAIT_STARTED: _("The clock of the ticket got its end."),
    Tag.ACCOUNT_RECOVERY_WAIT_OVER: _("The waiting period of the ticket is over."),
    Tag.ACCOUNT_RECOVERY_APPROVE: _("%(actor)s approved the reset of %(subject)s."),
    Tag.ACCOUNT_RECOVERY_SEND_BACK: _("%(actor)s sent the ticket back."),
    Tag.ACCOUNT_RECOVERY_RESET: _("%(actor)s pressed reset for %(subject)s."),
    Tag.ACCOUNT_RECOVERY_REJECT: _("%(actor)s rejected the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_STOP: _("%(actor)s stopped the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_WITHDRAW: _("%(actor)s withdrew the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_EXPIRE: _("The ticket about %(subject)s expired."),
    Tag.ACCOUNT_RECOVERY_OBJECT: _("%(actor)s objected to the completed reset of %(subject)s."),
    Tag.ACCOUNT_RECOVERY_SETTLE_OBJECTION: _("%(actor)s settled the objection to the reset of %(subject)s."),
    Tag.ACCOUNT_RECOVERY_MEND_BOUNCE: _("A later mail reached the contact of the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_REFUSED: _("A step of %(actor)s was refused."),
    Tag.ACCOUNT_RECOVERY_ADVANCE: _("The ticket about %(subject)s moved on by itself."),
    Tag.ACCOUNT_RECOVERY_ASSIGN: _("%(actor)s took the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_NOTE: _("%(actor)s wrote a note on the ticket."),
    Tag.ACCOUNT_RECOVERY_REPLY: _("%(actor)s wrote to the contact of the ticket about %(subject)s."),
    Tag.ACCOUNT_RECOVERY_SNOOZE: _("%(actor)s put off the ticket about %(subject)s, or took it up again."),
    Tag.ACCOUNT_RECOVERY_LINK_RENEWED: _("%(actor)s renewed the link to choose a password."),
    Tag.ACCOUNT_RECOVERY_RETURN_CODE: _("%(actor)s was shown the return code."),
    Tag.ACCOUNT_RECOVERY_PASSWORD_HOLD: _("%(actor)s has no return code: the password waits for 24 hours."),
    Tag.ACCOUNT_RECOVERY_BREAK_GLASS: _("%(actor)s reset %(subject)s from the shell, past the procedure."),
    # Projects, files, code hosts, the log itself
    Tag.PROJECT_CREATE: _("%(actor)s made the project."),
    Tag.PROJECT_CHANGE: _("%(actor)s changed the project."),
    Tag.PROJECT_RELEASE_ADD: _("%(actor)s published a release."),
    Tag.PROJECT_RELEASE_REMOVE: _("%(actor)s deleted a release."),
    Tag.PROJECT_ROLE_ADD: _("%(actor)s gave %(subject)s a role in the project."),
    Tag.PROJECT_ROLE_CHANGE: _("%(actor)s changed the role of %(subject)s in the project."),
    Tag.PROJECT_ROLE_REMOVE: _("%(actor)s took the role of %(subject)s in the project."),
    Tag.PROJECT_ROLE_INVITE: _("%(actor)s invited %(subject)s to the project."),
    Tag.FILE_ADD: _("%(actor)s uploaded a file."),
    Tag.FILE_REMOVE: _("%(actor)s deleted a file."),
    Tag.CODEHOST_ADD: _("%(actor)s described a code host."),
    Tag.CODEHOST_CHANGE: _("%(actor)s described a code host anew."),
    Tag.CODEHOST_PAUSE: _("%(actor)s paused a code host."),
    Tag.CODEHOST_RESUME: _("%(actor)s took a code host up again."),
    Tag.CODEHOST_PROBE_NOW: _('%(actor)s pressed "probe now" for a code host.'),
    Tag.CODEHOST_REMOVE: _("%(actor)s removed a code host."),
    Tag.REPLY_TEMPLATE_CHANGE: _("%(actor)s changed a reply template."),
    Tag.DESK_LOOKUP_REFUSED: _("%(actor)s asked a page of the desk for something it does not offer."),
    Tag.AUDIT_DETAIL_ERASE: _("%(actor)s erased networks, devices and addresses from the log."),
    Tag.AUDIT_LOG_OPEN: _("%(actor)s opened the whole log of %(subject)s."),
    Tag.AUDIT_LOG_EXPORT: _("%(actor)s exported from the log."),
}


def staff_sentence(tag: str, actor: str, subject: str) -> str:
    """What happened, with names; the bare tag when this version no longer knows it."""
    if tag not in Tag:
        return tag
    known = Tag(tag)
    if known not in SENTENCES:
        return str(known.label)
    return SENTENCES[known] % {"actor": actor or _("somebody"), "subject": subject or _("nobody we know")}
