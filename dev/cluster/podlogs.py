"""What simulated containers have printed, derived from the Pod's status alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .lives import Life, life_of_container

Pod = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of a log."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Options:
    """What `kubectl logs` asks for; the names are those of PodLogOptions."""

    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None


class NoLogs(Exception):
    """There is no log, for the reason that a kubelet would give (kubernetes: pkg/kubelet/kubelet_pods.go)."""


def lines(pod: Pod, container: str, previous: bool) -> list[Line]:
    """The lines of one container. Raises NoLogs when it has not run."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    image = next((each["image"] for each in _containers(pod) if each["name"] == container), None)
    if image is None:
        raise NoLogs(f'container "{container}" in pod "{name}" is not available')
    status = next((each for each in _statuses(pod) if each["name"] == container), None)
    if status is None:
        raise NoLogs(f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating')
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    if previous and not last:
        raise NoLogs(f'previous terminated container "{container}" in pod "{name}" not found')
    if (state.get("waiting") or {}).get("reason") in ("ErrImagePull", "ImagePullBackOff"):
        raise NoLogs(f'container "{container}" in pod "{name}" is waiting to start: trying and failing to pull image')
    ran = last if previous else state.get("running") or state.get("terminated") or last
    if not ran:
        raise NoLogs(f'container "{container}" in pod "{name}" is waiting to start: {namespace}/{name}')
    return _printed(container, image, _time(ran["startedAt"]), ran.get("exitCode"))


def render(printed: Sequence[Line], options: Options) -> bytes:
    """The lines as bytes, cut as asked for."""
    chosen = [line for line in printed if options.since is None or line.at >= options.since]
    if options.tail is not None:
        chosen = chosen[len(chosen) - min(options.tail, len(chosen)) :]
    text = "".join(f"{_stamp(line.at) if options.timestamps else ''}{line.text}\n" for line in chosen)
    return text.encode()[: options.limit_bytes]


def _printed(container: str, image: str, started: datetime, exit_code: int | None) -> list[Line]:
    life = life_of_container(image)
    said = [f"{container}: starting {image}"]
    if life is Life.CRASH:
        said.append("FATAL: DATABASE_URL is not set")
    elif exit_code is not None:
        said.append(f"{container}: done")
    else:
        said.append(f"{container}: listening on :8080")
    if life is Life.NEVER_READY:
        said.append(f"{container}: GET /healthz 503 database is not reachable")
    return [Line(started + timedelta(milliseconds=10 * number), text) for number, text in enumerate(said)]


def _containers(pod: Pod) -> list[dict[str, Any]]:
    return [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]


def _statuses(pod: Pod) -> list[dict[str, Any]]:
    status = pod.get("status") or {}
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z "
