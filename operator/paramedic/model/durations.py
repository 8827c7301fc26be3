"""Durations as Kubernetes users write them: ``90s``, ``10m``, ``1h30m``."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

#: The pattern the API server checks. At least one number with a unit; hours, minutes, seconds, in this order. At most
#: six digits each: a longer number is no duration that a date could still be counted with.
PATTERN = r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$"

#: A duration as a field of a model; what it means is read by `parse_duration`.
Duration = Annotated[str, StringConstraints(pattern=PATTERN, min_length=2, max_length=16)]

_PARTS = re.compile(r"(?:(?P<hours>[0-9]{1,6})h)?(?:(?P<minutes>[0-9]{1,6})m)?(?:(?P<seconds>[0-9]{1,6})s)?")


def parse_duration(text: str) -> timedelta:
    """Reads a duration such as ``1h30m``.

    Raises ValueError with what to write instead.
    """
    found = _PARTS.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is not a duration; write hours, minutes and seconds such as 90s, 10m or 1h30m")
    return timedelta(**{unit: int(value) for unit, value in found.groupdict().items() if value})


def format_duration(span: timedelta) -> str:
    """Writes a duration in the form that :func:`parse_duration` reads, whole seconds; a negative one as ``0s``."""
    seconds = max(0, round(span.total_seconds()))
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "m"), (seconds, "s")]
    return "".join(f"{value}{unit}" for value, unit in parts if value) or "0s"
