"""Where the operator may send requests: URL prefixes that an admin allowed, compared without any room for tricks.

What a proxy, a server or a URL library could read in more than one way is refused rather than normalised: a request goes
out exactly as it was compared.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443}
#: RFC 3986, without the fragment and without what is not ASCII.
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
EXAMPLE = "https://api.example.com/v1/users"


class BadUrl(ValueError):
    """A URL that is not sent to or allowed. The text says why, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A URL taken apart, or the prefix of URLs that an admin allowed."""

    scheme: str
    host: str
    port: int
    path: tuple[str, ...]
    query: str = ""

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Raises BadUrl for what is no plain http or https URL."""
        if "#" in url:
            raise BadUrl("has a fragment (#), which is never sent; leave it out")
        if not url.isascii():
            raise BadUrl("is not ASCII; write a host as xn--… (punycode) and a path percent-encoded")
        if not _CHARACTERS.fullmatch(url) or _PERCENT.search(url):
            raise BadUrl("holds a character that a URL may not hold; percent-encode it")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise BadUrl(f"cannot be read ({error}); write one such as {EXAMPLE}") from None
        if "@" in parts.netloc:
            raise BadUrl("holds a user name or password, which would be stored in plain text; use secretHeaders")
        host = parts.netloc.lower().removesuffix(f":{port}" if port is not None else ":")
        if parts.scheme not in _PORTS or not _HOST.fullmatch(host) or ".." in host or port == 0:
            raise BadUrl(f"must begin with http:// or https:// and name a host, as {EXAMPLE}")
        return cls(parts.scheme, host, port or _PORTS[parts.scheme], _segments(parts.path), parts.query)

    @classmethod
    def prefix(cls, url: str) -> "Endpoint":
        """A prefix to be allowed. Raises BadUrl."""
        found = cls.parse(url)
        if "?" in url:
            raise BadUrl("has a query (?), but only scheme, host, port and path are compared; leave it out")
        return found

    def allows(self, other: "Endpoint") -> bool:
        """Whether the other URL begins with this prefix, path segment by path segment."""
        same = (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
        return same and other.path[: len(self.path)] == self.path

    def __str__(self) -> str:
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}/{'/'.join(self.path)}"


def _segments(path: str) -> tuple[str, ...]:
    """The segments of a path; a slash at its end means nothing. Raises BadUrl for what could be read otherwise."""
    segments = path.removeprefix("/").removesuffix("/").split("/") if path.strip("/") else []
    for segment in segments:
        plain = unquote(segment, errors="strict" if segment.isascii() else "replace") if "%" in segment else segment
        if not segment:
            raise BadUrl("has an empty path segment (//), which servers read differently; write a single slash")
        if plain.partition(";")[0] in (".", ".."):
            raise BadUrl("has a path segment . or .., which leads elsewhere; write the path it leads to")
        if re.search(r"[/\\%\x00-\x1f\x7f]", plain):
            raise BadUrl("has an encoded slash, backslash, percent sign or control character in its path; leave it out")
    if not segments and path not in ("", "/"):
        raise BadUrl("has an empty path segment (//), which servers read differently; write a single slash")
    return tuple(segments)


def refusal(url: str, allowed: Iterable[Endpoint]) -> str:
    """Why the operator sends nothing to a URL, and what would lift it; empty if it may."""
    try:
        wanted = Endpoint.parse(url)
    except BadUrl as error:
        return f"url {shown(url)} {error}"
    if any(item.allows(wanted) for item in allowed):
        return ""
    return (
        f"the operator may not send to {wanted}; an admin allows it by starting the operator with"
        f" --http-allow {wanted}, or a shorter prefix of it (PARAMEDIC_HTTP_ALLOW)"
    )


def shown(url: str) -> str:
    """A URL to be shown: what may hold a key (the query) or a password is left out."""
    head, found, rest = url.partition("?")[0].partition("//")
    authority, slash, path = rest.partition("/")
    return f"{head}{found}{authority.rpartition('@')[2]}{slash}{path}"
