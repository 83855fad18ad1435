"""The addresses of the databases that tests make for themselves."""

import pytest

from tests.cluster import other_database


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("postgres://desk:word@127.0.0.1:5432/desk", "postgres://desk:word@127.0.0.1:5432/story"),
        ("postgres://desk@db.example.org/desk?sslmode=require", "postgres://desk@db.example.org/story?sslmode=require"),
        ("postgres://desk@db.example.org", "postgres://desk@db.example.org/story"),
        ("postgresql:///desk?host=/var/run/postgresql", "postgresql:///story?host=/var/run/postgresql"),
        ("postgres://desk@/desk?host=/tmp/a/b", "postgres://desk@/story?host=/tmp/a/b"),
        ("postgres://desk@%2Fvar%2Frun/desk", "postgres://desk@%2Fvar%2Frun/story"),
    ],
)
def test_another_database_of_the_same_server(url: str, other: str) -> None:
    assert other_database(url, "story") == other
