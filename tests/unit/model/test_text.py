"""Text that is stored has a limit, and what was left out is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.model.text import head_and_tail, listing, plural, shorten


def test_a_short_text_is_left_alone() -> None:
    assert shorten("short", 20) == "short"


def test_a_long_text_keeps_its_head_and_its_tail() -> None:
    assert shorten("begin" + "x" * 100 + "end", 20) == "beginxxxxxxx … xxend"


@given(st.text(max_size=300), st.integers(min_value=4, max_value=200))
def test_a_text_never_exceeds_its_limit(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit


def test_bytes_within_the_limit_are_left_alone() -> None:
    assert head_and_tail(b"12345", 5) == b"12345"


def test_bytes_beyond_the_limit_lose_their_middle_and_say_how_much() -> None:
    assert head_and_tail(b"aaaa" + b"x" * 92 + b"zzzz", 8) == "aaaa\n[… 92 bytes left out here …]\nzzzz".encode()


@given(st.binary(max_size=500), st.integers(min_value=2, max_value=300))
def test_bytes_exceed_their_limit_by_the_line_that_says_so_at_most(data: bytes, limit: int) -> None:
    assert len(head_and_tail(data, limit)) <= limit + 50


@pytest.mark.parametrize(
    ("names", "text"),
    [([], "none"), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")],
)
def test_a_listing_names_the_first_and_counts_the_rest(names: list[str], text: str) -> None:
    assert listing(names, 2) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 Pods"), (1, "1 Pod"), (3, "3 Pods")])
def test_a_noun_follows_its_number(count: int, text: str) -> None:
    assert plural(count, "Pod") == text
