"""kwok Stages: the steps of each simulated life. Schema: https://kwok.sigs.k8s.io/docs/user/stages-configuration/."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from . import templates
from .lives import Life, jq_life, tags

Stage = dict[str, Any]
Expression = dict[str, Any]

# Set to "true" on a simulated node, it makes the node NotReady, until it is taken away again.
NOT_READY_ANNOTATION = "localkind.paramedic.dev/not-ready"

NODE_HEARTBEAT_MS = 300_000
START_MS = (300, 800)
COMPLETE_MS = 700
SLOW_START_MS = 8_000
PULL_BACK_OFF_MS = 2_000
# Real back-off is 10 s, doubled up to 300 s. Tests should not wait that long for the next restart.
CRASH_BACK_OFF = '[[.status.containerStatuses[].restartCount] | max * 5, 60] | min | tostring + "s"'


def all_stages() -> list[Stage]:
    """Every Stage that kwok plays."""
    return [*_node_stages(), *_start_stages(), *_crash_stages(), *_pull_stages(), *_end_stages()]


def _node_stages() -> list[Stage]:
    ready = '.status.conditions[]? | select(.type == "Ready") | .status'
    wanted = f'.metadata.annotations["{NOT_READY_ANNOTATION}"]'
    return [
        _stage("node-ready", "Node", [_not_in(ready, "True"), _not_in(wanted, "true")],
               [_status(templates.node_conditions(True))]),
        _stage("node-not-ready", "Node", [_in(ready, "True"), _in(wanted, "true")],
               [_status(templates.node_conditions(False))]),
        _stage("node-heartbeat", "Node", [_in(ready, "True"), _not_in(wanted, "true")],
               [_status(templates.node_conditions(True))], delay=(NODE_HEARTBEAT_MS, NODE_HEARTBEAT_MS + 10_000)),
    ]  # fmt: skip


def _start_stages() -> list[Stage]:
    good, bad = templates.running_ready(), templates.running_unready()
    started = [_event("Normal", "Pulled", "Container image is present on the machine"),
               _event("Normal", "Started", "Container started")]  # fmt: skip
    return [
        _pod("pod-ready", [Life.READY, Life.COMPLETES], [*_starting()], [_status(good), *started], START_MS),
        _pod("pod-unready", [Life.NEVER_READY, Life.SLOW_START], [*_starting()], [_status(bad), *started], START_MS),
        _pod("pod-slow-start", [Life.SLOW_START], [_in(".status.phase", "Running"), _not_in(_pod_ready(), "True")],
             [_status(good)], (SLOW_START_MS, SLOW_START_MS)),
        _pod("pod-never-ready", [Life.NEVER_READY],
             [_in(".status.phase", "Running"), _not_in(_pod_ready(), "True")],
             [_event("Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")],
             (10_000, 11_000)),
    ]  # fmt: skip


def _crash_stages() -> list[Stage]:
    restarts, never = _not_in(".spec.restartPolicy", "Never"), _in(".spec.restartPolicy", "Never")
    waiting = ".status.containerStatuses[]?.state.waiting.reason"
    back_off = _event("Warning", "BackOff", "Back-off restarting failed container")
    again = _pod("pod-crash-again", [Life.CRASH], [restarts, _in(waiting, "CrashLoopBackOff")],
                 [_status(templates.crash_again(tags(Life.CRASH))), back_off], (5_000, None))  # fmt: skip
    again["spec"]["delay"]["durationFrom"] = {"expressionFrom": CRASH_BACK_OFF}
    return [
        _pod("pod-crash", [Life.CRASH], [restarts, *_starting()],
             [_status(templates.crash(tags(Life.CRASH))), back_off], START_MS),
        again,
        _pod("pod-fail", [Life.CRASH], [never, *_starting()],
             [_status(templates.failed(tags(Life.CRASH)))], START_MS),
    ]  # fmt: skip


def _pull_stages() -> list[Stage]:
    reason = ".status.containerStatuses[]?.state.waiting.reason"
    pull = tags(Life.PULL_ERROR)
    return [
        _pod("pod-pull-error", [Life.PULL_ERROR], [*_starting()],
             [_status(templates.pull_error(pull)), _event("Warning", "Failed", "Error: ErrImagePull")], START_MS),
        _pod("pod-pull-back-off", [Life.PULL_ERROR], [_in(reason, "ErrImagePull")],
             [_status(templates.pull_back_off(pull)), _event("Warning", "Failed", "Error: ImagePullBackOff")],
             (PULL_BACK_OFF_MS, None)),
    ]  # fmt: skip


def _end_stages() -> list[Stage]:
    running = _in(".status.phase", "Running")
    owned_by_job = _in(".metadata.ownerReferences[]?.kind", "Job")
    done = [_status(templates.succeeded())]
    return [
        _pod("pod-completes", [Life.COMPLETES], [running], done, (COMPLETE_MS, None)),
        _pod("pod-job-completes", [Life.READY], [running, owned_by_job], done, (COMPLETE_MS, None)),
        # At once, whatever the grace period: there is nothing to wait for.
        _stage("pod-delete", "Pod", [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}], [{"delete": True}]),
    ]


def _pod(
    name: str, of: Sequence[Life], when: list[Expression], steps: list[dict[str, Any]],
    delay: tuple[int, int | None],
) -> Stage:  # fmt: skip
    """A Stage of Pods that live one of these lives and are not being deleted."""
    alive = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
    return _stage(name, "Pod", [alive, _in(jq_life(), *of), *when], steps, delay)


def _stage(
    name: str, kind: str, when: list[Expression], steps: list[dict[str, Any]],
    delay: tuple[int, int | None] | None = None,
) -> Stage:  # fmt: skip
    """kwok picks at random among the Stages that match an object, so no two may match at the same time."""
    spec: dict[str, Any] = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": when},
        "steps": steps,
    }
    if delay:
        spec["delay"] = {"durationMilliseconds": delay[0]}
        if delay[1] is not None:
            spec["delay"]["jitterDurationMilliseconds"] = delay[1]
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


def _starting() -> tuple[Expression, Expression]:
    return (
        _in(".status.phase", "Pending"),
        {"key": ".status.containerStatuses", "operator": "DoesNotExist"},
    )


def _pod_ready() -> str:
    return '.status.conditions[]? | select(.type == "Ready") | .status'


def _in(key: str, *values: str) -> Expression:
    return {"key": key, "operator": "In", "values": [str(value) for value in values]}


def _not_in(key: str, *values: str) -> Expression:
    return {"key": key, "operator": "NotIn", "values": [str(value) for value in values]}


def _status(template: str) -> dict[str, Any]:
    """Strategic, so that conditions of others (PodScheduled, readiness gates) stay."""
    return {"patch": {"subresource": "status", "root": "status", "type": "strategic", "template": template}}


def _event(kind: str, reason: str, message: str) -> dict[str, Any]:
    return {"event": {"type": kind, "reason": reason, "message": message}}
