"""Conditions as the API conventions ask."""

from datetime import UTC, datetime, timedelta

from paramedic.model.conditions import Condition, Status, find_condition, is_true, set_condition

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def ready(conditions: list[Condition], status: Status, *, at: datetime = NOON, message: str = "") -> Condition:
    set_condition(conditions, "Ready", status, "Because", message, generation=3, now=at)
    found = find_condition(conditions, "Ready")
    assert found is not None
    return found


def test_a_new_condition_is_appended() -> None:
    conditions: list[Condition] = []
    ready(conditions, "False")
    assert [item.type for item in conditions] == ["Ready"]


def test_a_condition_set_again_replaces_the_one_of_its_type() -> None:
    conditions: list[Condition] = []
    ready(conditions, "False")
    ready(conditions, "True")
    assert [item.status for item in conditions] == ["True"]


def test_the_transition_time_moves_when_the_status_does() -> None:
    conditions: list[Condition] = []
    ready(conditions, "False")
    assert ready(conditions, "True", at=NOON + timedelta(minutes=1)).last_transition_time == "2026-11-24T12:01:00Z"


def test_the_transition_time_stays_when_only_the_message_changes() -> None:
    conditions: list[Condition] = []
    ready(conditions, "False", message="one")
    assert ready(conditions, "False", message="two", at=NOON + timedelta(minutes=1)).last_transition_time == (
        "2026-11-24T12:00:00Z"
    )


def test_a_condition_says_which_generation_it_is_about() -> None:
    assert ready([], "True").observed_generation == 3


def test_a_message_stays_within_what_the_schema_allows() -> None:
    assert len(ready([], "True", message="x" * 5000).message) <= 1024


def test_a_condition_that_is_unknown_is_not_true() -> None:
    conditions: list[Condition] = []
    ready(conditions, "Unknown")
    assert not is_true(conditions, "Ready")


def test_a_condition_that_was_never_set_is_not_true() -> None:
    assert not is_true([], "Ready")
