import re

import pytest

from audit.tags import Tag

SHAPE = re.compile(r"^[a-z_]+(:[a-z_]+)+$")


@pytest.mark.parametrize("tag", Tag)
def test_every_tag_has_the_shape_and_a_sentence(tag: Tag) -> None:
    assert SHAPE.match(tag.value)
    assert len(tag.value) <= 64
    assert re.match(r"^[A-Z].*\.$", str(tag.label))


@pytest.mark.parametrize("tag", Tag)
def test_a_tags_name_is_its_value_in_capitals(tag: Tag) -> None:
    assert tag.name == tag.value.replace(":", "_").upper()
