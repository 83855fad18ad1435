"""The pages of one's own tokens."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import decisions, outcomes
from accounts.models import User
from accounts.second_factors import require_recent_second_factor
from accounts.visitor import account_of
from audit.log import origin_of
from audit.models import Event
from tokens import hooks, listed, services
from tokens.forms import TokenForm
from tokens.models import ApiToken

EVENTS_SHOWN = 100
MADE = "token"  # under which name a new one waits to be shown
REASON = "revoked by its owner on the token page"
read_or_write = require_http_methods(["GET", "HEAD", "POST"])


@never_cache
@login_required
def listing(request: HttpRequest) -> HttpResponse:
    """What tokens there are, for what, until when, and when and from where they were last used."""
    context = {"tokens": listed.of(account_of(request)), "private": settings.INDEX_PRIVATE, "index": _index()}
    return render(request, "tokens/list.html", context)


def _index() -> dict[str, str]:
    """The address of the index, and as pip reads it with a token in its environment."""
    url = f"{settings.BASE_URL}/simple/"
    return {"url": url, "with_token": url.replace("://", "://__token__:$DESK_TOKEN@", 1)}


@never_cache
@login_required
@require_recent_second_factor
@read_or_write
def make_token(request: HttpRequest) -> HttpResponse:
    """Ask for name, scope and end; the POST leads to the only page that ever shows the token."""
    user = account_of(request)
    form = TokenForm(request.POST or None, projects=hooks.projects_of(user))
    if request.method == "POST" and form.is_valid():
        try:
            return _made(request, user, form)
        except decisions.ConfirmationNeeded as needed:
            return decisions.ask_for_factor(request, needed, back=request.path)
        except (services.TokenNeedsVerifiedAddress, services.SecondFactorMissing) as refusal:
            messages.error(request, str(refusal))
            verify = isinstance(refusal, services.TokenNeedsVerifiedAddress)
            return redirect("account_email" if verify else "account_security")
        except services.TokenError as refusal:
            form.add_error(None, str(refusal))
    return render(request, "tokens/make.html", {"form": form, "terms": hooks.terms(user)})


def _made(request: HttpRequest, user: User, form: TokenForm) -> HttpResponse:
    minted = services.mint(
        user,
        name=form.cleaned_data["name"],
        project=form.project,
        lifetime=form.lifetime,
        only_newer=form.cleaned_data["only_newer"],
        only_read=form.cleaned_data["only_read"],
        origin=origin_of(request),
        confirmed=decisions.confirmed(request),
    )
    outcomes.keep_outcome(request, MADE, {"token": str(minted.row.pk)}, secret=minted.text)
    return redirect("token_made")


@never_cache
@login_required
@require_safe
def made(request: HttpRequest) -> HttpResponse:
    """The new token, once; afterwards what is known of it."""
    outcome = outcomes.take_outcome(request, MADE)
    if outcome is None:
        return redirect("tokens")
    token = _own(account_of(request), UUID(outcome.facts["token"]))
    if outcome.secret is None:
        messages.info(request, _("The token was shown once. If you did not copy it, revoke it and make a new one."))
        return redirect("token", token.pk)
    context = {
        "token": token,
        "row": listed.row(token),
        "text": outcome.secret,
        "upload": f"{settings.BASE_URL}/legacy/",
        "index": _index(),
        "private": settings.INDEX_PRIVATE,
    }
    return render(request, "tokens/made.html", context)


@never_cache
@login_required
def detail(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """One token and what was done with it."""
    user = account_of(request)
    token = _own(user, token_id)
    theirs = Event.objects.filter(Q(actor_uid=user.uid) | Q(subject_uid=user.uid), token_id=token.pk)
    events = theirs.order_by("-id")[:EVENTS_SHOWN]
    return render(request, "tokens/detail.html", {"token": token, "row": listed.row(token), "events": events})


@never_cache
@login_required
@read_or_write
def revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """Ask, then revoke one token. Stopping harm needs no second factor."""
    user = account_of(request)
    token = _own(user, token_id)
    if request.method != "POST":
        return render(request, "tokens/revoke.html", {"token": token})
    if services.revoke([token], actor=user, reason=REASON, origin=origin_of(request)):
        messages.success(request, _("%(name)s was revoked.") % {"name": token.name})
    return redirect("tokens")


@never_cache
@login_required
@read_or_write
def revoke_all(request: HttpRequest) -> HttpResponse:
    """Ask, then revoke every token of one's own."""
    user = account_of(request)
    tokens = ApiToken.objects.usable_by(user.pk)
    if request.method != "POST":
        return render(request, "tokens/revoke_all.html", {"count": tokens.count()})
    count = len(services.revoke(tokens, actor=user, reason=REASON, origin=origin_of(request)))
    text = ngettext("%(count)s token was revoked.", "%(count)s tokens were revoked.", count)
    messages.success(request, text % {"count": count})
    return redirect("tokens")


@never_cache
@login_required
@require_recent_second_factor
@read_or_write
def confirm(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """Ask, then let a suspended token work again."""
    user = account_of(request)
    token = _own(user, token_id)
    if request.method != "POST":
        return render(request, "tokens/confirm.html", {"token": token})
    try:
        services.confirm(token, actor=user, origin=origin_of(request))
    except services.NotHeld as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("%(name)s works again.") % {"name": token.name})
    return redirect("tokens")


def _own(user: User, token_id: UUID) -> ApiToken:
    token = ApiToken.objects.filter(pk=token_id, user_id=user.pk).first()
    if token is None:
        raise Http404
    return token
