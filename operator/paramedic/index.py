"""What the watch has shown of the incidents, by name: who waits for what, and how many are at work. For waking up early
and for counting; that two incidents never work on one target is decided by what the API server says, not by this.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from paramedic.engine.lifecycle import ACTIVE, ENDED
from paramedic.engine.looking_back import only_looks_back
from paramedic.model.objects import Object, dig
from paramedic.model.times import parse_time

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Summary:
    phase: str
    playbook: str
    target: str
    resource_version: str
    still_since: str = ""  # since when it has stood still; empty while it does not
    at_work: bool = False


class IncidentIndex:
    """Summaries of all incidents seen."""

    def __init__(self) -> None:
        self._known: dict[Key, Summary] = {}
        self._claims: dict[Key, str] = {}

    def see(self, obj: Object) -> list[Key]:
        """Takes note of an incident. The keys of others that may go on because of it."""
        meta = obj["metadata"]
        key = (meta["namespace"], meta["name"])
        before = self._known.get(key)
        now = Summary(
            phase=dig(obj, "status", "phase", default="Pending"),
            playbook=dig(
                obj, "status", "playbook", "name", default=dig(obj, "spec", "playbookRef", "name", default="")
            ),
            target=dig(obj, "status", "target", default=""),
            resource_version=meta["resourceVersion"],
            still_since=_still_since(obj),
            at_work=dig(obj, "status", "phase") in ACTIVE and not only_looks_back(obj),
        )
        self._known[key] = now
        ended = before is not None and now.phase in ENDED and before.phase not in ENDED
        done = before is not None and before.at_work and not now.at_work
        if now.phase in ENDED or done:
            self._claims.pop(key, None)
        return self.waiting_for_target(key[0], now.target) if ended or done else []

    def knows(self, key: Key) -> bool:
        """Whether the watch has shown this incident."""
        return key in self._known

    def forget(self, key: Key) -> list[Key]:
        """Takes note that an incident is gone. The keys of others that may go on because of it."""
        self._claims.pop(key, None)
        gone = self._known.pop(key, None)
        return self.waiting_for_target(key[0], gone.target) if gone and gone.target else []

    def claim(self, key: Key, playbook: str) -> None:
        """This process has let an incident begin, which the watch shows a little later."""
        self._claims[key] = playbook

    def drop_claim(self, key: Key) -> None:
        """It was not stored after all."""
        self._claims.pop(key, None)

    def active(self, namespace: str, playbook: str) -> int:
        """How many incidents of a playbook are at work."""
        seen = {
            key
            for key, item in self._known.items()
            if key[0] == namespace and item.playbook == playbook and item.at_work
        }
        return len(seen | {key for key, name in self._claims.items() if key[0] == namespace and name == playbook})

    def waiting_for_target(self, namespace: str, target: str) -> list[Key]:
        return self._pending(namespace, lambda item: item.target == target)

    def waiting_for_playbook(self, namespace: str, playbook: str) -> list[Key]:
        """Those that follow this playbook, or none yet."""
        return self._pending(namespace, lambda item: item.playbook in (playbook, ""))

    def _pending(self, namespace: str, wanted: Callable[[Summary], bool]) -> list[Key]:
        return [
            key for key, item in self._known.items() if key[0] == namespace and item.phase == "Pending" and wanted(item)
        ]

    def phases(self) -> dict[str, int]:
        """How many incidents are in each phase."""
        return dict(Counter(item.phase for item in self._known.values()))

    def oldest(self, now: datetime) -> dict[str, float]:
        """For how many seconds the oldest incident has been Pending, and for how many one has waited for a person."""
        found = dict.fromkeys(_STILL, 0.0)
        for item in self._known.values():
            if item.still_since:
                seconds = (now - parse_time(item.still_since)).total_seconds()
                found[item.phase] = max(found[item.phase], seconds)
        return found


_STILL = ("Pending", "Waiting")


def _still_since(obj: Object) -> str:
    phase = dig(obj, "status", "phase", default="Pending")
    if phase not in _STILL or dig(obj, "status", "linkedTo"):  # a linked one has nothing to do
        return ""
    opened: str = dig(obj, "metadata", "creationTimestamp", default="")
    waiting = [step for step in dig(obj, "status", "steps", default=[]) if step["state"] == "Waiting"]
    return max((step.get("startedAt", "") for step in waiting), default="") or opened
