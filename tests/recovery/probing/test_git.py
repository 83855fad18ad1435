"""The wire protocol: strict about every byte, so that nothing broken can look like an absent branch."""

import pytest

from recoverydesk.recovery.probing import git
from recoverydesk.recovery.probing.git import BadPackets, line

OID = b"a" * 40
V2 = line(b"version 2") + line(b"ls-refs") + line(b"object-format=sha256") + b"0000"


def test_the_question_is_what_git_itself_would_send() -> None:
    asked = git.ls_refs_request(["refs/heads/000-recovery-abcde"], "sha1")
    assert asked.startswith(b"0014command=ls-refs\n")
    assert asked.endswith(b"0017object-format=sha1\n0001" + b"002dref-prefix refs/heads/000-recovery-abcde\n" + b"0000")
    assert len(asked) <= 150


def test_an_advertisement_is_read_with_and_without_the_service_line() -> None:
    assert git.advertisement(V2) == git.Advertisement("sha256")
    assert git.advertisement(line(b"# service=git-upload-pack") + b"0000" + V2) == git.Advertisement("sha256")
    assert git.advertisement(V2.replace(line(b"object-format=sha256"), b"")).object_format == "sha1"


def test_several_names_are_one_question_and_equal_ones_are_asked_once() -> None:
    asked = git.ls_refs_request(["refs/heads/a", "refs/heads/b", "refs/heads/a"], "sha1")
    assert asked.count(b"ref-prefix ") == 2


SERVICE = line(b"# service=git-upload-pack") + b"0000"
REFS = line(OID + b" HEAD\x00multi_ack") + line(OID + b" refs/heads/main") + line(OID + b" refs/tags/v1^{}")


def test_versions_are_told_apart_by_their_first_bytes() -> None:
    assert git.is_version_2(V2[:100])
    assert git.is_version_2((SERVICE + V2)[:100])
    assert not git.is_version_2(SERVICE + REFS)
    assert not git.is_version_2(line(b"version 1") + REFS)
    assert not git.is_version_2(b"")


@pytest.mark.parametrize("before", [b"", SERVICE, line(b"version 1"), SERVICE + line(b"version 1")])
def test_an_old_listing_is_read_in_any_pieces(before: bytes) -> None:
    data = before + REFS + b"0000"
    for size in (1, 7, len(data)):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert list(git.old_refs(pieces)) == [(b"refs/heads/main", OID)]


def test_an_old_listing_of_an_empty_repository_has_no_refs() -> None:
    assert list(git.old_refs([line(b"0" * 40 + b" capabilities^{}\x00agent") + b"0000"])) == []


@pytest.mark.parametrize(
    "data",
    [
        b"", b"0000", SERVICE, REFS, REFS[:-3], REFS + b"0000x", REFS + b"00000000", line(OID + b" HEAD") + b"0000",
        REFS + line(b"ERR no") + b"0000", REFS + line(b"b" * 64 + b" refs/heads/x") + b"0000", line(b"version 2"),
        REFS + line(b"0" * 40 + b" refs/heads/x") + b"0000", REFS + b"0001" + b"0000",
        line(b"0" * 40 + b" capabilities^{}\x00agent") + line(OID + b" refs/heads/x") + b"0000",
    ],
)  # fmt: skip
def test_a_broken_old_listing_is_named(data: bytes) -> None:
    with pytest.raises(BadPackets):
        list(git.old_refs([data]))


def test_a_list_of_files_is_read() -> None:
    assert list(git.dumb_refs([OID + b"\trefs/heads/a\n" + OID, b"\trefs/tags/b\n"])) == [
        (b"refs/heads/a", OID),
        (b"refs/tags/b", OID),
    ]


@pytest.mark.parametrize(
    "data",
    [
        OID + b"\trefs/heads/a", OID + b" refs/heads/a\n", b"a" * 39 + b"\trefs/heads/a\n", OID + b"\tHEAD\n", b"\n",
        b"0" * 40 + b"\trefs/heads/a\n", OID + b"\trefs/heads/a\r\n", b"<html>\n", OID + b"\trefs/" + b"x" * 5000,
    ],
)  # fmt: skip
def test_a_broken_list_of_files_is_named(data: bytes) -> None:
    with pytest.raises(BadPackets):
        list(git.dumb_refs([data]))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"0000", V2[:-4], V2 + b"0000", V2 + b"x", line(b"version 2") + b"0000", line(b"version 3") + b"0000",
        line(b"version 2") + line(b"ls-refs") + line(b"object-format=md5") + b"0000",
        line(b"# service=git-upload-pack") + V2, line(b"version 2") + b"0001" + line(b"ls-refs") + b"0000",
        b"<!doctype html>", b"\xff" * 40,
    ],
)  # fmt: skip
def test_a_broken_advertisement_is_named(data: bytes) -> None:
    with pytest.raises(BadPackets):
        git.advertisement(data)


def test_an_answer_without_refs_is_only_a_flush() -> None:
    assert git.ls_refs_reply(b"0000", "sha1") == {}


def test_refs_are_read_with_and_without_line_feeds_and_attributes() -> None:
    bare = OID + b" refs/heads/b"
    data = line(OID + b" refs/heads/a symref-target:x") + b"%04x%s" % (len(bare) + 4, bare) + b"0000"
    assert git.ls_refs_reply(data, "sha1") == {"refs/heads/a": OID.decode(), "refs/heads/b": OID.decode()}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"000", b"0000x", b"0001", b"0002", b"0003", b"00000000", b"0004" + b"0000", b"+010" + b"x" * 12 + b"0000",
        b"0x10" + b"x" * 12, b"fff1" + b"x" * 65517 + b"0000", line(OID + b" refs/heads/a"), line(OID) + b"0000",
        line(OID + b" refs/heads/a")[:-5] + b"0000", line(b"ERR access denied") + b"0000",
        line(b"a" * 39 + b" r") + b"0000",
        line(b"a" * 64 + b" refs/heads/a") + b"0000", line(b"0" * 40 + b" refs/heads/a") + b"0000",
        line(OID + b"  refs/heads/a") + b"0000", line(OID + b" refs/heads/a\x00x") + b"0000",
        2 * line(OID + b" refs/heads/a") + b"0000", line(b"unborn HEAD") + b"0000", line(OID.upper() + b" r") + b"0000",
    ],
)  # fmt: skip
def test_a_broken_answer_is_named_and_never_reads_as_no_refs(data: bytes) -> None:
    with pytest.raises(BadPackets):
        git.ls_refs_reply(data, "sha1")
