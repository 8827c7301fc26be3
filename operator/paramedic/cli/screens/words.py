"""The words, icons and colours of states; and times as people say them. No icon without its word."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from paramedic.model.times import parse_time


@dataclass(frozen=True)
class Mark:
    """How a state is shown."""

    icon: str
    word: str
    style: str


DONE = Mark("✔", "done", "green")
FAILED = Mark("✖", "failed", "bold red")
WAITING = Mark("◷", "waiting", "bold yellow")
RUNNING = Mark("▸", "running", "bold cyan")
TO_COME = Mark("•", "to come", "dim")
SKIPPED = Mark("–", "skipped", "dim")
NOT_RUN = Mark("–", "not run", "dim")
UNDONE = Mark("↶", "undone", "magenta")
UNKNOWN = Mark("?", "unknown", "bold magenta")

STEP_MARKS = {
    "Pending": TO_COME,
    "Running": RUNNING,
    "Waiting": WAITING,
    "Succeeded": DONE,
    "Failed": FAILED,
    "Skipped": SKIPPED,
    "Undone": UNDONE,
}
PHASE_MARKS = {
    "Pending": Mark("◌", "Pending", "bold yellow"),
    "Running": Mark("▸", "Running", "bold cyan"),
    "Waiting": Mark("◷", "Waiting", "bold yellow"),
    "Monitoring": Mark("▸", "Monitoring", "bold cyan"),
    "Resolved": Mark("✔", "Resolved", "bold green"),
    "Failed": Mark("✖", "Failed", "bold red"),
    "Cancelled": Mark("⊘", "Cancelled", "bold magenta"),
    "Planned": Mark("✔", "Planned", "bold green"),
}
SEVERITY_STYLES = {"Critical": "bold red", "Warning": "yellow", "Info": "blue"}

#: The engine ends the message of a waiting step with a command; screens show one of their own.
_COMMAND = re.compile(
    r"\.? (?:Approve, or Reject, with|When it is (?:done|clear)|Answer with)[^:]*: kubectl .*$", re.DOTALL
)


def step_mark(state: str) -> Mark:
    return STEP_MARKS.get(state, UNKNOWN)


def phase_mark(phase: str) -> Mark:
    return PHASE_MARKS.get(phase, UNKNOWN)


def without_command(message: str) -> str:
    """A message as one line, without the command that the engine put behind it."""
    return " ".join(_COMMAND.sub("", message).split())


def span(length: timedelta) -> str:
    """A length of time in its two largest units: `6 min 12 s`, `23 h 58 min`."""
    seconds = max(0, int(length.total_seconds()))
    units = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
    parts = []
    for size, unit in units:
        count, seconds = divmod(seconds, size)
        parts.append((count, unit))
    first = next((at for at, (count, _) in enumerate(parts) if count), len(parts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"


def age(length: timedelta) -> str:
    """A length of time as kubectl's AGE: `12s`, `5m`, `3h`, `2d`."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 7_200:
        return f"{seconds // 60}m"
    if seconds < 172_800:
        return f"{seconds // 3600}h"
    return f"{seconds // 86_400}d"


def between(begin: str | None, end: str | None, now: datetime) -> timedelta | None:
    """From one stored moment to another, or to now where that one is not there yet."""
    if not begin:
        return None
    return (parse_time(end) if end else now) - parse_time(begin)


def clock(moment: str) -> str:
    """The time of day of a stored moment, in UTC: `02:11:40Z`."""
    return parse_time(moment).strftime("%H:%M:%SZ")
