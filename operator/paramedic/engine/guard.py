"""What stands in front of every plan and effect: protected targets, and one incident at a time on a target.

The lock is not written anywhere: the incident with the oldest frozen plan on a target holds it, for as long as it has
not ended and has more left to do than to look back, and every step of it has a deadline. So it survives restarts, and
nobody can hold it for ever.
"""

from dataclasses import dataclass
from datetime import timedelta

from paramedic.actions.reads import CountActive, ListObjects, Seen
from paramedic.api.v1alpha1.playbook import Playbook
from paramedic.engine.lifecycle import ACTIVE, ENDED
from paramedic.engine.looking_back import only_looks_back
from paramedic.engine.run import Run, since
from paramedic.model.durations import format_duration, parse_duration
from paramedic.model.objects import Object, dig, labels
from paramedic.model.references import INCIDENT, ObjectRef
from paramedic.model.text import plural
from paramedic.model.times import format_second, parse_time

#: Namespaces whose workloads the cluster itself stands on.
PROTECTED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease"})
FRUITLESS_WINDOW = timedelta(hours=1)


#: What manifests/base labels the operator with.
_NAME_LABEL, _OWN_NAME = "app.kubernetes.io/name", "paramedic"


class Refused(Exception):
    """A guard refuses. The text is for a person and says what would lift it."""


def check_protected(target: ObjectRef) -> None:
    """Raises Refused for what an incident must never act upon."""
    if target.namespace in PROTECTED_NAMESPACES:
        raise Refused(
            f"{target} is in namespace {target.namespace}, which the cluster itself stands on; playbooks do not act there"
        )


def check_not_self(target: ObjectRef, obj: Object) -> None:
    """Raises Refused for the operator's own Deployment and Pods: it would end in the middle of what it does."""
    if labels(obj).get(_NAME_LABEL) == _OWN_NAME:
        raise Refused(f"{target} is the operator itself ({_NAME_LABEL}={_OWN_NAME}); work on it by hand")


#: Ended incidents pile up, those at work on one target do not: the API server leaves the others out.
_NOT_ENDED = ",".join(f"status.phase!={phase}" for phase in sorted(ENDED))
_MOST = 5_000
_LOOK_AGAIN = timedelta(seconds=10)


def question_about(run: Run, target: str) -> ListObjects:
    """Which incidents there are on this target that have not ended, by the fields that the API server selects by."""
    selector = f"status.target={target},{_NOT_ENDED}"
    return ListObjects(INCIDENT, run.namespace, field_selector=selector, limit=_MOST, own=True, recent=True)


def others_on_target(run: Run, seen: Seen, question: ListObjects) -> list[Object]:
    """The other incidents that the question is about, as the API server has them now."""
    return [item for item in seen.items(question) if item["metadata"]["uid"] != run.incident.metadata.uid]


def holder_of(run: Run, seen: Seen, target: str) -> str:
    """The name of another incident that is at work on this target and comes before this one; empty if none does."""
    open_ones = others_on_target(run, seen, question_about(run, target))
    rivals = [item for item in open_ones if dig(item, "status", "phase") in ACTIVE]
    rivals = [item for item in rivals if dig(item, "spec", "mode") != "DryRun" and not only_looks_back(item)]
    ours = (run.status.plan.frozen_at, run.incident.metadata.uid) if run.status.plan else ("~", "")
    ahead = [item for item in rivals if _rank(item) < ours]
    return str(min(ahead, key=_rank)["metadata"]["name"]) if ahead else ""


def _rank(item: Object) -> tuple[str, str]:
    return dig(item, "status", "plan", "frozenAt", default=""), item["metadata"]["uid"]


@dataclass(frozen=True)
class Hold:
    """Not now: why, in one word and in a sentence, and when to look again."""

    reason: str
    message: str
    again: timedelta


def hold_back(run: Run, seen: Seen, playbook: Playbook, target: str) -> Hold | None:
    """What keeps an incident that an alert opened from being worked on now. What people open is not held back."""
    if run.incident.spec.alert is None or run.dry:
        return None
    rule, name = playbook.spec.guards, playbook.metadata.name
    active = seen.count_active(CountActive(run.namespace, name))
    if active >= rule.max_concurrent:
        text = f"{plural(active, 'incident')} of playbook {name} are at work, as many as guards.maxConcurrent allows"
        return Hold("TooMany", f"{text}; this one waits for its turn", _LOOK_AGAIN)
    return _cooling(run, seen, playbook, target) or _too_often(run, seen, playbook)


def _cooling(run: Run, seen: Seen, playbook: Playbook, target: str) -> Hold | None:
    cooldown = parse_duration(playbook.spec.guards.cooldown)
    if not cooldown:
        return None
    selector = f"status.target={target},status.playbook.name={playbook.metadata.name}"
    ran = others_on_target(run, seen, ListObjects(INCIDENT, run.namespace, "", selector, _MOST, own=True, recent=True))
    ends = [dig(item, "status", "times", "finishedAt") for item in ran if dig(item, "status", "times", "firstActionAt")]
    last = max((parse_time(end) for end in ends if end), default=None)
    if last is None or last + cooldown <= run.now:
        return None
    left = last + cooldown - run.now
    text = f"playbook {playbook.metadata.name} worked on {target} until {format_second(last)}"
    return Hold("CoolingDown", f"{text}; its guards.cooldown ends in {format_duration(left)}", left)


def _too_often(run: Run, seen: Seen, playbook: Playbook) -> Hold | None:
    most = playbook.spec.guards.max_runs_per_hour
    if most is None:
        return None
    selector = f"status.playbook.name={playbook.metadata.name},status.phase!=Pending"
    ran = others_on_target(run, seen, ListObjects(INCIDENT, run.namespace, "", selector, _MOST, own=True, recent=True))
    begun = sorted(moment for item in ran if (moment := dig(item, "status", "plan", "frozenAt")))
    recent = [moment for moment in begun if since(moment, run.now) < timedelta(hours=1)]
    if len(recent) < most:
        return None
    left = timedelta(hours=1) - since(recent[-most], run.now)
    text = f"playbook {playbook.metadata.name} has begun {plural(len(recent), 'run')} within the hour"
    return Hold(
        "TooOften", f"{text}, guards.maxRunsPerHour is {most}; the next may begin in {format_duration(left)}", left
    )


#: Actions that mend by starting Pods anew, and so never mend what a new Pod has too.
RESTARTS = frozenset({"rollingRestart", "deletePods"})


def fruitless_restarts(run: Run, seen: Seen, action: str) -> int:
    """How many incidents on this target failed within the last hour although they did this to it; 0 where the action is
    none that starts Pods anew.
    """
    if action not in RESTARTS:
        return 0
    failed = others_on_target(run, seen, question_about_failed(run, str(run.target)))
    return sum(any(_recent_restart(step, run, action) for step in _steps(item)) for item in failed)


def question_about_failed(run: Run, target: str) -> ListObjects:
    """Which incidents on this target have failed."""
    selector = f"status.target={target},status.phase=Failed"
    return ListObjects(INCIDENT, run.namespace, field_selector=selector, limit=_MOST, own=True, recent=True)


def _steps(item: Object) -> list[Object]:
    found: list[Object] = dig(item, "status", "steps", default=[])
    return found


def _recent_restart(step: Object, run: Run, action: str) -> bool:
    if step.get("action") != action or not step.get("intent"):
        return False
    return since(step.get("startedAt"), run.now) < FRUITLESS_WINDOW
