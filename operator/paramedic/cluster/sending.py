"""Requests that change something: sent once, to endpoints that an admin allowed, without a trace of the secrets in them."""

import time
from collections.abc import Iterable, Mapping
from types import SimpleNamespace

import aiohttp
from yarl import URL

from paramedic import __version__
from paramedic.actions.effects import Send
from paramedic.actions.reads import HttpAnswer
from paramedic.actions.requests.answers import READ_LIMIT
from paramedic.cluster.guarded import GuardedResolver, check_literal, explain, start_of
from paramedic.model.addresses import AddressGuard
from paramedic.model.endpoints import Endpoint, refusal

_HIDDEN = b"[hidden]"


class Sender:
    """Sends requests of steps. ``allowed`` are the endpoints that an admin allowed; None where that is not known, so that
    nothing is sent at all. An allowed endpoint may be anywhere but among the addresses that nobody may ask.
    """

    def __init__(self, allowed: Iterable[Endpoint] | None = None) -> None:
        self._allowed = None if allowed is None else tuple(allowed)
        self._guard = AddressGuard(asker="request")

    def refusal(self, url: str) -> str | None:
        """Why nothing is sent to a URL; empty if it may be, None where that is not known here."""
        if self._allowed is None:
            return refusal(url, ()) if not _readable(url) else None
        return refusal(url, self._allowed)

    async def send(self, effect: Send, secrets: Mapping[str, str]) -> HttpAnswer:
        """The answer, in which no secret stands. ``secrets`` are the values of the secret headers. Never raises."""
        begun = time.monotonic()
        if why := refusal(effect.url, self._allowed or ()):
            return HttpAnswer(0, 0.0, error=why, arrived=False)
        once = _Once()
        try:
            answer = await self._ask(effect, secrets, once, begun)
        except TimeoutError:
            answer = _none(begun, f"no answer within {effect.timeout:g} s", once)
        except (aiohttp.ClientError, OSError, ValueError, UnicodeError) as error:
            answer = _none(begun, explain(error), once)
        return _without(secrets.values(), answer)

    async def _ask(self, effect: Send, secrets: Mapping[str, str], once: "_Once", begun: float) -> HttpAnswer:
        check_literal(self._guard, effect.url)
        connector = aiohttp.TCPConnector(resolver=GuardedResolver(self._guard), use_dns_cache=False)
        headers = {"User-Agent": f"paramedic/{__version__}", "Idempotency-Key": effect.key}
        headers |= dict(effect.headers) | dict(secrets)
        async with (
            aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=effect.timeout), trust_env=False,
                trace_configs=[once.config()], cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.request(
                effect.method, URL(effect.url, encoded=True), headers=headers,
                data=effect.body.encode() if effect.body else None, allow_redirects=False,
            ) as answer,
        ):  # fmt: skip
            # More is read than is kept, so that no part of a secret is left at the end of what is.
            longest = max((len(value) for value in secrets.values()), default=0)
            body = await start_of(answer.content, READ_LIMIT + longest)
            return HttpAnswer(answer.status, time.monotonic() - begun, body)


class _Once:
    """Tells whether a connection was made, before which nothing can have been received, and lets none follow it: the
    client sends a PUT or a DELETE again where the connection breaks.
    """

    def __init__(self) -> None:
        self.connected = False

    def config(self) -> aiohttp.TraceConfig:
        config = aiohttp.TraceConfig()
        config.on_connection_create_start.append(self._begins)
        config.on_connection_create_end.append(self._made)
        return config

    async def _begins(self, session: aiohttp.ClientSession, context: SimpleNamespace, found: object) -> None:
        if self.connected:
            raise ConnectionError("the connection was closed before an answer came")

    async def _made(self, session: aiohttp.ClientSession, context: SimpleNamespace, found: object) -> None:
        self.connected = True


def _none(begun: float, error: str, once: _Once) -> HttpAnswer:
    return HttpAnswer(0, time.monotonic() - begun, error=error, arrived=once.connected)


def _without(secrets: Iterable[str], answer: HttpAnswer) -> HttpAnswer:
    """An answer may hold the request, and the request holds secrets: the value, and the token after `Bearer`."""
    body, error = answer.body, answer.error
    hidden = {part for value in secrets for part in (value, value.rpartition(" ")[2]) if len(part) >= 4}
    for part in sorted(hidden, key=len, reverse=True):
        body, error = body.replace(part.encode(), _HIDDEN), error.replace(part, _HIDDEN.decode())
    return HttpAnswer(answer.status, answer.seconds, body[:READ_LIMIT], error, answer.arrived)


def _readable(url: str) -> bool:
    try:
        Endpoint.parse(url)
    except ValueError:
        return False
    return True
