"""What goes out of the cluster: the contract of an HTTP client, and requests whose secrets are read as an account."""

import binascii
import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from paramedic.actions.effects import Outcome, Result, SecretHeader, Send
from paramedic.actions.reads import HttpAnswer, HttpGet, TcpAnswer, TcpConnect
from paramedic.cluster.refusals import explain_refusal
from paramedic.cluster.transport import ApiError, Unavailable
from paramedic.model.objects import Object, dig
from paramedic.model.references import SECRET, ObjectRef

_SENDABLE = re.compile(r"[\x20-\x7e]+")


class HttpClient(Protocol):
    def refusal(self, url: str) -> str | None:
        """Why no request of a step is sent to a URL; empty if it may be, None where that is not known here."""

    async def send(self, effect: Send, secrets: Mapping[str, str]) -> HttpAnswer:
        """The answer to a request of a step, with these values of its secret headers; no answer is an answer too."""

    async def get(self, question: HttpGet) -> HttpAnswer:
        """The answer of an endpoint; one that cannot be reached is an answer too, with status 0."""

    async def connect(self, question: TcpConnect) -> TcpAnswer:
        """Whether a port accepts a connection; one that does not is an answer too."""


class NoSecret(Exception):
    """There is no value that could be sent. The text says what to mend, and holds nothing of the value."""


def _value(secret: Object | None, header: SecretHeader, namespace: str) -> str:
    """The text, without the line break that an editor leaves at its end. Raises NoSecret."""
    where = f"Secret {header.secret} in namespace {namespace}"
    if secret is None:
        raise NoSecret(f"there is no {where}, which header {header.name} is kept in; create it")
    data = dig(secret, "data", default={})
    if header.key not in data:
        raise NoSecret(f"{where} has no key {header.key}, which header {header.name} is kept under; add it")
    try:
        text = b64decode(data[header.key]).decode().strip()
    except (binascii.Error, ValueError):
        text = ""
    if not _SENDABLE.fullmatch(text):
        raise NoSecret(f"the key {header.key} of {where} holds no single line of ASCII text; store the header's value")
    return text


async def send_as(
    get: Callable[[ObjectRef, str], Awaitable[Object | None]], http: HttpClient, effect: Send, namespace: str, user: str
) -> Outcome:
    """Reads the secrets of a request as the account, and sends it. Until then nothing is done, and that is said."""
    refs = {item.secret: ObjectRef.to(SECRET, namespace, item.secret) for item in effect.secret_headers}
    try:
        found = {name: await get(ref, user) for name, ref in refs.items()}
        values = {item.name: _value(found[item.secret], item, namespace) for item in effect.secret_headers}
    except Unavailable as error:
        return Outcome(Result.CONFLICT, f"it is not sent yet: {error}")
    except ApiError as error:
        return Outcome(Result.REFUSED, f"it was not sent: {explain_refusal(error, user)}")
    except NoSecret as error:
        return Outcome(Result.REFUSED, f"it was not sent: {error}")
    answer = await http.send(effect, values)
    known = answer.status or not answer.arrived
    return Outcome(Result.DONE if known else Result.UNKNOWN, answer.error, stored=answer)
