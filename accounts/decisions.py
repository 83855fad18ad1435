"""A second factor shown for one decision: on a page that says what is decided, and in the request that decides it.

A verb that decides raises ConfirmationNeeded until its caller hands it a Confirmation of this very decision. The door
then answers with `ask`: the form waits in the session, the page asks for the factor, and what it confirmed is carried
out in the same request. Nothing that opens a decision is ever kept, so no session, stolen or copied, holds one
(ADR 0102).
"""

import secrets
import time
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import resolve, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.models import Device

from accounts import sign_in
from accounts.devices import RecoveryCodeDevice
from accounts.models import User
from accounts.step_up import KEY_DEVICES
from audit.log import RequestOrigin, record
from audit.models import Event
from audit.tags import Tag
from common.clock import database_now

PENDING = "decisions"  # in the session: forms that wait for their factor, the newest last
MOST_PENDING = 5
NO_RECOVERY_CODE = gettext_lazy("A recovery code is not enough here. Use an authenticator app or a security key.")
DECIDES_AFTER = timedelta(days=1)  # from when a second factor was added


@dataclass(frozen=True)
class Decision:
    """What a person decides: which verb, about which ticket, account or project, and the state of it that they saw.

    STAFF_STEP_UP asks for a key where it is one of `staff`, `key` does always. `factor_days` is how long the factor
    must have been there.
    """

    verb: str
    about: str
    seen: str
    staff: bool = True
    factor_days: int = 0
    key: bool = False

    @property
    def wants_key(self) -> bool:
        """Whether only a security key confirms it."""
        return self.key or (self.staff and wants_key())


@dataclass(frozen=True)
class Confirmation:
    """A second factor its owner showed for one decision a moment ago. Only `confirm` makes one."""

    decision: Decision
    user_id: int
    at: float  # seconds since 1970, the app's clock

    def covers(self, decision: Decision, user: User) -> bool:
        """Whether it is this decision, by this person, and not longer ago than RECENT_SECOND_FACTOR."""
        age = time.time() - self.at
        recent = 0 <= age <= settings.RECENT_SECOND_FACTOR.total_seconds()
        return recent and (self.decision, self.user_id) == (decision, user.pk)


class ConfirmationNeeded(Exception):
    """Everything else allows this decision; its second factor was not shown yet. Nothing was changed."""

    def __init__(self, decision: Decision, words: list[str]) -> None:
        super().__init__(f"{decision.verb}, {decision.about}")
        self.decision = decision
        self.words = words  # what is decided, in plain sentences


def check_confirmation(confirmed: Confirmation | None, decision: Decision, user: User, words: list[str]) -> None:
    """The last check of a verb that decides. Raises ConfirmationNeeded."""
    if confirmed is None or not confirmed.covers(decision, user):
        raise ConfirmationNeeded(decision, words)


def confirm(
    decision: Decision, user: User, device: Device, *, origin: RequestOrigin | None = None
) -> Confirmation | None:
    """Write down that this factor answered for the decision a moment ago; None for one that decides nothing here.

    Run it in the transaction in which the factor was verified. See `why_not`.
    """
    if why_not(user, device, decision):
        return None
    method = sign_in.method_of(device)
    record(
        Tag.ACCOUNT_STEP_UP, actor=user, subject=user, origin=origin,
        method=method, decision=decision.verb, about=decision.about,
    )  # fmt: skip
    return Confirmation(decision, user.pk, time.time())


def why_not(user: User, device: Device, decision: Decision) -> str:
    """Why this factor does not confirm this decision, for people; "" when it does."""
    if decision.wants_key and not device.persistent_id.startswith(KEY_DEVICES):
        if decision.staff:
            return _("To decide anything as staff, you need a security key.")
        return _("This project asks for a security key here.")
    if isinstance(device, RecoveryCodeDevice):
        return str(NO_RECOVERY_CODE)
    if _is_young(user, device):
        return _("This second factor was added less than a day ago. Use an older one for this.")
    if _is_younger(device, timedelta(days=decision.factor_days)):
        words = _("This needs a second factor that you added at least %(days)s days ago. Use an older one.")
        return words % {"days": decision.factor_days}
    return ""


def _is_younger(device: Device, age: timedelta) -> bool:
    added = getattr(device, "created_at", None)
    return bool(age) and (added is None or added > database_now() - age)


def _is_young(user: User, device: Device) -> bool:
    """Whoever holds a stolen session for five minutes can add a factor to it; its owner hears of that by mail.

    An account's first factor, and those of an account made today, are as good as any.
    """
    added, since = getattr(device, "created_at", None), database_now() - DECIDES_AFTER
    if added is None or added <= since or user.date_joined > since:
        return False
    earlier = Event.objects.filter(subject_uid=user.uid, tag=Tag.ACCOUNT_TWO_FACTOR_METHOD_ADDED, time__lt=added)
    return earlier.exists()


def wants_key() -> bool:
    """Whether only a security key confirms what staff decide."""
    return bool(settings.STAFF_STEP_UP == "webauthn")


# A form that waits for its factor -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pending:
    """A form in this session: what it decides, in which words, where it goes on, and its fields. No cookie is in it."""

    decision: Decision
    words: list[str]
    back: str
    path: str
    form: str
    done: bool = False


def ask_for_factor(request: HttpRequest, needed: ConfirmationNeeded, *, back: str) -> HttpResponse:
    """Keep the form and lead to the page that asks for its factor. `back` is where it goes on afterwards."""
    number, form = secrets.token_urlsafe(12), request.POST.copy()
    form.pop("csrfmiddlewaretoken", None)
    _keep(request, number, Pending(needed.decision, needed.words, back, request.path, form.urlencode()))
    return HttpResponseRedirect(reverse("account_decide", args=[number]))


def pending(request: HttpRequest, number: str) -> Pending | None:
    """The form of that number in this session, carried out or not."""
    kept = request.session.get(PENDING, {}).get(number)
    return Pending(**{**kept, "decision": Decision(**kept["decision"])}) if kept else None


def waits_for_factor(request: HttpRequest, number: str) -> bool:
    """Whether this session has a form of that number that was not carried out yet."""
    waits = pending(request, number)
    return waits is not None and not waits.done


def confirmed(request: HttpRequest) -> Confirmation | None:
    """What was confirmed in this request."""
    return cast("Confirmation | None", getattr(request, "confirmed", None))


def carry_out(request: HttpRequest, number: str, waits: Pending, done: Confirmation) -> HttpResponse:
    """Submit it again, in this request, with what was confirmed. It is used up first, whatever becomes of it."""
    _keep(request, number, replace(waits, form="", words=[], done=True))
    _save_now(request)
    request.POST, request.GET = QueryDict(waits.form), QueryDict("")
    request.path = request.path_info = waits.path
    request.confirmed = done  # type: ignore[attr-defined]
    request.resolver_match = found = resolve(waits.path)
    return cast(HttpResponse, found.func(request, *found.args, **found.kwargs))


def _save_now(request: HttpRequest) -> None:
    """The form is used up before it is carried out. Raises SessionInterrupted for a session that was ended."""
    try:
        request.session.save()
    except UpdateError as error:
        raise SessionInterrupted("the session was ended") from error


def _keep(request: HttpRequest, number: str, waits: Pending) -> None:
    known: dict[str, Any] = dict(request.session.get(PENDING, {}))
    known.pop(number, None)
    known[number] = asdict(waits)
    request.session[PENDING] = dict(list(known.items())[-MOST_PENDING:])
