"""Whom an error of the network is about: host and port, as programs of many languages write them."""

import re
from dataclasses import dataclass

_FAILURE = re.compile(
    r"refused|time[ds]?[ -]?out|i/o timeout|unreachable|no route|no such host|not known|name resolution|reset by peer"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|UnknownHost|Max retries exceeded"
    r"|(?:could not|cannot|can't|unable to|failed to) (?:connect|reach|resolve|translate|dial)",
    re.IGNORECASE,
)
_HOST = r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}"
#: In this order: the first that fits is taken.
_FORMS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"->(?P<host>{_HOST}):(?P<port>\d{{1,5}})",  # Go: read tcp here->there
        rf"host[ =]['\"](?P<host>{_HOST})['\"].{{0,80}}?port[ =](?P<port>\d{{1,5}})",  # libpq, urllib3
        rf"server at \"(?P<host>{_HOST})\".{{0,60}}? port (?P<port>\d{{1,5}})",  # libpq
        r"\b(?P<host>[A-Za-z][\w.-]*)/[\d.]+:(?P<port>\d{1,5})",  # Java
        rf"lookup (?P<host>{_HOST})",  # Go
        rf"(?:ENOTFOUND|EAI_AGAIN|UnknownHostException:) (?P<host>{_HOST})",  # Node, Java
        rf"host name \"(?P<host>{_HOST})\"",  # libpq
        rf"resolve (?:host(?:name)? )?['\"]?(?P<host>{_HOST})",  # curl and others
        rf"(?P<host>{_HOST}):(?P<port>\d{{1,5}})\b",
    )
)
_SELF = re.compile(r"(?:localhost|127\.[\d.]+|0\.0\.0\.0)$", re.IGNORECASE)
_NO_HOST = re.compile(r"\d+$|.*\.(?:go|py|js|ts|java|kt|rb|rs|c|cc|cpp|php|cs)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """``port`` is 0 where the line names none, as where the name itself does not resolve."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.port else self.host


def unreached(text: str) -> Address | None:
    """Whom this line failed to reach; None where it is about something else, or about its own machine."""
    head = text[:2048]
    if not _FAILURE.search(head):
        return None
    for form in _FORMS:
        for found in form.finditer(head):
            host = found["host"].rstrip(".:")
            port = int(found.groupdict().get("port") or 0)
            if not _NO_HOST.match(host) and not _SELF.match(host) and port <= 65535:
                return Address(host, port)
    return None
