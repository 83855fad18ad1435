"""What an upload declares must be in it: licence files, entry points; and its name must not look like another one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from recoverydesk.projects import names
from recoverydesk.projects.models import File, Project
from tests.helpers import factories
from tests.helpers.packages import Send, metadata_of, sdist, sdist_name, wheel, wheel_name
from tests.helpers.tokens import mint

LICENSED = (
    metadata_of("sample", "1.0").replace(b"2.1", b"2.4", 1).replace(b"Summary", b"License-File: LICENSE\nSummary")
)


def reason(response: Any) -> str:
    return f"{response.status_code} {response.reason_phrase}"


# Licence files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", [{}, {"metadata_version": "2.4", "license_file": ["LICENSE"]}], ids=["archive", "both"]
)
def test_a_licence_file_that_is_named_must_be_there(send: Send, form: dict[str, Any]) -> None:
    missing = "400 Invalid distribution file. License-File 'LICENSE' is not in it: there is no "
    for also in ({}, {"LICENSE": b"MIT"}, {"licenses/LICENSE/x": b"MIT"}, {"licenses/license": b"MIT"}):
        answer = send(wheel_name(), wheel(metadata=LICENSED, also=also), **form)
        assert reason(answer) == f"{missing}sample-1.0.dist-info/licenses/LICENSE"
    assert reason(send(sdist_name(), sdist(metadata=LICENSED), **form)) == f"{missing}sample-1.0/LICENSE"
    assert not File.objects.exists()
    right = wheel(metadata=LICENSED, also={"licenses/LICENSE": b"MIT"})
    assert send(wheel_name(), right, **form).status_code == 200


def test_a_licence_file_that_only_the_form_names_must_be_there(send: Send) -> None:
    answer = send(wheel_name(), wheel(), metadata_version="2.4", license_file=["COPYING"])
    assert "License-File 'COPYING' is not in it" in reason(answer)


def test_older_metadata_may_name_what_it_likes(send: Send) -> None:
    """setuptools wrote License-File for years before the standard said where the file lies."""
    old = LICENSED.replace(b"2.4", b"2.1", 1)
    for form in ({}, {"license_file": ["LICENSE"]}, {"license_files": ["LICENSE"]}):  # twine and uv send what they find
        assert send(wheel_name(), wheel(metadata=old, body=str(form).encode()), **form).status_code == 200
        File.objects.all().delete()


# Entry points --------------------------------------------------------------------------------------------------------

RIGHT = """# made by hand
[console_scripts]
sample = sample:main
sample-2.x = sample.cli : main [fast,other]

[gui_scripts]
_sample = sample:gui.main

[some.plug-ins]
x y:z = sample
ünder = sample.x:y [extra]
"""
SCRIPTS = "[console_scripts]\n"


def with_entry_points(text: str | bytes) -> bytes:
    return wheel(also={"entry_points.txt": text if isinstance(text, bytes) else text.encode()})


@pytest.mark.parametrize("text", [RIGHT, RIGHT.replace("\n", "\r\n"), "", "\n\n", "[x]\n"])
def test_right_entry_points_are_taken(send: Send, text: str) -> None:
    assert send(wheel_name(), with_entry_points(text)).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        SCRIPTS + "../../bin/sh = x:y", SCRIPTS + "/bin/sh = x:y", SCRIPTS + "a\\b = x:y", SCRIPTS + "C:x = x:y",
        SCRIPTS + ".. = x:y", SCRIPTS + ".profile = x:y", SCRIPTS + "-rf = x:y", SCRIPTS + "a b = x:y",
        SCRIPTS + "a\u202e = x:y", SCRIPTS + "ä = x:y", SCRIPTS + f"{'a' * 201} = x:y", SCRIPTS + " = x:y",
        SCRIPTS + "a = x", SCRIPTS + "a = ", SCRIPTS + "a", SCRIPTS + "a = x:y;import os", SCRIPTS + "a = x:y()",
        SCRIPTS + "a = x:y\na = x:z", SCRIPTS + "a = x:y\n" + SCRIPTS + "b = x:y", "a = x:y", "[x\na = b", "[]\na = b",
        "[a b]\na = b", "[x]\na = b c", "[x]\na = b:c:d", "\ufeff" + SCRIPTS + "a = x:y", b"[x]\na = \xff",
    ],
    ids=ascii,
)  # fmt: skip
def test_wrong_entry_points_are_refused(send: Send, text: str | bytes) -> None:
    answer = reason(send(wheel_name(), with_entry_points(text)))
    assert answer.startswith("400 Invalid distribution file. its "), answer
    assert not File.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        "[x]\na = b\n [console_scripts]\n../evil = c:d",  # a continuation to some, a group to others
        "[console_scripts]\n;../evil = a:b",  # a comment to some, a script to others
        "[x]\na\x0b[console_scripts]\x0b../evil = c:d", "[x]\na\u2028[console_scripts]\u2028../evil = c:d",
        "[x]\na = b\r[console_scripts]\r../evil = c:d", "[x]\na\x85[console_scripts]\x85../evil = c:d",
    ],
    ids=ascii,
)  # fmt: skip
def test_what_two_installers_would_read_in_two_ways_is_refused(send: Send, text: str) -> None:
    assert reason(send(wheel_name(), with_entry_points(text))).startswith("400 Invalid distribution file. its entry_")


def test_entry_points_of_many_bytes_take_little_time(send: Send) -> None:
    for text in (SCRIPTS + "a = " + "a" * 2**20 + "!", "[x]\na = b" + " " * 2**20 + "!", "[" + "a" * 2**20 + "!]"):
        assert send(wheel_name(), with_entry_points(text)).status_code == 400


# Names that look alike -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sampie", "SAMPLE0", "sam-ple", "samp1e", "s_a_m_p.l.e"])
def test_a_new_name_that_looks_like_another_is_refused(send: Send, name: str) -> None:
    factories.make_project("sample")
    factories.make_project("sampleO")
    module = name.replace("-", "_").replace(".", "_").lower()
    answer = reason(send(wheel_name(module), wheel(module), of=(name, "1.0")))
    assert answer.startswith(f"400 The name {name!r} is too similar to an existing project: 'sample")
    assert Project.objects.count() == 2


def test_the_project_itself_in_any_spelling_is_no_look_alike(send: Send, ada: User) -> None:
    factories.make_project("Sam.Ple", ada)
    assert send(wheel_name("sam_ple"), wheel("sam_ple"), of=("SAM_PLE", "2.0"), **{}).status_code == 400
    told = send(wheel_name("sam_ple", "2.0"), wheel("sam_ple", "2.0"), of=("SAM_PLE", "2.0"), project_urls=None)
    assert told.status_code == 200


def test_projects_that_look_alike_already_both_go_on(send: Send, ada: User) -> None:
    """They came before the rule, or by an import."""
    for name in ("sample", "samp1e"):
        factories.make_project(name, ada)
        version = "2.0"
        assert send(wheel_name(name, version), wheel(name, version), of=(name, version)).status_code == 200


def test_the_question_before_an_upload_has_the_same_answer(client: Any, ada: User) -> None:
    factories.make_project("sample")
    query, headers = {"project": "samp1e", "action": "upload"}, {"Authorization": f"Bearer {mint(ada).text}"}
    answer = client.get("/api/token", query, headers=headers).json()
    assert (answer["accepted"], "too similar" in answer["reason"]) == (False, True)


@pytest.mark.django_db
def test_the_database_and_we_see_the_same_look_alikes() -> None:
    spelled = ["foo-bar", "f0obar", "Fo.0.Bar", "illo", "1110", "I-L-1-o", "zope", "z0pe2", "0", "o", "l-i"]
    for name in spelled:
        Project.objects.create(name=name, normalized_name=names.normalize(name))
    for name in spelled:
        alike = {other for other in spelled if names.look_alike(other) == names.look_alike(name)}
        assert set(Project.objects.looking_like(name).values_list("name", flat=True)) == alike


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?", fullmatch=True))
def test_looking_alike_forgets_case_separators_and_spelling(name: str) -> None:
    assert names.look_alike(name.upper()) == names.look_alike(name.replace("-", "_")) == names.look_alike(name)
    assert set(names.look_alike(name)).isdisjoint("lio-_.LIO")
