"""The page of the settings in force: which of them is the wait of which rung of the ladder."""

from typing import Any

from django.conf import settings as django_settings

from recoverydesk.recovery import policy
from recoverydesk.recovery.desk.pages.settings import RUNGS, UNSAFE, groups, in_force, rung_of
from recoverydesk.recovery.evidence import cases
from tests.helpers.desk import QUEUE, browser
from tests.helpers.files import ROOT
from tests.helpers.tickets import DAY, make_moderator

SITE = {name: (41 + place) * DAY for place, name in enumerate(RUNGS)}


def test_the_settings_name_the_rung_whose_wait_they_are(settings: Any) -> None:
    for name, wait in SITE.items():
        setattr(settings, name, wait)
    usual, critical = (policy.waits(cases.numbers(), critical=critical) for critical in (False, True))
    for name, wait in SITE.items():
        number, only_critical = RUNGS[name]
        assert (critical if only_critical else usual)[number] == wait
        assert rung_of(name) == f"wait of doubt {number}" + ", critical projects" * only_critical
    assert {name for name, _ in in_force() if rung_of(name)} == set(SITE)
    assert {SITE[name] for name in RUNGS} == {*usual, *critical} - {0 * DAY}


def test_a_rung_that_waits_longer_than_its_setting_says_so(settings: Any, db: None) -> None:
    settings.RECOVERY_WAIT_CAREFUL = 20 * DAY
    assert rung_of("RECOVERY_WAIT_NEW_CONTACT") == "waiting period of doubt 4: 20 days, the same as for a lower doubt"
    page = browser(make_moderator("mira")).get(f"{QUEUE}settings/").content.decode()
    assert "<small>waiting period of doubt 4: 20 days, the same as for a lower doubt</small>" in page
    assert "<small>wait of doubt 3</small>" in page


def test_the_example_says_the_same_above_each_of_them() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    for name, (number, critical) in RUNGS.items():
        place = next(place for place, line in enumerate(lines) if line.startswith(f"# {name}="))
        said = lines[place - 1].lower()
        assert f"doubt {number}" in said, name
        assert ("critical" in said) == critical, name


def test_every_setting_of_the_desk_stands_in_a_group_with_words_and_no_secret_does() -> None:
    shown = [one.name for _title, settings in groups() for one in settings]
    ours = {name for name in dir(django_settings) if name.startswith("RECOVERY_") and name != "RECOVERY_HOOKS"}
    assert ours <= set(shown)
    assert len(shown) == len(set(shown))
    assert not any(word in name for name in shown for word in UNSAFE)


def test_no_value_is_a_word_of_the_program_or_a_number_without_its_unit(settings: Any) -> None:
    settings.RECOVERY_PROFILE_URLS = ["https://registry.example/user/"]
    said = dict(in_force())
    assert said["SWEEP_EVERY"].endswith(("second", "seconds", "minute", "minutes"))
    assert said["RECOVERY_TWO_PERSON"] == "from doubt 3"
    assert said["RECOVERY_PROFILE_URLS"] == "https://registry.example/user/"
    assert not any(value.isdecimal() or value[0] in "[({" for value in said.values())
