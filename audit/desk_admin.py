"""The base of every admin: its lists lead to pages of ours, and take the parameters their own links send, no other.

Django's ModelAdmin filters by any column of its model, and by columns of related rows, for whoever may open the list.
Each answer tells whether a row has it: enough to read password hashes and session keys letter by letter. Here such a
request is a 400 and an event, because nobody types it by accident.
"""

from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.filters import FieldListFilter
from django.contrib.admin.options import IS_FACETS_VAR
from django.contrib.admin.utils import get_fields_from_path, unquote
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Field, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.text import capfirst, smart_split

from audit.log import origin_of, record
from audit.tags import Tag

M = TypeVar("M", bound=Model)
OF_EVERY_LIST = frozenset({ALL_VAR, ERROR_FLAG, IS_FACETS_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR})
OF_POPUPS = frozenset({"_popup", "_source_model", "_to_field"})  # no page of ours opens one
DATE_PARTS = ("year", "month", "day")
MOST_WORDS = 10  # of a search
LONGEST = 10  # words of a parameter that are written down
UNKNOWN = "…"  # what stands in the log for a word of the caller's own


class WithoutScripts:
    """Django's scripts, jQuery among them, weigh 90 kB. They open popups, complete fields, copy one into another and
    run actions on chosen rows; nothing of ours does.
    """

    @property
    def media(self) -> Media:
        return Media()


class DeskList(ChangeList):
    """Django's list, but its rows lead to the desk's own page of a thing where there is one."""

    def url_for_result(self, result: Any) -> str:
        return self.model_admin.page_of(result) or str(super().url_for_result(result))  # type: ignore[attr-defined]


class DeskAdmin(WithoutScripts, admin.ModelAdmin[M]):
    """What every admin of ours inherits. Whoever draws the list anew overrides `list_page` and `own_parameters`."""

    actions = None
    list_title: str | Promise = ""  # the sidebar's word, where it is not the model's own
    own_parameters: frozenset[str] | None = None  # of a list page that is not Django's

    def page_of(self, row: M) -> str:  # noqa: ARG002
        """The address of the desk's own page of this row; "" where Django's form is the page."""
        return ""

    def has_form(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Whether this reader gets Django's form although the row has a page of its own."""
        return False

    def log_of(self, row: M) -> dict[str, str]:  # noqa: ARG002
        """What to search the log for, to read what happened to this row; empty where the log cannot tell."""
        return {}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002
        return DeskList

    def title_of_list(self) -> str:
        return str(self.list_title or capfirst(self.opts.verbose_name_plural))

    def offers(self, request: HttpRequest, name: str) -> bool:
        """Whether a link or form of this list sends a parameter of that name."""
        if self.own_parameters is not None:
            return name in self.own_parameters
        dates = {f"{self.date_hierarchy}{LOOKUP_SEP}{part}" for part in DATE_PARTS} if self.date_hierarchy else set()
        return name in OF_EVERY_LIST | dates or any(
            name in self._sent_by(one, request)
            for one in self.get_list_filter(request)
            if isinstance(one, type) or name.startswith(_path(one))
        )

    def _sent_by(self, list_filter: Any, request: HttpRequest) -> Iterable[str | None]:
        """The parameters of one entry of `list_filter`, made as Django's ChangeList makes it."""
        if isinstance(list_filter, type):
            return list_filter(request, {}, self.model, self).expected_parameters()  # type: ignore[no-any-return]
        path, made = list_filter if isinstance(list_filter, (list, tuple)) else (list_filter, FieldListFilter.create)
        field = get_fields_from_path(self.model, path)[-1]
        spec = made(field, request, {}, self.model, self, field_path=path)
        return spec.expected_parameters()  # type: ignore[no-any-return]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:  # noqa: ARG002
        return self.offers(request, lookup)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:  # noqa: ARG002
        """Nothing of ours opens a popup or completes a field, so no row is looked up by another column."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, once its parameters are all its own. Raises PermissionDenied, BadRequest and what `refuse` does."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        for name, values in request.GET.lists():
            if not self.offers(request, name):
                refuse(request, self.opts.label_lower, name)
            if any("\0" in value for value in values):
                raise BadRequest
        return self.list_page(request, extra_context)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Django's search for the first words: two thousand keep a database busy for minutes."""
        words = list(smart_split(search_term))[:MOST_WORDS]
        return super().get_search_results(request, queryset, " ".join(words))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:  # noqa: ARG002
        """Nothing of a form comes from the address that opened it: a link must not fill in what staff then save."""
        return {}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the log says of this row; Django's own history is kept nowhere. Raises PermissionDenied."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        return redirect(
            log_address(self.log_of(row)) if row else f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Django's form where it is the page of the row; otherwise the way to the page."""
        if request.method in ("GET", "HEAD") and self.has_view_or_change_permission(request):
            row = self.get_object(request, unquote(object_id))
            page = self.page_of(row) if row and not self.has_form(request) else ""
            if page:
                return redirect(page)
        return super().change_view(request, object_id, form_url, extra_context)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """With the names of the list and of the row, and the way to what the log says of it."""
        row = kwargs.get("obj")
        asked = self.log_of(row) if row else {}
        context |= {
            "list_title": self.title_of_list(),
            "log_url": log_address(asked) if asked and request.user.has_perm("audit.view_event") else "",
            **({"title": str(row)} if row else {}),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def list_page(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list itself: Django's, unless an admin draws its own."""
        return super().changelist_view(request, {"title": self.title_of_list(), **(extra_context or {})})


def page_named(name: str, *args: Any) -> str:
    """The address of a page of the desk that a room above may have; "" where it has none."""
    try:
        return reverse(f"admin:{name}", args=args)
    except NoReverseMatch:
        return ""


def log_address(asked: dict[str, str]) -> str:
    """The log, searched for this."""
    return f"{reverse('admin:audit_event_changelist')}?{urlencode(asked)}"


def refuse_lookups(request: HttpRequest) -> None:
    """For the pages that are no list: none of them takes a lookup or is a popup. Raises what `refuse` does."""
    for name in (*request.GET, *request.POST):
        if name in OF_POPUPS or (LOOKUP_SEP in name and "__prefix__" not in name):
            refuse(request, request.resolver_match.view_name if request.resolver_match else "", name)


def refuse(request: HttpRequest, page: str, name: str) -> NoReturn:
    """Write the event, without values; raises DisallowedModelAdminLookup, which is answered with 400."""
    user: Any = request.user
    parameter = _words_we_know(name)
    record(Tag.DESK_LOOKUP_REFUSED, actor=user, origin=origin_of(request), page=page, parameter=parameter)
    raise DisallowedModelAdminLookup(f"{page} does not offer {parameter}")


def _words_we_know(name: str) -> str:
    """The parameter as fields and lookups of ours; what else was typed may be a piece of a secret and is left out."""
    fields = [field for model in apps.get_models() for field in model._meta.get_fields()]
    known = {field.name for field in fields} | {getattr(field, "attname", "") for field in fields}
    known |= {"pk", *DATE_PARTS, *OF_POPUPS, *OF_EVERY_LIST, *Field.get_class_lookups()}
    words = name.split(LOOKUP_SEP) if name not in known else [name]
    return LOOKUP_SEP.join(word if word in known else UNKNOWN for word in words[:LONGEST])


def _path(list_filter: Any) -> str:
    """The field an entry of `list_filter` is about."""
    return str(list_filter[0] if isinstance(list_filter, (list, tuple)) else list_filter)
