"""The base of every admin: a list takes the parameters its own links send, and no other.

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
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Field, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse
from django.utils.text import smart_split

from audit.log import origin_of, record
from audit.tags import Tag

M = TypeVar("M", bound=Model)
OF_EVERY_LIST = frozenset({ALL_VAR, ERROR_FLAG, IS_FACETS_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR})
OF_POPUPS = frozenset({"_popup", "_source_model", "_to_field"})  # no page of ours opens one
DATE_PARTS = ("year", "month", "day")
MOST_WORDS = 10  # of a search
LONGEST = 10  # words of a parameter that are written down
UNKNOWN = "…"  # what stands in the log for a word of the caller's own


class DeskAdmin(admin.ModelAdmin[M]):
    """What every admin of ours inherits. Whoever draws the list anew overrides `list_page` and `own_parameters`."""

    actions = None
    own_parameters: frozenset[str] | None = None  # of a list page that is not Django's

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
        """Django's page, but the right comes first: whoever lacks it does not learn which rows there are."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)

    def list_page(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list itself: Django's, unless an admin draws its own."""
        return super().changelist_view(request, extra_context)


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
