"""One HTTP request as a playbook writes it: what may be in it, and the effect that sends it."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from paramedic.actions.contract import Parameters
from paramedic.actions.effects import SecretHeader, Send
from paramedic.model.durations import parse_duration
from paramedic.model.names import canonical
from paramedic.model.permissions import Permission
from paramedic.model.references import SECRET
from paramedic.model.text import listing, shorten

BODY_LIMIT = 8_192  # characters
Method = Literal["POST", "PUT", "PATCH", "DELETE", "GET"]
UrlText = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
StatusCode = Annotated[int, Field(ge=100, le=599)]
#: Written by whoever sends the request: the HTTP client, or the operation it belongs to.
_OURS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "idempotency-key", "te", "trailer", "upgrade",
     "expect", "keep-alive")
)  # fmt: skip
#: What these hold would be stored in the plan, for everybody to read.
_SECRET = frozenset(
    ("authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token", "private-token",
     "x-vault-token", "dd-api-key")
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def _header(name: str) -> str:
    if name.lower() in _OURS or name.lower().startswith("proxy-"):
        raise ValueError(f"{name} is written by paramedic itself; leave it out")
    return name


_TOKEN = r"^[A-Za-z0-9!#$%&*+.^_|~-]+$"
HeaderName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_TOKEN), AfterValidator(_header)]
HeaderText = Annotated[str, StringConstraints(max_length=1024)]


def _headers(found: dict[str, str]) -> dict[str, str]:
    for name, value in found.items():
        if len(name) > 64 or not re.fullmatch(_TOKEN, name):
            raise ValueError(f"{name[:64]!r} is no name of a header; write one such as X-Team")
        _header(name)
        if name.lower() in _SECRET:
            raise ValueError(f"{name} would be stored for everybody to read; write it in secretHeaders")
        if _CONTROL.search(value):
            raise ValueError(f"the value of {name} holds a line break or another control character; leave it out")
    if len({name.lower() for name in found}) < len(found):
        raise ValueError("a header is there twice; write it once")
    return found


Headers = Annotated[dict[str, HeaderText], Field(max_length=16), AfterValidator(_headers)]


class SecretRef(Parameters):
    """One value of a Secret of this namespace."""

    name: Annotated[
        str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
    ] = Field(description="The Secret.")
    key: Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        description="The key in its data."
    )


class SecretHeaderParameters(Parameters):
    """A header whose value is a secret."""

    name: HeaderName = Field(description="The header, such as Authorization.")
    secret_ref: SecretRef = Field(
        description="Where its whole value is kept, such as `Bearer …`. The playbook's ServiceAccount must be allowed to get"
        " this Secret."
    )


SecretHeaders = Annotated[list[SecretHeaderParameters], Field(max_length=4)]


def _body(found: Any) -> Any:
    """A text that is a JSON object or array becomes one, so that what templates put into its strings stays data."""
    if isinstance(found, str):
        found = _structured(found)
    if not isinstance(found, str | dict | list):
        raise ValueError("must be a text, a JSON object or a list; put a number or a word in quotes")
    size = len(found) if isinstance(found, str) else len(canonical(found))
    if size > BODY_LIMIT:
        raise ValueError(f"is longer than {BODY_LIMIT} characters; send a shorter one")
    return found


def _structured(text: str) -> Any:
    try:
        found = json.loads(text) if text.lstrip()[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        return text
    return found


Body = Annotated[Any, BeforeValidator(_body)]
#: What a description of a body says.
BODY_TEXT = (
    "A text, or a JSON object or list, which is sent as application/json. Templates are substituted: within JSON a value"
    " stays within its string, whatever it holds; within any other text it goes in as it is."
)


def seconds_of(timeout: str) -> float:
    """From a tenth of a second to a minute."""
    return min(60.0, max(0.1, parse_duration(timeout).total_seconds()))


def send(
    method: str, url: str, key: str, body: Any, headers: dict[str, str], secrets: Iterable[SecretHeaderParameters],
    timeout: str,
) -> Send:  # fmt: skip
    """The effect that sends such a request under this idempotency key."""
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body, ensure_ascii=False)
    named = {name.lower() for name in headers}
    more = []
    if text and "content-type" not in named:
        more = [("Content-Type", "text/plain; charset=utf-8" if isinstance(body, str) else "application/json")]
    found = tuple(SecretHeader(item.name, item.secret_ref.name, item.secret_ref.key) for item in secrets)
    return Send(method, url, key, (*headers.items(), *more), found, text, seconds_of(timeout))


def secret_permissions(secrets: Iterable[SecretHeaderParameters]) -> set[Permission]:
    return {Permission.to("get", SECRET, name=item.secret_ref.name) for item in secrets}


def in_words(effect: Send) -> str:
    """What would be sent: request line, headers by name, body. No value of a header is shown."""
    names = [name for name, _ in effect.headers]
    names += [f"{item.name} (from Secret {item.secret})" for item in effect.secret_headers]
    text = effect.request_line
    if names:
        text += f", headers {listing(names, 24)}"
    if effect.body:
        text += f", body {shorten(' '.join(effect.body.split()), 300)}"
    return text


def identity_of(effect: Send) -> dict[str, Any]:
    """What makes it this request and no other, apart from the operation that sends it."""
    return {
        "request": [effect.method, effect.url, effect.body],
        "headers": [list(item) for item in effect.headers],
        "secretHeaders": [[item.name, item.secret, item.key] for item in effect.secret_headers],
    }
