"""Requests that change something: sent once, to where they may go, and without a trace of their secrets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from paramedic.actions.effects import SecretHeader, Send
from paramedic.cluster.sending import Sender
from paramedic.model.endpoints import Endpoint

TOKEN = "Bearer s3cr3t-t0ken"


class Receiver:
    """A server on loopback: /ok answers with the request itself, /drop hangs up, /slow never answers, /moved redirects."""

    def __init__(self) -> None:
        self.got: list[web.Request] = []
        self.bodies: list[str] = []
        self.stop = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.got.append(request)
        self.bodies.append(await request.text())
        if request.path == "/drop":
            assert request.transport is not None
            request.transport.abort()
        elif request.path == "/slow":
            await self.stop.wait()
        elif request.path == "/moved":
            raise web.HTTPFound("/ok")
        said = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        return web.Response(text=said + "x" * 70_000 if request.path == "/long" else said)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    found.stop.set()
    await runner.cleanup()


def sender(receiver: Receiver) -> Sender:
    return Sender([Endpoint.prefix(receiver.url)])


def request(receiver: Receiver, path: str = "/ok", method: str = "POST", **more: object) -> Send:
    return Send(method, receiver.url + path, "op-1", **more)  # type: ignore[arg-type]


async def test_a_request_carries_its_key_its_headers_and_its_body(receiver: Receiver) -> None:
    effect = request(receiver, headers=(("X-Team", "shop"),), body='{"user": "alice"}')
    answer = await sender(receiver).send(effect, {"Authorization": TOKEN})
    assert answer.status == 200
    (got,) = receiver.got
    assert (got.method, got.headers["Idempotency-Key"], got.headers["X-Team"]) == ("POST", "op-1", "shop")
    assert got.headers["Authorization"] == TOKEN
    assert receiver.bodies == ['{"user": "alice"}']


async def test_a_url_goes_out_as_it_was_compared(receiver: Receiver) -> None:
    await sender(receiver).send(request(receiver, "/a%20b/c?x=%2e%2e"), {})
    assert receiver.got[0].raw_path == "/a%20b/c?x=%2e%2e"


async def test_an_answer_that_repeats_a_secret_is_told_without_it(receiver: Receiver) -> None:
    answer = await sender(receiver).send(request(receiver), {"Authorization": TOKEN})
    assert b"Authorization: [hidden]" in answer.body
    assert b"s3cr3t" not in answer.body


async def test_a_long_answer_is_cut(receiver: Receiver) -> None:
    answer = await sender(receiver).send(request(receiver, "/long"), {"Authorization": TOKEN})
    assert len(answer.body) == 65_536


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
async def test_a_connection_that_breaks_is_not_tried_again_and_leaves_it_unknown(
    receiver: Receiver, method: str
) -> None:
    answer = await sender(receiver).send(request(receiver, "/drop", method), {})
    assert (answer.status, answer.arrived) == (0, True)
    assert len(receiver.got) == 1


async def test_no_answer_in_time_leaves_it_unknown(receiver: Receiver) -> None:
    answer = await sender(receiver).send(request(receiver, "/slow", timeout=0.2), {})
    assert (answer.status, answer.arrived, answer.error) == (0, True, "no answer within 0.2 s")


async def test_a_redirect_is_an_answer(receiver: Receiver) -> None:
    answer = await sender(receiver).send(request(receiver, "/moved"), {})
    assert answer.status == 302
    assert [item.path for item in receiver.got] == ["/moved"]


async def test_what_cannot_be_reached_was_surely_not_sent(receiver: Receiver, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    answer = await Sender([Endpoint.prefix(url)]).send(Send("POST", url, "op-1"), {})
    assert (answer.status, answer.arrived) == (0, False)
    assert "cannot connect to 127.0.0.1" in answer.error


async def test_nothing_is_sent_to_where_nobody_allowed_it(receiver: Receiver) -> None:
    for sender_ in (Sender(), Sender([]), Sender([Endpoint.prefix("https://api.example.com")])):
        answer = await sender_.send(request(receiver), {})
        assert (answer.status, answer.arrived) == (0, False)
        assert "the operator may not send to" in answer.error
    assert receiver.got == []


async def test_the_metadata_service_is_never_sent_to_even_where_it_was_allowed() -> None:
    url = "http://169.254.169.254/latest/meta-data"
    answer = await Sender([Endpoint.prefix(url)]).send(Send("PUT", url, "op-1"), {})
    assert "is an address that no request may ask" in answer.error


def test_outside_the_operator_it_is_not_known_what_is_allowed_but_what_is_no_url_is() -> None:
    assert Sender().refusal("https://api.example.com/v1") is None
    assert "path segment" in (Sender().refusal("https://api.example.com/v1/../x") or "")


def test_a_request_is_described_without_its_query_and_its_secrets() -> None:
    effect = Send(
        "POST", "https://api.example.com/v1?key=hidden", "op-1", (("X-Team", "hidden"),),
        (SecretHeader("Authorization", "idp", "token"),), "body",
    )  # fmt: skip
    assert effect.describe() == "send POST https://api.example.com/v1"
    assert "hidden" not in str(effect.shown)
    assert effect.shown["headers"]["Authorization"] == "(from Secret idp, key token)"
