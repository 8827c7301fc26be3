"""What Alertmanager sends."""

import json
from typing import Any

Object = dict[str, Any]
BEGAN = "2026-01-01T00:00:00Z"


def alert(name: str = "InstanceDown", *, status: str = "firing", starts_at: str = BEGAN, **fields: Any) -> Object:
    """An alert of a notification; ``labels`` are added to its name."""
    labels = {"alertname": name} | fields.pop("labels", {})
    ends_at = "0001-01-01T00:00:00Z" if status == "firing" else "2026-01-01T00:05:00Z"
    return {
        "status": status, "labels": labels, "annotations": {}, "startsAt": starts_at, "endsAt": ends_at,
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
    } | fields  # fmt: skip


def resolved(name: str = "InstanceDown", **fields: Any) -> Object:
    return alert(name, status="resolved", **fields)


def notification(*alerts: Object, **fields: Any) -> Object:
    """A whole notification, with the fields that paramedic does not look at."""
    return {
        "version": "4", "groupKey": '{}:{alertname="InstanceDown"}', "truncatedAlerts": 0, "status": "firing",
        "receiver": "paramedic", "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093", "alerts": list(alerts),
    } | fields  # fmt: skip


def body(*alerts: Object, **fields: Any) -> bytes:
    return json.dumps(notification(*alerts, **fields)).encode()
