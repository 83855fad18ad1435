"""PEP 503 names and PEP 753 labels."""

import pytest

from recoverydesk.projects import labels, names
from recoverydesk.projects.models import RepositoryLink

LABEL, HOME = RepositoryLink.Kind.LABEL, RepositoryLink.Kind.HOME


@pytest.mark.parametrize("name", ["friendly-bard", "Friendly-Bard", "FRIENDLY-BARD", "friendly.bard", "friendly__bard"])
def test_spellings_of_one_name_are_equal(name: str) -> None:
    assert names.normalize(name) == "friendly-bard"


@pytest.mark.parametrize("name", ["a", "A1", "a-b_c.d", "x" * 100])
def test_these_are_names(name: str) -> None:
    assert names.is_valid(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "é", "a\n", "x" * 101, "a/b", "\u212a"])
def test_these_are_not(name: str) -> None:
    assert not names.is_valid(name)


@pytest.mark.parametrize(
    ("label", "normal"),
    [
        ("Source", "source"),
        ("Source Code", "sourcecode"),
        ("source-code", "sourcecode"),
        ("Source_Code:", "sourcecode"),
        ("\tGit Hub ", "github"),
        ("Home-page", "homepage"),
        ("Home Page", "homepage"),
        ("Bug Tracker", "bugtracker"),
        ("Código", "código"),
        ("source\u00a0code", "source\u00a0code"),
    ],
)
def test_label_normalisation_drops_ascii_punctuation_and_whitespace(label: str, normal: str) -> None:
    assert labels.normalize(label) == normal


@pytest.mark.parametrize(
    "label",
    [
        *(
            "Source",
            "Repository",
            "Source Code",
            "GitHub",
            "Code",
            "Git",
            "VCS",
            "SCM",
            "Repo",
            "source_code",
        ),
    ],
)
def test_source_labels_count(label: str) -> None:
    assert labels.candidates([[label, "https://a.example/"]]) == [(LABEL, label, "https://a.example/")]


@pytest.mark.parametrize("label", ["Homepage", "Home", "Home-page", "home page"])
def test_a_home_page_is_looked_at_where_no_source_label_stands(label: str) -> None:
    assert labels.candidates([[label, "https://a.example/"]]) == [(HOME, label, "https://a.example/")]


@pytest.mark.parametrize(
    "label",
    [
        "Tracker",
        "Issues",
        "Bug Tracker",
        "Changelog",
        "Documentation",
        "Funding",
        "Download",
        "download_url",
        "Sourcery",
    ],
)
def test_trackers_and_other_links_never_count(label: str) -> None:
    assert labels.candidates([[label, "https://github.com/psf/requests"]]) == []


def test_a_source_label_silences_the_home_page_wherever_it_leads() -> None:
    links = [["Homepage", "https://github.com/psf/requests"], ["Source", "https://a.example/"]]
    assert labels.candidates(links) == [(LABEL, "Source", "https://a.example/")]


@pytest.mark.parametrize("absent", ["", "UNKNOWN"])
def test_a_source_label_without_a_url_is_no_label(absent: str) -> None:
    links = [["Source", absent], ["Home", "https://github.com/psf/requests"]]
    assert labels.candidates(links) == [(HOME, "Home", "https://github.com/psf/requests")]


def test_one_url_under_two_source_labels_is_one_link_with_the_first_label() -> None:
    links = [["Code", "https://a.example/"], ["Repository", "https://a.example/"]]
    assert labels.candidates(links) == [(LABEL, "Code", "https://a.example/")]
