"""The transition table: every phase, every event, one answer."""

from typing import get_args

import pytest

from paramedic.api.v1alpha1.incident_status import Phase
from paramedic.engine.lifecycle import ACTIVE, ENDED, TRANSITIONS, Event, ImpossibleTransition, mermaid, next_phase

PHASES: tuple[Phase, ...] = get_args(Phase)
#: What cannot happen, and why.
IMPOSSIBLE = {
    ("Running", Event.PLANNED),  # it has a plan
    ("Running", Event.EXPLAINED),  # a dry run never runs
    ("Running", Event.RECOVERED),  # recovery is watched once the steps are done
    ("Waiting", Event.PLANNED),
    ("Waiting", Event.EXPLAINED),
    ("Waiting", Event.RECOVERED),
    ("Monitoring", Event.PLANNED),
    ("Monitoring", Event.EXPLAINED),
    ("Monitoring", Event.PERSON_NEEDED),  # no step is left that could wait
    ("Monitoring", Event.STEPPED),
    ("Monitoring", Event.STEPS_DONE),
    ("Monitoring", Event.CLEARED),  # something was changed, so recovery must be proven
    ("Pending", Event.PERSON_NEEDED),  # no step runs before there is a plan
    ("Pending", Event.STEPPED),
    ("Pending", Event.STEPS_DONE),
    ("Pending", Event.RECOVERED),
}


def test_every_phase_of_the_api_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(PHASES)


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("phase", sorted(ACTIVE | {"Pending"}))
def test_every_event_in_a_phase_leads_somewhere_or_is_impossible(phase: Phase, event: Event) -> None:
    if (phase, event) in IMPOSSIBLE:
        with pytest.raises(ImpossibleTransition, match=f"{event} cannot happen in phase {phase}"):
            next_phase(phase, event)
    else:
        assert next_phase(phase, event) in PHASES


@pytest.mark.parametrize("event", Event)
@pytest.mark.parametrize("phase", sorted(ENDED))
def test_an_ended_incident_stays_ended(phase: Phase, event: Event) -> None:
    with pytest.raises(ImpossibleTransition):
        next_phase(phase, event)


@pytest.mark.parametrize("phase", sorted(ACTIVE | {"Pending"}))
@pytest.mark.parametrize(("event", "end"), [(Event.FAILED, "Failed"), (Event.CANCELLED, "Cancelled")])
def test_whatever_has_not_ended_can_fail_and_be_cancelled(phase: Phase, event: Event, end: Phase) -> None:
    assert next_phase(phase, event) == end


def test_once_the_steps_are_done_resolved_is_reached_only_by_proven_recovery() -> None:
    ways = [
        (phase, event) for phase, answers in TRANSITIONS.items() for event, to in answers.items() if to == "Resolved"
    ]
    untouched = [(phase, Event.CLEARED) for phase in ("Pending", "Running", "Waiting")]
    assert ways == [*untouched, ("Monitoring", Event.RECOVERED)]


@pytest.mark.parametrize("phase", PHASES)
def test_every_phase_can_be_reached(phase: Phase) -> None:
    reached: set[Phase] = {"Pending"}
    for _ in PHASES:
        reached |= {to for known in reached for to in TRANSITIONS[known].values()}
    assert phase in reached


def test_every_phase_has_ended_is_active_or_is_pending() -> None:
    assert ENDED | ACTIVE | {"Pending"} == set(PHASES)


def test_the_diagram_shows_every_transition_to_another_phase() -> None:
    arrows = [line for line in mermaid().splitlines() if ": " in line]
    moves = sum(to != phase for phase, answers in TRANSITIONS.items() for to in answers.values())
    assert len(arrows) == moves
