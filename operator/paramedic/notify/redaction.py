"""What may be said of a channel: nothing that its URL keeps secret."""

import re
from urllib.parse import unquote

from paramedic.model.text import shorten

_PARTS = re.compile(r"[/?&=@:,#+\s]+")
_SHORTEST = 4  # shorter parts are found in any text, and no service has such short tokens
_LIMIT = 160


def quoted(text: str, url: str) -> str:
    """Text of a service, fit to be shown: one line, bounded, without any part of the channel's URL."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    # The longest first, so that no part of a secret is left where another part is replaced within it.
    for part in sorted(_parts(url), key=len, reverse=True):
        line = line.replace(part, "…")
    return shorten(line, _LIMIT)


def _parts(url: str) -> set[str]:
    """Everything in the URL but its scheme and the names of its options."""
    path, _, query = url.partition("://")[2].partition("?")
    values = [option.partition("=")[2] for option in query.split("&")]
    raw = [path, *_PARTS.split(path), *values]
    decoded = [unquote(part) for part in raw]
    parts = {*raw, *decoded, *(inner for part in decoded for inner in _PARTS.split(part))}
    return {part for part in parts if len(part) >= _SHORTEST}
