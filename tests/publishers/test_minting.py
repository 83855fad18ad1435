"""A workflow's statement becomes a token that uploads to its projects for fifteen minutes, and to nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.mail.models import Mail
from accounts.models import User
from audit.models import Event
from recoverydesk.projects.models import Project, Role
from recoverydesk.publishers import sweeping, verbs
from recoverydesk.publishers.models import IssuerKeys, Publisher, UsedIdToken
from recoverydesk.publishers.shapes import Workflow
from tests.helpers import factories
from tests.helpers.issuers import JWKS, LocalIssuer, MakeIssuer, Swap, github, refusal
from tests.helpers.tokens import basic
from tokens import caveats, checking
from tokens.checking import open_token
from tokens.models import ApiToken

pytestmark = pytest.mark.django_db


def accepts(text: str, project: str) -> bool:
    """Whether the upload endpoint would take this token for the project."""
    facts = {"project": project, "action": "upload"}
    return bool(Client().get("/api/token", facts, headers={"Authorization": basic(text)}).json()["accepted"])


def test_the_audience_is_this_site(client: Client) -> None:
    assert client.get("/_/oidc/audience").json() == {"audience": "localhost"}


def test_a_workflow_gets_a_token_for_its_project_alone(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    factories.make_project("other", publisher.added_by)
    response = swap(issuer.token())
    assert response.status_code == 200
    assert response.json()["success"] is True
    text = response.json()["token"]
    assert accepts(text, "spam")
    assert not accepts(text, "other")
    assert not accepts(text, "new-name")
    row = open_token(text).row
    assert row.expires_at is not None
    assert row.expires_at - row.created_at == timedelta(minutes=15)
    assert isinstance(caveats.loads(row.caveats[-1]), caveats.Expiration)


def test_the_token_ends_after_fifteen_minutes(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = swap(issuer.token()).json()["token"]
    monkeypatch.setattr(checking, "database_now", lambda: timezone.now() + timedelta(minutes=15, seconds=1))
    with pytest.raises(checking.TokenRefused, match="expired"):
        open_token(text)


def test_the_event_names_the_run(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    text = swap(issuer.token(environment="pypi")).json()["token"]
    event = Event.objects.get(tag="project:publisher:token")
    assert (event.project_name, event.subject_name, event.token_id) == ("spam", "ada", open_token(text).row.id)
    said = {"issuer": issuer.url, "publisher": "ada/spam", "workflow": "release.yml", "repository_id": "22"}
    assert {name: event.data[name] for name in said} == said
    run = {"ref": "refs/tags/v1", "environment": "pypi", "run_id": "33", "actor": "ada"}
    assert {name: event.data["run"][name] for name in run} == run
    assert text not in str(event.data)


def test_the_first_token_binds_the_publisher_and_every_owner_hears(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap
) -> None:
    swap(issuer.token())
    publisher.refresh_from_db()
    assert (publisher.owner_id, publisher.repository_id) == ("11", "22")
    assert publisher.pinned_at is not None
    assert Mail.objects.filter(kind="publisher_changed", context__state="bound").count() == 1


def test_one_statement_covers_all_projects_of_the_workflow(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, ada: User
) -> None:
    eggs = factories.make_project("eggs", ada)
    verbs.add(eggs, issuer.issuer, Workflow("Ada/Spam", "release.yml"), actor=ada)
    text = swap(issuer.token()).json()["token"]
    assert accepts(text, "spam")
    assert accepts(text, "eggs")
    assert Event.objects.filter(tag="project:publisher:token").count() == 2


def test_gitlab_and_other_issuers_are_spoken_too(spam: Project, ada: User, make_issuer: MakeIssuer, swap: Swap) -> None:
    gitlab = make_issuer("gitlab")
    verbs.add(spam, gitlab.issuer, Workflow("ada/spam", ".gitlab-ci.yml"), actor=ada)
    assert swap(gitlab.token()).status_code == 200
    assert refusal(swap(gitlab.token(pipeline_source="merge_request_event")))[0] == "invalid-publisher"
    assert "file of the project itself" in refusal(swap(gitlab.token(ci_config_ref_uri="other.example//a.yml@x")))[1]
    other = make_issuer("other", algorithm="ES256", claims=("sub", "job"))
    verbs.add(spam, other.issuer, Workflow(claims=(("sub", "farm"), ("job", "7"))), actor=ada)
    assert swap(other.token(sub="farm", job=7)).status_code == 200
    assert refusal(swap(other.token(sub="farm", job="8")))[0] == "invalid-publisher"


def test_a_statement_is_swapped_once(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    token = issuer.token()
    assert swap(token).status_code == 200
    assert refusal(swap(token))[0] == "invalid-reuse-token"
    assert ApiToken.objects.count() == 1


def test_a_refused_statement_can_be_sent_again_when_it_is_put_right(
    spam: Project, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    token = issuer.token()
    assert "No project has a trusted publisher for the repository ada/spam" in refusal(swap(token))[1]
    verbs.add(spam, issuer.issuer, Workflow("ada/spam", "release.yml"), actor=ada)
    assert swap(token).status_code == 200


def test_used_statements_and_spent_tokens_are_swept(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    swap(issuer.token())
    swap(issuer.token())
    used = ApiToken.objects.earliest("created_at")
    ApiToken.objects.filter(pk=used.pk).update(last_used_at=timezone.now())
    assert sweeping.sweep() == 0
    UsedIdToken.objects.update(expires_at=timezone.now() - timedelta(hours=25))
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(hours=25))
    assert sweeping.sweep() == 3
    assert not UsedIdToken.objects.exists()
    assert list(ApiToken.objects.all()) == [used], "a release says by its name which token uploaded it"


def test_keys_are_asked_for_once_and_kept(publisher: Publisher, issuer: LocalIssuer, swap: Swap) -> None:
    for _ in range(3):
        assert swap(issuer.token()).status_code == 200
    assert issuer.asked() == 1
    IssuerKeys.objects.update(fetched_at=timezone.now() - timedelta(hours=2), tried_at=None)
    issuer.said[JWKS] = b""  # it hangs up
    assert swap(issuer.token()).status_code == 200, "an issuer that is away is believed for a day"
    IssuerKeys.objects.update(fetched_at=timezone.now() - timedelta(hours=25), tried_at=None)
    assert "cannot get the keys" in refusal(swap(issuer.token()))[1]


def test_the_token_ends_with_its_publisher(publisher: Publisher, issuer: LocalIssuer, swap: Swap, ada: User) -> None:
    text = swap(issuer.token()).json()["token"]
    verbs.remove(publisher, actor=ada)
    with pytest.raises(checking.TokenRefused, match="revoked"):
        open_token(text)
    assert refusal(swap(issuer.token()))[0] == "invalid-publisher"


def test_a_client_gives_its_token_back(publisher: Publisher, issuer: LocalIssuer, swap: Swap, client: Client) -> None:
    text = swap(issuer.token()).json()["token"]
    burn = "/_/oidc/burn-token"
    assert client.post(burn, {"token": text}, content_type="application/json").status_code == 202
    with pytest.raises(checking.TokenRefused, match="revoked"):
        open_token(text)
    assert client.post(burn, {"token": "nonsense"}, content_type="application/json").status_code == 202


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_active": False}, "closed"),
        ({"frozen_at": timezone.now(), "frozen_by": "staff"}, "frozen"),
    ],
)
def test_a_publisher_of_an_account_that_may_not_upload_gets_nothing(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, change: dict[str, Any], words: str
) -> None:
    User.objects.filter(pk=publisher.added_by_id).update(**change)
    assert words in refusal(swap(issuer.token()))[1]


def test_a_publisher_of_somebody_who_left_waits_for_another_owner(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, spam: Project
) -> None:
    kim = factories.make_user("kim")
    factories.add_app(kim)
    factories.add_role(spam, kim)
    Role.objects.filter(user=publisher.added_by).update(held_at=timezone.now())
    assert "takes it over" in refusal(swap(issuer.token()))[1]
    verbs.keep(publisher, actor=kim)
    assert open_token(swap(issuer.token()).json()["token"]).user == kim


def test_switched_off_nothing_is_minted(client: Client, settings: Any, swap: Swap) -> None:
    settings.PUBLISHER_ISSUERS = ()
    assert client.get("/_/oidc/audience").status_code == 403
    assert refusal(swap("x"))[0] == "not-enabled"


@pytest.mark.parametrize("body", ["", "[]", '{"token": 5}', '{"token": "\\u00e9"}', "[" * 5000, '{"token": "a.b.c"}'])
def test_whatever_is_sent_is_answered_in_words(client: Client, body: str) -> None:
    response = client.post("/_/oidc/mint-token", body, content_type="application/json")
    assert refusal(response)[0] in ("invalid-payload", "invalid-token")


def test_a_token_of_a_publisher_is_nobodys_to_keep(
    publisher: Publisher, issuer: LocalIssuer, swap: Swap, ada: User
) -> None:
    swap(issuer.token())
    assert not ApiToken.objects.usable_by(ada.pk).exists()
    assert not ApiToken.objects.holdable().exists()
    assert ApiToken.objects.of_publishers().count() == 1


def test_what_github_calls_a_file_may_hold_the_sign_before_the_ref(
    spam: Project, ada: User, issuer: LocalIssuer, swap: Swap
) -> None:
    verbs.add(spam, issuer.issuer, Workflow("ada/spam", "a@b.yml"), actor=ada)
    assert swap(issuer.token(**github(file="a@b.yml", ref="refs/heads/c@d.yml"))).status_code == 200
