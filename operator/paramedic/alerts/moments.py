"""Moments of alerts: RFC 3339 as Go writes it, brought to the one form in UTC by which alerts are told apart."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_RFC3339 = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?P<zone>Z|(?P<sign>[+-])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))"
)
#: Go's zero time: how a firing alert says that it has not ended.
_ZERO = "0001-01-01T00:00:00Z"


def canonical_moment(text: str) -> str:
    """The moment in UTC, without needless zeros: equal moments give equal texts. Raises ValueError.

    Done with the digits rather than with a datetime, which would lose Go's nanoseconds.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError("is not a moment in RFC 3339, such as 2026-01-31T09:30:00Z")
    try:
        local = datetime.fromisoformat(f"{found['date']}T{found['time']}").replace(tzinfo=_zone(found))
        moment = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a moment that exists") from None
    fraction = (found["fraction"] or "").rstrip("0")
    return moment.replace(tzinfo=None).isoformat() + (f".{fraction}" if fraction else "") + "Z"


def _zone(found: re.Match[str]) -> tzinfo:
    if found["zone"] == "Z":
        return UTC
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    return timezone(-offset if found["sign"] == "-" else offset)


def is_zero(moment: str) -> bool:
    """Whether a canonical moment means none."""
    return moment == _ZERO


def in_order(moment: str) -> str:
    """A canonical moment as a text that sorts by time: with the Z, a fraction would come before none."""
    return moment.removesuffix("Z")
