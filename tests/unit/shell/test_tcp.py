"""Outgoing connections of checks: what they tell, and where they do not go."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest

from paramedic.actions.reads import TcpConnect
from paramedic.cluster.http import HttpChecker
from paramedic.model.addresses import AddressGuard


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A port on loopback that accepts connections."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def test_a_port_that_accepts_is_connected_to_by_name(port: int) -> None:
    answer = await HttpChecker().connect(TcpConnect("localhost", port))
    assert (answer.connected, answer.address, answer.error) == (True, "127.0.0.1", "")


async def test_a_refused_connection_is_told_as_such() -> None:
    answer = await HttpChecker().connect(TcpConnect("127.0.0.1", 1))
    assert (answer.connected, answer.problem) == (False, "Refused")


async def test_a_name_that_nobody_has_is_told_as_such() -> None:
    answer = await HttpChecker().connect(TcpConnect("nobody.invalid", 80, 10.0))
    assert answer.problem == "Unresolved"


async def test_no_answer_in_time_is_told_as_such() -> None:
    # A backlog that is full answers nothing, as a dropped packet does.
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        answer = await HttpChecker().connect(TcpConnect("127.0.0.1", full.getsockname()[1], 0.1))
    assert (answer.problem, answer.error) == ("TimedOut", "timed out after 0.1 s")


@pytest.mark.parametrize("host", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0"])
async def test_a_metadata_service_is_never_connected_to(host: str) -> None:
    answer = await HttpChecker().connect(TcpConnect(host, 80))
    assert answer.problem == "Forbidden" and "is an address that no check may ask" in answer.error


async def test_a_name_is_connected_to_only_at_addresses_that_are_allowed(port: int) -> None:
    guard = AddressGuard((ipaddress.ip_network("10.0.0.0/8"),))
    answer = await HttpChecker(guard).connect(TcpConnect("localhost", port))
    assert answer.problem == "Forbidden" and "is not in the allowed networks (--http-allow)" in answer.error
