"""docs/secrets.md is whole: every column that could carry a secret stands in it, and no page shows one that does."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailConfirmation
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.test import Client

from tests.helpers import factories
from tests.helpers.files import ROOT

PAGE = (ROOT / "docs" / "secrets.md").read_text()
CARRIED, _, SOUNDS_SO = PAGE.partition("## Columns that only sound like one")
COLUMN = re.compile(r"`([a-z_]+\.[A-Z]\w+\.[a-z]\w*)`")
SOUNDS = re.compile(
    r"secret|token|nonce|digest|hash|sha\d|key|code|passw|salt|session|signature|commitment|seal|proof|otp|pin\b|cookie"
    r"|credential|handle|fingerprint|attestation|payload|challenge|link"
)
OF_TEXT = (models.CharField, models.TextField, models.UUIDField)
OF_ANYTHING = (models.BinaryField, models.JSONField)


def columns() -> Iterator[tuple[str, models.Field[Any, Any]]]:
    """Every column of every table there is."""
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.concrete_fields:
            yield f"{model._meta.label}.{field.name}", field


def could_carry_one(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, OF_ANYTHING) or (isinstance(field, OF_TEXT) and bool(SOUNDS.search(field.name)))


def test_every_column_that_could_carry_a_secret_is_told_about() -> None:
    told = set(COLUMN.findall(PAGE))
    assert {name for name, field in columns() if could_carry_one(field)} - told == set()


def test_the_page_names_no_column_that_is_gone() -> None:
    assert set(COLUMN.findall(PAGE)) - {name for name, _field in columns()} == set()


@pytest.mark.parametrize(
    "name", ["secret", "api_token", "session_key", "return_code_digest", "password", "invite_hash"]
)
def test_a_new_column_of_such_a_name_would_be_missed_on_the_page(name: str) -> None:
    assert could_carry_one(models.CharField(name=name))
    assert could_carry_one(models.BinaryField(name="anything"))
    assert not could_carry_one(models.DateTimeField(name=name))


def named_by(listed: Any) -> Iterator[str]:
    """Every column an admin or one of its inlines shows, searches, filters or sorts by."""
    names = ("list_display", "list_filter", "search_fields", "ordering", "fields", "readonly_fields", "sortable_by")
    for part in (listed, *listed.inlines):
        named = [one for attribute in names for one in getattr(part, attribute, None) or ()] + [
            getattr(part, "date_hierarchy", None)
        ]
        for one in named:
            yield from (str(name) for name in (one if isinstance(one, (list, tuple)) else [one]) if name)
        for _title, options in getattr(part, "fieldsets", None) or ():
            yield from (str(name) for name in options["fields"])


def label_of(model: type[models.Model], path: str) -> str:
    """The column at the end of a path; empty for a method of the admin's own."""
    try:
        field: Any = get_fields_from_path(model, path.lstrip("-^=@"))[-1]
    except FieldDoesNotExist:
        return ""
    return f"{field.model._meta.label}.{field.name}"


def test_no_list_of_the_admin_names_a_column_that_carries_a_secret() -> None:
    carried = set(COLUMN.findall(CARRIED))
    assert "accounts.Session.session_key" in carried
    for model, listed in admin.site._registry.items():
        models_of = [model, *(inline.model for inline in listed.inlines)]
        named = {label_of(one, path) for one in models_of for path in named_by(listed)}
        assert named & carried == set(), listed


@pytest.mark.django_db
def test_the_links_that_confirm_an_address_are_in_no_table(client: Client) -> None:
    """allauth would keep their keys in clear."""
    said = {"username": "ada", "email": "ada@example.org", "password1": factories.PASSWORD}
    client.post("/account/signup/", {**said, "password2": factories.PASSWORD})
    assert not EmailConfirmation.objects.exists()
