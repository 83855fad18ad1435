"""What can be written down, under which name. A member's name is its value in capitals, colons as underscores.

Values have the shape `source:subject:action` of PyPI's `warehouse/events/tags.py`; the first ones are theirs, the
recovery, freeze and staff ones are ours. The label is the sentence a user reads in their own history.
"""

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Tag(models.TextChoices):
    # The account
    ACCOUNT_CREATE = "account:create", _("The account was created.")
    ACCOUNT_DELETE = "account:delete", _("The account was deleted.")
    ACCOUNT_UNUSED = "account:unused", _("The account was never used. Its name can be taken again.")
    ACCOUNT_RENAME = "account:rename", _("The username was changed.")
    ACCOUNT_IMPORT = "account:import", _("The account was brought in by an import.")
    ACCOUNT_SETTINGS_CHANGE = "account:settings:change", _("An account setting was changed.")
    ACCOUNT_NEVER_RESET_ON = "account:never_reset:on", _("Resets of the second factors were forbidden.")
    ACCOUNT_NEVER_RESET_ENDING = (
        "account:never_reset:ending",
        _("Somebody asked to allow resets of the second factors again. They will be allowed after seven days."),
    )
    ACCOUNT_NEVER_RESET_OFF = "account:never_reset:off", _("Resets of the second factors are allowed again.")
    ACCOUNT_FREEZE = "account:freeze", _("The account was frozen.")
    ACCOUNT_UNFREEZE = "account:unfreeze", _("The account was unfrozen.")
    ACCOUNT_REFUSED = "account:refused", _("A change to the account was refused.")
    ACCOUNT_QUARANTINE_ENTER = "account:quarantine:enter", _("Limits after a recovery began.")
    ACCOUNT_QUARANTINE_EXIT = "account:quarantine:exit", _("The limits after a recovery now have an end date.")
    ACCOUNT_LOGIN_SUCCESS = "account:login:success", _("Somebody signed in.")
    ACCOUNT_LOGIN_FAILURE = "account:login:failure", _("A sign-in failed.")
    ACCOUNT_LOGOUT = "account:logout", _("Somebody signed out.")
    ACCOUNT_SESSION_END = "account:session:end", _("Signed-in sessions were ended.")
    ACCOUNT_STEP_UP = "account:step_up", _("The second factor was confirmed again.")
    ACCOUNT_STEP_UP_FAILURE = "account:step_up:failure", _("Confirming the second factor again failed.")
    # Addresses and mail
    ACCOUNT_EMAIL_ADD = "account:email:add", _("An e-mail address was added.")
    ACCOUNT_EMAIL_REMOVE = "account:email:remove", _("An e-mail address was removed.")
    ACCOUNT_EMAIL_VERIFIED = "account:email:verified", _("An e-mail address was verified.")
    ACCOUNT_EMAIL_PRIMARY_CHANGE = "account:email:primary:change", _("The primary e-mail address was changed.")
    ACCOUNT_EMAIL_SENT = "account:email:sent", _("We sent a mail.")
    ACCOUNT_EMAIL_BOUNCED = "account:email:bounced", _("One of our mails bounced.")
    ACCOUNT_EMAIL_FAILED = "account:email:failed", _("We could not deliver one of our mails.")
    # Passwords and second factors
    ACCOUNT_PASSWORD_CHANGE = "account:password:change", _("The password was changed.")  # noqa: S105
    ACCOUNT_PASSWORD_RESET = "account:password:reset", _("A new password was chosen.")  # noqa: S105
    ACCOUNT_PASSWORD_RESET_REQUEST = "account:password:reset:request", _("A new password was asked for.")  # noqa: S105
    ACCOUNT_PASSWORD_DISABLED = "account:password:disabled", _("The password was made unusable.")  # noqa: S105
    ACCOUNT_TWO_FACTOR_METHOD_ADDED = "account:two_factor:method_added", _("A second factor was added.")
    ACCOUNT_TWO_FACTOR_METHOD_REMOVED = "account:two_factor:method_removed", _("A second factor was removed.")
    ACCOUNT_TWO_FACTOR_RESET = "account:two_factor:reset", _("All second factors were removed.")
    ACCOUNT_TWO_FACTOR_WRONG = (
        "account:two_factor:wrong",
        _("Somebody who knew the password tried ten wrong second factors in a row."),
    )
    ACCOUNT_TWO_FACTOR_OFF = (
        "account:two_factor:off",
        _("A second factor was switched off after a hundred wrong answers in a row."),
    )
    ACCOUNT_TWO_FACTOR_ON = "account:two_factor:on", _("A second factor that was switched off works again.")
    ACCOUNT_RECOVERY_CODES_GENERATED = "account:recovery_codes:generated", _("New recovery codes were made.")
    ACCOUNT_RECOVERY_CODES_USED = "account:recovery_codes:used", _("A recovery code was used.")
    # API tokens and roles
    ACCOUNT_API_TOKEN_ADDED = "account:api_token:added", _("An API token was made.")  # noqa: S105
    ACCOUNT_API_TOKEN_REMOVED = "account:api_token:removed", _("An API token was revoked.")  # noqa: S105
    ACCOUNT_API_TOKEN_REMOVED_LEAK = (
        "account:api_token:removed_leak",
        _("An API token was found in public and revoked."),
    )
    ACCOUNT_API_TOKEN_HELD = "account:api_token:held", _("An API token was put on hold.")  # noqa: S105
    ACCOUNT_API_TOKEN_CONFIRMED = "account:api_token:confirmed", _("An API token that was on hold works again.")  # noqa: S105
    ACCOUNT_PUBLISHER_ADD = "account:publisher:add", _("A trusted publisher for a new project was added.")
    ACCOUNT_PUBLISHER_REMOVE = "account:publisher:remove", _("A trusted publisher for a new project was removed.")
    ACCOUNT_PUBLISHER_HOLD = "account:publisher:hold", _("Trusted publishers were put on hold.")
    ACCOUNT_ROLE_ADD = "account:role:add", _("Somebody got a role in a project.")
    ACCOUNT_ROLE_CHANGE = "account:role:change", _("A role in a project was changed.")
    ACCOUNT_ROLE_REMOVE = "account:role:remove", _("A role in a project was taken away.")
    ACCOUNT_ROLE_INVITE = "account:role:invite", _("An invitation to a project was sent.")
    ACCOUNT_ROLE_DECLINE_INVITE = "account:role:decline_invite", _("An invitation to a project was declined.")
    ACCOUNT_ROLE_REVOKE_INVITE = "account:role:revoke_invite", _("An invitation to a project was withdrawn.")
    # Staff rights
    ACCOUNT_STAFF_ADD = "account:staff:add", _("Staff rights were given.")
    ACCOUNT_STAFF_REMOVE = "account:staff:remove", _("Staff rights were taken away.")
    ACCOUNT_STAFF_GROUP_ADD = "account:staff:group:add", _("Somebody was added to a staff group.")
    ACCOUNT_STAFF_GROUP_REMOVE = "account:staff:group:remove", _("Membership in a staff group was taken away.")
    # Recovery tickets
    ACCOUNT_RECOVERY_OPEN = "account:recovery:open", _("A recovery request was opened.")
    ACCOUNT_RECOVERY_JOIN = "account:recovery:join", _("Another request was added to the open recovery request.")
    ACCOUNT_RECOVERY_CHALLENGE = "account:recovery:challenge", _("We mailed recovery instructions.")
    ACCOUNT_RECOVERY_RESEND = "account:recovery:resend", _("We mailed the recovery instructions again.")
    ACCOUNT_RECOVERY_CONFIRM_MAILBOX = (
        "account:recovery:confirm_mailbox",
        _("The e-mail address of the recovery request was confirmed."),
    )
    ACCOUNT_RECOVERY_PROOF = "account:recovery:proof", _("The recovery branch was found in a repository.")
    ACCOUNT_RECOVERY_OTHER_PROOF = "account:recovery:other_proof", _("Other proof was given for the recovery.")
    ACCOUNT_RECOVERY_VOUCH = "account:recovery:vouch", _("A co-owner vouched for the recovery.")
    ACCOUNT_RECOVERY_ADD_BOUNDARY = "account:recovery:add_boundary", _("A repository was added to the recovery.")
    ACCOUNT_RECOVERY_DECLINE_EXCEPTION = "account:recovery:decline_exception", _("An exception was declined.")
    ACCOUNT_RECOVERY_ASK_EXCEPTION = "account:recovery:ask_exception", _("An exception was asked for.")
    ACCOUNT_RECOVERY_APPROVE_EXCEPTION = "account:recovery:approve_exception", _("An exception was approved.")
    ACCOUNT_RECOVERY_DISPUTE = "account:recovery:dispute", _("The recovery request was disputed.")
    ACCOUNT_RECOVERY_SIGNED_IN = (
        "account:recovery:signed_in",
        _("Somebody signed in to the account with a second factor during the recovery."),
    )
    ACCOUNT_RECOVERY_ALARM = (
        "account:recovery:alarm",
        _("A second factor was added, or a recovery code used, during the recovery."),
    )
    ACCOUNT_RECOVERY_BLOCK = (
        "account:recovery:block",
        _("Somebody signed in with a second factor, so the recovery request was paused."),
    )
    ACCOUNT_RECOVERY_WAIT_STARTED = "account:recovery:wait_started", _("The waiting period of the recovery began.")
    ACCOUNT_RECOVERY_WAIT_OVER = "account:recovery:wait_over", _("The waiting period of the recovery is over.")
    ACCOUNT_RECOVERY_APPROVE = "account:recovery:approve", _("A second person approved the recovery.")
    ACCOUNT_RECOVERY_SEND_BACK = "account:recovery:send_back", _("The recovery request went back a step.")
    ACCOUNT_RECOVERY_RESET = "account:recovery:reset", _("The account was recovered.")
    ACCOUNT_RECOVERY_REJECT = "account:recovery:reject", _("The recovery request was rejected.")
    ACCOUNT_RECOVERY_STOP = "account:recovery:stop", _("The recovery request was stopped.")
    ACCOUNT_RECOVERY_WITHDRAW = "account:recovery:withdraw", _("The recovery request was withdrawn.")
    ACCOUNT_RECOVERY_EXPIRE = "account:recovery:expire", _("The recovery request expired.")
    ACCOUNT_RECOVERY_OBJECT = "account:recovery:object", _("Somebody objected to the recovery.")
    ACCOUNT_RECOVERY_SETTLE_OBJECTION = (
        "account:recovery:settle_objection",
        _("Our staff looked at an objection and closed it."),
    )
    ACCOUNT_RECOVERY_MEND_BOUNCE = (
        "account:recovery:mend_bounce",
        _("Our mail reaches the address of the recovery request again."),
    )
    ACCOUNT_RECOVERY_REFUSED = "account:recovery:refused", _("A step of the recovery was refused.")
    ACCOUNT_RECOVERY_ADVANCE = "account:recovery:advance", _("The recovery request moved on.")
    ACCOUNT_RECOVERY_ASSIGN = "account:recovery:assign", _("Our staff took on the recovery request.")
    ACCOUNT_RECOVERY_MESSAGE = "account:recovery:message", _("The person who asked wrote to our staff.")
    ACCOUNT_RECOVERY_NOTE = "account:recovery:note", _("Our staff wrote a note on the recovery request.")
    ACCOUNT_RECOVERY_REPLY = "account:recovery:reply", _("Our staff wrote to the address of the recovery request.")
    ACCOUNT_RECOVERY_SNOOZE = "account:recovery:snooze", _("Our staff set the recovery request aside for later.")
    ACCOUNT_RECOVERY_LINK_RENEWED = "account:recovery:link_renewed", _("The link to set a password was renewed.")
    ACCOUNT_RECOVERY_RETURN_CODE = "account:recovery:return_code", _("The return code of the recovery was shown.")
    ACCOUNT_RECOVERY_PASSWORD_HOLD = (
        "account:recovery:password_hold",
        _("Somebody has no return code and has to wait 24 hours for a new password."),
    )
    ACCOUNT_RECOVERY_BREAK_GLASS = (
        "account:recovery:break_glass",
        _("An operator reset the account without the usual steps."),
    )
    # Projects, files, code hosts, the log itself
    PROJECT_CREATE = "project:create", _("A project was created.")
    PROJECT_CHANGE = "project:change", _("A project was changed.")
    PROJECT_STATUS = "project:status", _("The status of a project was changed.")
    PROJECT_STAGED_PUBLISH = "project:staged:publish", _("A staged release was published.")
    PROJECT_STAGED_DISCARD = "project:staged:discard", _("A staged release was discarded.")
    PROJECT_STAGED_EXPIRE = "project:staged:expire", _("A staged release expired.")
    PROJECT_STAGED_CHANGED = (
        "project:staged:changed",
        _("A staged release was not published: the stored file is not the one that was uploaded."),
    )
    PROJECT_RELEASE_ADD = "project:release:add", _("A release was published.")
    PROJECT_RELEASE_REMOVE = "project:release:remove", _("A release was deleted.")
    PROJECT_RELEASE_YANK = "project:release:yank", _("A release was yanked.")
    PROJECT_RELEASE_UNYANK = "project:release:unyank", _("A release is no longer yanked.")
    PROJECT_ROLE_ADD = "project:role:add", _("Somebody got a role in a project.")
    PROJECT_ROLE_CHANGE = "project:role:change", _("Somebody's role in a project was changed.")
    PROJECT_ROLE_REMOVE = "project:role:remove", _("Somebody lost a role in a project.")
    PROJECT_ROLE_HOLD = "project:role:hold", _("A role in a project was put on hold after a recovery.")
    PROJECT_ROLE_RELEASE = "project:role:release", _("A role on hold was given back.")
    PROJECT_ROLE_INVITE = "project:role:invite", _("Somebody was invited to a project.")
    FILE_STAGE = "file:stage", _("A file was staged. It is not published.")
    PROJECT_GUARD_CHANGE = "project:guard:change", _("A guard of a project was changed.")
    PROJECT_GUARD_ANNOUNCE = "project:guard:announce", _("A stricter guard of a project was announced.")
    PROJECT_GUARD_ASK = "project:guard:ask", _("Somebody asked for a less strict guard of a project, in 24 hours.")
    PROJECT_GUARD_KEEP = "project:guard:keep", _("A change of a guard was taken back.")
    PROJECT_PUBLISHER_ADD = "project:publisher:add", _("A trusted publisher was added.")
    PROJECT_PUBLISHER_REMOVE = "project:publisher:remove", _("A trusted publisher was removed.")
    PROJECT_PUBLISHER_KEEP = "project:publisher:keep", _("A trusted publisher was kept or taken over.")
    PROJECT_PUBLISHER_TOKEN = "project:publisher:token", _("A trusted publisher got a token.")
    FILE_ADD = "file:add", _("A file was uploaded.")
    FILE_YANK = "file:yank", _("A file was yanked.")
    FILE_UNYANK = "file:unyank", _("A file is no longer yanked.")
    FILE_REMOVE = "file:remove", _("A file was deleted.")
    INCIDENT_MARK = "incident:mark", _("Our staff marked a release as possibly malicious.")
    INCIDENT_ASK_LIFT = "incident:ask_lift", _("Our staff asked to end an incident.")
    INCIDENT_LIFT = "incident:lift", _("Our staff ended an incident.")
    CODEHOST_ADD = "codehost:add", _("A code host was added.")
    CODEHOST_CHANGE = "codehost:change", _("A code host was changed.")
    CODEHOST_PAUSE = "codehost:pause", _("A code host was paused.")
    CODEHOST_RESUME = "codehost:resume", _("A code host was resumed.")
    CODEHOST_LIMIT = "codehost:limit", _("The limit of checks on a code host was changed.")
    CODEHOST_PROBE_NOW = "codehost:probe_now", _("All waiting checks on a code host were started.")
    CODEHOST_REMOVE = "codehost:remove", _("A code host was removed.")
    REPLY_TEMPLATE_CHANGE = "reply_template:change", _("A canned reply was changed.")
    DESK_LOOKUP_REFUSED = (
        "desk:lookup:refused",
        _("Somebody typed a search into the address of a staff page. The page does not allow this search."),
    )
    DESK_UNMATCHED_END = "desk:unmatched:end", _("Staff ended a request that named no account.")
    AUDIT_DETAIL_ERASE = "audit:detail:erase", _("Networks, devices and addresses of events were erased.")
    AUDIT_LOG_OPEN = "audit:log:open", _("Staff opened the whole log of the account.")
    AUDIT_LOG_EXPORT = "audit:log:export", _("Events were exported.")
    AUDIT_LOG_RESTORE = "audit:log:restore", _("The database was restored from a backup.")


WOKEN = {Tag.ACCOUNT_RECOVERY_SNOOZE: _("Our staff work on the recovery request again.")}

CLOSING = (  # after these a recovery ticket is over
    Tag.ACCOUNT_RECOVERY_RESET, Tag.ACCOUNT_RECOVERY_REJECT, Tag.ACCOUNT_RECOVERY_STOP, Tag.ACCOUNT_RECOVERY_WITHDRAW,
    Tag.ACCOUNT_RECOVERY_EXPIRE, Tag.ACCOUNT_RECOVERY_BREAK_GLASS,
)  # fmt: skip


def is_woken(tag: Tag, data: Mapping[str, Any]) -> bool:
    """Whether this event of a tag that says two things says the second one: put off until no time at all."""
    return tag in WOKEN and data.get("until") == ""


def sentence_of(tag: str, data: Mapping[str, Any]) -> str:
    """What happened, for people; the bare tag when this version no longer knows it."""
    if tag not in Tag:
        return tag
    known = Tag(tag)
    return str(WOKEN[known] if is_woken(known, data) else known.label)
