"""The status stays under 64 KiB whatever happens: what is bulky and least needed goes first, and says so."""

from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.incident_status import IncidentStatus
from paramedic.engine.run import OVER, dump_status
from paramedic.model.names import canonical
from paramedic.model.text import shorten

LIMIT = 60_000  # bytes; the rest is room for what the API server adds
_OUTPUT_LIMIT = 2_000


def fit(status: IncidentStatus) -> IncidentStatus:
    """The same status within the limit. What is needed to go on (plan, states, intents that can matter) is
    never touched."""
    if size_of(status) <= LIMIT:
        return status
    status = status.model_copy(deep=True)
    for reduce in _REDUCTIONS:
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


def _shorten_changes(status: IncidentStatus) -> None:
    """Of a DryRun: `kubectl incident plan` shows them whole."""
    for change in (item for step in status.steps for item in step.changes):
        for field in change.fields:
            field.before, field.after = (text and _within(text, 120) for text in (field.before, field.after))


def _drop_fields(status: IncidentStatus) -> None:
    for change in (item for step in status.steps for item in step.changes):
        change.fields_left_out += len(change.fields[5:])
        del change.fields[5:]


def _drop_changes(status: IncidentStatus) -> None:
    """All but the first objects of each step, and what would become of them."""
    for step in status.steps:
        step.changes_left_out += len(step.changes[2:])
        del step.changes[2:]
        for change in step.changes:
            change.fields_left_out += len(change.fields)
            change.fields = []
            change.object, change.pods = _within(change.object, 80), _within(change.pods, 80)


def _shorten_timeline(status: IncidentStatus) -> None:
    for entry in status.timeline:
        entry.actor, entry.message = _within(entry.actor, 120), _within(entry.message, 120)


def _shorten_review(status: IncidentStatus) -> None:
    if status.review:
        status.review = _within(status.review, 6_000)


def _shorten_messages(status: IncidentStatus) -> None:
    for step in status.steps:
        step.message = _within(step.message, 160)
        if step.undo:
            step.undo.reason, step.undo.message = _within(step.undo.reason, 80), _within(step.undo.message, 160)
    for condition in status.conditions:
        condition.message = _within(condition.message, 160)


def _drop_timeline(status: IncidentStatus) -> None:
    del status.timeline[10:-10]


def _forget_intents(status: IncidentStatus) -> None:
    """Those of steps that are over and have no way back."""
    for step in status.steps:
        action = ACTIONS[step.action]
        if step.state in OVER and not (action.remedy or action.can_undo):
            step.intent = None


def _drop_outputs(status: IncidentStatus) -> None:
    """All but the short ones, such as a scope or a count, which conditions of later steps look at."""
    for step in status.steps:
        step.outputs = {key: value for key, value in step.outputs.items() if len(canonical(value)) <= 40}


def _drop_evidence(status: IncidentStatus) -> None:
    """The Secrets keep all of it, and say whose it is."""
    del status.evidence[16:]


def _drop_prose(status: IncidentStatus) -> None:
    status.review = _within(status.review, 2_000) if status.review else None
    for step in status.steps:
        step.message = _within(step.message, 80)
        if step.undo:
            step.undo.message = _within(step.undo.message, 80)


def _within(text: str, limit: int) -> str:
    """A text that takes at most so many bytes of JSON, of which a character may take six."""
    if len(canonical(text).encode()) <= limit:
        return text
    plain = text.isascii() and text.isprintable()
    return shorten(text, limit if plain else limit // 6)


_REDUCTIONS = (
    _shorten_outputs, _shorten_changes, _shorten_timeline, _shorten_review, _drop_fields, _shorten_messages,
    _drop_timeline, _forget_intents, _drop_outputs, _drop_evidence, _drop_changes, _drop_prose,
)  # fmt: skip
