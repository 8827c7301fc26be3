"""Moments are RFC 3339 in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from paramedic.model.times import format_second, format_time, parse_time, without_moments

BERLIN = timezone(timedelta(hours=1))


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    assert format_time(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=BERLIN)) == "2026-01-02T02:04:05.000006Z"


def test_a_second_is_written_as_kubectl_writes_it() -> None:
    assert format_second(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == "2026-01-02T03:04:05Z"


def test_a_written_moment_is_read_back_as_the_same() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    assert parse_time(format_time(moment)) == moment


def test_a_moment_without_a_zone_counts_as_utc() -> None:
    assert parse_time("2026-01-02T03:04:05") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_written_moments_sort_as_they_happened() -> None:
    earlier = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert format_time(earlier) < format_time(earlier + timedelta(microseconds=1))


@pytest.mark.parametrize("moment", ["2026-11-24T03:00:00Z", "2026-11-24T03:00:00.123456Z"])
def test_texts_that_differ_by_a_moment_alone_are_told_to_be_alike(moment: str) -> None:
    assert without_moments(f"until {moment}, then not") == "until …, then not"
