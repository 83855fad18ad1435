import re

import pytest

from audit import staff_sentences
from audit.models import Event
from audit.tags import WOKEN, Tag

SHAPE = re.compile(r"^[a-z_]+(:[a-z_]+)+$")


@pytest.mark.parametrize("tag", Tag)
def test_every_tag_has_the_shape_and_a_sentence(tag: Tag) -> None:
    assert SHAPE.match(tag.value)
    assert len(tag.value) <= 64
    assert re.match(r"^[A-Z].*\.$", str(tag.label))


@pytest.mark.parametrize("tag", Tag)
def test_a_tags_name_is_its_value_in_capitals(tag: Tag) -> None:
    assert tag.name == tag.value.replace(":", "_").upper()


@pytest.mark.parametrize("tag", WOKEN)
def test_a_tag_that_says_two_things_has_a_sentence_for_each(tag: Tag) -> None:
    put_off = Event(tag=tag, actor_name="mira", subject_name="ada", data={"until": "2026-12-01T00:00:00+00:00"})
    woken = Event(tag=tag, actor_name="mira", subject_name="ada", data={"until": ""})
    assert (put_off.sentence, woken.sentence) == (str(tag.label), str(WOKEN[tag]))
    assert put_off.staff_sentence == str(staff_sentences.SENTENCES[tag]) % {"actor": "mira", "subject": "ada"}
    assert woken.staff_sentence == str(staff_sentences.WOKEN[tag]) % {"actor": "mira", "subject": "ada"}
    assert Event(tag=tag, data={}).sentence == str(tag.label)  # one that does not say which


def test_the_second_sentences_are_of_the_same_tags() -> None:
    assert staff_sentences.WOKEN.keys() == WOKEN.keys()
