"""manual waits for a person, and wait for time to pass."""

from datetime import timedelta

import pytest

from paramedic.actions.contract import (
    Answer,
    Context,
    Failed,
    Finished,
    Intent,
    Notice,
    Reminder,
    Waiting,
    Working,
)
from unit.acting import expect, observe, prepare, record_of, refused
from unit.builders import NOW, context
from unit.seen import World


def manual(*answers: Answer) -> object:
    return prepare("manual", World(), context(answers=answers), instructions="Call the provider.")


def test_a_manual_step_waits_until_somebody_says_that_it_is_done() -> None:
    assert manual() == Waiting("Call the provider.", person="Done")


def test_a_manual_step_that_is_done_keeps_who_did_it_and_their_note() -> None:
    finished = expect(Finished, manual(Answer("Done", "alice", "fault on their side")))
    assert dict(finished.outputs) == {"by": "alice", "note": "fault on their side"}


def test_a_manual_step_that_is_done_says_so() -> None:
    assert expect(Finished, manual(Answer("Done", "alice", "their fault"))).message == "done by alice: their fault"


def test_a_manual_step_that_cannot_be_done_fails_for_good() -> None:
    assert refused(manual(Answer("Reject", "bob"))) == "bob answered that it cannot be done"


def test_an_approval_is_no_report_that_a_manual_step_was_done() -> None:
    expect(Waiting, manual(Answer("Approve", "alice")))


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ((Answer("Done", "alice"), Answer("Reject", "bob")), Finished),
        ((Answer("Reject", "bob"), Answer("Done", "alice")), Failed),
    ],
)
def test_the_first_answer_counts(answers: tuple[Answer, ...], kind: type) -> None:
    expect(kind, manual(*answers))


def test_long_instructions_are_shortened_where_they_are_shown() -> None:
    waiting = expect(Waiting, prepare("manual", World(), instructions="x" * 2048))
    assert len(waiting.message) <= 700


def test_wait_counts_from_its_start() -> None:
    assert record_of(prepare("wait", World(), duration="5m")) == {"until": "2026-11-24T03:05:00.000000Z"}


def test_the_intent_of_wait_says_how_long() -> None:
    assert expect(Intent, prepare("wait", World(), duration="5m")).message == "waiting 5m"


def after(**span: float) -> object:
    record = record_of(prepare("wait", World(), duration="5m"))
    return observe("wait", World(), record, context(now=NOW + timedelta(**span)), duration="5m")


def test_wait_says_how_long_is_left_and_that_it_moves() -> None:
    assert after(minutes=2) == Working("waiting, 3m left", progressing=True)


@pytest.mark.parametrize("minutes", [5, 500])
def test_wait_is_over_when_its_time_is_whatever_happened_between(minutes: int) -> None:
    assert after(minutes=minutes) == Finished("waited 5m")


# --- reminders and deadlines of manual steps


def asked(ctx: Context | None = None, **params: object) -> object:
    given = {"instructions": "Call the provider."} | params
    return prepare("manual", World(), ctx, **given)


def test_a_manual_step_that_reminds_says_how_often_and_where() -> None:
    waiting = expect(Waiting, asked(remindEvery="15m", channel="oncall"))
    assert waiting.reminder == Reminder(timedelta(minutes=15), "oncall")
    assert waiting.channel == "oncall"


def test_who_should_do_it_is_said_in_front() -> None:
    assert expect(Waiting, asked(assignee="the database team")).message == "for the database team: Call the provider."


def test_before_its_deadline_a_manual_step_waits() -> None:
    expect(Waiting, asked(context(now=NOW + timedelta(minutes=119)), deadline="2h"))


def test_at_its_deadline_a_manual_step_is_escalated_and_fails() -> None:
    failed = expect(Failed, asked(context(now=NOW + timedelta(hours=2)), deadline="2h", channel="managers"))
    assert failed.message == "nobody did it within 2h: Call the provider."
    assert failed.final
    assert failed.notices == (Notice("managers", failed.message, escalation=True),)


def test_the_deadline_says_what_the_playbook_says() -> None:
    failed = expect(Failed, asked(context(now=NOW + timedelta(hours=2)), deadline="2h", message="Still not called!"))
    assert [notice.text for notice in failed.notices] == ["Still not called!"]


def test_what_was_done_by_the_deadline_is_done() -> None:
    ctx = context(now=NOW + timedelta(hours=3), answers=(Answer("Done", "alice"),))
    expect(Finished, asked(ctx, deadline="2h"))


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"remindEvery": "30s"}, "30s is not between 1m and 24h; write such as 15m"),
        ({"remindEvery": "25h"}, "is not between 1m and 24h"),
        ({"deadline": "0s"}, "0s is not between 1s and 168h; write such as 2h"),
        ({"deadline": "169h"}, "is not between 1s and 168h"),
        ({"channel": ""}, "at least 1 character"),
    ],
)
def test_an_interval_or_deadline_out_of_bounds_is_refused(params: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        asked(**params)
