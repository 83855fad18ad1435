"""Accounts as staff see them: to read. Staff rights and groups are for superusers; nothing here sets a password, an
address, a verification or a factor.
"""

from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import decisions, services, typed_names
from accounts.devices import RecoveryCodeDevice, TotpDevice, webauthn_credentials
from accounts.forms import ReasonForm
from accounts.models import User
from accounts.second_factors import require_recent_staff_factor
from accounts.visitor import account_of
from audit.desk_admin import DeskAdmin, page_named
from audit.log import origin_of

RIGHTS = ("is_staff", "is_superuser", "groups")


class ReadOnlyAdmin(DeskAdmin[Any]):
    """To look at, never to change."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return False


class OfAccountAdmin(ReadOnlyAdmin):
    """A part of an account: its row leads to the account's page."""

    def page_of(self, row: Any) -> str:
        return page_named("recovery_account", row.user_id)


class DeviceAdmin(OfAccountAdmin):
    """No secret, no digest, no key material."""

    list_display = ("user", "name", "confirmed", "created_at", "last_used_at")
    fields = ("user", "name", "confirmed", "created_at", "last_used_at")
    search_fields = ("user__username",)
    list_select_related = ("user",)


class AddressAdmin(OfAccountAdmin):
    """Addresses are verified by their holders alone."""

    list_display = ("email", "user", "primary", "verified")
    fields = ("email", "user", "primary", "verified")
    search_fields = ("email", "user__username")
    list_select_related = ("user",)


class UserAdmin(ReadOnlyAdmin):
    """Superusers may give and take staff rights, behind a recent second factor; each change is an event and a mail."""

    list_title = _("Accounts")
    list_display = ("username", "email", "standing", "joined")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("username", "emailaddress__email")
    search_help_text = _("Username, e-mail address or complete uid")
    change_form_template = "admin/accounts/user/change_form.html"
    ordering = ("username",)
    readonly_fields = (
        "username", "uid", "email", "is_active", "date_joined", "last_login", "language", "time_zone", "staff_since",
        "frozen_at", "frozen_by", "quarantined_at", "quarantine_until", "never_reset", "never_reset_ends",
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": readonly_fields}),
        (_("Staff rights"), {"fields": RIGHTS}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def page_of(self, row: User) -> str:
        return page_named("recovery_account", row.pk)

    def has_form(self, request: HttpRequest) -> bool:
        """Staff rights are a form, for superusers."""
        return self.has_change_permission(request)

    def log_of(self, row: User) -> dict[str, str]:
        return {"subject": row.username}

    @admin.display(description=_("State"))
    def standing(self, user: User) -> str:
        stands = [user.is_staff, user.frozen_at, not user.is_active]
        words = [gettext("staff"), gettext("frozen"), gettext("deactivated")]
        return ", ".join(word for word, yes in zip(words, stands, strict=True) if yes) or "–"

    @admin.display(description=_("Joined"), ordering="date_joined")
    def joined(self, user: User) -> str:
        return f"{user.date_joined:%Y-%m-%d}"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """A whole uid finds its account, deleted ones too; anything else searches names and addresses as written."""
        try:
            return queryset.filter(uid=UUID(search_term.strip())), False
        except ValueError:
            with suppress(typed_names.NoName):
                search_term = typed_names.read(search_term)
            return super().get_search_results(request, queryset, search_term)

    def get_urls(self) -> list[URLPattern]:
        gate = self.admin_site.admin_view
        ours = [
            path(
                f"<int:pk>/{name}/",
                gate(view),
                name=f"accounts_user_{name}",
            )
            for name, view in (
                ("freeze", require_recent_staff_factor(partial(self.decide, "freeze"))),
                ("unfreeze", partial(self.decide, "unfreeze")),
            )
        ]
        return [*ours, *super().get_urls()]

    def decide(self, verb: str, request: HttpRequest, pk: int) -> HttpResponse:
        """Freeze or unfreeze with a reason: a page that asks, then a POST. Nobody decides about themselves."""
        actor, subject = account_of(request), get_object_or_404(User, pk=pk)
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            how: dict[str, Any] = {"confirmed": decisions.confirmed(request)}
            if verb == "freeze":
                how = {"by": User.FrozenBy.STAFF}
            reason, origin = form.cleaned_data["reason"], origin_of(request)
            try:
                getattr(services, verb)(subject, actor=actor, reason=reason, origin=origin, **how)
            except services.NotPermitted as refusal:
                raise PermissionDenied from refusal
            except decisions.ConfirmationNeeded as needed:
                return decisions.ask_for_factor(request, needed, back=self._home(subject))
            return redirect(self._home(subject))
        if not services.may_freeze(actor, subject):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "form": form, "subject": subject, "verb": verb}
        return render(request, "admin/accounts/user/decide.html", {**context, "opts": self.opts})

    def _home(self, subject: User) -> str:
        return self.page_of(subject) or reverse("admin:accounts_user_change", args=[subject.pk])

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        return isinstance(request.user, User) and request.user.is_superuser

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            kwargs["widget"] = forms.CheckboxSelectMultiple
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        view = super().change_view
        if request.method == "POST":
            return self._changed(view, request, object_id, *args, **kwargs)
        kwargs["extra_context"] = {
            **(kwargs.get("extra_context") or {}),
            "may_freeze": self._may_freeze(request, object_id),
        }
        return view(request, object_id, *args, **kwargs)

    def _may_freeze(self, request: HttpRequest, object_id: str) -> bool:
        subject = self.get_object(request, object_id)
        return subject is not None and subject.is_active and services.may_freeze(account_of(request), subject)

    def _changed(self, view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What the verb refuses is said on the page it came from; what it asks for, on the page that asks for it."""
        try:
            return view(request, *args, **kwargs)  # type: ignore[no-any-return]
        except decisions.ConfirmationNeeded as needed:
            return decisions.ask_for_factor(request, needed, back=request.path)
        except services.LastSuperuser as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm[User], change: bool) -> None:  # noqa: ARG002
        """The verb writes; the generic form never does."""
        services.set_staff(
            User.objects.get(pk=obj.pk),
            is_staff=form.cleaned_data["is_staff"],
            is_superuser=form.cleaned_data["is_superuser"],
            groups=form.cleaned_data["groups"],
            actor=account_of(request),
            origin=origin_of(request),
            confirmed=decisions.confirmed(request),
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Groups were set by the verb."""

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        """Django's own log has no integrity; the event is what counts."""


admin.site.unregister(Group)
admin.site.unregister(EmailAddress)
admin.site.register(EmailAddress, AddressAdmin)
admin.site.register(User, UserAdmin)
admin.site.register(TotpDevice, DeviceAdmin)
admin.site.register(RecoveryCodeDevice, DeviceAdmin)
admin.site.register(webauthn_credentials().model, DeviceAdmin)
