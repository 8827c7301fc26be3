"""Outgoing connections of `tcpCheck`: opened and closed, nothing sent, to no address that a guard forbids."""

import asyncio
import socket
import time

from paramedic.actions.reads import TcpAnswer, TcpConnect, TcpProblem
from paramedic.model.addresses import AddressGuard, Forbidden


async def try_connect(guard: AddressGuard, question: TcpConnect) -> TcpAnswer:
    """Connects to the first address that accepts, within the question's time over all of them."""
    begun = time.monotonic()
    problem: TcpProblem = "Unreachable"
    error = "the name has no address"
    try:
        async with asyncio.timeout(question.timeout):
            for address in await _addresses(guard, question):
                try:
                    await _open_and_close(address, question.port)
                except OSError as found:
                    problem, error = _why(found)
                else:
                    return TcpAnswer(time.monotonic() - begun, address)
    except TimeoutError:
        problem, error = "TimedOut", f"timed out after {question.timeout:g} s"
    except (OSError, UnicodeError) as found:
        problem, error = _why(found)
    return TcpAnswer(time.monotonic() - begun, problem=problem, error=error)


async def _addresses(guard: AddressGuard, question: TcpConnect) -> list[str]:
    """Each address of the host, once; all of them allowed."""
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(question.host, question.port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
    for address in addresses:
        guard.check(address)
    return addresses


async def _open_and_close(address: str, port: int) -> None:
    # A literal address: what was checked is what is connected to, the name is not resolved again.
    _, writer = await asyncio.open_connection(address, port)
    writer.transport.abort()


def _why(error: Exception) -> tuple[TcpProblem, str]:
    if isinstance(error, Forbidden):
        return "Forbidden", str(error)
    if isinstance(error, socket.gaierror | UnicodeError):
        return "Unresolved", getattr(error, "strerror", None) or str(error)
    if isinstance(error, ConnectionRefusedError):
        return "Refused", "connection refused"
    if isinstance(error, TimeoutError):
        return "TimedOut", "timed out"
    return "Unreachable", getattr(error, "strerror", None) or str(error)
