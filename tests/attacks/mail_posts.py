"""How each address that takes a POST is posted again and again so that it does what it is for, by whoever may.

One entry per route of the URL list below the desk. `mails` says whether it makes us send any: the walk in
`test_mail_floods.py` holds each entry to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Max
from django.db.models.functions import Now
from django.test import Client

from accounts import second_factors
from accounts.devices import TotpDevice
from accounts.mail.models import Link, Mail, Request
from accounts.models import Session, User
from common.clock import database_now
from recoverydesk.projects.models import Role
from recoverydesk.publishers.models import Publisher
from recoverydesk.rate_limits import RATE_LIMITS
from recoverydesk.recovery.after_reset import choose_password as new_password
from recoverydesk.recovery.background import sweep
from recoverydesk.recovery.models import RecoveryTicket, Status
from tests.helpers import factories, packages
from tests.helpers.authenticator import Authenticator, give_key
from tests.helpers.factories import PASSWORD
from tests.helpers.links import path
from tests.helpers.signing_in import code_of
from tests.helpers.tickets import REASON, age_factors, make_ticket, status_link, stop_link
from tests.helpers.tokens import basic, mint
from tests.services.people import sign_in
from tokens.models import ApiToken

OTHER = "another long phrase 27"
VICTIM = "victim@example.org"
OPTIONS = "/account/security/key/options/"


@dataclass
class World:
    """Ada owns a project together with kim; both have an app. What a scenario makes once it keeps in `made`."""

    ada: User
    kim: User
    made: dict[str, Any] = field(default_factory=dict)
    number: int = 0

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """Made once, and whatever that mailed is forgotten: only the posts are judged."""
        if name not in self.made:
            before = Mail.objects.aggregate(last=Max("pk"))["last"] or 0
            self.made[name] = make()
            Mail.objects.filter(pk__gt=before).delete()
        return self.made[name]

    def visitor(self) -> Client:
        """A fresh browser in a network of its own."""
        self.number += 1
        return Client(REMOTE_ADDR=f"198.{18 + self.number // 65536}.{self.number // 256 % 256}.{self.number % 256}")

    def member(self, user: User | None = None) -> Client:
        """A browser in which ada, or this one, has just shown a second factor."""
        user = User.objects.get(pk=(user or self.ada).pk)
        client = self.visitor()
        client.cookies["session"] = sign_in(user, TotpDevice.objects.filter(user=user, confirmed=True)[0])
        return client

    def app(self) -> TotpDevice:
        """Ada's app, whose present code is unused."""
        TotpDevice.objects.filter(user=self.ada).update(last_step=-1)
        device: TotpDevice = TotpDevice.objects.filter(user=self.ada, confirmed=True).order_by("id")[0]
        return device


def make_world(settings: Any, folder: Path) -> World:
    """Ada's factors are two months old and she has signed in before; she owns a project together with kim.

    The limits of networks are off; what is uploaded goes to `folder`.
    """
    settings.ACCOUNT_RATE_LIMITS = dict.fromkeys(RATE_LIMITS)
    settings.MEDIA_ROOT = folder
    people = [factories.make_user(name) for name in ("ada", "kim")]
    for one in people:
        factories.add_totp(one)
        age_factors(one)
    ada, kim = people
    EmailAddress.objects.create(user=ada, email="ada@second.example", verified=True, primary=False)
    User.objects.update(last_login=Now())
    factories.add_role(factories.make_project("tool", ada), kim)
    Mail.objects.all().delete()
    return World(ada, kim)


def work_it_off() -> None:
    """What was only noted down is done, and what follows from it."""
    Request.objects.update(due_at=Now())
    while Request.objects.filter(handled_at=None).exists():
        sweep.sweep()
    if RecoveryTicket.objects.exists():
        sweep.sweep()


Post = Callable[[World, int], Any]


def ada_posts(page: str, **fields: Any) -> Post:
    return lambda world, _number: world.once("browser", world.member).post(page, fields)


def sign_up(world: World, number: int) -> Any:
    address = (VICTIM, "ada@example.org", f"victim+{number}@example.org")[number % 3]
    form = {"username": f"new{number}", "email": address, "password1": PASSWORD, "password2": PASSWORD}
    return world.visitor().post("/account/signup/", form)


def correct_address(world: World, number: int) -> Any:
    """Somebody makes fresh accounts and lets each say that it meant a stranger."""
    fresh = factories.make_user(f"fresh{number}", verified=False, unverified_since=database_now())
    form = {"username": fresh.username, "password": PASSWORD, "email": (VICTIM, "ada@example.org")[number % 2]}
    return world.visitor().post("/account/correct-address/", form)


def passkey(world: World, _number: int) -> Any:
    key, client = world.once("key", lambda: give_key(world.ada)), world.visitor()
    options = client.post(OPTIONS, {"purpose": "passkey"}).json()
    key.handle = key.handle or handle_of(world.ada)
    return client.post("/account/login/key/", {"credential": key.get(options)})


def handle_of(user: User) -> bytes:
    from django_otp_webauthn.models import WebAuthnUserHandle

    return bytes(WebAuthnUserHandle.get_handle_for_user(user))


def second_factor(world: World, _number: int) -> Any:
    client = world.visitor()
    client.post("/account/login/", {"login": "ada", "password": PASSWORD})
    return client.post("/account/second-factor/", {"code": code_of(world.app())})


def step_up(world: World, number: int) -> Any:
    if number % 8 == 0:
        world.made["codes"] = second_factors.make_codes(world.ada, actor=world.ada)
    return world.once("browser", world.member).post("/account/step-up/", {"code": world.made["codes"].pop()})


def log_in(world: World, number: int) -> Any:
    """Somebody whose address was never verified, and somebody without a second factor."""
    world.once("lee", lambda: factories.make_user("lee", verified=False))
    world.once("bob", lambda: User.objects.filter(pk=factories.make_user("bob").pk).update(last_login=database_now()))
    return world.visitor().post("/account/login/", {"login": ("lee", "bob")[number % 2], "password": PASSWORD})


def addresses(world: World, number: int) -> Any:
    """Add a stranger's address, mail its link again, remove it; now and then another stranger's."""
    client = world.once("browser", world.member)
    if number % 4 == 3:
        return client.post("/account/email/", {"action_add": "", "email": f"other{number}@example.org"})
    action = ("action_add", "action_send", "action_remove")[number % 4]
    return client.post("/account/email/", {action: "", "email": VICTIM})


def change_password(world: World, number: int) -> Any:
    old, new = (PASSWORD, OTHER) if number % 2 == 0 else (OTHER, PASSWORD)
    form = {"oldpassword": old, "password1": new, "password2": new}
    return world.once("browser", world.member).post("/account/password/change/", form)


def set_password(world: World, _number: int) -> Any:
    world.ada.set_unusable_password()
    world.ada.save(update_fields=["password"])
    return world.member().post("/account/password/set/", {"password1": PASSWORD, "password2": PASSWORD})


def reset_by_key(world: World, number: int) -> Any:
    user, client = User.objects.get(pk=world.ada.pk), world.visitor()
    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    page = client.get(f"/account/password/reset/key/{key}/")["Location"]
    return client.post(page, {"password1": (PASSWORD, OTHER)[number % 2], "password2": (PASSWORD, OTHER)[number % 2]})


def confirm_address(world: World, number: int) -> Any:
    EmailAddress.objects.filter(user=world.ada, primary=False).delete()
    row = EmailAddress.objects.create(user=world.ada, email=f"mine{number}@example.org")
    return world.visitor().post(f"/account/confirm-email/{EmailConfirmationHMAC.create(row).key}/")


def forgot(world: World, number: int) -> Any:
    address = ("ada@example.org", "ada@second.example", "nobody@example.org", "sam@example.org")[number % 4]
    world.once("sam", lambda: recovered(world))
    return world.visitor().post("/account/password/reset/", {"email": address})


def recovered(world: World) -> RecoveryTicket:
    """Somebody whose reset waits for its password."""
    user = factories.make_user("sam")
    user.set_unusable_password()
    user.save(update_fields=["password"])
    return make_ticket(user, Status.COMPLETED)


def confirm_app(world: World, _number: int) -> Any:
    device = second_factors.start_totp(world.ada, "new")
    return world.once("browser", world.member).post(f"/account/security/app/{device.pk}/", {"code": code_of(device)})


def add_key(world: World, _number: int) -> Any:
    client = world.once("browser", world.member)
    options = client.post(OPTIONS, {"purpose": "register", "name": "blue"}).json()
    return client.post("/account/security/key/", {"credential": Authenticator().create(options)})


def remove_app(world: World, _number: int) -> Any:
    device, _secret = factories.add_totp(world.ada, "old")
    return world.once("browser", world.member).post(f"/account/security/app/{device.pk}/remove/")


def rename_app(world: World, number: int) -> Any:
    page = f"/account/security/app/{world.app().pk}/rename/"
    return world.once("browser", world.member).post(page, {"name": f"phone {number}"})


def prove_codes(world: World, _number: int) -> Any:
    codes = world.once("codes", lambda: second_factors.make_codes(world.ada, actor="system"))
    return world.once("browser", world.member).post("/account/security/codes/saved/", {"code": codes[0]})


def end_session(world: World, _number: int) -> Any:
    world.member()
    other = Session.objects.filter(user=world.ada).latest("expire_date")
    return world.once("browser", world.member).post(f"/account/sessions/{other.uid}/end/")


def end_sessions(world: World, _number: int) -> Any:
    world.member()
    return world.once("browser", world.member).post("/account/sessions/end/")


def never_reset(world: World, number: int) -> Any:
    wish = {"on": ""} if number % 2 == 0 else {"off": ""}
    return world.once("browser", world.member).post("/account/never-reset/", wish)


def freeze(world: World, _number: int) -> Any:
    User.objects.filter(pk=world.ada.pk).update(frozen_at=None, frozen_by="")
    return world.member().post("/account/freeze/")


def delete(world: World, number: int) -> Any:
    user = factories.make_user(f"gone{number}")
    factories.add_totp(user)
    return world.member(user).post("/account/delete/", {"username": user.username})


def new_token(world: World, number: int) -> Any:
    ApiToken.objects.update(revoked_at=database_now())
    User.objects.filter(pk=world.ada.pk).update(quarantined_at=database_now())
    form = {"name": f"token {number}", "scope": "account", "days": "30"}
    return world.once("browser", world.member).post("/account/tokens/new/", form)


def token_page(verb: str, *, held: bool = False) -> Post:
    def post(world: World, _number: int) -> Any:
        row = world.once("token", lambda: mint(world.ada).row)
        ApiToken.objects.update(held_at=database_now() if held else None, revoked_at=None)
        return world.once("browser", world.member).post(f"/account/tokens/{row.pk}/{verb}")

    return post


def keep_token(world: World, _number: int) -> Any:
    row = world.once("token", lambda: mint(world.ada).row)
    ApiToken.objects.update(held_at=database_now())
    return world.once("browser", world.member).post("/account/tokens/held/", {f"token-{row.pk}": "keep"})


def upload(world: World, number: int) -> Any:
    text = world.once("token", lambda: mint(world.ada).text)
    version = f"1.{number}"
    name, content = packages.wheel_name("fresh", version), packages.wheel("fresh", version)
    form = packages.form(name, content, "fresh", version) | {"content": SimpleUploadedFile(name, content)}
    return world.visitor().post("/legacy/", form, headers={"Authorization": basic(text)})


def recover(world: World, number: int) -> Any:
    """Every claim about ada, each with addresses of strangers."""
    asked = (
        {"claim": "second_factor"},
        {"claim": "email", "contact": VICTIM},
        {"claim": "email_and_second_factor", "contact": f"victim+{number}@example.org"},
        {"claim": "other", "contact": VICTIM},
    )[number % 4]
    return world.visitor().post("/recover/", {"username": "ada", "codes": "lost", **asked})


def mine(world: World, number: int) -> Any:
    ticket = world.once("ticket", lambda: make_ticket(world.ada))
    wish = ("withdraw", "stop", "lock")[number % 3]
    if wish == "lock":
        User.objects.filter(pk=world.ada.pk).update(frozen_at=None)
    return world.member().post("/recover/mine/", {"ticket": ticket.pk, wish: "1"})


def co_owner(world: World, number: int) -> Any:
    ticket = world.once("ticket", lambda: make_ticket(world.ada))
    client = world.once("browser", lambda: world.member(world.kim))
    Role.objects.filter(user=world.ada).update(held_at=database_now(), held_for=ticket.pk)
    role = Role.objects.get(user=world.ada)
    wish = ({"vouch": "1"}, {"object": "1", "reason": REASON}, {"release": "1", "role": role.pk})[number % 3]
    return client.post("/recover/beside/", {"ticket": ticket.pk, **wish})


def status(world: World, number: int) -> Any:
    page = world.once("page", lambda: path(status_link(make_ticket(world.ada))))
    fields: dict[str, str] = {"withdraw": "1"}
    if number < 4:
        fields = {"pushed": "1"} if number % 2 == 0 else {"proof": "1", "kind": "password", "secret": PASSWORD}
    return world.visitor().post(page, fields)


def stop(world: World, number: int) -> Any:
    ticket = world.once("ticket", lambda: make_ticket(world.ada))
    address = ("ada@example.org", "ada@second.example")[number % 2]
    page = world.once(address, lambda: path(stop_link(ticket, address)))
    return world.visitor().post(page, {("stop", "lock")[number // 2 % 2]: "1"})


def choose_password(world: World, number: int) -> Any:
    ticket = world.once("ticket", lambda: recovered(world))
    link = Link.objects.filter(purpose="choose_password", dead_at=None).order_by("-id").first()
    if link is None:
        world.once(f"link {number}", lambda: new_password.send_again(ticket.subject))
        link = Link.objects.get(purpose="choose_password")
    return world.visitor().post(path(link), {"hold" if number == 1 else "renew": "1"})


@dataclass(frozen=True)
class Scenario:
    post: Post
    mails: bool = False


def answer_invitation(world: World, number: int) -> Any:
    """Invited again and again, ada accepts or declines."""
    spam = world.once("other", lambda: factories.make_project("other", world.kim))
    Role.objects.filter(user=world.ada, project=spam).delete()
    role = factories.add_role(spam, world.ada, since=database_now(), accepted=False)
    answer = ("accept", "decline")[number % 2]
    return world.once("browser", world.member).post("/account/projects/", {"role": role.pk, answer: "1"})


def invite_somebody(world: World, number: int) -> Any:
    """Kim is invited and the invitation withdrawn, again and again."""
    project = world.once("owned", lambda: factories.make_project("owned", world.ada))
    client, page = world.once("browser", world.member), "/projects/owned/settings/"
    if number % 2 == 0:
        return client.post(page, {"invite": "1", "username": "kim", "kind": "owner"})
    role = Role.objects.filter(user=world.kim, project=project).first()
    return client.post(page, {"remove": "1", "role": role.pk if role else 0})


def withdraw(world: World, number: int) -> Any:
    """Ada yanks a release and takes it back, again and again."""
    world.once("published", lambda: factories.make_project("published", world.ada))
    form = ({"yank": "1", "reason": "broken"}, {"unyank": "1"})[number % 2]
    return world.once("browser", world.member).post("/projects/published/releases/1.0/", form)


def change_guard(world: World, number: int) -> Any:
    """A guard is made stricter and a factor asked for from another day on, again and again."""
    world.once("owned", lambda: factories.make_project("owned", world.ada))
    client, page = world.once("browser", world.member), "/projects/owned/settings/guards/"
    if number % 2 == 0:
        day = database_now().date() + timedelta(days=1 + number % 80)
        return client.post(page, {"guard": "second_factor", "value": "any", "starts": str(day)})
    return client.post(page, {"guard": "second_factor", "keep": "1"})


GITHUB = {"issuer": "https://token.actions.githubusercontent.com", "repository": "ada/x", "workflow": "a.yml"}


def change_publishers(world: World, number: int) -> Any:
    """A publisher is added and removed, again and again."""
    project = world.once("published", lambda: factories.make_project("published", world.ada))
    client, page = world.once("browser", world.member), "/projects/published/publishers/"
    if number % 2 == 0:
        return client.post(page, {"add": "1", **GITHUB})
    return client.post(page, {"remove": "1", "publisher": str(project.publishers.get().pk)})


def new_publisher(world: World, number: int) -> Any:
    Publisher.objects.filter(project=None).delete()
    return world.once("browser", world.member).post(
        "/account/publishers/", {"add": "1", "project": f"fresh-{number}", **GITHUB}
    )


def machine(page: str) -> Post:
    return lambda world, _number: world.visitor().post(page, {"token": "x"}, content_type="application/json")


SCENARIOS = {
    "projects/<str:name>/settings/guards/": Scenario(change_guard, mails=True),
    "projects/<str:name>/releases/<path:version>/": Scenario(withdraw, mails=True),
    "hooks/secret-scanning/": Scenario(machine("/hooks/secret-scanning/")),
    "_/oidc/mint-token": Scenario(machine("/_/oidc/mint-token")),
    "_/oidc/burn-token": Scenario(machine("/_/oidc/burn-token")),
    "projects/<str:name>/publishers/": Scenario(change_publishers, mails=True),
    "account/publishers/": Scenario(new_publisher),
    "account/staged/": Scenario(ada_posts("/account/staged/", publish="1")),
    "projects/<str:name>/settings/": Scenario(invite_somebody, mails=True),
    "account/projects/": Scenario(answer_invitation, mails=True),
    "account/tokens/held/": Scenario(keep_token, mails=True),
    "account/tokens/": Scenario(ada_posts("/account/tokens/")),
    "account/tokens/new/": Scenario(new_token, mails=True),
    "account/tokens/revoke/": Scenario(ada_posts("/account/tokens/revoke/")),
    "account/tokens/<uuid:token_id>/": Scenario(token_page("")),
    "account/tokens/<uuid:token_id>/revoke/": Scenario(token_page("revoke/")),
    "account/tokens/<uuid:token_id>/confirm/": Scenario(token_page("confirm/", held=True), mails=True),
    "account/signup/": Scenario(sign_up, mails=True),
    "account/correct-address/": Scenario(correct_address, mails=True),
    "account/login/key/": Scenario(passkey, mails=True),
    "account/second-factor/": Scenario(second_factor, mails=True),
    "account/step-up/": Scenario(step_up, mails=True),
    "account/step-up/<str:number>/": Scenario(ada_posts("/account/step-up/none/")),
    "account/email/": Scenario(addresses, mails=True),
    "account/password/change/": Scenario(change_password, mails=True),
    "account/password/set/": Scenario(set_password, mails=True),
    "account/~^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": Scenario(reset_by_key, mails=True),
    "account/security/": Scenario(ada_posts("/account/security/")),
    "account/security/app/": Scenario(ada_posts("/account/security/app/", name="phone")),
    "account/security/app/<int:device_id>/": Scenario(confirm_app, mails=True),
    "account/security/key/": Scenario(add_key, mails=True),
    "account/security/key/options/": Scenario(ada_posts(OPTIONS, purpose="step_up")),
    "account/~^security/(?P<kind>app|key)/(?P<device_id>[0-9]{1,18})/remove/$": Scenario(remove_app, mails=True),
    "account/~^security/(?P<kind>app|key)/(?P<device_id>[0-9]{1,18})/rename/$": Scenario(rename_app),
    "account/security/codes/": Scenario(ada_posts("/account/security/codes/"), mails=True),
    "account/security/codes/saved/": Scenario(prove_codes),
    "account/sessions/end/": Scenario(end_sessions, mails=True),
    "account/sessions/<uuid:uid>/end/": Scenario(end_session, mails=True),
    "account/profile/": Scenario(ada_posts("/account/profile/", language="en", time_zone="UTC")),
    "account/never-reset/": Scenario(never_reset, mails=True),
    "account/freeze/": Scenario(freeze, mails=True),
    "account/delete/": Scenario(delete, mails=True),
    "account/login/": Scenario(log_in, mails=True),
    "account/logout/": Scenario(lambda world, _number: world.member().post("/account/logout/")),
    "account/password/reset/": Scenario(forgot, mails=True),
    "account/login/code/confirm/": Scenario(ada_posts("/account/login/code/confirm/", code="123456")),
    r"account/~^confirm-email/(?P<key>[-.:\w]+)/$": Scenario(confirm_address, mails=True),
    r"account/~^confirm-email/(?P<key>[-:\w]+)/$": Scenario(confirm_address, mails=True),
    "legacy": Scenario(ada_posts("/legacy")),
    "legacy/": Scenario(upload),
    "recover/": Scenario(recover, mails=True),
    "recover/mine/": Scenario(mine, mails=True),
    "recover/beside/": Scenario(co_owner, mails=True),
    "recover/status/<str:key>/": Scenario(status, mails=True),
    "recover/status/<str:key>/key/": Scenario(
        lambda world, _number: world.visitor().post(
            world.once("page", lambda: path(status_link(make_ticket(world.ada)))) + "key/"
        )
    ),
    "recover/stop/<str:key>/": Scenario(stop, mails=True),
    "recover/password/<str:key>/": Scenario(choose_password, mails=True),
}
