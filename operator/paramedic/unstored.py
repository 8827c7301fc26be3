"""What this process alone knows of requests, which leave no trace that could be looked for: which it may begin, and what
became of those that it sent, until that is stored. A restart loses it, and then nobody knows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from paramedic.actions.contract import Observation
from paramedic.actions.effects import Outcome, Result
from paramedic.api.v1alpha1.incident_status import IncidentStatus, StepStatus

Key = tuple[str, str]  # namespace, name


class Unstored:
    """By incident. Nothing else writes an operation's intent while this process leads: so one that is stored, and that this
    process has not begun, was not begun.
    """

    def __init__(self) -> None:
        self._fresh: dict[Key, set[str]] = defaultdict(set)
        self._verdicts: dict[Key, dict[str, Observation]] = defaultdict(dict)  # by operation

    def fresh(self, key: Key) -> frozenset[str]:
        """The operations that may be begun."""
        return frozenset(self._fresh.get(key, ()))

    def verdicts(self, key: Key, status: IncidentStatus) -> dict[str, Observation]:
        """What became of requests and is not stored yet, by step."""
        known = self._verdicts.get(key, {})
        return {step.name: known[step.operation_id] for step in status.steps if step.operation_id in known}

    def may_be_stored(self, key: Key, begins: Iterable[str]) -> None:
        """The status with these intents was written, and perhaps stored: where it was, they are ours to begin."""
        self._fresh[key].update(begins)

    def stored(self, key: Key, before: IncidentStatus, status: IncidentStatus, begins: Iterable[str]) -> None:
        """The status is stored. What it tells the end of is forgotten."""
        running = {step.operation_id for step in status.steps if step.state == "Running"}
        self._fresh[key] = {item for item in self._fresh[key].union(begins) if item in running}
        moved = {step.operation_id for step in moved_steps(before, status)}
        self._verdicts[key] = {item: kept for item, kept in self._verdicts[key].items() if item not in moved}
        for kept in (self._fresh, self._verdicts):
            if not kept[key]:
                del kept[key]

    def begin(self, key: Key, operation: str) -> bool:
        """The request is sent now, and never again as a fresh one. Whether it was fresh."""
        if operation not in self._fresh.get(key, ()):
            return False
        self._fresh[key].discard(operation)
        return True

    def ended(self, key: Key, operation: str, fresh: bool, outcome: Outcome) -> None:
        """What became of a request; one that was surely not sent may still be begun."""
        if fresh and outcome.result is Result.CONFLICT:
            self._fresh[key].add(operation)

    def learned(self, key: Key, operation: str, verdict: Observation) -> None:
        self._verdicts[key][operation] = verdict

    def forget(self, key: Key) -> None:
        self._fresh.pop(key, None)
        self._verdicts.pop(key, None)


def moved_steps(before: IncidentStatus, status: IncidentStatus) -> list[StepStatus]:
    """The steps that are not as they were."""
    known: Mapping[str, StepStatus] = {step.name: step for step in before.steps}
    return [step for step in status.steps if step != known.get(step.name)]
