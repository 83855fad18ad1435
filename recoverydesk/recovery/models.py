"""The ticket office's rows. A ticket's status is written by `workflow` alone."""

from datetime import timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now, Upper
from django.utils.translation import gettext_lazy as _

from accounts.sealed import KeyIdField
from common.leases import Leased
from recoverydesk.recovery.probing.patience import BURST, DAYS, SECONDS
from recoverydesk.recovery.probing.verdicts import PROTOCOLS, Verdict


class Claim(models.TextChoices):
    """What the claimant says is lost."""

    SECOND_FACTOR = "second_factor", _("Second factor")
    EMAIL = "email", _("E-mail address")
    EMAIL_AND_SECOND_FACTOR = "email_and_second_factor", _("E-mail address and second factor")
    UNVERIFIED_EMAIL = "unverified_email", _("Address never verified")
    UNVERIFIED_AND_FACTOR = "unverified_and_factor", _("Address never verified, and second factor")


class Status(models.TextChoices):
    """Where a ticket stands; `workflow.TRANSITIONS` says which may follow which."""

    NEW = "new", _("New")
    CHALLENGED = "challenged", _("Challenged")
    WAITING = "waiting", _("Waiting period")
    READY = "ready", _("Ready for an admin")
    COMPLETED = "completed", _("Reset done")
    REJECTED = "rejected", _("Closed: not verified")
    STOPPED = "stopped", _("Closed: stopped")
    WITHDRAWN = "withdrawn", _("Closed by the claimant")
    EXPIRED = "expired", _("Closed: expired")


OPEN_STATUSES = (Status.NEW, Status.CHALLENGED, Status.WAITING, Status.READY)


class Turn(models.TextChoices):
    """Who has to do something next."""

    OURS = "ours", _("Our turn")
    THEIRS = "theirs", _("Claimant's turn")
    CLOCK = "clock", _("Waiting period")
    NOBODY = "nobody", _("Closed")


class Judgement(models.TextChoices):
    """What an admin found of the reset that somebody objected to."""

    RIGHT = "right", _("The reset was right: the account holder is back in")
    WRONG = "wrong", _("The reset was wrong: it let somebody else in")
    UNCLEAR = "unclear", _("We do not know")


class Source(models.TextChoices):
    """By which door a request came in."""

    FORM = "form", _("Public form")
    STAFF = "staff", _("Staff")
    SHELL = "shell", _("Shell")
    ISSUE = "issue", _("Issue tracker")


class TicketQuerySet(models.QuerySet["RecoveryTicket"]):
    def open(self) -> "TicketQuerySet":
        return self.filter(status__in=OPEN_STATUSES)

    def longest_turn_first(self) -> "TicketQuerySet":
        return self.order_by("turn_since", "id")


class RecoveryTicket(Leased):
    """One case: somebody (the claimant) asks to be let back into an account (the subject)."""

    subject = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="recovery_tickets", verbose_name=_("account")
    )
    claim = models.CharField(_("claim"), max_length=24, choices=Claim.choices)
    says_codes_lost = models.BooleanField(_("claimant says the recovery codes are lost"), default=True)
    contact = models.EmailField(_("contact"))
    source = models.CharField(_("how it came in"), max_length=8, choices=Source.choices)
    issue_url = models.URLField(_("issue"), blank=True)

    status = models.CharField(_("status"), max_length=12, choices=Status.choices, default=Status.NEW)
    turn = models.CharField(_("whose turn"), max_length=8, choices=Turn.choices, default=Turn.OURS)
    turn_since = models.DateTimeField(_("waiting since"), db_default=Now())
    their_seconds = models.BigIntegerField(_("seconds the claimant had the turn"), default=0)
    version = models.PositiveIntegerField(_("version"), default=0)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("with")
    )
    challenges_itself = models.BooleanField(default=False)

    requested_at = models.DateTimeField(_("requested"))
    opened_at = models.DateTimeField(_("opened"), db_default=Now())
    challenged_at = models.DateTimeField(_("challenged"), null=True, blank=True)
    mailbox_confirmed_at = models.DateTimeField(_("mailbox confirmed"), null=True, blank=True)
    claimant_wrote_at = models.DateTimeField(_("claimant wrote"), null=True, blank=True)
    contact_bounced_at = models.DateTimeField(_("mail to the contact bounced"), null=True, blank=True)
    wait_until = models.DateTimeField(_("waits until"), null=True, blank=True)
    disputed_at = models.DateTimeField(_("disputed"), null=True, blank=True)
    signed_in_at = models.DateTimeField(_("signed in meanwhile"), null=True, blank=True)
    completed_at = models.DateTimeField(_("reset done"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    objected_at = models.DateTimeField(_("objected after the reset"), null=True, blank=True)
    objection_settled_at = models.DateTimeField(_("objection settled"), null=True, blank=True)
    objection_outcome = models.CharField(
        _("outcome of the objection"), max_length=8, choices=Judgement.choices, blank=True, default="", db_default=""
    )
    closing_reason = models.TextField(_("closing reason"), blank=True)
    reset_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reset by")
    )

    nonce = models.CharField(max_length=32)
    key_id = KeyIdField(
        max_length=16,
        live=Q(closed_at=None) | Q(closed_at__gt=Now() - timedelta(days=8)),  # the return code lives on
    )
    return_code_digest = models.CharField(max_length=64, blank=True)
    return_code_failures = models.PositiveSmallIntegerField(default=0)
    proof_failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    wait_from = models.DateTimeField(_("waiting period began"), null=True, blank=True)
    doubt = models.PositiveSmallIntegerField(_("doubt"), null=True, blank=True)  # when last written
    next_notice_at = models.DateTimeField(null=True, blank=True)
    stopped_by = models.CharField(max_length=320, blank=True, default="", db_default="")
    broke_glass = models.BooleanField(_("reset from the shell"), default=False, db_default=False)
    password_hold_until = models.DateTimeField(_("new password from"), null=True, blank=True)
    password_chosen_at = models.DateTimeField(_("password chosen"), null=True, blank=True)
    facts = models.JSONField(default=dict)
    snoozed_at = models.DateTimeField(_("snoozed"), null=True, blank=True)
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, blank=True)

    mails_deleted_at = models.DateTimeField(_("mails deleted"), null=True, blank=True)  # housekeeping/retention.py
    looks_deleted_at = models.DateTimeField(_("checks deleted"), null=True, blank=True)

    # The last release writes these, and its processes may run beside ours for a while: they go with the next one.
    wait_rows = models.JSONField(default=list, db_default=[])
    blocked_at = models.DateTimeField(_("blocked"), null=True, blank=True)

    objects: ClassVar[models.Manager["RecoveryTicket"]] = TicketQuerySet.as_manager()

    class Meta:
        verbose_name = _("recovery ticket")
        verbose_name_plural = _("recovery tickets")
        default_permissions = ("view",)
        permissions = [
            ("work_recoveryticket", _("Can work recovery tickets")),
            ("reset_recoveryticket", _("Can approve and reset")),
            ("reset_without_projects", _("Can reset accounts without projects")),
        ]
        constraints = [
            models.UniqueConstraint(
                F("subject"),
                Lower("contact"),
                condition=Q(status__in=OPEN_STATUSES),
                name="one_open_ticket_per_subject_and_contact",
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(status__in=(Status.WAITING, Status.READY)),
                name="one_ticket_near_reset_per_subject",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.COMPLETED, completed_at__isnull=False)
                & (Q(reset_by__isnull=False) | Q(broke_glass=True))
                | (~Q(status=Status.COMPLETED) & Q(completed_at__isnull=True, reset_by__isnull=True)),
                name="completed_has_its_time_and_person",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN_STATUSES, closed_at__isnull=True)
                | (~Q(status__in=OPEN_STATUSES) & Q(closed_at__isnull=False)),
                name="closed_has_its_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=(Status.WAITING, Status.READY)) | Q(wait_until__isnull=False),
                name="near_reset_has_a_clock",
            ),
        ]
        indexes = [
            models.Index(fields=["turn", "turn_since"], name="ticket_turn"),
            models.Index(
                fields=["next_notice_at"], name="ticket_notice_due", condition=Q(next_notice_at__isnull=False)
            ),
            models.Index(fields=["status", "wait_until"], name="ticket_clock"),
            models.Index(fields=["opened_at"], name="ticket_opened"),
            models.Index(fields=["closed_at"], name="ticket_closed", condition=Q(closed_at__isnull=False)),
            models.Index(
                fields=["closed_at"],
                condition=Q(closed_at__isnull=False, mails_deleted_at=None),
                name="ticket_with_mails",
            ),
            models.Index(
                fields=["closed_at"],
                condition=Q(closed_at__isnull=False, looks_deleted_at=None),
                name="ticket_with_looks",
            ),
            models.Index(fields=["assigned_to"], name="ticket_on_desk", condition=Q(closed_at__isnull=True)),
            models.Index(Upper("contact"), name="ticket_contact"),
            models.Index(fields=["issue_url"], name="ticket_issue", condition=~Q(issue_url="")),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.subject.username}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def reference(self) -> str:
        """What mails and links of this ticket are filed under."""
        return f"ticket:{self.pk}"


class Boundary(Leased):
    """One independently controlled owner at a code host, frozen when the ticket opened."""

    class Kind(models.TextChoices):
        ASKED = "asked", _("Asked")
        YOUNG = "young", _("Too young to count")
        RETIRED = "retired", _("Retired")

    ticket = models.ForeignKey(RecoveryTicket, models.PROTECT, related_name="boundaries")
    host = models.CharField(_("host"), max_length=260)
    namespace = models.CharField(_("owner"), max_length=500)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    own = models.BooleanField(default=False, db_default=False)  # as wait_rows: the last release's
    repositories = models.JSONField(default=list)
    young_repositories = models.JSONField(default=list, db_default=[])  # shown beside those that count, never asked
    added_at = models.DateTimeField(db_default=Now())
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    added_reason = models.TextField(blank=True, default="", db_default="")
    proved_at = models.DateTimeField(_("proved"), null=True, blank=True)
    proof = models.OneToOneField("Probe", models.PROTECT, null=True, blank=True, related_name="proves")
    last_verdict = models.CharField(max_length=20, blank=True)
    last_probed_at = models.DateTimeField(null=True, blank=True)
    next_probe_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("repository owner to prove")
        verbose_name_plural = _("repository owners to prove")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["ticket", "host", "namespace"], name="one_row_per_boundary"),
            models.CheckConstraint(
                condition=Q(proved_at__isnull=True, proof__isnull=True)
                | Q(proved_at__isnull=False, proof__isnull=False, kind="asked"),
                name="proved_has_its_proof",
            ),
        ]
        indexes = [
            models.Index(fields=["next_probe_at"], name="boundary_due", condition=Q(next_probe_at__isnull=False)),
            models.Index(fields=["host", "namespace"], name="boundary_place"),
            models.Index(fields=["namespace"], name="boundary_owner", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.host}/{self.namespace}"


class Probe(models.Model):
    """One look at one repository, and what was seen. Rows are only ever added."""

    boundary = models.ForeignKey(Boundary, models.PROTECT, related_name="probes")
    url = models.CharField(max_length=2000)
    repository = models.CharField(max_length=500)
    verdict = models.CharField(max_length=20, choices=[(verdict.value, verdict.value) for verdict in Verdict])
    detail = models.CharField(max_length=300, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    peer = models.CharField(max_length=64, blank=True)
    protocol = models.CharField(max_length=20, blank=True, default="", db_default="")
    fingerprint = models.CharField(max_length=64, blank=True, default="", db_default="")
    show_how = models.TextField(blank=True, default="", db_default="")
    requests = models.PositiveSmallIntegerField(default=0)
    bytes_sent = models.PositiveIntegerField(default=0)
    bytes_received = models.PositiveIntegerField(default=0)
    elapsed_ms = models.PositiveIntegerField(default=0)
    probed_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["probed_at"], name="probe_by_time")]

    def __str__(self) -> str:
        return f"{self.url}: {self.verdict}"


class BoundaryException(models.Model):
    """Somebody asks to accept one boundary without proof; another person says yes or no. No row is ever changed back.

    An approved one counts while its boundary is not proved.
    """

    class OtherProof(models.TextChoices):
        """Why the claimant is right all the same."""

        LEFT_EMPLOYER = "left_employer", _("left the organisation, which says so elsewhere")
        ARCHIVED = "archived", _("archived repository of an account that is theirs")
        DEAD_HOST = "dead_host", _("the host is gone")
        NOT_GIT = "not_git", _("a kind of repository we cannot look at")
        OTHER = "other", _("other proof, named in the reason")

    boundary = models.ForeignKey(Boundary, models.PROTECT, related_name="exceptions")
    other_proof = models.CharField(_("other proof"), max_length=16, choices=OtherProof.choices)
    reason = models.TextField(_("reason"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_reason = models.TextField(blank=True)
    approved = models.BooleanField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["boundary"], condition=Q(approved=None) | Q(approved=True), name="one_live_exception"
            ),
            models.CheckConstraint(
                condition=Q(approved=None, decided_by=None)
                | (Q(approved__isnull=False, decided_by__isnull=False) & ~Q(decided_by=F("asked_by"))),
                name="another_person_decides_an_exception",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.boundary_id}: {self.other_proof}"


class OtherProof(models.Model):
    """Proof other than boundaries and mailbox: something bound to the account, or a co-owner vouches."""

    class Kind(models.TextChoices):
        PASSWORD = "password", _("current password")  # noqa: S105
        API_TOKEN = "api_token", _("live API token")  # noqa: S105
        DEVICE = "device", _("signed-in browser")
        FACTOR = "factor", _("remaining second factor")
        CO_OWNER = "co_owner", _("a co-owner vouches")

    BOUND: ClassVar[list[str]] = [Kind.PASSWORD, Kind.API_TOKEN, Kind.DEVICE, Kind.FACTOR]

    ticket = models.ForeignKey(RecoveryTicket, models.PROTECT, related_name="other_proofs")
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    given_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["ticket", "kind"], condition=Q(by=None), name="one_proof_of_a_kind"),
            models.UniqueConstraint(fields=["ticket", "kind", "by"], name="one_word_of_a_co_owner"),
            models.CheckConstraint(
                condition=Q(kind="co_owner", by__isnull=False) | (~Q(kind="co_owner") & Q(by=None)),
                name="a_word_has_its_speaker",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.ticket_id} {self.kind}"


class Approval(models.Model):
    """The second person's yes to a reset. It dies when the ticket goes back."""

    ticket = models.ForeignKey(RecoveryTicket, models.PROTECT, related_name="approvals")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.TextField(_("reason"))
    given_at = models.DateTimeField(db_default=Now())
    dead_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["ticket", "by"], condition=Q(dead_at=None), name="one_live_approval_each"),
        ]

    def __str__(self) -> str:
        return f"#{self.ticket_id} {self.by_id}"


class Entry(models.Model):
    """What staff wrote on a ticket for each other; the claimant never sees it."""

    ticket = models.ForeignKey(RecoveryTicket, models.PROTECT, related_name="entries")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField(max_length=20_000)
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = _("entries")
        default_permissions = ()

    def __str__(self) -> str:
        return self.text[:60]


class Message(models.Model):
    """What the claimant wrote to our staff on their status page, without branch names and mailed links."""

    ticket = models.ForeignKey(RecoveryTicket, models.PROTECT, related_name="messages")
    text = models.TextField(max_length=2_000)
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.text[:60]


class Mention(models.Model):
    """Somebody's name in a note: they are told once, and their desk shows it until they say they have read it."""

    entry = models.ForeignKey(Entry, models.CASCADE, related_name="mentions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["entry", "user"], name="one_mention_per_note")]
        indexes = [models.Index(fields=["user", "entry"], name="mention_unread", condition=Q(read_at=None))]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.entry_id}"


class SavedView(models.Model):
    """A view of the queue one member of staff saved under a name: the query string of its address."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(max_length=1000)

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_view_per_name")]

    def __str__(self) -> str:
        return self.name


class Heartbeat(models.Model):
    """When a part of the machine last finished its work, by the database's clock."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField(db_default=Now())
    seconds = models.JSONField(default=dict, db_default={})  # that each part of it took

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} {self.at}"


class Chore(Leased):
    """A chore of the sweep (settings.CHORES): whoever holds the lease does it, the other workers pass by."""

    name = models.CharField(max_length=40, primary_key=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


class Viewer(models.Model):
    """Who has a ticket's page open, so that nobody steps on somebody else's work."""

    ticket = models.ForeignKey(RecoveryTicket, models.CASCADE, related_name="viewers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    since = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["ticket", "user"], name="one_row_per_viewer")]

    def __str__(self) -> str:
        return f"{self.user_id} at #{self.ticket_id}"


class ReplyTemplate(models.Model):
    """A canned reply. Its text may name the fields of `replies.FIELDS` in braces: {username}."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    situation = models.CharField(
        _("suggested when"), max_length=20, blank=True, help_text=_("Which ticket this reply is suggested for.")
    )
    body = models.TextField(_("text"), max_length=5_000)
    active = models.BooleanField(_("offered"), default=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("canned reply")
        verbose_name_plural = _("canned replies")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class CodeHost(Leased):
    """One (host, port) we ask: what staff have described of it, and what we have learned from the host.

    Public hosts on https:443 need no description; they get a row by being asked, and make no rule.
    """

    class Style(models.TextChoices):
        OWNER = "owner", _("/owner/repository")
        NESTED = "nested", _("/group/subgroup/repository")
        SINGLE = "single", _("one owner for the whole host")

    host = models.CharField(_("host"), max_length=260, unique=True)
    origin = models.CharField(_("origin"), max_length=300)
    style = models.CharField(_("style"), max_length=8, choices=Style.choices, default=Style.OWNER)
    private = models.BooleanField(_("may have a private network address"), default=False)
    plain_http = models.BooleanField(_("without TLS"), default=False)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    described = models.BooleanField(_("described by staff"), default=True, db_default=True)

    protocol = models.CharField(
        _("speaks"), max_length=10, blank=True, default="", db_default="", choices=[(name, name) for name in PROTOCOLS]
    )
    learned_at = models.DateTimeField(_("learned"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0, db_default=0)
    trouble = models.CharField(_("last failure"), max_length=300, blank=True, default="", db_default="")
    circuit_open_until = models.DateTimeField(_("not checked until"), null=True, blank=True)
    tokens = models.FloatField(default=BURST, db_default=BURST)
    tokens_at = models.DateTimeField(_("last asked"), null=True, blank=True)
    asked_on = models.DateField(_("day of the count"), null=True, blank=True)
    asked = models.PositiveIntegerField(_("checks that day"), default=0, db_default=0)
    looks_a_day = models.PositiveIntegerField(_("checks a day, at most"), null=True, blank=True)
    looks_a_second = models.FloatField(_("checks a second, at most"), null=True, blank=True)

    class Meta:
        verbose_name = _("code host")
        verbose_name_plural = _("code hosts")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=(Q(looks_a_day=None) | Q(looks_a_day__range=DAYS))
                & (Q(looks_a_second=None) | Q(looks_a_second__range=SECONDS)),
                name="pace_within_bounds",
            )
        ]

    def __str__(self) -> str:
        return self.host
