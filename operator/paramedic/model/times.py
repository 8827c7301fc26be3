"""Moments as Kubernetes writes them: RFC 3339 in UTC."""

import re
from datetime import UTC, datetime

_MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def format_time(moment: datetime) -> str:
    """RFC 3339 with microseconds, as metav1.MicroTime, so that events of one second keep their order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_second(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as metav1.Time and kubectl's restartedAt."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> datetime:
    """Reads an RFC 3339 moment; one without a zone counts as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def without_moments(text: str) -> str:
    """The text with each moment in it (RFC 3339, UTC) left out."""
    return _MOMENTS.sub("…", text)
