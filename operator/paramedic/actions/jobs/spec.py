"""The Job that `runJob` makes: of a CronJob or of a template, and bounded, so that it cannot run away.

Eighty-four thousand Pods have come of one failing Job (kubernetes/kubernetes#27997). Here a Job makes at most three Pods
that fail, ends within its deadline, and is deleted a day after.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from paramedic.actions.contract import Context
from paramedic.model.names import OPERATION_ANNOTATION, our_labels
from paramedic.model.objects import Object, dig

MOST_FAILING_PODS = 3
MOST_COMPLETIONS = 10
#: So long it can be looked at. The operator has long seen its end by then.
KEPT_SECONDS = 86_400

#: What a template may say. All else is set here, or would take the bounds away.
FIELDS = ("template", "parallelism", "completions", "completionMode")
#: What lets more Pods fail than backoffLimit says, or leaves the Job to another controller.
_UNBOUNDED = ("backoffLimitPerIndex", "maxFailedIndexes", "managedBy", "manualSelector", "selector")
_UNCOUNTED = ("Ignore", "FailIndex")


@dataclass(frozen=True)
class Source:
    """What the Job is made of, and where that comes from."""

    origin: str  # such as CronJob/backup
    spec: Object = field(hash=False)
    labels: dict[str, str] = field(default_factory=dict, hash=False)


def refusals(spec: Object) -> Iterator[str]:
    """Why no bounded Job can be made of this spec: the field and the mend."""
    for name in _UNBOUNDED:
        if spec.get(name) not in (None, False):
            yield f"{name}: it takes away the bounds that runJob sets; leave it out"
    for rule in dig(spec, "podFailurePolicy", "rules", default=[]):
        if rule.get("action") in _UNCOUNTED:
            yield f"podFailurePolicy: action {rule['action']} lets any number of Pods fail; leave it out"
    for name, most in (("parallelism", MOST_FAILING_PODS), ("completions", MOST_COMPLETIONS)):
        value = 1 if spec.get(name) is None else spec[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            yield f"{name}: {value!r} is not between 1 and {most}"
    containers = dig(spec, "template", "spec", "containers", default=[])
    if not isinstance(containers, list) or not containers:
        yield "template.spec.containers: there is none; write one with name and image"


def build_job(ctx: Context, name: str, source: Source, deadline: timedelta) -> Object:
    """The Job, bounded. No owner: deleting the Incident must not stop it half-way; its deadline and ttl end it."""
    spec = copy.deepcopy(source.spec)
    spec.pop("suspend", None)
    parallel = spec.get("parallelism") or 1
    spec |= {
        "parallelism": parallel,
        # While the last of the failures comes that end the Job, the others that run beside it may fail too.
        "backoffLimit": MOST_FAILING_PODS - parallel,
        "activeDeadlineSeconds": round(deadline.total_seconds()),
        "ttlSecondsAfterFinished": KEPT_SECONDS,
    }
    template = spec["template"]
    # Restarted in its Pod, a container would be counted less exactly, and its log deleted with the Pod that failed.
    template["spec"]["restartPolicy"] = "Never"
    labels = our_labels(ctx.incident, ctx.step)
    template["metadata"] = {**(template.get("metadata") or {})}
    template["metadata"]["labels"] = {**(template["metadata"].get("labels") or {}), **labels}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": ctx.namespace,
            "labels": source.labels | labels,
            "annotations": {OPERATION_ANNOTATION: ctx.operation_id},
        },
        "spec": spec,
    }
