"""The Incident that an alert becomes: its name, which settles that there is one, and its spec, within bounds."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from paramedic.alerts.payload import ReceivedAlert
from paramedic.model.names import NAME_LIMIT, NO_PLAYBOOK_ANNOTATION, canonical
from paramedic.model.objects import Object, dig
from paramedic.model.references import INCIDENT, ObjectRef
from paramedic.model.text import shorten

ALERT_LABEL = "paramedic.dev/alert"
CUT_ANNOTATION = "paramedic.dev/alert-cut"
NAMESPACE_REASON_ANNOTATION = "paramedic.dev/namespace-reason"
TARGET_REASON_ANNOTATION = "paramedic.dev/target-reason"

#: Lengths of the digest in a name: the second where another object has the first name already.
DIGESTS = (10, 24)
_SEVERITIES = {
    "critical": "Critical", "page": "Critical", "error": "Critical", "warning": "Warning", "warn": "Warning",
    "info": "Info", "none": "Info",
}  # fmt: skip
#: Bytes of JSON that labels and annotations may take together, and labels alone.
_TOTAL, _LABELS = 20_000, 12_000
_LONGEST_KEY = 256
_REASON = 1024
#: Kept when not everything can be.
_FIRST_LABELS = (
    "alertname", "severity", "exported_namespace", "namespace", "exported_pod", "deployment", "statefulset", "daemonset",
    "pod", "service", "node", "instance", "job", "cluster", "team",
)  # fmt: skip
_FIRST_ANNOTATIONS = ("summary", "message", "description", "runbook_url", "runbook", "dashboard_url", "dashboard")


@dataclass(frozen=True)
class Place:
    """Where an alert's Incident goes and what it is about; empty reasons need no explanation."""

    namespace: str
    namespace_reason: str = ""
    target: ObjectRef | None = None
    target_reason: str = ""


@dataclass
class _Cut:
    left_out: int = 0
    shortened: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"left out: {self.left_out}"] if self.left_out else []
        if self.shortened:
            parts.append("shortened: " + ", ".join(self.shortened[:10]))
        return "; ".join(parts)


def incident_name(alert: ReceivedAlert, digits: int = DIGESTS[0]) -> str:
    """The one name of an alert that began at one moment: whoever receives it, however often, finds it by this."""
    tail = hashlib.sha256(canonical([alert.fingerprint, alert.starts_at]).encode()).hexdigest()[:digits]
    slug = re.sub(r"[^a-z0-9]+", "-", alert.name.lower())[: NAME_LIMIT - digits - 1].strip("-")
    return f"{slug or 'alert'}-{tail}"


def is_of(obj: Object, alert: ReceivedAlert) -> bool:
    """Whether an Incident is this alert's."""
    found = dig(obj, "spec", "alert", default={})
    return (found.get("fingerprint"), found.get("startsAt")) == (alert.fingerprint, alert.starts_at)


def is_own(alert: ReceivedAlert, home: str) -> bool:
    """Whether it is about paramedic itself: acting upon it could feed the very trouble. ``home`` is its namespace."""
    service = alert.labels.get("service", "")
    return (
        alert.name.startswith("Paramedic")
        or alert.labels.get("app_kubernetes_io_name") == "paramedic"
        or (alert.labels.get("namespace") == home and (service == "paramedic" or service.startswith("paramedic-")))
    )


def build_incident(alert: ReceivedAlert, place: Place, digits: int = DIGESTS[0], *, own: bool = False) -> Object:
    """The Incident to create."""
    cut = _Cut()
    body = _alert_of(alert, cut)
    spec: Object = {"summary": _summary(alert, place.target), "alert": body}
    if severity := _SEVERITIES.get(alert.labels.get("severity", "").strip().lower()):
        spec["severity"] = severity
    if (target := place.target) is not None:
        spec["targetRef"] = {"apiVersion": target.api_version, "kind": target.kind, "name": target.name}
    notes = {
        NO_PLAYBOOK_ANNOTATION: "own alert" if own else "",
        NAMESPACE_REASON_ANNOTATION: place.namespace_reason,
        TARGET_REASON_ANNOTATION: place.target_reason if target is None else "",
        CUT_ANNOTATION: str(cut),
    }
    meta: Object = {"name": incident_name(alert, digits), "namespace": place.namespace}
    if label := _label_value(alert.name):
        meta["labels"] = {ALERT_LABEL: label}
    if told := {key: shorten(text, _REASON) for key, text in notes.items() if text}:
        meta["annotations"] = told
    return {"apiVersion": INCIDENT.api_version, "kind": INCIDENT.kind, "metadata": meta, "spec": spec}


def _alert_of(alert: ReceivedAlert, cut: _Cut) -> Object:
    labels = dict(_fitting(alert.labels, _FIRST_LABELS, 64, 1024, _LABELS, cut))
    left = _TOTAL - len(canonical(labels).encode())
    found = {
        "name": shorten(alert.name, 253),
        "fingerprint": alert.fingerprint,
        "startsAt": alert.starts_at,
        "labels": labels,
        "annotations": dict(_fitting(alert.annotations, _FIRST_ANNOTATIONS, 32, 2048, left, cut)),
    }
    url = alert.generator_url
    if url.startswith(("http://", "https://")) and len(url) <= 2048 and url.isprintable():
        found["generatorURL"] = url
    elif url:
        cut.left_out += 1  # half an address leads nowhere, and other schemes should not be clicked on
    return found


def _fitting(
    texts: Mapping[str, str], first: tuple[str, ...], count: int, longest: int, room: int, cut: _Cut
) -> Iterator[tuple[str, str]]:
    """At most ``count`` entries of at most ``longest`` characters, in ``room`` bytes of JSON; the known ones first."""
    rank = {name: at for at, name in enumerate(first)}
    for key in sorted(texts, key=lambda key: (rank.get(key, len(rank)), key)):
        value = shorten(texts[key], longest)
        size = _size(key, value)
        if size > room and key in rank:
            value = shorten(value, max(64, room // 8))
            size = _size(key, value)
        if not count or size > room or not 0 < len(key) <= _LONGEST_KEY:
            cut.left_out += 1
            continue
        if value != texts[key]:
            cut.shortened.append(key)
        count, room = count - 1, room - size
        yield key, value


def _size(key: str, value: str) -> int:
    return len(canonical({key: value}).encode())


def _summary(alert: ReceivedAlert, target: ObjectRef | None) -> str:
    """One sentence: what the alert says, or else its name and what it is about."""
    for key in ("summary", "message", "description"):
        lines = alert.annotations.get(key, "").strip().splitlines()
        if lines and (text := " ".join(lines[0].split())):
            return shorten(text, 512)
    return shorten(f"{alert.name} on {target}" if target else alert.name, 512)


def _label_value(text: str) -> str:
    """The nearest label value that Kubernetes takes; empty where nothing is left of the text."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:NAME_LIMIT].strip("-_.")
