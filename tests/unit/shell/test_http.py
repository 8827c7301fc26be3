"""Outgoing HTTP of checks: what it tells, and where it does not go."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from paramedic.actions.reads import HttpGet
from paramedic.cluster.http import HttpChecker
from paramedic.model.addresses import AddressGuard, Forbidden


@pytest.fixture
async def endpoint() -> AsyncIterator[str]:
    """A server on loopback: /ok, /moved (to /ok), /slow (never answers), /pieces (a body in three parts), /endless."""
    stop = asyncio.Event()

    async def ok(request: web.Request) -> web.Response:
        return web.Response(text="x" * 100)

    async def moved(request: web.Request) -> web.Response:
        raise web.HTTPFound("/ok")

    async def slow(request: web.Request) -> web.Response:
        await stop.wait()
        return web.Response()

    async def pieces(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # whoever has read enough hangs up
            for part in (b"one ", b"two ", b"three"):
                await answer.write(part)
                await asyncio.sleep(0.02)
        return answer

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"alive")
        await stop.wait()
        return answer

    app = web.Application()
    app.router.add_get("/pieces", pieces)
    app.router.add_get("/endless", endless)
    app.router.add_get("/ok", ok)
    app.router.add_get("/moved", moved)
    app.router.add_get("/slow", slow)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    stop.set()
    await runner.cleanup()


async def test_the_status_and_the_body_within_its_limit_are_told(endpoint: str) -> None:
    answer = await HttpChecker().get(HttpGet(endpoint + "/ok", body_limit=10))
    assert (answer.status, answer.body, answer.error) == (200, b"x" * 10, "")


async def test_a_body_that_comes_in_pieces_is_read_to_its_end(endpoint: str) -> None:
    assert (await HttpChecker().get(HttpGet(endpoint + "/pieces"))).body == b"one two three"


async def test_a_body_that_comes_in_pieces_is_read_up_to_the_limit(endpoint: str) -> None:
    assert (await HttpChecker().get(HttpGet(endpoint + "/pieces", body_limit=6))).body == b"one tw"


async def test_an_answer_whose_body_nobody_asks_for_is_not_waited_for(endpoint: str) -> None:
    answer = await HttpChecker().get(HttpGet(endpoint + "/endless", timeout=2.0, body_limit=0))
    assert (answer.status, answer.error) == (200, "")


async def test_a_redirect_is_an_answer_and_is_not_followed(endpoint: str) -> None:
    assert (await HttpChecker().get(HttpGet(endpoint + "/moved"))).status == 302


async def test_no_answer_in_time_is_told_as_such(endpoint: str) -> None:
    answer = await HttpChecker().get(HttpGet(endpoint + "/slow", timeout=0.05))
    assert (answer.status, answer.error) == (0, "timed out after 0.05 s")


async def test_a_refused_connection_is_told_as_such() -> None:
    answer = await HttpChecker().get(HttpGet("http://127.0.0.1:1/"))
    assert answer.status == 0 and "127.0.0.1:1" in answer.error


async def test_a_proxy_of_the_environment_is_not_used(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert (await HttpChecker().get(HttpGet(endpoint + "/ok"))).status == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
    ],
)
async def test_a_metadata_service_is_never_asked(url: str) -> None:
    answer = await HttpChecker().get(HttpGet(url))
    assert answer.status == 0 and "is an address that no check may ask" in answer.error


async def test_a_name_is_asked_only_at_addresses_that_are_allowed(endpoint: str) -> None:
    guard = AddressGuard((ipaddress.ip_network("10.0.0.0/8"),))
    url = endpoint.replace("127.0.0.1", "localhost") + "/ok"
    answer = await HttpChecker(guard).get(HttpGet(url))
    assert answer.status == 0 and "is not in the allowed networks (--http-allow)" in answer.error


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "8.8.8.8", "fd12::1"])
def test_other_addresses_may_be_asked_where_no_list_is_given(address: str) -> None:
    AddressGuard().check(address)


@pytest.mark.parametrize("address", ["224.0.0.1", "::", "fd00:ec2::254"])
def test_addresses_that_no_service_has_are_forbidden(address: str) -> None:
    with pytest.raises(Forbidden):
        AddressGuard().check(address)
