"""What every outgoing HTTP request goes through: no address that a guard forbids, and errors in plain words."""

import asyncio
import ipaddress
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from paramedic.model.addresses import AddressGuard, Forbidden


class GuardedResolver(AbstractResolver):
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


def explain(error: Exception) -> str:
    """What went wrong, without the client's own words around it."""
    if isinstance(error.__cause__, Forbidden):
        return str(error.__cause__)
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.os_error.strerror or str(error.os_error)
        return f"cannot connect to {error.host}:{error.port}: {reason}"
    return str(error) or type(error).__name__


async def start_of(content: aiohttp.StreamReader, limit: int) -> bytes:
    """The first ``limit`` bytes; one read gives no more than what has arrived so far."""
    found = b""
    while len(found) < limit and (more := await content.read(limit - len(found))):
        found += more
    return found


def check_literal(guard: AddressGuard, url: str) -> None:
    """Raises Forbidden. A literal address is never resolved, so the resolver would not see it."""
    host = URL(url).host or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return
    guard.check(host)
