"""What can be written down, under which name. A member's name is its value in capitals, colons as underscores.

Values have the shape `source:subject:action` of PyPI's `warehouse/events/tags.py`; the first ones are theirs, the
recovery, freeze and staff ones are ours. The label is the sentence a user reads in their own history.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Tag(models.TextChoices):
    # The account
    ACCOUNT_CREATE = "account:create", _("The account was created.")
    ACCOUNT_DELETE = "account:delete", _("The account was deleted.")
    ACCOUNT_RENAME = "account:rename", _("The username was changed.")
    ACCOUNT_IMPORT = "account:import", _("The account was brought in by an import.")
    ACCOUNT_SETTINGS_CHANGE = "account:settings:change", _("An account setting was changed.")
    ACCOUNT_NEVER_RESET_ON = "account:never_reset:on", _("Resetting the second factors was ruled out.")
    ACCOUNT_NEVER_RESET_ENDING = (
        "account:never_reset:ending",
        _("Resetting the second factors was asked to become possible again, in seven days."),
    )
    ACCOUNT_NEVER_RESET_OFF = "account:never_reset:off", _("Resetting the second factors is possible again.")
    ACCOUNT_FREEZE = "account:freeze", _("The account was frozen.")
    ACCOUNT_UNFREEZE = "account:unfreeze", _("The account was unfrozen.")
    ACCOUNT_REFUSED = "account:refused", _("A change to the account was refused.")
    ACCOUNT_QUARANTINE_ENTER = "account:quarantine:enter", _("The days of limits after a recovery began.")
    ACCOUNT_QUARANTINE_EXIT = "account:quarantine:exit", _("The days of limits after a recovery have an end date.")
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
    ACCOUNT_EMAIL_BOUNCED = "account:email:bounced", _("A mail of ours came back.")
    ACCOUNT_EMAIL_FAILED = "account:email:failed", _("A mail of ours could not be delivered.")
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
        _("Somebody who knew the password gave ten wrong second factors in a row."),
    )
    ACCOUNT_TWO_FACTOR_OFF = (
        "account:two_factor:off",
        _("A second factor was switched off after a hundred wrong answers in a row."),
    )
    ACCOUNT_TWO_FACTOR_ON = "account:two_factor:on", _("A second factor that was switched off counts again.")
    ACCOUNT_RECOVERY_CODES_GENERATED = "account:recovery_codes:generated", _("New recovery codes were made.")
    ACCOUNT_RECOVERY_CODES_USED = "account:recovery_codes:used", _("A recovery code was used.")
    # API tokens and roles
    ACCOUNT_API_TOKEN_ADDED = "account:api_token:added", _("An API token was made.")  # noqa: S105
    ACCOUNT_API_TOKEN_REMOVED = "account:api_token:removed", _("An API token was revoked.")  # noqa: S105
    ACCOUNT_API_TOKEN_HELD = "account:api_token:held", _("An API token was suspended.")  # noqa: S105
    ACCOUNT_API_TOKEN_CONFIRMED = "account:api_token:confirmed", _("A suspended API token was confirmed.")  # noqa: S105
    ACCOUNT_ROLE_ADD = "account:role:add", _("A role in a project was given.")
    ACCOUNT_ROLE_CHANGE = "account:role:change", _("A role in a project was changed.")
    ACCOUNT_ROLE_REMOVE = "account:role:remove", _("A role in a project was taken away.")
    ACCOUNT_ROLE_INVITE = "account:role:invite", _("An invitation to a project was sent.")
    ACCOUNT_ROLE_DECLINE_INVITE = "account:role:decline_invite", _("An invitation to a project was declined.")
    ACCOUNT_ROLE_REVOKE_INVITE = "account:role:revoke_invite", _("An invitation to a project was withdrawn.")
    # Staff rights
    ACCOUNT_STAFF_ADD = "account:staff:add", _("Staff rights were given.")
    ACCOUNT_STAFF_REMOVE = "account:staff:remove", _("Staff rights were taken away.")
    ACCOUNT_STAFF_GROUP_ADD = "account:staff:group:add", _("Membership in a staff group was given.")
    ACCOUNT_STAFF_GROUP_REMOVE = "account:staff:group:remove", _("Membership in a staff group was taken away.")
    # Recovery tickets
    ACCOUNT_RECOVERY_OPEN = "account:recovery:open", _("A recovery ticket was opened.")
    ACCOUNT_RECOVERY_JOIN = "account:recovery:join", _("Another request joined the open recovery ticket.")
    ACCOUNT_RECOVERY_CHALLENGE = "account:recovery:challenge", _("The recovery ticket was answered by mail.")
    ACCOUNT_RECOVERY_RESEND = "account:recovery:resend", _("The mail of the recovery ticket was sent again.")
    ACCOUNT_RECOVERY_CONFIRM_MAILBOX = "account:recovery:confirm_mailbox", _("The recovery mailbox was confirmed.")
    ACCOUNT_RECOVERY_PROOF = "account:recovery:proof", _("The recovery branch was found in a repository.")
    ACCOUNT_RECOVERY_OTHER_PROOF = "account:recovery:other_proof", _("Another proof was given for the recovery.")
    ACCOUNT_RECOVERY_VOUCH = "account:recovery:vouch", _("A co-owner vouched for the recovery.")
    ACCOUNT_RECOVERY_ADD_BOUNDARY = "account:recovery:add_boundary", _("A repository was added to the recovery.")
    ACCOUNT_RECOVERY_DECLINE_EXCEPTION = "account:recovery:decline_exception", _("An exception was declined.")
    ACCOUNT_RECOVERY_ASK_EXCEPTION = "account:recovery:ask_exception", _("An exception was asked for.")
    ACCOUNT_RECOVERY_APPROVE_EXCEPTION = "account:recovery:approve_exception", _("An exception was approved.")
    ACCOUNT_RECOVERY_DISPUTE = "account:recovery:dispute", _("The recovery ticket was disputed.")
    ACCOUNT_RECOVERY_BLOCK = "account:recovery:block", _("A full sign-in put the recovery ticket on hold.")
    ACCOUNT_RECOVERY_WAIT_STARTED = "account:recovery:wait_started", _("The waiting period of the recovery began.")
    ACCOUNT_RECOVERY_WAIT_OVER = "account:recovery:wait_over", _("The waiting period of the recovery is over.")
    ACCOUNT_RECOVERY_APPROVE = "account:recovery:approve", _("A second person approved the recovery.")
    ACCOUNT_RECOVERY_SEND_BACK = "account:recovery:send_back", _("The recovery ticket went back a step.")
    ACCOUNT_RECOVERY_RESET = "account:recovery:reset", _("The recovery was completed.")
    ACCOUNT_RECOVERY_REJECT = "account:recovery:reject", _("The recovery ticket was rejected.")
    ACCOUNT_RECOVERY_STOP = "account:recovery:stop", _("The recovery ticket was stopped.")
    ACCOUNT_RECOVERY_WITHDRAW = "account:recovery:withdraw", _("The recovery ticket was withdrawn.")
    ACCOUNT_RECOVERY_EXPIRE = "account:recovery:expire", _("The recovery ticket expired.")
    ACCOUNT_RECOVERY_OBJECT = "account:recovery:object", _("Somebody objected to the completed recovery.")
    ACCOUNT_RECOVERY_SETTLE_OBJECTION = "account:recovery:settle_objection", _("An objection was settled.")
    ACCOUNT_RECOVERY_MEND_BOUNCE = "account:recovery:mend_bounce", _("Mail reaches the recovery contact again.")
    ACCOUNT_RECOVERY_REFUSED = "account:recovery:refused", _("A step of the recovery was refused.")
    ACCOUNT_RECOVERY_ADVANCE = "account:recovery:advance", _("The recovery ticket moved on.")
    ACCOUNT_RECOVERY_ASSIGN = "account:recovery:assign", _("Somebody took the recovery ticket.")
    ACCOUNT_RECOVERY_NOTE = "account:recovery:note", _("A note was added to the recovery ticket.")
    ACCOUNT_RECOVERY_REPLY = "account:recovery:reply", _("The recovery desk wrote to the contact of the ticket.")
    ACCOUNT_RECOVERY_SNOOZE = "account:recovery:snooze", _("The recovery ticket was put off, or taken up again.")
    ACCOUNT_RECOVERY_LINK_RENEWED = "account:recovery:link_renewed", _("The link to choose a password was renewed.")
    ACCOUNT_RECOVERY_RETURN_CODE = "account:recovery:return_code", _("The return code of the recovery was shown.")
    ACCOUNT_RECOVERY_PASSWORD_HOLD = (
        "account:recovery:password_hold",
        _("Choosing a password without the return code has to wait for 24 hours."),
    )
    ACCOUNT_RECOVERY_BREAK_GLASS = "account:recovery:break_glass", _("An operator reset the account by hand.")
    # Projects, files, code hosts, the log itself
    PROJECT_CREATE = "project:create", _("A project was created.")
    PROJECT_CHANGE = "project:change", _("A project was changed.")
    PROJECT_RELEASE_ADD = "project:release:add", _("A release was published.")
    PROJECT_RELEASE_REMOVE = "project:release:remove", _("A release was deleted.")
    PROJECT_ROLE_ADD = "project:role:add", _("Somebody got a role in a project.")
    PROJECT_ROLE_CHANGE = "project:role:change", _("Somebody's role in a project was changed.")
    PROJECT_ROLE_REMOVE = "project:role:remove", _("Somebody lost a role in a project.")
    PROJECT_ROLE_HOLD = "project:role:hold", _("A role in a project was put on hold after a recovery.")
    PROJECT_ROLE_RELEASE = "project:role:release", _("A role on hold was released.")
    PROJECT_ROLE_INVITE = "project:role:invite", _("Somebody was invited to a project.")
    FILE_ADD = "file:add", _("A file was uploaded.")
    FILE_REMOVE = "file:remove", _("A file was deleted.")
    CODEHOST_ADD = "codehost:add", _("A code host was added.")
    CODEHOST_CHANGE = "codehost:change", _("A code host was changed.")
    CODEHOST_PAUSE = "codehost:pause", _("A code host was paused.")
    CODEHOST_RESUME = "codehost:resume", _("A code host was taken up again.")
    CODEHOST_LIMIT = "codehost:limit", _("How much a code host is asked was changed.")
    CODEHOST_PROBE_NOW = "codehost:probe_now", _("Everything that waits for a code host was made due at once.")
    CODEHOST_REMOVE = "codehost:remove", _("A code host was removed.")
    REPLY_TEMPLATE_CHANGE = "reply_template:change", _("A reply template was changed.")
    DESK_LOOKUP_REFUSED = "desk:lookup:refused", _("A page of the desk was asked for something it does not offer.")
    AUDIT_DETAIL_ERASE = "audit:detail:erase", _("Networks, devices and addresses of events were erased.")
    AUDIT_LOG_OPEN = "audit:log:open", _("Staff opened the whole log of the account.")
    AUDIT_LOG_EXPORT = "audit:log:export", _("Events were exported.")
    AUDIT_LOG_RESTORE = "audit:log:restore", _("The database was restored from a backup.")


CLOSING = (  # after these a recovery ticket is over
    Tag.ACCOUNT_RECOVERY_RESET, Tag.ACCOUNT_RECOVERY_REJECT, Tag.ACCOUNT_RECOVERY_STOP, Tag.ACCOUNT_RECOVERY_WITHDRAW,
    Tag.ACCOUNT_RECOVERY_EXPIRE, Tag.ACCOUNT_RECOVERY_BREAK_GLASS,
)  # fmt: skip
