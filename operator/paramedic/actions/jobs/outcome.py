"""How a Job stands, and what its Pods have said."""

import re
from collections.abc import Iterator

from paramedic.actions.diagnosis.containers import unscheduled
from paramedic.actions.evidence.secret import Pieces, within_a_secret
from paramedic.actions.reads import ListObjects, ReadLog, Seen
from paramedic.actions.targets import owned_by
from paramedic.model.objects import Object, condition, dig
from paramedic.model.references import POD, ObjectRef
from paramedic.model.text import shorten
from paramedic.model.workloads import pod_trouble

_JOB_LABEL = "batch.kubernetes.io/job-name"
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) ")
_TAIL_LINES, _TAIL_CHARACTERS = 10, 600
_MOST_LOGS = 30
NO_LOG = b"no log could be read\n"


def has_succeeded(job: Object) -> bool:
    return condition(job, "Complete").get("status") == "True"


def failure_of(job: Object) -> str:
    """Why it has failed; empty where it has not. A Job that is bound to fail says so before its last Pod is gone, which
    is when that Pod's log can still be read."""
    for kind in ("Failed", "FailureTarget"):
        found = condition(job, kind)
        if found.get("status") == "True":
            return str(found.get("reason") or "Failed")
    return ""


def is_over(job: Object) -> bool:
    return has_succeeded(job) or bool(failure_of(job))


def pods_of_job(job: Object, seen: Seen) -> list[Object]:
    """Its Pods, the oldest first."""
    meta = job["metadata"]
    listed = seen.items(ListObjects(POD, meta["namespace"], f"{_JOB_LABEL}={meta['name']}", limit=50))
    own = [pod for pod in listed if owned_by(pod, meta["uid"])]
    return sorted(own, key=lambda pod: (dig(pod, "metadata", "creationTimestamp", default=""), pod["metadata"]["name"]))


def hindrance(pods: list[Object]) -> str:
    """What keeps a Pod from starting, in the words of the kubelet or the scheduler; empty if nothing does."""
    for pod in pods:
        if dig(pod, "status", "phase") == "Pending" and (why := pod_trouble(pod) or unscheduled(pod)):
            return f"Pod {pod['metadata']['name']}: {why}"
    return ""


def logs_of(pods: list[Object], seen: Seen, tail_lines: int) -> Pieces:
    """The logs of all containers that have run, the newest Pods' last, each within its share of a Secret."""
    questions = [
        ReadLog(ObjectRef.to(POD, pod["metadata"]["namespace"], pod["metadata"]["name"]), name, tail_lines=tail_lines)
        for pod in pods
        for name, _ in _started(pod)
    ][-_MOST_LOGS:]
    seen.prefetch(questions)
    logs = {f"{question.pod.name}.{question.container}.log": seen.log(question) for question in questions}
    return within_a_secret({name: ("Logs", NO_LOG if log is None else log) for name, log in logs.items()})


def _started(pod: Object) -> Iterator[tuple[str, int | None]]:
    """The containers of a Pod that have started, in their order, and their exit codes where they have ended."""
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", field, default=[]):
            if {"terminated", "running"} & dig(status, "state", default={}).keys():
                yield status["name"], dig(status, "state", "terminated", "exitCode")


def telling_container(pods: list[Object]) -> tuple[str, int | None]:
    """Whose log tells how it ended, as the piece is named, and its exit code: what failed last, else what ran last."""
    every = [(f"{pod['metadata']['name']}.{name}.log", code) for pod in pods for name, code in _started(pod)]
    failed = [item for item in every if item[1]]
    return (failed or every or [("", None)])[-1]


def last_words(log: bytes) -> str:
    """The last lines of a log, without the moments that stand before them."""
    if log == NO_LOG:
        return ""
    lines = [_STAMP.sub("", line).rstrip() for line in log.decode("utf-8", "replace").splitlines()]
    return shorten("\n".join([line for line in lines if line][-_TAIL_LINES:]), _TAIL_CHARACTERS)
