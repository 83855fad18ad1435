"""PEP 503 names and PEP 753 labels."""

import pytest

from recoverydesk.projects import labels, names
from recoverydesk.projects.models import RepositoryLink

LABEL, HOME, FILE = RepositoryLink.Kind
CODE, NOTHING = "https://github.com/psf/requests", "https://a.example/"


def leads_to_code(url: str) -> bool:
    return url.startswith("https://github.com/")


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
    assert labels.candidates([[label, NOTHING]], leads_to_code) == [(LABEL, label, NOTHING)]


@pytest.mark.parametrize("label", ["Homepage", "Home", "Home-page", "home page"])
def test_a_home_page_is_looked_at_where_no_source_label_stands(label: str) -> None:
    assert labels.candidates([[label, NOTHING]], leads_to_code) == [(HOME, label, NOTHING)]


@pytest.mark.parametrize(
    "label",
    [
        "Tracker",
        "Issues",
        "Bug Tracker",
        "Changelog",
        "Documentation",
        "Funding",
        "Sourcery",
    ],
)
def test_trackers_and_other_links_never_count(label: str) -> None:
    assert labels.candidates([[label, CODE]], leads_to_code) == []


def test_a_source_label_silences_the_home_page_where_it_leads_to_a_repository() -> None:
    links = [["Homepage", "https://github.com/kim/other"], ["Source", CODE], ["Download", CODE]]
    assert labels.candidates(links, leads_to_code) == [(LABEL, "Source", CODE)]


def test_a_source_label_that_leads_to_none_hides_no_home_page_that_does() -> None:
    links = [["Source", NOTHING], ["Homepage", CODE], ["Download-URL", CODE + "/archive/1.0.tar.gz"]]
    assert labels.candidates(links, leads_to_code) == [(LABEL, "Source", NOTHING), (HOME, "Homepage", CODE)]


def test_where_it_is_downloaded_is_the_last_resort() -> None:
    archive = CODE + "/archive/1.0.tar.gz"
    links = [["Download-URL", archive], ["Source", NOTHING], ["Home-page", NOTHING], ["Docs", CODE]]
    assert labels.candidates(links, leads_to_code) == [(LABEL, "Source", NOTHING), (FILE, "Download-URL", archive)]


@pytest.mark.parametrize(
    "label",
    [
        *(
            "GitLab",
            "Codeberg",
            "Bitbucket",
            "GitHub Repository",
            "Source Code (GitHub)",
            "Sources",
            "Source Repository",
        ),
        *("Project on GitHub", "Git repository URL", "GITHUB - source", "code@codeberg", "Browse the source"),
    ],
)
def test_a_label_that_says_source_in_several_words_counts(label: str) -> None:
    assert labels.kind_of(label) == LABEL


@pytest.mark.parametrize(
    "label",
    [
        *("GitHub Issues", "GitHub Actions", "GitHub Discussions", "Code of Conduct", "Code coverage", "Source mirror"),
        *("Git tutorial", "Upstream repository", "Project page", "the", "Public", "Sourcery", "GitHub Pages"),
    ],
)
def test_a_label_with_one_more_word_says_something_else(label: str) -> None:
    assert labels.kind_of(label) is None


@pytest.mark.parametrize("absent", ["", "UNKNOWN"])
def test_a_source_label_without_a_url_is_no_label(absent: str) -> None:
    links = [["Source", absent], ["Home", "https://github.com/psf/requests"]]
    assert labels.candidates(links, leads_to_code) == [(HOME, "Home", "https://github.com/psf/requests")]


def test_one_url_under_two_source_labels_is_one_link_with_the_first_label() -> None:
    links = [["Code", "https://a.example/"], ["Repository", "https://a.example/"]]
    assert labels.candidates(links, leads_to_code) == [(LABEL, "Code", "https://a.example/")]
