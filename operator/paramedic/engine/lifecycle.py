"""The life of an incident as a table: every phase, every event, one answer.

The diagram in docs/lifecycle.md is generated from this table.
"""

from enum import StrEnum

from paramedic.api.v1alpha1.incident_status import Phase


class Event(StrEnum):
    PLANNED = "Planned"  # the plan is frozen
    EXPLAINED = "Explained"  # the plan of a DryRun is explained
    PERSON_NEEDED = "PersonNeeded"  # a step waits for a person
    STEPPED = "Stepped"  # a step goes on, or the next one begins
    STEPS_DONE = "StepsDone"  # no step is left
    RECOVERED = "Recovered"  # every recovery check held for long enough
    CLEARED = "Cleared"  # the alert resolved by itself, or the incident it is linked to has recovered
    FAILED = "Failed"  # a step stopped the run, recovery was not proven, or there can be no plan
    CANCELLED = "Cancelled"  # a person cancelled


ENDED: frozenset[Phase] = frozenset({"Resolved", "Failed", "Cancelled", "Planned"})
ACTIVE: frozenset[Phase] = frozenset({"Running", "Waiting", "Monitoring"})

#: Where an event leads. An event that is missing here cannot happen in that phase; an ended incident stays ended.
TRANSITIONS: dict[Phase, dict[Event, Phase]] = {
    "Pending": {
        Event.PLANNED: "Running",
        Event.EXPLAINED: "Planned",
        Event.CLEARED: "Resolved",
        Event.FAILED: "Failed",
        Event.CANCELLED: "Cancelled",
    },
    "Running": {
        Event.STEPPED: "Running",
        Event.PERSON_NEEDED: "Waiting",
        Event.STEPS_DONE: "Monitoring",
        Event.CLEARED: "Resolved",
        Event.FAILED: "Failed",
        Event.CANCELLED: "Cancelled",
    },
    "Waiting": {
        Event.STEPPED: "Running",
        Event.PERSON_NEEDED: "Waiting",
        Event.STEPS_DONE: "Monitoring",
        Event.CLEARED: "Resolved",
        Event.FAILED: "Failed",
        Event.CANCELLED: "Cancelled",
    },
    "Monitoring": {
        Event.RECOVERED: "Resolved",
        Event.FAILED: "Failed",
        Event.CANCELLED: "Cancelled",
    },
    "Resolved": {},
    "Failed": {},
    "Cancelled": {},
    "Planned": {},
}


class ImpossibleTransition(ValueError):
    """An event that cannot happen in this phase: a mistake of ours, never of the user's."""


def next_phase(phase: Phase, event: Event) -> Phase:
    """Where an event leads from a phase. Raises ImpossibleTransition."""
    try:
        return TRANSITIONS[phase][event]
    except KeyError:
        raise ImpossibleTransition(f"{event} cannot happen in phase {phase}") from None


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> Pending"]
    for phase, answers in TRANSITIONS.items():
        lines += [f"    {phase} --> {target}: {event}" for event, target in answers.items() if target != phase]
    lines += [f"    {phase} --> [*]" for phase in TRANSITIONS if phase in ENDED]
    return "\n".join(lines) + "\n"
