"""What becomes of a message, as each service answers it."""

import asyncio
import contextlib
import ipaddress
import subprocess
import sys
import time
from pathlib import Path

import pytest

from component.notify.notices import notice
from paramedic.model.addresses import AddressGuard
from paramedic.model.deliveries import Delivery
from paramedic.notify.apprise_notifier import AppriseNotifier
from support.sinks import SECRETS, URLS, Sinks

SERVICES = sorted(URLS)
each_service = pytest.mark.parametrize("service", SERVICES)


@each_service
async def test_a_service_accepts_the_message(service: str, sinks: Sinks, notifier: AppriseNotifier) -> None:
    answer = await notifier.send(URLS[service], notice())
    assert answer.state == "Sent" and answer.message.endswith("accepted it")
    assert [received.status < 300 for received in sinks.received] == [True]


async def test_a_webhook_of_ones_own_accepts_the_message(sinks: Sinks, notifier: AppriseNotifier) -> None:
    assert await notifier.send(sinks.webhook, notice()) == Delivery("Sent", "Webhook accepted it")


@each_service
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_service_in_trouble_may_be_tried_again(
    service: str, status: int, sinks: Sinks, notifier: AppriseNotifier
) -> None:
    sinks.answer(service, status, "try later", {"Retry-After": "2", "X-RateLimit-Remaining": "0"})
    answer = await notifier.send(URLS[service], notice())
    assert (answer.state, answer.final) == ("Failed", False)
    assert f"answered {status}: try later (try again after 2)" in answer.message


@each_service
async def test_an_attempt_is_one_request_whatever_is_answered(
    service: str, sinks: Sinks, notifier: AppriseNotifier
) -> None:
    sinks.answer(service, 429, "", {"Retry-After": "0"})
    await notifier.send(URLS[service] + "?retry=3&wait=0", notice())
    assert len(sinks.received) == 1


async def test_a_long_pause_is_not_waited_for_in_a_thread(sinks: Sinks, notifier: AppriseNotifier) -> None:
    reset = str(int(time.time()) + 3600)
    sinks.answer("discord", 429, '{"retry_after": 3600}', {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset})
    begun = time.monotonic()
    assert (await notifier.send(URLS["discord"], notice())).state == "Failed"
    assert time.monotonic() - begun < 10


@each_service
async def test_a_service_that_refuses_is_not_tried_again(service: str, sinks: Sinks, notifier: AppriseNotifier) -> None:
    sinks.answer(service, 403, "invalid_token")
    answer = await notifier.send(URLS[service], notice())
    assert (answer.state, answer.final) == ("Failed", True) and "answered 403: invalid_token" in answer.message


@each_service
async def test_a_redirect_is_not_followed(service: str, sinks: Sinks, notifier: AppriseNotifier) -> None:
    sinks.answer(service, 307, headers={"Location": f"http://127.0.0.1:{sinks.http_port}/stolen"})
    answer = await notifier.send(URLS[service] + "?redirect=yes", notice())
    assert answer.final and "a redirect, which is not followed" in answer.message
    assert len(sinks.received) == 1


@each_service
async def test_a_connection_that_breaks_before_the_answer_is_unknown(
    service: str, sinks: Sinks, notifier: AppriseNotifier
) -> None:
    sinks.reset(service)
    answer = await notifier.send(URLS[service], notice())
    assert answer.state == "Unknown" and "the message may have arrived" in answer.message


@each_service
async def test_no_answer_is_unknown_and_ends_at_the_deadline(
    service: str, sinks: Sinks, hasty: AppriseNotifier
) -> None:
    sinks.hang(service)
    begun = time.monotonic()
    answer = await hasty.send(URLS[service], notice())
    assert answer.state == "Unknown" and time.monotonic() - begun < 5


async def test_a_plugin_that_stumbles_over_the_answer_did_not_hear_a_no(
    sinks: Sinks, notifier: AppriseNotifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*args: object) -> None:
        raise KeyError("cccccccccccccccccccccccc")

    monkeypatch.setattr("apprise.plugins.slack.loads", stumble)
    answer = await notifier.send(URLS["slack"], notice())
    assert answer.state == "Unknown" and "not understood (200, KeyError)" in answer.message


async def test_a_dripping_answer_ends_at_the_deadline(unused_tcp_port: int, hasty: AppriseNotifier) -> None:
    ended = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(drip, "127.0.0.1", unused_tcp_port):
        answer = await hasty.send(f"json://127.0.0.1:{unused_tcp_port}/", notice())
        await ended.wait()  # the connection is closed at the deadline
    assert answer.state == "Unknown"


async def test_a_refused_connection_may_be_tried_again(unused_tcp_port: int, notifier: AppriseNotifier) -> None:
    answer = await notifier.send(f"json://127.0.0.1:{unused_tcp_port}/", notice())
    assert answer == Delivery("Failed", f"Webhook: cannot connect to 127.0.0.1:{unused_tcp_port}: Connection refused")


async def test_a_name_that_does_not_exist_may_be_tried_again(sinks: Sinks) -> None:
    answer = await AppriseNotifier().send("json://nowhere.invalid/", notice())
    assert (answer.state, answer.final) == ("Failed", False)
    assert answer.message.startswith("Webhook: cannot connect to nowhere.invalid:80: ")


async def test_a_certificate_that_nobody_vouches_for_is_told_and_nothing_is_sent(sinks: Sinks) -> None:
    stranger = AppriseNotifier(resolver=sinks.resolver)
    answer = await stranger.send(URLS["slack"], notice())
    assert answer.state == "Failed" and "its certificate was not accepted" in answer.message
    assert sinks.received == []


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0"])
async def test_a_metadata_service_is_never_asked(host: str) -> None:
    answer = await AppriseNotifier().send(f"json://{host}/latest/meta-data", notice())
    assert answer.final and "is an address that no channel may ask" in answer.message


async def test_a_name_that_leads_to_a_metadata_service_is_not_asked() -> None:
    lying = AppriseNotifier(resolver=lambda host, port: [(2, 1, 6, "", ("169.254.169.254", port))])
    answer = await lying.send(URLS["slack"], notice())
    assert answer.final and "169.254.169.254 is an address that no channel may ask" in answer.message


async def test_with_an_allow_list_other_addresses_are_refused(sinks: Sinks) -> None:
    guard = AddressGuard((ipaddress.ip_network("10.0.0.0/8"),), asker="channel", option="--notify-allow")
    answer = await AppriseNotifier(guard).send(sinks.webhook, notice())
    assert answer.final and "127.0.0.1 is not in the allowed networks (--notify-allow)" in answer.message
    assert sinks.received == []


async def test_a_proxy_and_a_netrc_of_the_environment_are_not_used(
    sinks: Sinks, notifier: AppriseNotifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login mallory password s3cr3t\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await notifier.send(sinks.webhook, notice())).state == "Sent"
    assert "Authorization" not in sinks.received[0].headers


async def test_an_unusable_url_is_final_and_told(notifier: AppriseNotifier) -> None:
    answer = await notifier.send("hunter2", notice())
    assert answer == Delivery(
        "Failed", "not an Apprise URL; write SERVICE://…, such as slack://TOKEN_A/TOKEN_B/TOKEN_C/", final=True
    )


async def test_a_service_that_does_not_speak_tls_gets_nothing(sinks: Sinks, notifier: AppriseNotifier) -> None:
    answer = await notifier.send(sinks.webhook.replace("json:", "jsons:"), notice())
    assert answer.state == "Failed" and "TLS failed: " in answer.message
    assert sinks.received == []


async def test_several_recipients_of_whom_one_has_it_are_unknown(sinks: Sinks, notifier: AppriseNotifier) -> None:
    answers = iter([(200, "ok"), (403, "channel_is_archived")])
    sinks.answer_in_turn("slack", answers)
    answer = await notifier.send(URLS["slack"] + "/%23one/%23two", notice())
    assert answer.state == "Unknown" and "at least one of its 2 recipients may have it" in answer.message


@each_service
async def test_a_message_shows_no_secret_of_the_url(service: str, sinks: Sinks, notifier: AppriseNotifier) -> None:
    echo = " ".join(SECRETS) + " /services/T00000000/B00000000"
    for status in (200, 400, 500):
        sinks.answer(service, status, echo)
        answer = await notifier.send(URLS[service], notice())
        parts = [part for part in URLS[service].replace("@", "/").split("/")[2:] if len(part) > 8 and "." not in part]
        assert not any(part in answer.message for part in parts)


async def test_the_log_shows_no_secret_of_the_url(
    sinks: Sinks, notifier: AppriseNotifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    sinks.answer("discord", 500, "discordtoken99")
    for service in SERVICES:
        await notifier.send(URLS[service], notice(text="the text itself"))
    assert not any(secret in caplog.text for secret in (*SECRETS, "the text itself"))


async def test_a_hanging_channel_holds_up_no_other(sinks: Sinks, notifier: AppriseNotifier) -> None:
    sinks.hang("slack")
    stuck = [asyncio.create_task(notifier.send(URLS["slack"], notice())) for _ in range(20)]
    await sinks.arrived(8)  # as many as are under way at once
    answers = await asyncio.gather(*(notifier.send(URLS["discord"], notice()) for _ in range(10)))
    assert {answer.state for answer in answers} == {"Sent"}
    assert not any(task.done() for task in stuck)
    for task in stuck:
        task.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)


async def test_messages_to_one_service_do_not_pile_up(sinks: Sinks, hasty: AppriseNotifier) -> None:
    sinks.hang("slack")
    answers = await asyncio.gather(*(hasty.send(URLS["slack"], notice()) for _ in range(40)))
    assert sinks.most_at_once <= 8
    busy = [answer for answer in answers if "too many messages are under way to it" in answer.message]
    assert busy and {(answer.state, answer.final) for answer in busy} == {("Failed", False)}


async def test_after_it_was_given_up_nothing_is_sent(sinks: Sinks, notifier: AppriseNotifier) -> None:
    sinks.hang("slack")
    task = asyncio.create_task(notifier.send(URLS["slack"] + "/%23one/%23two", notice()))
    await sinks.arrived(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await notifier.send(URLS["discord"], notice())).state == "Sent"
    assert len([received for received in sinks.received if received.service == "slack"]) == 1


def test_a_hanging_channel_does_not_keep_the_process_from_ending(unused_tcp_port: int) -> None:
    script = f"""
import asyncio, socket
from paramedic.notify.apprise_notifier import AppriseNotifier
from paramedic.notify.contract import Notice

async def main():
    with socket.create_server(("127.0.0.1", {unused_tcp_port})):
        notice = Notice("t", "t", "Info", "k", "i", "Open", "n/i")
        sending = asyncio.create_task(AppriseNotifier(seconds=600).send("json://127.0.0.1:{unused_tcp_port}/", notice))
        await asyncio.sleep(0.3)
        print(sending.done())

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


async def test_requests_of_others_are_left_alone(sinks: Sinks, notifier: AppriseNotifier) -> None:
    import requests

    await notifier.send(URLS["slack"], notice())
    answer = await asyncio.to_thread(requests.get, f"http://127.0.0.1:{sinks.http_port}/", timeout=5)
    assert answer.status_code == 200
