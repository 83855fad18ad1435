"""The endpoint, byte by byte: what it takes, what it refuses, and the words clients look for."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts import services as accounts_services
from accounts.models import User
from audit.models import Event, EventDetail
from recoverydesk.projects import holds, withdrawals
from recoverydesk.projects.archives.distribution import Distribution
from recoverydesk.projects.models import File, Project, Release, RepositoryLink, Role
from recoverydesk.projects.releases import record_release
from recoverydesk.upload import naming
from recoverydesk.upload.form import Form
from tests.helpers import factories
from tests.helpers.packages import Send, metadata_of, sdist, sdist_name, stored_files, wheel, wheel_name
from tests.helpers.tokens import basic, mint
from tokens import services
from tokens.models import ApiToken

CHANGED = b"x = 2\n"


def reason(response: Any) -> str:
    return f"{response.status_code} {response.reason_phrase}"


def test_a_wheel_and_an_sdist_are_published(send: Send, ada: User, storage: Path) -> None:
    for name, content in ((wheel_name(), wheel()), (sdist_name(), sdist())):
        response = send(name, content)
        assert (response.status_code, response.content) == (200, b"")
    release = Release.objects.get(project__normalized_name="sample")
    assert set(release.files.values_list("filename", "packagetype")) == {
        (wheel_name(), "bdist_wheel"),
        (sdist_name(), "sdist"),
    }
    assert {path.read_bytes() for path in stored_files(storage)} == {wheel(), metadata_of("sample", "1.0"), sdist()}
    assert Role.objects.get(user=ada, project=release.project).kind == "owner"
    assert set(release.files.values_list("requires_python", flat=True)) == {">=3.8"}


def test_a_release_feeds_the_repository_links(send: Send) -> None:
    named = metadata_of("sample", "1.0").replace(b"code.example", b"github.com")
    send(wheel_name(), wheel(metadata=named), project_urls=["Source, https://github.com/ada/sample"])
    link = RepositoryLink.objects.get()
    assert (link.host, link.namespace, link.repository) == ("github.com", "ada", "sample")


def test_every_event_names_the_token(send: Send, ada: User) -> None:
    send(wheel_name(), wheel(), headers={"User-Agent": "twine/7"})
    row = ApiToken.objects.get(user=ada)
    events = Event.objects.filter(token_id=row.id).order_by("id")
    assert [event.tag for event in events][1:] == ["project:create", "project:role:add", "project:release:add"]
    assert {event.actor_uid for event in events} == {ada.uid}
    assert EventDetail.objects.get(event_id=events[3].pk).device == "twine/7"
    row.refresh_from_db()
    assert (row.last_used_from, row.last_used_at is not None) == ("127.0.0.1", True)


def test_the_same_file_again_is_fine_and_changes_nothing(send: Send, storage: Path) -> None:
    send(wheel_name(), wheel())
    before = Event.objects.count()
    assert send(wheel_name(), wheel()).status_code == 200
    assert (Event.objects.count(), len(stored_files(storage))) == (before, 2)


def test_the_same_file_by_another_upload_between_two_questions_is_fine(
    send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = naming.check_name

    def meanwhile(form: Form, filename: str) -> Distribution:
        monkeypatch.setattr(naming, "check_name", asked)
        assert send(wheel_name(), wheel()).status_code == 200
        return asked(form, filename)

    monkeypatch.setattr(naming, "check_name", meanwhile)
    assert send(wheel_name(), wheel()).status_code == 200
    assert (Project.objects.count(), File.objects.count()) == (1, 1)


def test_changed_bytes_are_refused_in_words_that_clients_know(send: Send, storage: Path) -> None:
    send(wheel_name(), wheel())
    assert reason(send(wheel_name(), wheel(body=CHANGED))).startswith("400 File already exists (")
    assert {path.name for path in stored_files(storage)} == {wheel_name(), f"{wheel_name()}.metadata"}


def test_the_same_bytes_under_another_name_are_refused(send: Send) -> None:
    send(wheel_name(), wheel())
    other = "sample-1.0-py2.py3-none-any.whl"
    assert reason(send(other, wheel())).startswith("400 File already exists ('sample-1.0-py3")


def test_a_release_takes_one_sdist_and_its_second_spelling_is_the_same_release(send: Send) -> None:
    send(sdist_name(), sdist())
    again = send(sdist_name(version="1.0.0"), sdist(version="1.0.0"), of=("sample", "1.0.0"))
    assert reason(again) == "400 Only one sdist may be uploaded per release."
    assert send(wheel_name(), wheel(), of=("sample", "1.0.0")).status_code == 200
    assert Release.objects.get().version == "1.0"


def test_an_old_release_takes_nothing(send: Send) -> None:
    send(sdist_name(), sdist())
    Release.objects.update(uploaded_at=factories.LONG_AGO)
    assert reason(send(wheel_name(), wheel())) == (
        "400 Uploading new files to releases older than 14 days is not allowed."
    )


def test_a_release_stays_open_where_the_site_says_so(send: Send, settings: Any) -> None:
    settings.UPLOAD_RELEASE_OPEN_DAYS = 0
    send(sdist_name(), sdist())
    Release.objects.update(uploaded_at=factories.LONG_AGO)
    assert send(wheel_name(), wheel()).status_code == 200


def test_a_file_withdrawn_first_does_not_open_a_release_again(send: Send) -> None:
    """The days count from the release's first file, whatever became of it."""
    send(sdist_name(), sdist())
    Release.objects.update(uploaded_at=factories.LONG_AGO)
    File.objects.update(uploaded_at=factories.LONG_AGO, deleted_at=factories.LONG_AGO)
    assert reason(send(wheel_name(), wheel())).startswith("400 Uploading new files to releases older than 14 days")


def test_a_deleted_file_never_comes_back(send: Send) -> None:
    send(sdist_name(), sdist())
    Release.objects.update(deleted_at=factories.LONG_AGO)
    assert reason(send(sdist_name(), sdist())).startswith("400 This filename was previously used by a file")
    assert reason(send(wheel_name(), wheel())) == "400 This release was deleted. Use a different version."


def test_a_file_deleted_alone_never_comes_back_with_whatever_bytes(send: Send, ada: User) -> None:
    send(wheel_name(), wheel())
    send(sdist_name(), sdist())
    withdrawals.delete(File.objects.get(filename=wheel_name()), actor=ada)
    for content in (wheel(), wheel(body=b"other")):
        assert reason(send(wheel_name(), content)).startswith("400 This filename was previously used by a file")
    elsewhere = mint(ada, project=factories.make_project("other", ada)).text
    assert "not valid for project" in reason(send(wheel_name(), wheel(body=b"other"), by=elsewhere))
    kept = File.objects.get(filename=wheel_name())
    assert (bool(kept.deleted_at), kept.sha256) == (True, hashlib.sha256(wheel()).hexdigest())
    assert send("sample-1.0-py2-none-any.whl", wheel()).status_code == 400  # its bytes are taken, too


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"protocol_version": "2"}, "400 Unknown protocol version."),
        ({"metadata_version": None}, "400 metadata-version: None is not a valid metadata version"),
        ({"metadata_version": "9", "summary": "a\nb"}, "400 metadata-version: '9' is not a valid metadata version"),
        ({"name": None}, "400 name: 'name' is a required field"),
        ({"name": "-"}, "400 name: '-' is invalid for 'name'"),
        ({"version": "one"}, "400 version: 'one' is invalid for 'version'"),
        ({"version": "1.0+local"}, "400 version: local versions are not allowed"),
        ({"summary": ["a", "b"]}, "400 summary: has invalid data"),
        ({"summary": "s" * 513}, "400 summary: is longer than 512 characters"),
        ({"filetype": "bdist_egg"}, "400 Use a known file type."),
        ({"pyversion": None}, "400 Python version is required for binary distribution uploads."),
        ({"filetype": "sdist"}, "400 Use 'source' as Python version for an sdist."),
        ({"sha256_digest": None}, "400 Include at least one message digest."),
        ({"sha256_digest": "0" * 63}, "400 sha256_digest: Use a valid, hex-encoded, sha256 message digest."),
        (
            {"sha256_digest": "0" * 64},
            "400 The digest supplied does not match a digest calculated from the uploaded file.",
        ),
        (
            {"md5_digest": "0" * 32},
            "400 The digest supplied does not match a digest calculated from the uploaded file.",
        ),
        ({"content": "text"}, "400 Upload payload does not have a file."),
        ({"project_urls": ["Source"]}, "400 project-urls: Use both a label and an URL."),
        ({"classifiers": ["Private :: Do Not Upload"]}, "400 classifiers: a private classifier stops every upload"),
        ({"classifiers": ["Topic :: Nonsense"]}, "400 classifiers: 'Topic :: Nonsense' is not a valid classifier"),
        ({"classifiers": ["topic :: utilities"]}, "400 classifiers: 'topic :: utilities' is not a valid classifier"),
        (
            {"classifiers": ["Topic :: Utilities", "Natural Language :: Ukranian"]},
            "400 classifiers: 'Natural Language :: Ukranian' has been deprecated, use 'Natural Language :: Ukrainian'",
        ),
        (
            {"requires_dist": ["x @ https://code.example/x.whl"]},
            "400 requires-dist: Can't have direct dependency: x @ https://code.example/x.whl",
        ),
        ({":action": "nonsense"}, "400 Unknown :action 'nonsense'. Use file_upload."),
        ({":action": "FILE_UPLOAD"}, "400 Unknown :action 'FILE_UPLOAD'. Use file_upload."),
        ({":action": None}, "400 Unknown :action ''. Use file_upload."),
        ({":action": "doc_upload"}, "410 Documentation is no longer required or supported, continue directly"),
        ({"attestations": '[{"version": 1}]'}, "400 attestations: this registry keeps none, and takes no file whose"),
        ({"attestations": "[]"}, "400 attestations: this registry keeps none"),
        ({":action": "submit"}, "410 Project pre-registration is no longer required or supported, continue directly"),
        ({"of": ("other", "1.0")}, "400 Filename 'sample-1.0-py3-none-any.whl' is invalid, should be 'other-1.0-...'."),
    ],
    ids=str,
)
def test_a_wrong_form_is_answered_with_its_first_fault(send: Send, changes: dict[str, Any], expected: str) -> None:
    assert reason(send(wheel_name(), wheel(), **changes)).startswith(expected)
    assert not Project.objects.exists()


def test_a_file_in_a_text_field_is_refused(send: Send) -> None:
    response = send(wheel_name(), wheel(), summary=SimpleUploadedFile("summary.txt", b"text"))
    assert reason(response) == "400 summary: Should not be a tuple."


def test_attestations_in_a_file_are_refused_and_an_empty_field_is_none(send: Send) -> None:
    response = send(wheel_name(), wheel(), attestations=SimpleUploadedFile("x.json", b"[]"))
    assert reason(response).startswith("400 attestations: this registry keeps none")
    assert send(wheel_name(), wheel(), attestations="").status_code == 200


def test_a_signature_may_be_a_file_and_is_ignored(send: Send) -> None:
    assert send(wheel_name(), wheel(), gpg_signature=SimpleUploadedFile("x.asc", b"sig")).status_code == 200


def test_digests_count_in_any_case_and_unknown_and_empty_fields_do_not(send: Send) -> None:
    content = wheel()
    digest = hashlib.sha256(content).hexdigest().upper()
    upper = send(wheel_name(), content, license="UNKNOWN", requires_python="", nonsense="x", sha256_digest=digest)
    assert upper.status_code == 200


def test_a_zero_byte_in_a_field_is_spelled_out(send: Send) -> None:
    answer = reason(send(wheel_name(), wheel(), keywords="b\x00"))
    assert answer.startswith("400 keywords: the form says 'b\\x00', the ")


def test_both_spellings_of_import_names_are_read(send: Send) -> None:
    for field in ("import_name", "import_names"):
        response = send(wheel_name(), wheel(), metadata_version="2.5", **{field: ["not a name"]})
        assert reason(response).startswith("400 import-name: ")


def test_an_sdist_has_one_right_name(send: Send) -> None:
    response = send("Sample-1.0.tar.gz", sdist())
    assert reason(response) == "400 Filename 'Sample-1.0.tar.gz' is invalid, should be 'sample-1.0.tar.gz'."


def test_a_file_that_is_too_large_is_refused_by_name(send: Send, settings: Any, storage: Path) -> None:
    settings.UPLOAD_MAX_MIB = 1
    response = send(wheel_name(), bytes(2**20 + 1))
    assert reason(response) == "400 File too large. Limit for project 'sample' is 1 MB."
    assert stored_files(storage) == []


def test_the_body_tells_the_reason_in_the_form_the_client_asks_for(send: Send) -> None:
    wrong: dict[str, Any] = {"filetype": "<b>"}
    uv = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7"
    assert json.loads(send(wheel_name(), wheel(), headers={"Accept": uv}, **wrong).content) == {
        "code": "400 Use a known file type.",
        "title": "Bad Request",
        "message": "Use a known file type.",
    }
    problem = send(wheel_name(), wheel(), headers={"Accept": "application/problem+json"}, **wrong)
    assert problem.headers["Content-Type"] == "application/problem+json"
    assert json.loads(problem.content)["detail"] == "Use a known file type."
    page = send(wheel_name(), wheel(), headers={"Accept": "*/*"}, name="<b>\r\nSet-Cookie: x=ü€")
    assert b"&lt;b&gt;\\r\\nSet-Cookie: x=\xc3\xbc\xe2\x82\xac" in page.content
    assert page.reason_phrase == "name: '<b>\\r\\nSet-Cookie: x=ü?' is invalid for 'name'"


def test_without_the_slash_the_way_is_told_absolutely(settings: Any) -> None:
    response = Client(enforce_csrf_checks=True).post("/legacy?:action=file_upload")
    assert (response.status_code, response.headers["Location"]) == (
        308,
        f"{settings.BASE_URL}/legacy/?:action=file_upload",
    )


@pytest.mark.django_db
def test_a_look_at_the_address_explains_it(client: Client) -> None:
    response = client.get("/legacy/")
    assert (response.status_code, b"__token__" in response.content) == (200, True)


# Who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "403 Invalid or non-existent authentication information."),
        ("Digest x", "403 Invalid or non-existent authentication information."),
        ("Basic !!", "403 Invalid or non-existent authentication information."),
        (basic("a long enough pass phrase", "ada"), "403 Username/Password authentication is no longer supported."),
        (basic("nonsense"), "403 Invalid API Token: malformed or nonexistent macaroon: ours begin with recoverydesk-"),
        (basic("pypi-AgEIcHlwaS5vcmc"), "403 Invalid API Token: malformed or nonexistent macaroon: ours begin with"),
        ("Bearer npm_0123456789", "403 Invalid API Token: malformed or nonexistent macaroon: ours begin with"),
        (basic(""), "403 Invalid API Token: malformed or nonexistent macaroon: ours begin with recoverydesk-"),
        ("Bearer recoverydesk-AAAA", "403 Invalid API Token: malformed macaroon"),
    ],
)
def test_whoever_brings_no_token_is_told_what_to_do(client: Client, ada: User, header: str, expected: str) -> None:
    response = client.post("/legacy/", {":action": "file_upload"}, headers={"Authorization": header})
    assert reason(response).startswith(expected)


def test_a_token_in_every_form_of_the_header_is_taken(client: Client, token: str) -> None:
    for header in (basic(token), basic(f" {token}\n"), f"token {token}", f"Bearer {token}"):
        response = client.post("/legacy/", {":action": "file_upload"}, headers={"Authorization": header})
        assert reason(response).startswith("400 metadata-version")


def test_a_cookie_opens_nothing(client: Client, ada: User) -> None:
    client.force_login(ada)
    assert client.post("/legacy/", {":action": "file_upload"}).status_code == 403


def test_only_an_accepted_role_uploads(send: Send, ada: User) -> None:
    project = factories.make_project("sample", factories.make_user("kim"))
    refused = "403 The user 'ada' isn't allowed to upload to project 'sample'."
    assert reason(send(wheel_name(version="2.0"), wheel(version="2.0"), of=("sample", "2.0"))) == refused
    role = factories.add_role(project, ada, kind="maintainer", accepted=False)
    assert reason(send(wheel_name(version="2.0"), wheel(version="2.0"), of=("sample", "2.0"))) == refused
    role.accepted_at = factories.LONG_AGO
    role.save()
    assert send(wheel_name(version="2.0"), wheel(version="2.0"), of=("sample", "2.0")).status_code == 200


def test_a_role_that_rests_uploads_nothing_by_any_token(send: Send, ada: User) -> None:
    project = factories.make_project("sample", ada)
    holds.hold(ada, ["sample"], actor="system", ticket=7)
    refused = "403 The user 'ada' isn't allowed to upload to project 'sample'."
    for made_since in (mint(ada), mint(ada, project=project)):
        answer = send(wheel_name(version="2.0"), wheel(version="2.0"), of=("sample", "2.0"), by=made_since.text)
        assert reason(answer) == refused
    assert holds.release(ada.roles.get(), actor="system", how="time")
    assert send(wheel_name(version="2.0"), wheel(version="2.0"), of=("sample", "2.0")).status_code == 200


def test_a_token_of_another_project_is_refused(send: Send, ada: User) -> None:
    mine, other = factories.make_project("sample", ada), factories.make_project("other", ada)
    version = ("sample", "2.0")
    refused = send(wheel_name(version="2.0"), wheel(version="2.0"), of=version, by=mint(ada, project=other).text)
    assert reason(refused) == "403 Invalid API Token: project-scoped token is not valid for project: 'sample'"
    right = mint(ada, project=mine).text
    assert send(wheel_name(version="2.0"), wheel(version="2.0"), of=version, by=right).status_code == 200


def test_a_name_used_again_does_not_wake_its_old_token(send: Send, ada: User) -> None:
    old = factories.make_project("sample", ada)
    text = mint(ada, project=old).text
    Project.objects.filter(pk=old.pk).update(normalized_name="sample-gone", name="sample-gone")
    factories.make_project("sample", ada)
    response = send(wheel_name(version="2.0"), wheel(version="2.0"), of=("sample", "2.0"), by=text)
    assert response.status_code == 403


def _freeze(user: User) -> None:
    accounts_services.freeze(user, by=User.FrozenBy.STAFF, actor="system", reason="a test of ten characters")


def _unverify(user: User) -> None:
    user.emailaddress_set.update(verified=False)


def _hold(user: User) -> None:
    services.hold_all(user, actor="system", reason="second factors were reset")


def _revoke(user: User) -> None:
    services.revoke(ApiToken.objects.all(), actor=user)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_freeze, "403 Invalid API Token: The user 'ada' is frozen."),
        (lambda user: User.objects.update(is_active=False), "403 Invalid API Token: The user 'ada' is closed."),
        (_unverify, "403 Invalid API Token: User 'ada' does not have a verified primary email address."),
        (
            lambda user: user.totpdevice_set.all().delete(),
            "403 Invalid API Token: User 'ada' does not have two-factor authentication enabled.",
        ),
        (_hold, "403 Invalid API Token: token is on hold: sign in and keep or revoke it"),
        (_revoke, "403 Invalid API Token: token was revoked"),
        (
            lambda user: ApiToken.objects.update(expires_at=factories.LONG_AGO),
            "403 Invalid API Token: token is expired",
        ),
        (
            lambda user: ApiToken.objects.update(sealed_key=b"not ours"),
            "403 Invalid API Token: deleted or nonexistent macaroon",
        ),
        (lambda user: ApiToken.objects.update(caveats=["[99]"]), "403 Invalid API Token: caveat has unknown tag"),
        (
            lambda user: User.objects.update(quarantined_at=factories.LONG_AGO),
            "403 The account of 'ada' was recovered: no new projects until 3 days after the first sign-in.",
        ),
    ],
)
def test_what_happened_to_account_or_token_stops_an_upload(
    send: Send, ada: User, storage: Path, change: Any, expected: str
) -> None:
    change(ada)
    assert reason(send(wheel_name(), wheel())) == expected
    assert (File.objects.count(), Project.objects.count(), stored_files(storage)) == (0, 0, [])


def test_a_token_narrowed_later_in_its_row_is_narrower_everywhere(send: Send, ada: User) -> None:
    ApiToken.objects.update(caveats=['[1,["other"]]'])
    assert reason(send(wheel_name(), wheel())).startswith("403 Invalid API Token: project-scoped token is not valid")


def test_uploads_can_be_switched_off(send: Send, settings: Any) -> None:
    settings.UPLOADS = False
    assert reason(send(wheel_name(), wheel())) == "403 Read-only mode: Uploads are temporarily disabled."


def test_production_takes_no_token_over_plain_http(send: Send, settings: Any) -> None:
    settings.PRODUCTION = True
    assert reason(send(wheel_name(), wheel())) == "403 SSL is required."


def test_new_projects_are_limited(send: Send, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recoverydesk.upload.rules.MOST_NEW_PROJECTS", 1)
    send(wheel_name(), wheel())
    response = send(wheel_name("other"), wheel("other"), of=("other", "1.0"))
    assert reason(response).startswith("429 Too many new projects created. That was too often. Try again in 60 minutes")
    assert 3590 < int(response.headers["Retry-After"]) <= 3600


def test_only_newer_versions(send: Send, ada: User) -> None:
    def upload(version: str, by: str, kind: Any = (wheel_name, wheel)) -> int:
        return send(kind[0](version=version), kind[1](version=version), of=("sample", version), by=by).status_code

    free, narrow = mint(ada).text, mint(ada, only_newer=True)
    assert upload("2.0rc1", free) == 200
    assert [upload(version, narrow.text) for version in ("1.9", "2.1rc1", "2.1.dev1", "2.0rc1")] == [403] * 4
    assert upload("2.0", narrow.text) == 200
    assert upload("2.0", narrow.text, (sdist_name, sdist)) == 200
    assert upload("2.0.post1", narrow.text) == 200
    assert upload("3.0", free) == 200
    assert upload("3.0", narrow.text, (sdist_name, sdist)) == 403
    Release.objects.filter(version="2.0.post1").update(
        uploaded_at=Release.objects.get(version="2.0.post1").uploaded_at - timedelta(hours=24)
    )
    assert upload("2.0.post1", narrow.text, (sdist_name, sdist)) == 403


def test_one_upload_asks_a_fixed_number_of_questions(send: Send, ada: User, django_assert_max_num_queries: Any) -> None:
    project = factories.make_project("sample", ada)
    for number in range(30):
        record_release(project, version=f"0.{number}", uploaded_at=factories.LONG_AGO, urls=[])
    with django_assert_max_num_queries(60):
        assert send(wheel_name(version="2.0"), wheel(version="2.0"), of=("sample", "2.0")).status_code == 200
