"""When escalation levels are due: counted from the incident's own times, nothing else."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from paramedic.api.v1alpha1.incident_status import IncidentStatus, Policy
from paramedic.model.durations import parse_duration
from paramedic.model.times import parse_time


def first_channels(policy: Policy) -> list[str]:
    """Where those are who answer first: the first level's channel, else those of the updates."""
    levels = sorted(policy.escalation, key=lambda item: parse_duration(item["after"]))
    found = [levels[0]["channel"]] if levels else [item["channel"] for item in policy.updates]
    return list(dict.fromkeys(found))


def open_levels(
    status: IncidentStatus, policy: Policy, now: datetime
) -> Iterator[tuple[int, dict[str, Any], datetime]]:
    """Levels that may still be called, by their index, with the moment at which they are due."""
    state, taken = status.escalation, status.acknowledgement is not None
    detected = parse_time(status.times.detected_at) if status.times.detected_at else now
    for index, level in enumerate(policy.escalation):
        severity = level.get("severity")
        if (state and index in state.done) or (severity and severity != status.severity):
            continue
        if level.get("unless") == "Acknowledged" and taken:
            continue
        base = parse_time(state.since) if severity and state else detected
        yield index, level, base + parse_duration(level["after"])
