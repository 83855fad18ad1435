"""How each kind of code host writes paths: what a URL names there, and where the repository is asked."""

from typing import NamedTuple

import pytest

from recoverydesk.recovery.repository_urls import host_styles
from recoverydesk.recovery.repository_urls.parser import HostRule, parse, probe_url


class Reads(NamedTuple):
    """A URL, whose repository it names, which, and where it is asked; empty strings where it names none."""

    url: str
    owner: str = ""
    repository: str = ""
    asked: str = ""


CODEBERG = [
    Reads("https://codeberg.org/Forgejo", "forgejo"),
    Reads("https://codeberg.org/ADA/Re.po.git/src/x", "ada", "re.po", "https://codeberg.org/ADA/Re.po.git"),
    Reads("https://codeberg.org/ADA/Tool.GIT", "ada", "tool", "https://codeberg.org/ADA/Tool.git"),
    Reads("https://codeberg.org/ada/.git", "ada"),
    Reads("https://codeberg.org/ada/to$ol"),
    Reads("https://codeberg.org/a$da/tool"),
    Reads("https://codeberg.org/ada/tool/$/$", "ada", "tool", "https://codeberg.org/ada/tool.git"),
    Reads("https://codeberg.org/Explore/tool"),
    Reads("https://codeberg.org/ada/tool.WIKI"),
    Reads("https://codeberg.org/ada/tool.Wiki.git"),
    Reads("https://codeberg.org/marketplace/tool", "marketplace", "tool", "https://codeberg.org/marketplace/tool.git"),
    Reads("https://github.com/Marketplace/tool"),
    Reads("https://codeberg.org/"),
]
GITLAB = [
    Reads("https://gitlab.com/ada", "ada"),
    Reads("https://gitlab.com/A/B/C/TREE/main", "a/b", "c", "https://gitlab.com/A/B/C.git"),
    Reads("https://gitlab.com/A/B/C.git/d", "a/b", "c", "https://gitlab.com/A/B/C.git"),
    Reads("https://gitlab.com/ada/tree", "ada", "tree", "https://gitlab.com/ada/tree.git"),
    Reads("https://gitlab.com/ada/tool/tree", "ada", "tool", "https://gitlab.com/ada/tool.git"),
    Reads("https://gitlab.com/ada/-/tool", "ada"),
    Reads("https://gitlab.com/-/ada/tool"),
    Reads("https://gitlab.com/Groups/ada"),
    Reads("https://gitlab.com/ada/tool/.git", "ada/tool/.git"),
    Reads("https://gitlab.com/ada/to$ol"),
    Reads("https://gitlab.com/ada/tool/-/$", "ada", "tool", "https://gitlab.com/ada/tool.git"),
    Reads("https://gitlab.com/"),
]
STRANGERS = [
    Reads("https://git.example.org/A/B/Tool.git/x", "A/B", "Tool", "https://git.example.org/A/B/Tool.git"),
    Reads("https://git.example.org/a/b.git/c.git", "a", "b", "https://git.example.org/a/b.git"),
    Reads("https://git.example.org/Tool.GIT", "Tool.GIT", "Tool", "https://git.example.org/Tool.GIT"),
    Reads("https://git.example.org/.git"),
    Reads("https://git.example.org/a/to$ol.git"),
    Reads("https://git.example.org/a/tool.wiki.git"),
    Reads("https://git.example.org/a/tool"),
]
SOURCEHUT = [
    Reads("https://git.sr.ht/~Ada", "~ada"),
    Reads("https://git.sr.ht/~Ada/Tool/tree/x", "~ada", "tool", "https://git.sr.ht/~Ada/Tool"),
    Reads("https://hg.sr.ht/~Ada/Tool", "~ada", "tool", "https://hg.sr.ht/~Ada/Tool"),
    Reads("https://git.sr.ht/ada/tool"),
    Reads("https://git.sr.ht/~ada/to$ol"),
    Reads("https://git.sr.ht/~ada/tool/$", "~ada", "tool", "https://git.sr.ht/~ada/tool"),
    Reads("https://git.sr.ht/"),
]
LAUNCHPAD = [
    Reads("https://launchpad.net/~Ada", "~ada"),
    Reads("https://bugs.launchpad.net/Tool/+bugs", "tool"),
    Reads("https://launchpad.net/+about"),
    Reads("https://launchpad.net/to$ol"),
    Reads("https://launchpad.net/"),
    Reads("https://git.launchpad.net/Tool.git", "tool.git", "tool", "https://git.launchpad.net/Tool.git"),
    Reads("https://git.launchpad.net/+x"),
    Reads("https://code.launchpad.net/~Ada", "~ada"),
    Reads("https://code.launchpad.net/~Ada/+snap/x", "~ada"),
    Reads("https://code.launchpad.net/~Ada/to$ol", "~ada"),
    Reads(
        "https://code.launchpad.net/~Ada/Tool/+git/Fork/+merge/1",
        "~ada", "tool/fork", "https://git.launchpad.net/~Ada/Tool/+git/Fork",
    ),
    Reads("lp:~Ada/Tool/+git/Fork", "~ada", "tool/fork", "https://git.launchpad.net/~Ada/Tool/+git/Fork"),
    Reads("lp:///tool", "tool", "tool", "https://git.launchpad.net/tool"),
    Reads("https://git.launchpad.net/~ada/+git/tool", "~ada", "tool", "https://git.launchpad.net/~ada/+git/tool"),
]  # fmt: skip
SOURCEFORGE = [
    Reads("https://sourceforge.net/projects/Tool/files", "tool"),
    Reads("https://sourceforge.net/projects/Tool/code", "tool"),
    Reads("https://sourceforge.net/p/Tool", "tool"),
    Reads("https://sourceforge.net/p/Tool/wiki", "tool"),
    Reads("https://sourceforge.net/u/Ada/wiki", "u/ada"),
    Reads("https://sourceforge.net/p/Tool/svn/HEAD", "tool", "svn", "https://git.code.sf.net/p/Tool/svn"),
    Reads("https://sourceforge.net/u/Ada/code", "u/ada", "code", "https://git.code.sf.net/u/Ada/code"),
    Reads("https://sourceforge.net/x/Tool/code"),
    Reads("https://sourceforge.net/p"),
    Reads("https://sourceforge.net/p/To$ol"),
    Reads("https://git.code.sf.net/p/Tool"),
    Reads("https://git.code.sf.net/projects/Tool/code"),
    Reads("https://git.code.sf.net/p/Tool/co$de"),
    Reads("https://git.code.sf.net/p/Tool/Code.git/x$", "tool", "code", "https://git.code.sf.net/p/Tool/Code"),
    Reads("https://git.code.sf.net/u/Ada/code", "u/ada", "code", "https://git.code.sf.net/u/Ada/code"),
    Reads("https://svn.code.sf.net/p/Tool/code", "tool", "code", "https://svn.code.sf.net/p/Tool/code"),
]
AZURE = [
    Reads("https://dev.azure.com/Contoso", "contoso"),
    Reads("https://dev.azure.com/Contoso/W", "contoso"),
    Reads("https://dev.azure.com/Contoso/W/_git", "contoso"),
    Reads("https://dev.azure.com/Contoso/W/_wiki/Core", "contoso"),
    Reads("https://dev.azure.com/Contoso/_git/W", "contoso", "w/w", "https://dev.azure.com/Contoso/W/_git/W"),
    Reads("https://dev.azure.com/Contoso/_git/W/x", "contoso", "w/w", "https://dev.azure.com/Contoso/W/_git/W"),
    Reads("https://dev.azure.com/Contoso/W/_git/Core/x", "contoso", "w/core", "https://dev.azure.com/Contoso/W/_git/Core"),
    Reads("https://dev.azure.com/Contoso/W/_git/Co$re"),
    Reads("https://dev.azure.com/Contoso/W/_git/Core/$", "contoso", "w/core", "https://dev.azure.com/Contoso/W/_git/Core"),
    Reads(
        "https://Contoso.visualstudio.com/DefaultCollection/W/_git/Core",
        "contoso", "w/core", "https://dev.azure.com/contoso/W/_git/Core",
    ),
    Reads("https://dev.azure.com/"),
    Reads("git@ssh.dev.azure.com:v3/Contoso/W/Core", "contoso", "w/core", "https://dev.azure.com/Contoso/W/_git/Core"),
    Reads("git@ssh.dev.azure.com:v2/Contoso/W/Core"),
    Reads("git@ssh.dev.azure.com:v3/Contoso/W"),
]  # fmt: skip
SAVANNAH = [
    Reads("https://git.savannah.gnu.org/cgit/Emacs/Elpa.git/tree", "emacs", "elpa",
          "https://git.savannah.gnu.org/git/Emacs/Elpa.git"),
    Reads("https://git.savannah.nongnu.org/git/Tool.git", "tool", "tool", "https://git.savannah.nongnu.org/git/Tool.git"),
    Reads("https://git.savannah.gnu.org/git/to$ol.git"),
    Reads("https://git.savannah.gnu.org/tool.git"),
    Reads("https://git.savannah.gnu.org/cgit/tool"),
]  # fmt: skip
NOTHING = [Reads(url) for url in (
    "https://ada.github.io/tool.git", "https://gist.github.com/ada/tool.git", "https://tool.readthedocs.io/tool.git",
    "https://github.com:8443/ada/tool.git", "https://x.y.visualstudio.com/_git/tool.git",
)]  # fmt: skip
EVERY = [
    *CODEBERG, *GITLAB, *STRANGERS, *SOURCEHUT, *LAUNCHPAD, *SOURCEFORGE, *AZURE, *SAVANNAH, *NOTHING,
]  # fmt: skip


@pytest.mark.parametrize("case", EVERY, ids=[case.url for case in EVERY])
def test_what_a_path_names_and_where_that_is_asked(case: Reads) -> None:
    place = parse(case.url)
    assert (place.namespace, place.repository) == (case.owner, case.repository)
    if case.repository:
        assert probe_url(place) == case.asked


SINGLE = [
    Reads("https://code.example.org/Deep/Tool.git/tree/x", "*", "Deep/Tool", "https://code.example.org/Deep/Tool.git"),
    Reads("https://code.example.org/Deep/Tool", "*", "Deep/Tool", "https://code.example.org/Deep/Tool"),
    Reads("https://code.example.org/Tool", "*", "Tool", "https://code.example.org/Tool"),
    Reads("https://code.example.org/to$ol"),
    Reads("https://code.example.org/"),
]


@pytest.mark.parametrize("case", SINGLE, ids=[case.url for case in SINGLE])
def test_everything_on_a_host_of_one_owner_is_theirs(case: Reads) -> None:
    hosts = {"code.example.org": HostRule("single")}
    place = parse(case.url, hosts)
    assert (place.namespace, place.repository, probe_url(place, hosts)) == (case.owner, case.repository, case.asked)


def test_every_public_reader_is_asked_for_nothing_too() -> None:
    """A bare host names nobody, whoever reads it."""
    readers = [*host_styles.STYLES.values(), host_styles.unknown, host_styles.github, host_styles.sourcehut]
    readers += [host_styles.launchpad_page, host_styles.launchpad_code, host_styles.sourceforge_page]
    readers += [host_styles.sourceforge_code, host_styles.azure, host_styles.azure_ssh, host_styles.savannah]
    assert [reader([]) for reader in readers] == [None] * len(readers)
