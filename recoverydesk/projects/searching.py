"""Search over the names of projects and the summaries of their newest releases, as everybody may read them.

A project matches when its name has every word, or its summary has. A search finds at most MOST projects, the closest
names first, so that no question costs more than that. PostgreSQL finds words of three letters and more by its trigram
indexes (migration 0017); SQLite reads every row. Shorter words are looked for at the beginning of names.
"""

from dataclasses import dataclass

from django.db.models import Case, Exists, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Length

from recoverydesk.projects import names
from recoverydesk.projects.models import About, Project, Release

MOST, ON_A_PAGE = 200, 20  # projects
OFFERED = Q(release__deleted_at=None, release__yanked=False)  # of what a release says about itself
LONGEST, MOST_WORDS, SHORT = 100, 5, 3  # letters of a search, words of it, letters of a word


@dataclass(frozen=True)
class Hit:
    """One project that was found; `summary` is empty where its newest release has none."""

    name: str
    normalized_name: str
    status: str
    summary: str


def words_of(text: str) -> list[str]:
    """What is looked for: the first words of a text, each once."""
    return list(dict.fromkeys(text.replace("\x00", " ")[:LONGEST].split()))[:MOST_WORDS]


def find(words: list[str]) -> list[int]:
    """The ids of the projects that match, the closest first. Two queries."""
    parts = [part for part in map(names.normalize, words) if part.strip("-")]
    found = list(_by_name(parts)) if parts else []
    if any(len(word) >= SHORT for word in words):
        found += _by_summary(words)
    return list(dict.fromkeys(found))[:MOST]


def read(pks: list[int]) -> list[Hit]:
    """These projects as a page shows them, in their order. One query."""
    newest = About.objects.filter(OFFERED, release__project=OuterRef("pk")).order_by("-release__uploaded_at")
    rows = _listed().filter(pk__in=pks).annotate(summary=Subquery(newest.values("summary")[:1]))
    known = {row.pk: Hit(row.name, row.normalized_name, row.status, row.summary or "") for row in rows}
    return [known[pk] for pk in pks if pk in known]


def _listed() -> QuerySet[Project]:
    """Projects that everybody may find: not in quarantine, and with a release that is there."""
    there = Release.objects.filter(project=OuterRef("pk"), deleted_at=None)
    return Project.objects.exclude(status=Project.Status.QUARANTINED).filter(Exists(there))


def _by_name(parts: list[str]) -> QuerySet[Project, int]:
    whole, rows = "-".join(parts), _listed()
    if all(len(part) < SHORT for part in parts):
        rows = rows.filter(normalized_name__startswith=whole)
    for part in parts:
        rows = rows.filter(normalized_name__contains=part)
    closeness = Case(
        When(normalized_name=whole, then=Value(0)),
        When(normalized_name__startswith=whole, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return rows.order_by(closeness, Length("normalized_name"), "normalized_name").values_list("pk", flat=True)[:MOST]


def _by_summary(words: list[str]) -> list[int]:
    """Where the release that was published last, of those on offer, says every word; by name.

    Of more than MOST it is any of them: to find the first by name costs several times as much.
    """
    later = Release.objects.filter(
        project=OuterRef("release__project"), uploaded_at__gt=OuterRef("release__uploaded_at"), deleted_at=None,
        yanked=False,
    )  # fmt: skip
    rows = About.objects.filter(OFFERED, ~Exists(later))
    for word in words:
        rows = rows.filter(summary__icontains=word)
    rows = rows.exclude(release__project__status=Project.Status.QUARANTINED)
    return [
        pk for _name, pk in sorted(rows.values_list("release__project__normalized_name", "release__project")[:MOST])
    ]
