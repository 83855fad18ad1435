"""Owners see what must match, add, remove, take over; a pending publisher makes its project with the first upload."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from recoverydesk.projects.models import Project, Role
from recoverydesk.publishers import shapes, sweeping, verbs
from recoverydesk.publishers.models import Publisher
from recoverydesk.publishers.shapes import Workflow
from tests.helpers import factories, packages
from tests.helpers.authenticator import give_key
from tests.helpers.issuers import LocalIssuer, Swap, github, refusal
from tests.helpers.signing_in import enter
from tests.helpers.tokens import basic, mint
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db
PAGE = "/projects/spam/publishers/"


@pytest.fixture
def member(client: Client, ada: User) -> Client:
    return enter(client, ada)


def form(issuer: LocalIssuer, /, **changes: str) -> dict[str, str]:
    return {"add": "1", "issuer": issuer.url, "repository": "ada/spam", "workflow": "release.yml"} | changes


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_an_owner_adds_one_and_every_owner_hears(member: Client, spam: Project, issuer: LocalIssuer) -> None:
    kim = factories.make_user("kim")
    factories.add_role(spam, kim)
    whole = form(
        issuer, repository=f"https://{issuer.issuer.place}/ada/spam.git", workflow=".github/workflows/release.yml"
    )
    page = text(member.post(PAGE, whole, follow=True))
    assert "The trusted publisher is added." in page
    assert "It uploads in the name of ada." in page
    assert "we keep the numbers of the repository and its owner" in page
    row = spam.publishers.get()
    assert (row.repository, row.workflow) == ("ada/spam", "release.yml")
    assert Event.objects.get(tag="project:publisher:add").data["publisher"] == "ada/spam"
    mails = Mail.objects.filter(kind="publisher_changed")
    assert sorted(mails.values_list("recipient", flat=True)) == ["ada@example.org", "kim@example.org"]
    assert "there already" in text(member.post(PAGE, form(issuer, repository="ADA/spam"), follow=True))


def test_who_lacks_the_factor_of_the_project_changes_no_publisher(
    publisher: Publisher, spam: Project, ada: User, issuer: LocalIssuer
) -> None:
    """Else a workflow would publish for an account that may not publish."""
    kim = factories.make_user("kim")
    factories.add_role(spam, kim)
    Project.objects.update(guards={"second_factor": "key"})
    nightly = Workflow("ada/spam", "nightly.yml")
    spam.refresh_from_db()
    for verb in (
        lambda who: verbs.add(spam, issuer.issuer, nightly, actor=who),
        lambda who: verbs.keep(publisher, actor=kim),
        lambda who: verbs.remove(publisher, actor=who),
    ):
        with pytest.raises(verbs.NotReady, match="asks for a security key"):
            verb(ada)
    give_key(ada)
    verbs.add(spam, issuer.issuer, nightly, actor=ada)


def test_a_site_that_asks_for_a_key_asks_before_a_publisher_waits(
    ada: User, issuer: LocalIssuer, settings: Any
) -> None:
    settings.GUARDS = {**settings.GUARDS, "second_factor": "key"}
    with pytest.raises(verbs.NotReady):
        verbs.add_for_new("soon", issuer.issuer, Workflow("ada/soon", "release.yml"), actor=ada)
    give_key(ada)
    verbs.add_for_new("soon", issuer.issuer, Workflow("ada/soon", "release.yml"), actor=ada)


def test_a_frozen_owner_changes_no_publisher(
    publisher: Publisher, spam: Project, ada: User, issuer: LocalIssuer
) -> None:
    User.objects.filter(pk=ada.pk).update(frozen_at=timezone.now())
    with pytest.raises(verbs.NotOwner):
        verbs.add(spam, issuer.issuer, Workflow("ada/spam", "nightly.yml"), actor=ada)
    with pytest.raises(verbs.NotOwner):
        verbs.remove(publisher, actor=ada)


def test_no_token_is_made_for_who_lacks_the_factor_of_the_project(
    publisher: Publisher, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    """The workflow hears it before it builds and uploads."""
    Project.objects.update(guards={"second_factor": "key"})
    code, said = refusal(swap(issuer.token()))
    assert "The publisher acts for 'ada'. This project asks for a security key." in said, code
    assert not ApiToken.objects.exists()
    give_key(ada)
    assert swap(issuer.token()).status_code == 200


def test_the_page_shows_what_it_is_bound_to(
    member: Client, publisher: Publisher, issuer: LocalIssuer, swap: Swap
) -> None:
    swap(issuer.token())
    page = text(member.get(PAGE))
    assert "Only repository number 22 of owner number 11 can publish." in page
    assert "ada/spam release.yml" in page or "release.yml" in page


def test_one_is_removed(member: Client, publisher: Publisher) -> None:
    page = text(member.post(PAGE, {"remove": "1", "publisher": str(publisher.pk)}, follow=True))
    assert "The trusted publisher is removed." in page
    assert "This project has no trusted publisher." in page
    again = text(member.post(PAGE, {"remove": "1", "publisher": str(publisher.pk)}, follow=True))
    assert "not there any more" in again
    assert "not there any more" in text(member.post(PAGE, {"remove": "1", "publisher": "x"}, follow=True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repository": "spam"}, "Write the owner, a slash"),
        ({"repository": "ada/spam/eggs"}, "Write the owner, a slash"),
        ({"repository": "https://elsewhere.example/ada/spam"}, "Write the owner, a slash"),
        ({"workflow": "release"}, "ends with .yml or .yaml"),
        ({"workflow": "folder/release.yml"}, "ends with .yml or .yaml"),
        ({"environment": "py\npi"}, "Leave out line breaks"),
        ({"issuer": "https://evil.example"}, "You cannot do this with this trusted publisher now"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    member: Client, spam: Project, issuer: LocalIssuer, changes: dict[str, str], words: str
) -> None:
    assert words in text(member.post(PAGE, form(issuer, **changes), follow=True))
    assert not Publisher.objects.exists()


def test_a_change_asks_for_the_second_factor_again(member: Client, spam: Project, issuer: LocalIssuer) -> None:
    session = member.session
    session["account_authentication_methods"] = []
    session.save()
    assert "/step-up/" in member.post(PAGE, form(issuer))["Location"]
    assert not Publisher.objects.exists()


def test_a_maintainer_sees_and_changes_nothing(client: Client, publisher: Publisher, issuer: LocalIssuer) -> None:
    kim = factories.make_user("kim")
    factories.add_role(publisher.project, kim, kind="maintainer")  # type: ignore[arg-type]
    enter(client, kim)
    page = text(client.get(PAGE))
    assert "release.yml" in page
    assert 'name="add"' not in page
    assert 'name="remove"' not in page
    for sent in (form(issuer, repository="kim/x"), {"remove": "1", "publisher": str(publisher.pk)}):
        assert "Only an owner" in text(client.post(PAGE, sent, follow=True))
    assert Publisher.objects.count() == 1


def test_a_stranger_is_told_of_no_such_page(client: Client, publisher: Publisher) -> None:
    eve = enter(client, factories.make_user("eve"))
    assert eve.get(PAGE).status_code == 404
    other = eve.post("/account/publishers/", {"remove": "1", "publisher": str(publisher.pk)}, follow=True)
    assert "Only an owner" in text(other)
    assert "Only an owner" in text(
        eve.post("/account/publishers/", {"keep": "1", "publisher": str(publisher.pk)}, follow=True)
    )
    assert Publisher.objects.get().added_by.username == "ada"


def test_nothing_changes_in_quarantine(member: Client, publisher: Publisher, issuer: LocalIssuer, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(quarantined_at=timezone.now())
    new = form(issuer, repository="ada/x", project="fresh")
    for page, sent in (
        (PAGE, new),
        (PAGE, {"remove": "1", "publisher": str(publisher.pk)}),
        ("/account/publishers/", new),
    ):
        assert "until the limits of your account end" in text(member.post(page, sent, follow=True))
    assert Publisher.objects.count() == 1


def test_there_are_not_too_many(member: Client, spam: Project, ada: User, issuer: LocalIssuer) -> None:
    for number in range(verbs.MOST):
        verbs.add(spam, issuer.issuer, Workflow("ada/spam", f"r{number}.yml"), actor=ada)
    assert "too many" in text(member.post(PAGE, form(issuer), follow=True))
    for number in range(verbs.MOST_WAITING):
        verbs.add_for_new(f"fresh-{number}", issuer.issuer, Workflow("ada/x", "r.yml"), actor=ada)
    assert "too many" in text(member.post("/account/publishers/", form(issuer, project="more"), follow=True))


def test_the_number_of_queries_does_not_grow_with_publishers(
    member: Client, spam: Project, ada: User, issuer: LocalIssuer, django_assert_max_num_queries: Any
) -> None:
    for number in range(12):
        verbs.add(spam, issuer.issuer, Workflow("ada/spam", f"r{number}.yml"), actor=ada)
    with django_assert_max_num_queries(12):
        member.get(PAGE)


def publish(token: str, name: str, version: str = "1.0") -> Any:
    filename, content = packages.wheel_name(name, version), packages.wheel(name, version)
    fields = packages.form(filename, content, name, version) | {"content": SimpleUploadedFile(filename, content)}
    return Client().post("/legacy/", fields, headers={"Authorization": basic(token)})


def test_a_pending_publisher_makes_its_project_with_the_first_upload(
    member: Client, ada: User, issuer: LocalIssuer, swap: Swap, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    page = text(member.post("/account/publishers/", form(issuer, project="Fresher"), follow=True))
    assert "fresher" in page
    token = swap(issuer.token()).json()["token"]
    assert publish(token, "another-name").status_code == 403
    assert publish(token, "fresher").status_code == 200
    project = Project.objects.get(normalized_name="fresher")
    row = project.publishers.get()
    assert (row.wanted, row.added_by, row.repository_id) == ("", ada, "22")
    assert Role.objects.get(project=project).user == ada
    assert Event.objects.filter(tag="project:publisher:add", project_uid=project.uid).exists()
    later = swap(issuer.token()).json()["token"]
    assert str(project.uid) in ApiToken.objects.latest("created_at").caveats[0]
    assert publish(later, "fresher").status_code == 200


def test_a_name_that_somebody_took_meanwhile_is_no_longer_waited_for(
    member: Client, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    verbs.add_for_new("fresh", issuer.issuer, Workflow("ada/spam", "release.yml"), actor=ada)
    factories.make_project("fresh", factories.make_user("eve"))
    assert "There is a project fresh meanwhile" in refusal(swap(issuer.token()))[1]
    assert "because a project now has this name or a similar one" in text(member.get("/account/publishers/"))
    taken = member.post("/account/publishers/", form(issuer, project="fr3sh-"), follow=True)
    assert "A project name has only letters" in text(taken)
    assert "Its owners add trusted publishers on its settings page" in text(
        member.post("/account/publishers/", form(issuer, project="Fresh"), follow=True)
    )


def test_a_monorepo_with_a_new_project_gets_one_token_for_both(
    publisher: Publisher, ada: User, issuer: LocalIssuer, swap: Swap, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    verbs.add_for_new("fresh", issuer.issuer, Workflow("ada/spam", "release.yml"), actor=ada)
    token = swap(issuer.token()).json()["token"]
    assert publish(token, "fresh").status_code == 200
    assert publish(token, "spam").status_code in (200, 400)
    assert publish(token, "eggs").status_code == 403


def test_after_a_recovery_it_is_on_hold_until_its_account_keeps_it(
    member: Client, publisher: Publisher, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    token = swap(issuer.token()).json()["token"]
    assert verbs.hold_all(ada, actor="system", ticket=7) == 1
    assert publish(token, "spam").status_code == 403
    assert "on hold after a recovery" in refusal(swap(issuer.token()))[1]
    User.objects.filter(pk=ada.pk).update(quarantined_at=timezone.now())
    member.post(PAGE, {"keep": "1", "publisher": str(publisher.pk)})
    assert swap(issuer.token()).status_code == 200, "keeping is allowed in quarantine, as it is for tokens"
    assert "not there any more" in text(member.post(PAGE, {"keep": "1", "publisher": str(publisher.pk)}, follow=True))


def test_what_nobody_keeps_in_seven_days_goes(publisher: Publisher, ada: User) -> None:
    verbs.hold_all(ada, actor="system")
    Publisher.objects.update(held_at=timezone.now() - timedelta(days=6, hours=23))
    assert sweeping.sweep() == 0
    Publisher.objects.update(held_at=timezone.now() - timedelta(days=7, hours=1))
    assert sweeping.sweep() == 1
    assert not Publisher.objects.exists()
    assert Mail.objects.filter(kind="publisher_changed", context__state="removed", context__username="").exists()


def test_an_account_that_is_deleted_leaves_none(publisher: Publisher, ada: User, issuer: LocalIssuer) -> None:
    verbs.add_for_new("fresh", issuer.issuer, Workflow("ada/x", "r.yml"), actor=ada)
    assert verbs.remove_all(ada, actor=ada, reason="account deleted") == 2
    assert not Publisher.objects.exists()


def test_the_same_file_at_another_issuer_is_another_publisher(issuer: LocalIssuer, publisher: Publisher) -> None:
    assert github()["repository"] == publisher.repository
    assert shapes.key(issuer.issuer, Workflow("ADA/spam", "release.yml")) == publisher.key
    assert shapes.key(issuer.issuer, Workflow("ada/spam", "Release.yml")) != publisher.key


def test_only_trusted_publishers_publish_where_a_guard_asks_for_it(
    publisher: Publisher, ada: User, issuer: LocalIssuer, swap: Swap, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    Project.objects.update(guards={"only_publishers": "on", "project_tokens": "on"})
    person = mint(ada, project=publisher.project).text
    refused = publish(person, "spam", "2.0")
    assert refused.status_code == 403
    assert b"takes files only from trusted publishers" in refused.content
    assert b"/projects/spam/publishers/" in refused.content
    asked = {"project": "spam", "action": "upload"}
    said = Client().get("/api/token", asked, headers={"Authorization": basic(person)}).json()
    assert (said["accepted"], "only from trusted publishers" in said["reason"]) == (False, True)
    assert publish(swap(issuer.token()).json()["token"], "spam", "2.0").status_code == 200


def test_where_the_site_asks_for_it_a_new_project_begins_with_a_publisher(
    ada: User, issuer: LocalIssuer, swap: Swap, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.GUARDS = settings.GUARDS | {"only_publishers": "on"}
    assert b"/account/publishers/" in publish(mint(ada).text, "fresh").content
    verbs.add_for_new("fresh", issuer.issuer, Workflow("ada/spam", "release.yml"), actor=ada)
    assert publish(swap(issuer.token()).json()["token"], "fresh").status_code == 200


def test_a_maintainers_pending_publisher_is_not_slipped_into_a_project_somebody_else_made(
    ada: User, issuer: LocalIssuer, swap: Swap, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "files"
    verbs.add_for_new("fresh", issuer.issuer, Workflow("ada/spam", "release.yml"), actor=ada)
    token = swap(issuer.token()).json()["token"]
    theirs = factories.make_project("fresh", factories.make_user("kim"))
    factories.add_role(theirs, ada, kind="maintainer")
    assert publish(token, "fresh", "2.0").status_code == 403, "the owners chose no publisher, as a guard can ask"
    assert not theirs.publishers.exists()


def test_two_publishers_of_one_project_make_one_token(
    publisher: Publisher, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    assert publisher.project is not None
    verbs.add(publisher.project, issuer.issuer, Workflow("ada/spam", "release.yml", "pypi"), actor=ada)
    assert swap(issuer.token(environment="pypi")).status_code == 200
    assert ApiToken.objects.get().caveats[0] == f'[2,["{publisher.project.uid}"]]'
