"""Projects, who may act for them, what they published, and the repositories their releases name."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now, Replace
from django.utils.translation import gettext_lazy as _

from recoverydesk.projects import names

VERSION_LENGTH = 200
LABEL_LENGTH = 200
URL_BYTES = 2000
PLACE_LENGTH = 1000
REASON_LENGTH = 500


def _look_alike() -> Replace:
    """`names.look_alike` in the database's words."""
    form: F | Replace = F("normalized_name")
    for letter, shown in names.CONFUSABLE.items():
        form = Replace(form, Value(letter), Value(shown))
    assert isinstance(form, Replace)
    return form


class ProjectQuerySet(models.QuerySet["Project"]):
    def looking_like(self, name: str) -> "ProjectQuerySet":
        """Projects whose names a reader takes for this one; the project of this name, too."""
        return self.alias(look=_look_alike()).filter(look=names.look_alike(name))


class Project(models.Model):
    """A name in the registry. `uid` is what the world outside the database sees.

    `serial` grows with every change of what the index shows of it (releases.py; docs/adr/0117). `status` is the marker
    of PEP 792; an archived project takes no uploads, the files of a quarantined one are not offered either, and
    `status_before` and `reason_before` are what its owners had said until then. `guards` are the levels its owners
    chose, by name (guards.py).
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        ARCHIVED = "archived", _("archived")
        DEPRECATED = "deprecated", _("deprecated")
        QUARANTINED = "quarantined", _("in quarantine")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(_("name"), max_length=names.MAX_LENGTH)
    normalized_name = models.CharField(_("normalised name"), max_length=names.MAX_LENGTH, unique=True, editable=False)
    critical = models.BooleanField(_("critical"), default=False)
    serial = models.BigIntegerField(db_default=0, editable=False)
    status = models.CharField(
        _("status"), max_length=11, choices=Status.choices, default=Status.ACTIVE, db_default="active"
    )
    status_reason = models.CharField(
        _("why this status"), max_length=REASON_LENGTH, blank=True, default="", db_default=""
    )
    status_before = models.CharField(max_length=11, blank=True, default="", db_default="", editable=False)
    reason_before = models.CharField(max_length=REASON_LENGTH, blank=True, default="", db_default="", editable=False)
    guards = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        verbose_name = _("project")
        verbose_name_plural = _("projects")
        indexes = [models.Index(_look_alike(), name="project_look_alike")]

    def __str__(self) -> str:
        return self.name


class GuardChange(models.Model):
    """A level of a guard that its project will have from `at` on: less strict after the cool-down, or stricter from a
    day that was named. `by` asked for it. One for each guard; the row goes when it is done or taken back.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="guard_changes")
    name = models.CharField(max_length=20)
    value = models.CharField(max_length=20)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("change of a guard")
        verbose_name_plural = _("changes of guards")
        indexes = [models.Index(fields=["at"], name="guard_change_due")]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="guard_change_once_per_guard")]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class Role(models.Model):
    """What one user may do for one project. Without `accepted_at` it is an invitation.

    With `held_at` it rests after the reset of the ticket `held_for` (holds.py); `rest_told_at` is when people were last
    told.
    """

    class Kind(models.TextChoices):
        OWNER = "owner", _("owner")
        MAINTAINER = "maintainer", _("maintainer")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="roles", verbose_name=_("user")
    )
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="roles", verbose_name=_("project"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    created_at = models.DateTimeField(_("given"), db_default=Now())
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    held_at = models.DateTimeField(_("on hold since"), null=True, blank=True, editable=False)
    held_for = models.PositiveIntegerField(_("on hold for ticket"), null=True, blank=True, editable=False)
    rest_told_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        indexes = [models.Index(fields=["held_at"], condition=Q(held_at__isnull=False), name="role_resting")]
        constraints = [
            models.UniqueConstraint(fields=["user", "project"], name="role_once_per_user_and_project"),
            models.CheckConstraint(condition=Q(kind__in=["owner", "maintainer"]), name="role_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.user_id}/{self.project_id}"


class MailInvitation(models.Model):
    """An invitation to an e-mail address: who has verified it accepts. Nothing here says whether anybody has.

    With `declined_at` it is off the page of who declined and stays on that of the owners, whom no answer tells whose
    the address is.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="mail_invitations")
    address = models.EmailField(_("address"), max_length=254)
    kind = models.CharField(_("kind"), max_length=10, choices=Role.Kind.choices)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(_("given"), db_default=Now(), db_index=True)
    declined_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("invitation by mail")
        verbose_name_plural = _("invitations by mail")
        indexes = [models.Index(fields=["address"], name="mail_invitation_of_address")]
        constraints = [
            models.UniqueConstraint(fields=["project", "address"], name="mail_invitation_once_per_address"),
            models.CheckConstraint(condition=Q(kind__in=["owner", "maintainer"]), name="mail_invitation_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.address


class Release(models.Model):
    """One published version, kept for ever: a deletion only sets `deleted_at`.

    `urls` lists its links as [label, url] pairs; null means nobody told us, which is not the same as none. `opened_by`
    is the API token whose upload made it, if one did. `yanked` is about all of its files, later ones too.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="releases", verbose_name=_("project"))
    version = models.CharField(_("version"), max_length=VERSION_LENGTH)
    uploaded_at = models.DateTimeField(_("uploaded"))
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)
    urls = models.JSONField(_("links"), null=True, blank=True)
    names_boundary = models.BooleanField(_("names a repository"), default=False)
    opened_by = models.UUIDField(_("opened by token"), null=True, blank=True, editable=False)
    yanked = models.BooleanField(_("yanked"), default=False, db_default=False)
    yanked_reason = models.CharField(_("why yanked"), max_length=REASON_LENGTH, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("release")
        verbose_name_plural = _("releases")
        indexes = [
            models.Index(fields=["project", "names_boundary", "uploaded_at"], name="release_spans"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="release_once_per_version"),
            models.CheckConstraint(
                condition=Q(names_boundary=False) | Q(urls__isnull=False), name="release_unknown_links_name_nothing"
            ),
        ]

    def __str__(self) -> str:
        return self.version


class About(models.Model):
    """What the first file of a release says about it, kept apart since its texts are long and few pages show them.

    No row means nobody told us. `html` is the description as readme.py renders it, null until somebody looks: empty it
    where rendering.py changes what is safe.
    """

    release = models.OneToOneField(Release, on_delete=models.CASCADE, primary_key=True, related_name="about")
    summary = models.CharField(max_length=512, blank=True, default="", db_default="")
    description = models.TextField(blank=True, default="", db_default="")
    content_type = models.CharField(max_length=100, blank=True, default="", db_default="")
    license = models.CharField(max_length=200, blank=True, default="", db_default="")
    requires = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    html = models.TextField(null=True, editable=False)  # noqa: DJ001 - "" is a text that shows nothing

    def __str__(self) -> str:
        return self.summary


class FileQuerySet(models.QuerySet["File"]):
    def stored(self) -> "FileQuerySet":
        """Files that can be had: we have their bytes, and nobody withdrew them, their release or their project."""
        there = self.filter(deleted_at=None, release__deleted_at=None).exclude(stored_as="")
        return there.exclude(release__project__status=Project.Status.QUARANTINED)


class File(models.Model):
    """One file of a release, kept for ever: a deletion only sets `deleted_at`, and its name and bytes stay taken.

    `stored_as` is where the default storage keeps its bytes; empty: we never had them.
    `metadata_sha256` is that of a wheel's METADATA, which lies beside it in the storage (PEP 658); else empty.
    """

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="files", verbose_name=_("release"))
    filename = models.CharField(_("file name"), max_length=255, unique=True)
    packagetype = models.CharField(_("type"), max_length=32)
    size = models.BigIntegerField(_("size in bytes"))
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    uploaded_at = models.DateTimeField(_("uploaded"))
    yanked = models.BooleanField(_("yanked"), default=False)
    yanked_reason = models.CharField(_("why yanked"), max_length=REASON_LENGTH, blank=True, default="", db_default="")
    deleted_at = models.DateTimeField(_("deleted"), null=True, blank=True)
    requires_python = models.CharField(_("Python versions"), max_length=200, blank=True, default="", db_default="")
    stored_as = models.CharField(max_length=500, blank=True, default="", db_default="", editable=False)
    metadata_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)

    objects = FileQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["sha256"], name="file_by_sha256")]
        verbose_name = _("file")
        verbose_name_plural = _("files")
        constraints = [
            models.CheckConstraint(condition=Q(size__gte=0), name="file_size_is_not_negative"),
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="file_sha256_is_hexadecimal"),
        ]

    def __str__(self) -> str:
        return self.filename


class RepositoryLinkQuerySet(models.QuerySet["RepositoryLink"]):
    def counting(self) -> "RepositoryLinkQuerySet":
        """Links that name a repository; the others wait for somebody to describe their code host."""
        return self.exclude(host="")


class RepositoryLink(models.Model):
    """A link that may prove a security boundary, with the first and last release that carries it.

    Rows are nothing but a summary of `Release.urls` (services.py keeps it); host, namespace and repository are all
    set or all empty.
    """

    class Kind(models.TextChoices):
        LABEL = "label", _("source label")
        HOME = "home", _("home page")
        FILE = "file", _("download")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="links", verbose_name=_("project"))
    kind = models.CharField(_("counts by"), max_length=5, choices=Kind.choices)
    label = models.CharField(_("label"), max_length=LABEL_LENGTH)
    url = models.CharField(_("URL"), max_length=URL_BYTES)
    host = models.CharField(_("host"), max_length=260, blank=True, db_index=True)
    namespace = models.CharField(_("owner"), max_length=PLACE_LENGTH, blank=True)
    repository = models.CharField(_("repository"), max_length=PLACE_LENGTH, blank=True)
    first_seen = models.DateTimeField(_("first seen"))
    first_release = models.ForeignKey(
        Release, on_delete=models.RESTRICT, related_name="+", verbose_name=_("first release")
    )
    last_seen = models.DateTimeField(_("last seen"))
    last_release = models.ForeignKey(
        Release, on_delete=models.RESTRICT, related_name="+", verbose_name=_("last release")
    )

    objects = RepositoryLinkQuerySet.as_manager()

    SUMMARY: ClassVar[list[str]] = [
        "label",
        "host",
        "namespace",
        "repository",
        "first_seen",
        "first_release",
        "last_seen",
        "last_release",
    ]

    class Meta:
        verbose_name = _("repository link")
        verbose_name_plural = _("repository links")
        constraints = [
            models.UniqueConstraint(fields=["project", "kind", "url"], name="link_once_per_project_kind_and_url"),
            models.CheckConstraint(
                condition=Q(host="", namespace="", repository="")
                | (~Q(host="") & ~Q(namespace="") & ~Q(repository="")),
                name="link_place_is_whole_or_empty",
            ),
            models.CheckConstraint(condition=Q(last_seen__gte=F("first_seen")), name="link_seen_in_order"),
        ]

    def __str__(self) -> str:
        return self.url


class Incident(models.Model):
    """Staff fear a malicious release of this project, or of anything this account acts for. It is over once lifted.

    One person asks to lift it and another one does (recoverydesk/recovery/workflow/incidents.py).
    """

    project = models.ForeignKey(Project, models.PROTECT, null=True, blank=True, related_name="incidents")
    subject = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.TextField(_("reason"))
    marked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    marked_at = models.DateTimeField(db_default=Now())
    lift_asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    lift_reason = models.TextField(blank=True, default="", db_default="")
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(project__isnull=False, subject=None) | Q(project=None, subject__isnull=False),
                name="an_incident_is_about_one",
            ),
            models.CheckConstraint(
                condition=Q(lifted_by=None, lifted_at=None)
                | (Q(lifted_by__isnull=False, lifted_at__isnull=False, lift_asked_by__isnull=False)
                   & ~Q(lifted_by=F("lift_asked_by"))),
                name="two_people_lift_an_incident",
            ),
            models.UniqueConstraint(fields=["project"], condition=Q(lifted_at=None), name="one_incident_of_a_project"),
            models.UniqueConstraint(fields=["subject"], condition=Q(lifted_at=None), name="one_incident_of_an_account"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.project or self.subject)
