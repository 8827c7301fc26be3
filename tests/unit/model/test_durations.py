"""Durations are written as Kubernetes users write them."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramedic.model.durations import PATTERN, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h0m5s", 3605), ("0s", 0), ("100h", 360_000)]
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10", "m", "5m1h", "1.5h", "-5s", "1d", "10 m", "5M", " 5s", "5s\n", "٣s"])
def test_what_is_no_duration_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write hours, minutes and seconds such as 90s, 10m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 61, 3600, 5400, 86_400])
def test_a_written_duration_is_read_back_as_the_same(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_a_duration_is_written_in_its_largest_units() -> None:
    assert format_duration(timedelta(hours=1, minutes=30)) == "1h30m"


def test_a_negative_duration_is_written_as_none_at_all() -> None:
    assert format_duration(timedelta(seconds=-3)) == "0s"


def test_a_fraction_of_a_second_is_rounded() -> None:
    assert format_duration(timedelta(seconds=1.6)) == "2s"


@given(st.from_regex(PATTERN, fullmatch=True).filter(bool))
def test_what_the_api_server_lets_through_can_be_read(text: str) -> None:
    assert parse_duration(text) >= timedelta(0)


def test_a_number_too_long_to_count_with_is_refused_by_the_api_server_already() -> None:
    assert not re.match(PATTERN, "1234567890123s")
