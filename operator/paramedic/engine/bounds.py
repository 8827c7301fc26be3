"""The status stays under 64 KiB whatever happens: what is bulky and least needed goes first, and says so."""

from paramedic.api.v1alpha1.incident_status import IncidentStatus
from paramedic.engine.run import dump_status
from paramedic.model.names import canonical
from paramedic.model.text import shorten

LIMIT = 60_000  # bytes; the rest is room for what the API server adds
_OUTPUT_LIMIT = 2_000


def fit(status: IncidentStatus) -> IncidentStatus:
    """The same status within the limit. What is needed to go on (plan, intents, states) is never touched."""
    if size_of(status) <= LIMIT:
        return status
    status = status.model_copy(deep=True)
    for reduce in (_shorten_outputs, _shorten_timeline, _shorten_review, _shorten_messages, _drop_timeline):
        reduce(status)
        if size_of(status) <= LIMIT:
            break
    return status


def size_of(status: IncidentStatus) -> int:
    """Bytes of the status as it is stored."""
    return len(canonical(dict(dump_status(status))).encode())


def _shorten_outputs(status: IncidentStatus) -> None:
    for step in status.steps:
        if len(canonical(step.outputs)) > _OUTPUT_LIMIT:
            step.outputs = {key: value for key, value in step.outputs.items() if len(canonical(value)) <= 200}


def _shorten_timeline(status: IncidentStatus) -> None:
    for entry in status.timeline:
        entry.message = shorten(entry.message, 120)


def _shorten_review(status: IncidentStatus) -> None:
    if status.review:
        status.review = shorten(status.review, 6_000)


def _shorten_messages(status: IncidentStatus) -> None:
    for step in status.steps:
        step.message = shorten(step.message, 160)
    for condition in status.conditions:
        condition.message = shorten(condition.message, 160)


def _drop_timeline(status: IncidentStatus) -> None:
    del status.timeline[10:-10]
