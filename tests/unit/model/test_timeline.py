"""The timeline keeps how it began and what is happening now, whatever happens between."""

from datetime import UTC, datetime, timedelta

from paramedic.model.timeline import LIMIT, MESSAGE_LIMIT, TimelineEntry, add_entry

NOON = datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)


def filled(count: int) -> list[TimelineEntry]:
    timeline: list[TimelineEntry] = []
    for number in range(count):
        add_entry(timeline, NOON + timedelta(seconds=number), "paramedic", "Happened", f"number {number}")
    return timeline


def test_an_entry_says_when_to_the_microsecond() -> None:
    assert filled(1)[0].at == "2026-11-24T12:00:00.250000Z"


def test_a_timeline_has_a_limit() -> None:
    assert len(filled(LIMIT * 3)) == LIMIT


def test_a_full_timeline_keeps_how_it_began() -> None:
    assert [item.message for item in filled(500)[:20]] == [f"number {number}" for number in range(20)]


def test_a_full_timeline_keeps_what_happened_last() -> None:
    assert [item.message for item in filled(500)[20:]] == [f"number {number}" for number in range(440, 500)]


def test_a_long_message_is_shortened() -> None:
    timeline: list[TimelineEntry] = []
    add_entry(timeline, NOON, "alice", "Noted", "x" * 5000)
    assert len(timeline[0].message) <= MESSAGE_LIMIT


def test_a_long_name_of_a_person_is_shortened() -> None:
    timeline: list[TimelineEntry] = []
    add_entry(timeline, NOON, "a" * 300, "Noted", "")
    assert len(timeline[0].actor) <= 253
