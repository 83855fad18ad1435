"""The command with which a person sees for themselves what a probe saw.

The word BRANCH stands where the branch name goes: staff never see a branch token, and a host that is told a name may
repeat it. Everything a stranger wrote is quoted for the shell, or left out.
"""

import re
import shlex

from recoverydesk.recovery.probing.verdicts import Result, Verdict

PLACEHOLDER, EARLIER_PLACEHOLDER = "BRANCH", "TOKEN"  # the second stands in rows that are there already
SECONDS = 20


def command(result: Result, url: str, asked: str, user_agent: str) -> str:
    """One line for a shell; `url` is as it was given, `asked` where the repository is asked (empty when nowhere)."""
    if not asked or result.verdict is Verdict.BLOCKED:
        return f"manage.py check_branch {shlex.quote(url)} {PLACEHOLDER}" if _harmless(url) else ""
    if result.verdict not in (Verdict.FOUND, Verdict.MISSING):
        return _curl(asked, user_agent)
    if result.protocol == "hg":
        return f"hg identify --debug --id --rev {PLACEHOLDER} {shlex.quote(asked.removesuffix('.git'))}"
    return f"git ls-remote {shlex.quote(asked)} refs/heads/{PLACEHOLDER}"


def with_name(command: str, name: str) -> str:
    """The same command for whoever knows the branch name."""
    return re.sub(rf"(refs/heads/|--rev | ){PLACEHOLDER}(?= |$)", lambda found: found[1] + shlex.quote(name), command)


def _curl(asked: str, user_agent: str) -> str:
    target = shlex.quote(f"{asked}/info/refs?service=git-upload-pack")
    agent = shlex.quote(user_agent)
    return f"curl --include --silent --show-error --max-time {SECONDS} -A {agent} -H 'Git-Protocol: version=2' {target}"


def _harmless(url: str) -> bool:
    return url.isascii() and url.isprintable() and not url.startswith("-")
