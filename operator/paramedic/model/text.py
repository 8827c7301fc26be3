"""Text within bounds: what is stored in a status has a limit, and what was left out is said."""

ELLIPSIS = " … "


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters: the head and the tail, an ellipsis between where something is left out."""
    if len(text) <= limit:
        return text
    room = limit - len(ELLIPSIS)
    tail = room // 3
    return text[: room - tail] + ELLIPSIS + text[len(text) - tail :]


def head_and_tail(data: bytes, limit: int) -> bytes:
    """At most ``limit`` bytes plus one line that says how many bytes were left out of the middle."""
    if len(data) <= limit:
        return data
    half = limit // 2
    omitted = len(data) - 2 * half
    return data[:half] + f"\n[… {omitted} bytes left out here …]\n".encode() + data[-half:]


def listing(names: list[str], limit: int = 5) -> str:
    """``a, b and 3 more``; ``none`` for an empty list."""
    if not names:
        return "none"
    shown = ", ".join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def plural(count: int, noun: str) -> str:
    """``1 Pod``, ``3 Pods``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
