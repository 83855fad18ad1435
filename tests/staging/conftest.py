"""A project of two owners whose uploads are staged."""

import pytest

from accounts.models import User
from recoverydesk.projects.models import Project
from recoverydesk.staging.models import StagedRelease
from tests.helpers import factories
from tests.helpers.packages import Send, wheel, wheel_name
from tests.helpers.uploading import send as send
from tests.helpers.uploading import storage as storage
from tests.helpers.uploading import token as token


@pytest.fixture
def ada(ada: User) -> User:
    """She may make tokens."""
    factories.add_totp(ada)
    return ada


@pytest.fixture
def kim(db: None) -> User:
    user = factories.make_user("kim")
    factories.add_totp(user)
    return user


@pytest.fixture
def project(ada: User, kim: User) -> Project:
    made = factories.make_project("sample", ada, version="0.1")
    factories.add_role(made, kim)
    Project.objects.update(guards={"two_step": "on"})
    return Project.objects.get()


@pytest.fixture
def staged(project: Project, send: Send) -> StagedRelease:
    """What ada uploaded: a wheel of 1.0."""
    assert send(wheel_name(), wheel()).status_code == 200
    return StagedRelease.objects.get()
