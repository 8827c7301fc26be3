"""Outgoing HTTP of checks: no redirects, no proxy from the environment, no address that a guard forbids."""

import time
from collections.abc import Iterable, Mapping

import aiohttp

from paramedic import __version__
from paramedic.actions.effects import Send
from paramedic.actions.reads import HttpAnswer, HttpGet, TcpAnswer, TcpConnect
from paramedic.cluster.guarded import GuardedResolver, check_literal, explain, start_of
from paramedic.cluster.sending import Sender
from paramedic.cluster.tcp import try_connect
from paramedic.model.addresses import AddressGuard
from paramedic.model.endpoints import Endpoint


class HttpChecker:
    """Sends the requests of checks, and those of steps through a `Sender`. A session for each, so that nothing is shared
    between namespaces.
    """

    def __init__(self, guard: AddressGuard | None = None, endpoints: Iterable[Endpoint] | None = None) -> None:
        """``endpoints`` are where steps may send requests to; None where that is not known."""
        self._guard = guard or AddressGuard()
        self._sender = Sender(endpoints)

    async def get(self, question: HttpGet) -> HttpAnswer:
        begun = time.monotonic()
        try:
            return await self._ask(question, begun)
        except TimeoutError:
            error = f"timed out after {question.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError, UnicodeError) as found:
            error = explain(found)
        return HttpAnswer(0, time.monotonic() - begun, error=error)

    async def connect(self, question: TcpConnect) -> TcpAnswer:
        return await try_connect(self._guard, question)

    def refusal(self, url: str) -> str | None:
        return self._sender.refusal(url)

    async def send(self, effect: Send, secrets: Mapping[str, str]) -> HttpAnswer:
        return await self._sender.send(effect, secrets)

    async def _ask(self, question: HttpGet, begun: float) -> HttpAnswer:
        check_literal(self._guard, question.url)
        connector = aiohttp.TCPConnector(resolver=GuardedResolver(self._guard), use_dns_cache=False)
        timeout = aiohttp.ClientTimeout(total=question.timeout)
        headers = {"User-Agent": f"paramedic/{__version__}"}
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False, headers=headers) as session,
            session.request(question.method, question.url, allow_redirects=False) as answer,
        ):
            body = await start_of(answer.content, question.body_limit)
            return HttpAnswer(answer.status, time.monotonic() - begun, body)
