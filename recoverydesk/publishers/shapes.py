"""What a workflow says of itself, per kind of issuer: which publisher it asks for, whether it is that one, and its ids.

Plain values in, plain values out. Names of GitHub repositories and GitLab projects have no case; names of files have.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from recoverydesk.publishers.issuers import GITHUB, GITLAB, Issuer

Claims = Mapping[str, Any]
WORKFLOWS = ".github/workflows/"
FROM_OUTSIDE = ("pull_request", "pull_request_target", "merge_request_event", "external_pull_request_event")
SHOWN = 200
LONGEST_NUMBER = 64


class Unfit(Exception):
    """The workflow is none that publishes; `code` and the message are for its log."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Workflow:
    """Who speaks: repository, file and environment as the token has them, the numbers of repository and owner."""

    repository: str = ""
    file: str = ""
    environment: str = ""
    owner_id: str = ""
    repository_id: str = ""
    claims: tuple[tuple[str, str], ...] = ()


def key(issuer: Issuer, workflow: Workflow) -> str:
    """What a publisher is found by: everything that must match, but the environment."""
    parts = [issuer.url, workflow.repository.lower(), workflow.file, [list(pair) for pair in workflow.claims]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def same_environment(issuer: Issuer, wanted: str, given: str) -> bool:
    """A publisher without an environment takes any; GitHub's have no case, GitLab's have."""
    if not wanted:
        return True
    if issuer.kind == GITHUB and given.isascii():  # a Kelvin sign is no K, whatever lower() says
        return wanted.lower() == given.lower()
    return wanted == given


def workflow_of(issuer: Issuer, claims: Claims) -> Workflow:
    """Read a checked token. Raises Unfit."""
    if issuer.kind == GITHUB:
        return _of_github(claims)
    return _of_gitlab(issuer, claims) if issuer.kind == GITLAB else _of_other(issuer, claims)


def _of_github(claims: Claims) -> Workflow:
    repository = _needed(claims, "repository")
    _refuse_outside(_text(claims, "event_name"), _text(claims, "ref"))
    refs = _refs(claims, "ref", "sha")
    file = _file(_needed(claims, "job_workflow_ref"), f"{repository}/{WORKFLOWS}", refs)
    called = (
        _file(_text(claims, "workflow_ref"), f"{repository}/{WORKFLOWS}", refs) if "workflow_ref" in claims else file
    )
    if not file or "/" in file or called != file:
        raise Unfit(
            "invalid-reusable-workflow",
            f"The job runs in {_text(claims, 'job_workflow_ref')}, and was started by "
            f"{_text(claims, 'workflow_ref') or repository}. Publish from a job that stands in the publisher's "
            "workflow file itself, at the commit that runs: not from a reusable workflow.",
        )
    return Workflow(
        repository,
        file,
        _text(claims, "environment"),
        _number(claims, "repository_owner_id"),
        _number(claims, "repository_id"),
    )


def _of_gitlab(issuer: Issuer, claims: Claims) -> Workflow:
    project = _needed(claims, "project_path")
    _refuse_outside(_text(claims, "pipeline_source"), _text(claims, "ref_path"))
    host = issuer.url.partition("://")[2].rstrip("/")
    file = _file(_needed(claims, "ci_config_ref_uri"), f"{host}/{project}//", _refs(claims, "ref_path", "sha"))
    if not file:
        raise Unfit(
            "invalid-publisher",
            f"The pipeline's file is {_text(claims, 'ci_config_ref_uri')}: publish from a file of the project itself, "
            "at the commit that runs.",
        )
    ids = _number(claims, "namespace_id"), _number(claims, "project_id")
    return Workflow(project, file, _text(claims, "environment"), *ids)


def _of_other(issuer: Issuer, claims: Claims) -> Workflow:
    return Workflow(claims=tuple((name, _needed(claims, name)) for name in issuer.claims))


def _refuse_outside(event: str, ref: str) -> None:
    """A pull request runs what a stranger wrote; `pull_request_target` lends it the repository's rights."""
    if event in FROM_OUTSIDE or ref.startswith(("refs/pull/", "refs/merge-requests/")):
        raise Unfit("invalid-publisher", "A pull or merge request publishes nothing: use a tag, a branch or a release.")


def _refs(claims: Claims, *names: str) -> list[str]:
    return [value for value in (_text(claims, name) for name in names) if value]


def _file(value: str, start: str, refs: Iterable[str]) -> str:
    """Return the file of `START FILE @ REF`, or "" where it begins or ends otherwise. A file's name may hold `@`."""
    for ref in refs:
        if value.endswith(f"@{ref}") and value[: len(start)].lower() == start.lower():
            return value[len(start) : -len(ref) - 1]
    return ""


def _needed(claims: Claims, name: str) -> str:
    value = _text(claims, name)
    if not value:
        raise Unfit("invalid-token", f"The token has no claim {name}.")
    return value


def _number(claims: Claims, name: str) -> str:
    """A host's number, which we keep: no longer than there is room for."""
    value = _needed(claims, name)
    if len(value) > LONGEST_NUMBER:
        raise Unfit("invalid-token", f"The claim {name} is longer than {LONGEST_NUMBER} characters.")
    return value


def _text(claims: Claims, name: str) -> str:
    """A claim as text; whole numbers, too. What cannot be printed, or is longer than a name, counts as missing."""
    value = claims.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.isprintable() or len(value) > 1000:
        return ""
    return value


def facts(claims: Claims) -> dict[str, Any]:
    """What the log keeps of the run: where it ran and by what, each cut."""
    names = (
        *("ref", "ref_path", "sha", "environment", "event_name", "pipeline_source"),
        *("run_id", "pipeline_id", "actor", "user_login", "sub"),
    )
    return {name: _text(claims, name)[:SHOWN] for name in names if _text(claims, name)}
