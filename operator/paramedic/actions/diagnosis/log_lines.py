"""What containers log, line by line, and which complaints they repeat up to now.

A log is data of others: it is read with bounded patterns and quoted, never evaluated.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from paramedic.model.times import parse_time

#: So many like lines are a complaint that is repeated; fewer may be a hiccup.
REPEATED = 3
_RECENT = timedelta(seconds=30)
_SLOWEST = timedelta(minutes=2)  # a complaint that comes more rarely than half as often is not told from an old one
_KEPT, _LOOKED_AT = 16_384, 2048  # characters of a line

_STAMP = re.compile(r"^(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?")
#: What a kubelet answers instead of a log that it has just removed: it is no word of the container.
_NO_LOG = re.compile(r"unable to retrieve container logs for |failed to try resolving symlinks in path ")
_TELLING = re.compile(
    r"panic|fatal|error|exception|refused|denied|not found|no such|cannot|can't|unable|failed|invalid|missing|in use",
    re.IGNORECASE,
)
#: What a container that runs on calls an error itself, or the network or a server does: stricter than the above, since
#: lines such as `GET /missing 404 not found` belong to every healthy day.
_ERROR = re.compile(
    r"(?<![\w/-])(?:panic|fatal|error|err|[\w.]{0,80}exception|critical|severe|traceback)(?![\w/-])"
    r"|connection refused|address already in use|timed out|unreachable|no such host|authentication failed|access denied|forbidden|unauthorized"
    r"|\" 5\d\d\b|\bstatus[\"']?[=: ]+[\"']?5\d\d\b",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"\b(?:errors?|err|failed|failures?)[\"']?\s*[=:]\s*[\"']?(?:0\b|nil|null|none|false|<nil>|[\"'])"
    r"|\b(?:no|0|without) errors?\b"
    r"|\b(?:level|severity|lvl)[\"']?\s*[=:]\s*[\"']?(?:info|debug|trace)\b",
    re.IGNORECASE,
)
_MILD = re.compile(r"\b(?:INFO|DEBUG|TRACE)\b")
_SEVERE = re.compile(r"\b(?:ERROR|FATAL|CRITICAL|SEVERE)\b")
#: What looks like a credential is not quoted: an Incident is read by more people than a log.
_CREDENTIALS = (
    (
        re.compile(r"((?:password|passwd|pwd|secret|token|api[_-]?key)[\"']?=[\"']?)[^\s\"',;&]+", re.IGNORECASE),
        r"\1***",
    ),
    (re.compile(r"((?:password|passwd|secret)[\"']?: ?[\"']?)[^\s\"',;&]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"(://[^/\s:@]{1,100}:)[^@\s]{1,200}@"), r"\1***@"),
    (re.compile(r"\b((?:bearer|basic) )[\w.~+/=-]{8,}", re.IGNORECASE), r"\1***"),
)
_CHANGING = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """``moment`` is when the kubelet took it down; None where it did not say."""

    moment: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """What one container repeats: the newest such line, how often, from when to when. ``before`` is the moment of a line
    ahead of the first complaint; None where what is left of the log begins with complaints.
    """

    text: str
    times: int
    first: datetime
    last: datetime
    before: datetime | None = None

    def stands(self, now: datetime) -> bool:
        """Whether it has been repeated, and the next one is not overdue by much."""
        gap = (self.last - self.first) / max(1, self.times - 1)
        return self.times >= REPEATED and now - self.last <= min(_SLOWEST, max(_RECENT, 2 * gap))

    def fresh(self, now: datetime) -> bool:
        """Whether it was made just now, be it for the first time."""
        return now - self.last <= _RECENT


def lines_of(content: bytes) -> Iterator[Line]:
    """The lines of a log with timestamps, as the API server hands it out, credentials masked. Empty ones are left out."""
    for raw in content.decode(errors="replace").splitlines():
        stamp = _STAMP.match(raw)
        text = raw[stamp.end() :] if stamp else raw
        if text.strip() and (stamp or not _NO_LOG.match(text)):
            yield Line(_moment(stamp["moment"]) if stamp else None, _masked(text[:_KEPT]))


def _masked(text: str) -> str:
    for pattern, instead in _CREDENTIALS:
        text = pattern.sub(instead, text)
    return text


def _moment(stamp: str) -> datetime | None:
    try:
        return parse_time(stamp)
    except ValueError:
        return None


def telling_line(content: bytes) -> str:
    """Of a run that has ended, the line that tells most: the last that speaks of an error, else the last of all."""
    texts = [line.text for line in lines_of(content)]
    return next((text for text in reversed(texts) if _TELLING.search(text[:_LOOKED_AT])), texts[-1] if texts else "")


def repeated_line(content: bytes) -> str:
    """The newest line, where the ones before say the same: what waits for something often says so again and again."""
    texts = [line.text for line in lines_of(content)][-REPEATED:]
    alike = {essence(text) for text in texts}
    return texts[-1] if len(texts) == REPEATED and len(alike) == 1 else ""


def complaints_in(content: bytes) -> list[Complaint]:
    """Its errors, like ones together, in the order of their first line."""
    before: datetime | None = None
    found: dict[str, Complaint] = {}
    for line in lines_of(content):
        if line.moment is None:
            continue
        if not is_error(line.text):
            before = before if found else line.moment
            continue
        key = essence(line.text)
        known = found.get(key)
        times, first = (known.times + 1, known.first) if known else (1, line.moment)
        found[key] = Complaint(line.text, times, first, line.moment, known.before if known else before)
    return list(found.values())


def is_error(text: str) -> bool:
    head = text[:_LOOKED_AT]
    if not _ERROR.search(head) or _HARMLESS.search(head):
        return False
    return bool(_SEVERE.search(head)) or not _MILD.search(head)


def essence(text: str) -> str:
    """A line without what differs each time: numbers, addresses, IDs."""
    return _CHANGING.sub("#", text[:_LOOKED_AT])
