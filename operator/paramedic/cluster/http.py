"""Outgoing HTTP of checks: no redirects, no proxy from the environment, no address that a guard forbids."""

import asyncio
import ipaddress
import socket
import time

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from paramedic import __version__
from paramedic.actions.reads import HttpAnswer, HttpGet, TcpAnswer, TcpConnect
from paramedic.cluster.tcp import try_connect
from paramedic.model.addresses import AddressGuard, Forbidden


class _GuardedResolver(AbstractResolver):
    """Resolves a name once, and lets the connection use just the addresses that were checked."""

    def __init__(self, guard: AddressGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        for info in infos:
            self._guard.check(str(info[4][0]))
        return [
            ResolveResult(
                hostname=host,
                host=str(info[4][0]),
                port=port,
                family=info[0],
                proto=info[2],
                flags=socket.AI_NUMERICHOST,
            )
            for info in infos
        ]

    async def close(self) -> None:
        return None


def _plain(error: Exception) -> str:
    """What went wrong, without the client's own words around it."""
    if isinstance(error.__cause__, Forbidden):
        return str(error.__cause__)
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or str(error.os_error)
        return f"cannot connect to {error.host}:{error.port}: {reason}"
    return str(error) or type(error).__name__


async def _start_of(content: aiohttp.StreamReader, limit: int) -> bytes:
    """The first ``limit`` bytes; one read gives no more than what has arrived so far."""
    found = b""
    while len(found) < limit and (more := await content.read(limit - len(found))):
        found += more
    return found


class HttpChecker:
    """Sends the requests of checks. A session for each, so that nothing is shared between namespaces."""

    def __init__(self, guard: AddressGuard | None = None) -> None:
        self._guard = guard or AddressGuard()

    async def get(self, question: HttpGet) -> HttpAnswer:
        begun = time.monotonic()
        try:
            return await self._ask(question, begun)
        except TimeoutError:
            error = f"timed out after {question.timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError, UnicodeError) as found:
            error = _plain(found)
        return HttpAnswer(0, time.monotonic() - begun, error=error)

    async def connect(self, question: TcpConnect) -> TcpAnswer:
        return await try_connect(self._guard, question)

    async def _ask(self, question: HttpGet, begun: float) -> HttpAnswer:
        self._check_literal(question.url)
        connector = aiohttp.TCPConnector(resolver=_GuardedResolver(self._guard), use_dns_cache=False)
        timeout = aiohttp.ClientTimeout(total=question.timeout)
        headers = {"User-Agent": f"paramedic/{__version__}"}
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False, headers=headers) as session,
            session.request(question.method, question.url, allow_redirects=False) as answer,
        ):
            body = await _start_of(answer.content, question.body_limit)
            return HttpAnswer(answer.status, time.monotonic() - begun, body)

    def _check_literal(self, url: str) -> None:
        # A literal address is never resolved, so the resolver would not see it.
        host = URL(url).host or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return
        self._guard.check(host)
