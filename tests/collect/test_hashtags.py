"""What is no tag although a # stands before it."""

import pytest

from vvp.collect.parse import hashtags, tags


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("it&#x27;s #new", ["new"]),
        ("it&amp;#x27;s", None),
        ("broken &#x2 and #ok", ["ok"]),
        ("https://a.example/p#frag #real", ["real"]),
        ("www.a.example/#top", None),
        ("https://a.example/?q=#tag1", None),
        ("https://a.example/abc你好#标签", ["标签"]),
    ],
)
def test_tags_are_not_read_out_of_addresses_and_entities(written: str, found: list[str] | None) -> None:
    assert hashtags(written) == found


def test_an_entity_in_a_list_of_tags_does_not_part_it() -> None:
    assert tags("rock &amp; roll|pop") == ["rock & roll", "pop"]
    assert tags("rock &amp; roll", spaces_part=False) == ["rock & roll"]
