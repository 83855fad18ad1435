"""Telling a sign-in page: what private repositories answer with where a host does not say 401."""

import re
from urllib.parse import urlsplit

# GitHub, Gitee, Gerrit, Pagure, Redmine: /login · GitLab: /users/sign_in · Gitea, Forgejo, Gogs: /user/login ·
# Launchpad: /+login · SourceForge, Phabricator: /auth/ · Azure: /_signin · OneDev: /~login · RhodeCode: /_admin/login ·
# single sign-on: OAuth's authorize, OpenID Connect's auth, SAML, CAS
SIGN_IN = re.compile(
    r"[+_~]?(?:log[-_]?[io]n|sign[-_]?in|auth|authori[sz]e|oauth2?|openid|openid-connect|saml2?|sso|cas)(?:\.[a-z]{2,6})?",
    re.IGNORECASE | re.ASCII,
)
REPOSITORY = re.compile(r"\.git(?:/|$)|/(?:info/refs|git-upload-pack)$", re.IGNORECASE)
# What looks like an owner and a repository and is a page of GitLab, Gitea, Bitbucket, RhodeCode
PAGES = ("/users/sign_in", "/user/login", "/account/signin", "/_admin/login")
PASSWORD_FIELD = re.compile(rb"<input\b[^>]*\btype\s*=\s*[\"']?password\b", re.IGNORECASE)


def is_sign_in(url: str, *, like_a_repository: bool = False) -> bool:
    """Whether an address is that of a sign-in page, whatever follows in its path.

    `like_a_repository`: the host could have a repository at that path; then only its first part, which no owner is
    called, or a page we know makes it one.
    """
    path = _path(url)
    if REPOSITORY.search(path):
        return False
    parts = [part.partition(";")[0] for part in path.split("/") if part]
    asked = parts[:1] if like_a_repository else parts
    return path.rstrip("/").endswith(PAGES) or any(SIGN_IN.fullmatch(part) for part in asked)


def asks_for_password(body: bytes) -> bool:
    """Whether a web page has a field for a password."""
    return PASSWORD_FIELD.search(body) is not None


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
