"""manual waits for a person, and wait for time to pass."""

from datetime import timedelta

import pytest

from paramedic.actions.contract import Answer, Failed, Finished, Intent, Waiting, Working
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
