"""The threats T1 to T20 and T28 of the risk analysis, played by the attacker. The account stays as it was."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db.models.functions import Now
from django.test import Client

from accounts import addresses, lifecycle
from accounts.mail.models import Mail, Request
from accounts.models import User
from audit.models import Event
from common.clock import database_now
from recoverydesk.projects import services as projects
from recoverydesk.recovery import errors, notices, workflow
from recoverydesk.recovery.background import intake, sweep
from recoverydesk.recovery.models import Boundary, Claim, CodeHost, RecoveryTicket, Source, Status
from recoverydesk.recovery.permissions import SYSTEM
from recoverydesk.recovery.probing.verdicts import Verdict
from tests.helpers import decided, factories
from tests.helpers.attacker import account, admins_reset, ask, confirm, days_pass, letters, mailed, offer, push, ticket
from tests.helpers.decided import set_staff
from tests.helpers.hosts import Host, git, serve
from tests.helpers.links import branch_in
from tests.helpers.tickets import (
    DAY,
    REASON,
    as_staff,
    make_admin,
    make_moderator,
    make_root,
    result_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def safe(ada: User) -> Iterator[User]:
    """Whatever the test does as the attacker, the account is as it was."""
    before = account(ada)
    yield ada
    assert account(ada) == before


def saw(verdict: Verdict, namespace: str = "", **fields: Any) -> None:
    """One round of looks at the ticket's boundaries that brought this verdict."""
    for row in ticket().boundaries.filter(kind=Boundary.Kind.ASKED, proved_at=None):
        if row.namespace == namespace or not namespace:
            given = {"repository": row.repositories[0]["repository"]} | fields
            row.lease = uuid4()
            row.save(update_fields=["lease"])
            workflow.record_probe(ticket().pk, row.pk, lease=row.lease, results=[result_of(row, verdict, **given)])


@pytest.mark.usefixtures("safe")
def test_t1_the_mailbox_alone_proves_nothing() -> None:
    ask()
    confirm()
    for _day in range(4):
        days_pass(4)
        if ticket().status == Status.CHALLENGED:
            saw(Verdict.MISSING)
    assert admins_reset() is None
    assert ticket().status == Status.EXPIRED
    assert "/recover/stop/" in letters("ada@second.example")[0]


@pytest.mark.thorough
def test_t1_without_repositories_the_owner_hears_of_the_wait_on_days_0_1_3_6_and_can_stop_it(db: None) -> None:
    kim = factories.make_user("kim")
    factories.add_totp(kim)
    kim.emailaddress_set.create(email="kim@second.example", verified=True, primary=False)
    factories.make_project("plain", kim)
    before = account(kim)
    ask("kim")
    confirm("kim@example.org")
    heard = []
    for _day in range(7):
        heard.append(Mail.objects.filter(kind="recovery_waiting", recipient="kim@second.example").count())
        days_pass(0.99)
    assert heard == [1, 1, 2, 2, 3, 3, 3]
    Client().post(mailed("kim@second.example", "stop"), {"stop": "1"})
    assert ticket().status == Status.STOPPED
    assert account(kim) == before


@pytest.mark.usefixtures("safe")
def test_t2_the_mailbox_and_the_password_replace_no_branch_and_shorten_nothing() -> None:
    ask()
    confirm()
    written = ticket().wait_until
    offer("password", factories.PASSWORD)
    assert ticket().other_proofs.get().kind == "password"
    assert ticket().wait_until == written
    days_pass(20)
    assert admins_reset() is None


def test_t3_one_of_two_owners_is_not_both(ada: User) -> None:
    factories.make_project("other", ada, urls=[("Source", "https://gitlab.com/ada-group/other")])
    before = account(ada)
    ask()
    confirm()
    push(["ada"])
    push(["ada"])
    days_pass(10)
    assert [row.proved_at is not None for row in ticket().boundaries.order_by("namespace")] == [True, False]
    assert admins_reset() is None
    assert account(ada) == before


@pytest.mark.usefixtures("safe")
def test_t4_whoever_registers_the_mail_domain_again_has_a_mailbox_and_nothing_more(ada: User) -> None:
    ask(claim="email", contact="ada@new-owner.example")
    Client().post(mailed("ada@new-owner.example", "status"), {"pushed": "1"})
    sweep.sweep()
    ask()
    confirm()
    days_pass(40)
    assert admins_reset() is None


@pytest.mark.usefixtures("safe")
def test_t5_a_repository_that_moved_to_another_owner_proves_nothing_and_is_our_turn() -> None:
    ask()
    confirm()
    saw(Verdict.MOVED)
    assert (ticket().turn, ticket().boundaries.get().proved_at) == ("ours", None)
    days_pass(20)
    assert admins_reset() is None


def test_t5_a_find_at_another_owner_than_asked_for_proves_nothing(ada: User) -> None:
    before = account(ada)
    ask()
    confirm()
    row = ticket().boundaries.get()
    url, found = result_of(row, Verdict.FOUND, namespace="new-ada")
    workflow.record_probe(ticket().pk, row.pk, lease=row.lease, results=[(url, found)])
    row.refresh_from_db()
    assert row.proved_at is None
    assert account(ada) == before


def test_t6_a_co_maintainer_who_swaps_the_links_adds_nothing_and_removes_nothing(ada: User) -> None:
    before = account(ada)
    project = ada.roles.get().project
    for number in range(3):
        projects.record_release(
            project,
            version=f"2.{number}",
            uploaded_at=database_now() - DAY,
            urls=[("Source", "https://github.com/mal/x")],
        )
    ask()
    kinds = dict(ticket().boundaries.values_list("namespace", "kind"))
    assert kinds == {"ada": "asked", "mal": "young"}
    push(["mal"])
    days_pass(10)
    assert admins_reset() is None
    assert account(ada) == before


def test_t7_what_is_published_or_edited_after_the_request_changes_no_boundary(ada: User) -> None:
    before = account(ada)
    project = ada.roles.get().project
    ask()
    confirm()
    frozen = list(ticket().boundaries.values("host", "namespace", "kind", "repositories"))
    projects.record_release(
        project, version="3.0", uploaded_at=database_now(), urls=[("Source", "https://github.com/mal/x")]
    )
    project.links.filter(namespace="ada").update(namespace="mal", url="https://github.com/mal/tool")
    project.links.all().delete()
    days_pass(1)
    assert list(ticket().boundaries.values("host", "namespace", "kind", "repositories")) == frozen
    assert admins_reset() is None
    assert account(ada) == before


def yes_to_everything(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
    """A host that answers 200 whatever is asked."""
    start("200 OK", [("Content-Type", "application/x-git-upload-pack-advertisement")])
    return [b"001e# service=git-upload-pack\n0000" + environ["PATH_INFO"].encode()]


def echo_what_was_asked(environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
    """A hijacked host: it says yes to exactly what it was asked for."""
    if environ["REQUEST_METHOD"] == "GET":
        start("200 OK", [("Content-Type", "application/x-git-upload-pack-advertisement")])
        return [b"001e# service=git-upload-pack\n0000000eversion 2\n000cls-refs\n0000"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    asked = body.split(b"ref-prefix ")[-1].split(b"\n")[0] if b"ref-prefix" in body else b"refs/heads/000-recovery-"
    seen_by_the_host.append(body)
    line = b"a" * 40 + b" " + asked + b"\n"
    start("200 OK", [("Content-Type", "application/x-git-upload-pack-result")])
    return [f"{len(line) + 4:04x}".encode() + line + b"0000"]


seen_by_the_host: list[bytes] = []


@pytest.mark.parametrize("app", [yes_to_everything, echo_what_was_asked])
@pytest.mark.usefixtures("host")
def test_t8_and_t15_a_host_that_says_yes_to_everything_is_not_believed(ada: User, app: Any) -> None:
    before = account(ada)
    seen_by_the_host.clear()
    with serve(app) as url:
        key = url.removeprefix("http://")
        CodeHost.objects.create(host=key, origin=url, style="owner", private=True, plain_http=True)
        ada.roles.all().delete()
        factories.make_project("hosted", ada, urls=[("Source", f"{url}/ada/hosted")])
        ask()
        confirm()
        row = ticket().boundaries.get(host=key)
        assert row.probes.exists()
        assert row.proved_at is None
        assert not row.probes.filter(verdict=Verdict.FOUND).exists()
        token = notices.token_of(ticket()).encode()
        if app is echo_what_was_asked:
            assert any(b"ref-prefix refs/heads/000-recovery-" in body for body in seen_by_the_host)
        assert all(token not in body for body in seen_by_the_host)
    ada.roles.all().delete()
    assert account(ada) == before | {"roles": []}


def test_t9_t10_t11_only_the_exact_branch_of_this_ticket_counts(ada: User, host: Host, tmp_path: Path) -> None:
    url = host.create("ada/hosted")
    ada.roles.all().delete()
    factories.make_project("hosted", ada, urls=[("Source", url)])
    ask()
    old = branch_in("\n".join(letters("ada@example.org")))
    host.push(url, old, tmp_path)
    Client().post(mailed("ada@example.org", "status"), {"withdraw": "1"})
    mail.outbox.clear()
    ask()
    token = branch_in("\n".join(letters("ada@example.org")))
    assert token != old
    clone = tmp_path / "hosted"
    for name in (f"evil/{token}", token.upper(), token[:-1], f"{token}x", "000-recovery-" + "a" * 26):
        git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{name}")
    git(clone, "push", "--quiet", "origin", f"HEAD:refs/tags/{token}", f"HEAD:refs/pull/7/{token}")
    names = [f"HEAD:refs/heads/000-recovery-stranger{number:018d}" for number in range(800)]
    git(clone, "push", "--quiet", "origin", *names)
    confirm()
    row = ticket().boundaries.get()
    assert row.probes.exists()
    assert row.proved_at is None
    git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{token}")
    for _patience in range(30):  # the host is asked at its own pace
        ticket().boundaries.update(next_probe_at=Now(), last_probed_at=Now() - timedelta(minutes=2))
        sweep.sweep()
        if ticket().boundaries.filter(proved_at__isnull=False).exists():
            break
        time.sleep(0.3)
    assert row.probes.filter(verdict=Verdict.FOUND).count() == 1
    for page in (f"/recover/status/{token}/", f"/recover/password/{token}/", f"/recover/stop/{token}/"):
        assert Client().get(page).status_code == 404


def test_t12_a_moderator_alone_marks_nothing_as_proved(safe: User) -> None:
    ask()
    confirm()
    mod, row = as_staff(make_moderator()), ticket().boundaries.get()
    with pytest.raises(errors.NotAllowed):
        workflow.record_probe(ticket().pk, row.pk, actor=mod, lease=None, results=[result_of(row, Verdict.FOUND)])
    asked: dict[str, Any] = {"boundary_id": row.pk, "reason": REASON}
    decided.ask_exception(ticket().pk, actor=mod, other_proof="other", **asked)
    with pytest.raises(errors.SamePerson):
        decided.approve_exception(ticket().pk, actor=mod, **asked)
    with pytest.raises(errors.NotAllowed):
        decided.reset(ticket().pk, actor=mod, reason=REASON)
    days_pass(20)
    assert ticket().status == Status.CHALLENGED


def desk_of(username: str, groups: tuple[str, ...]) -> Client:
    user = factories.make_user(username, staff=True, groups=groups)
    secret, browser = factories.add_totp(user)[1], Client()
    browser.post("/account/login/", {"login": username, "password": factories.PASSWORD})
    browser.post("/account/second-factor/", {"code": factories.code(secret)})
    return browser


def test_t13_no_generic_form_of_the_admin_writes_a_ticket_or_an_address(safe: User) -> None:
    ask()
    before = RecoveryTicket.objects.values().get()
    browser = desk_of("rogue", ("Moderators", "Admins"))
    wanted = {"status": "ready", "contact": "rogue@example.org", "email": "rogue@example.org", "is_staff": "on"}
    row = ticket().boundaries.get()
    for page in (
        f"/admin/recovery/recoveryticket/{ticket().pk}/change/",
        f"/admin/recovery/recoveryticket/{ticket().pk}/delete/",
        "/admin/recovery/recoveryticket/add/",
        f"/admin/accounts/user/{safe.pk}/change/",
        f"/admin/recovery/boundary/{row.pk}/change/",
    ):
        browser.post(page, wanted)
    assert RecoveryTicket.objects.values().get() == before


def test_t14_one_admin_with_a_helper_made_yesterday_is_one_person(ada: User) -> None:
    before = account(ada)
    ask()
    confirm()
    root, mod = make_root(), as_staff(make_moderator())
    row = ticket().boundaries.get()
    decided.ask_exception(ticket().pk, actor=mod, boundary_id=row.pk, other_proof="other", reason=REASON)
    helper = factories.make_user("helper")
    admins = Group.objects.filter(name="Admins")
    set_staff(helper, is_staff=True, is_superuser=True, groups=admins, actor=root)
    helper = User.objects.get(pk=helper.pk)
    with pytest.raises(errors.TooNew):
        decided.approve_exception(ticket().pk, actor=as_staff(helper), boundary_id=row.pk, reason=REASON)
    User.objects.filter(pk=helper.pk).update(staff_since=database_now() - 30 * DAY)
    widened = as_staff(User.objects.get(pk=helper.pk))
    with pytest.raises(errors.TooNew):
        decided.approve_exception(ticket().pk, actor=widened, boundary_id=row.pk, reason=REASON)
    assert account(ada) == before


def test_t16_links_into_our_own_network_are_no_boundary_and_are_never_asked(ada: User) -> None:
    urls = [
        ("Source", address)
        for address in (
            "https://127.0.0.1/ada/tool", "https://[::ffff:127.0.0.1]/ada/tool", "https://0x7f000001/ada/tool",
            "https://169.254.169.254/latest/meta-data", "http://localhost:5432/ada/tool", "file:///etc/passwd",
            "ext::sh -c id", "https://user@github.com@10.0.0.1/ada/tool", "ssh://-oProxyCommand=id/ada/tool",
        )
    ]  # fmt: skip
    factories.make_project("inside", ada, urls=urls)
    ask()
    assert set(ticket().boundaries.values_list("host", flat=True)) == {"github.com"}


@pytest.mark.usefixtures("safe")
@pytest.mark.parametrize("verdict", [Verdict.UNREACHABLE, Verdict.AMBIGUOUS, Verdict.BLOCKED, Verdict.NOT_A_REPOSITORY])
@pytest.mark.thorough
def test_t17_a_hostile_host_never_proves_and_never_ends_a_ticket(verdict: Verdict) -> None:
    ask()
    confirm()
    for _day in range(8):
        days_pass(2)
        saw(verdict)
    assert ticket().status == Status.CHALLENGED
    assert ticket().boundaries.get().proved_at is None
    assert admins_reset() is None


def test_t18_a_reset_sent_twice_is_one_reset(ada: User) -> None:
    ask()
    confirm()
    push()
    days_pass(1.1)
    admin = as_staff(make_admin("grace"))
    decided.reset(ticket().pk, actor=admin, reason=REASON)
    after = account(ada)
    with pytest.raises(errors.InvalidTransition):
        decided.reset(ticket().pk, actor=admin, reason=REASON)
    assert account(ada) == after
    assert Event.objects.filter(tag="account:recovery:reset").count() == 1
    assert Mail.objects.filter(kind="recovery_choose_password").count() == 1


@pytest.mark.usefixtures("safe")
@pytest.mark.thorough
def test_t19_a_flood_of_requests_is_one_ticket_and_few_mails() -> None:
    for _round in range(20):
        for _one in range(10):
            intake.note_request(username="Ada", claim="second_factor", says_codes_lost=True, network="192.0.2.1")
        Request.objects.update(due_at=Now())
        sweep.sweep()
    sweep.sweep()
    assert RecoveryTicket.objects.count() == 1
    assert len(letters("ada@example.org")) <= 5
    assert len(letters("ada@second.example")) == 1


@pytest.mark.parametrize(
    "contact",
    ["x@example.com\nBcc: y@example.com", "x@example.com, y@example.com", "ad\u0430@example.com", "\u212a@example.com",
     "x@ex\u0430mple.com", "<x@example.com>", "a" * 300 + "@example.com"],
)  # fmt: skip
def test_t20_no_header_and_no_look_alike_gets_into_a_mail(safe: User, contact: str) -> None:
    page = Client().post("/recover/", {"username": "ada", "claim": "email", "codes": "lost", "contact": contact})
    assert page.status_code == 200
    assert not Request.objects.exists()
    with pytest.raises(errors.NoContact):
        workflow.open_ticket(
            subject=User.objects.get(username="ada"),
            claim=Claim.EMAIL,
            actor=SYSTEM,
            source=Source.FORM,
            contact=contact,
        )


def test_t28_a_recovered_account_can_neither_be_emptied_nor_give_its_projects_away(ada: User) -> None:
    kim = factories.make_user("kim")
    project = ada.roles.get().project
    factories.add_role(project, kim)
    ask()
    confirm()
    push()
    days_pass(1.1)
    assert admins_reset("grace") is not None
    ada = User.objects.get(pk=ada.pk)
    role = project.roles.get(user=kim)
    answers = (
        lambda: projects.remove_role(role, actor=ada),
        lambda: projects.change_role(role, "maintainer", actor=ada),
        lambda: projects.add_role(factories.make_user("mal"), project, "owner", actor=ada),
    )
    for answer in answers:
        with pytest.raises(projects.RolesInQuarantine):
            answer()
    assert addresses.may_change(ada) != ""
    assert lifecycle.why_not_delete(ada) != ""
    browser = Client()
    browser.force_login(ada)
    assert b"Your account was recovered" in browser.get("/").content
