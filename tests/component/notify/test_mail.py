"""Mail: what the server gets, and what becomes of a message as it answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from component.notify.notices import HOSTILE, NOTICE, notice
from paramedic.model.deliveries import Delivery
from paramedic.notify.apprise_notifier import AppriseNotifier
from support.sinks import Authority
from support.smtp_sink import SmtpSink, serving

TO = "?from=paramedic@example.com&to=ops@example.com"


@pytest.fixture
async def server() -> AsyncIterator[SmtpSink]:
    async with serving(SmtpSink()) as sink:
        yield sink


def url(server: SmtpSink, options: str = TO, login: str = "") -> str:
    return f"mailto://{login}127.0.0.1:{server.port}/{options}"


async def send(server: SmtpSink, options: str = TO, *, seconds: float = 20, **changes: str) -> Delivery:
    return await AppriseNotifier(seconds=seconds).send(url(server, options), notice(**changes))


async def test_a_message_arrives_as_plain_text(server: SmtpSink) -> None:
    answer = await send(server, title="Checkout\r\nBcc: evil@example.com", text=HOSTILE)
    assert answer == Delivery("Sent", f"Mail: 127.0.0.1:{server.port} accepted it")
    message = server.messages[0]
    assert message["Subject"] == "Checkout Bcc: evil@example.com" and message["Bcc"] is None
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == HOSTILE + "\n"


async def test_messages_of_one_incident_refer_to_the_same_root(server: SmtpSink) -> None:
    for key in ("key-1", "key-2"):
        await send(server, key=key)
    roots = {message["References"] for message in server.messages}
    assert roots == {f"<{NOTICE.thread}.incident@example.com>"}
    assert [message["Message-ID"] for message in server.messages] == ["<key-1@example.com>", "<key-2@example.com>"]


async def test_a_program_that_answers_mail_by_itself_is_told_not_to(server: SmtpSink) -> None:
    await send(server)
    message = server.messages[0]
    assert (message["Auto-Submitted"], message["X-Paramedic-Incident"]) == ("auto-generated", "shop/checkout-down")


async def test_all_recipients_get_one_message_and_blind_copies_are_not_named(server: SmtpSink) -> None:
    await send(server, TO + ",dev@example.com&cc=boss@example.com&bcc=quiet@example.com&name=Pärämedic")
    assert server.envelopes == [["ops@example.com", "dev@example.com", "boss@example.com", "quiet@example.com"]]
    assert "quiet" not in server.messages[0].as_string()


async def test_text_of_any_alphabet_arrives_whole(server: SmtpSink) -> None:
    await send(server, title="Überlastung 🔥", text="データ\n.\n..dots\n")
    message = server.messages[0]
    assert message["Subject"] == "Überlastung 🔥"
    assert message.get_content().replace("\r\n", "\n") == "データ\n.\n..dots\n"


async def test_a_long_message_is_cut(server: SmtpSink) -> None:
    await send(server, title="t" * 1000, text="x" * 200_000)
    message = server.messages[0]
    assert len(message["Subject"]) <= 200 and message.get_content().rstrip().endswith("…")


async def test_starttls_and_a_login_protect_the_message(trusted: Authority) -> None:
    async with serving(SmtpSink(login="s3cr3tpassword", context=trusted.context)) as server:
        options = TO + "&mode=starttls"
        mail = AppriseNotifier(ca_file=trusted.ca_file)
        answer = await mail.send(f"mailtos://user:s3cr3tpassword@127.0.0.1:{server.port}/{options}", notice())
        assert answer.state == "Sent" and server.encrypted == [True]


async def test_tls_from_the_first_byte_protects_the_message(trusted: Authority) -> None:
    async with serving(SmtpSink(context=trusted.context, implicit=True)) as server:
        mail = AppriseNotifier(ca_file=trusted.ca_file)
        answer = await mail.send(f"mailtos://127.0.0.1:{server.port}/{TO}&mode=ssl", notice())
        assert answer.state == "Sent" and server.encrypted == [True]


async def test_a_certificate_that_nobody_vouches_for_is_told(trusted: Authority) -> None:
    async with serving(SmtpSink(context=trusted.context, implicit=True)) as server:
        answer = await AppriseNotifier().send(f"mailtos://127.0.0.1:{server.port}/{TO}&mode=ssl", notice())
        assert answer.state == "Failed" and "its certificate was not accepted" in answer.message


async def test_a_server_without_starttls_gets_no_message(server: SmtpSink) -> None:
    answer = await AppriseNotifier().send(f"mailtos://127.0.0.1:{server.port}/{TO}&mode=starttls", notice())
    assert answer.final and "does not offer what the URL asks for" in answer.message
    assert server.messages == []


async def test_a_wrong_password_is_final_and_not_shown(trusted: Authority) -> None:
    async with serving(SmtpSink(login="another", context=trusted.context)) as server:
        mail = AppriseNotifier(ca_file=trusted.ca_file)
        answer = await mail.send(f"mailtos://user:s3cr3tpassword@127.0.0.1:{server.port}/{TO}&mode=starttls", notice())
    assert (answer.state, answer.final) == ("Failed", True)
    assert "answered 535: 5.7.8 wrong password …" in answer.message


@pytest.mark.parametrize(
    ("command", "reply", "final"),
    [
        ("BANNER", "554 no service", True),
        ("BANNER", "421 too busy", False),
        ("MAIL", "550 not from here", True),
        ("RCPT", "550 no such user", True),
        ("RCPT", "451 greylisted", False),
        ("DATA", "451 try later", False),
        (".", "552 too big", True),
        (".", "452 disk full", False),
    ],
)
async def test_a_refusal_is_final_when_the_server_says_so(
    server: SmtpSink, command: str, reply: str, final: bool
) -> None:
    server.answers[command] = reply
    answer = await send(server)
    assert (answer.state, answer.final) == ("Failed", final)
    assert f"answered {reply[:3]}: {reply[4:]}" in answer.message
    assert server.messages == []


@pytest.mark.parametrize("command", ["BANNER", "EHLO", "MAIL", "RCPT"])
async def test_a_connection_that_breaks_before_the_message_may_be_tried_again(server: SmtpSink, command: str) -> None:
    server.drops.add(command)
    answer = await send(server)
    assert (answer.state, answer.final) == ("Failed", False) and "cannot talk to" in answer.message


@pytest.mark.parametrize("command", ["DATA", "."])
async def test_a_connection_that_breaks_after_the_message_is_unknown(server: SmtpSink, command: str) -> None:
    server.drops.add(command)
    answer = await send(server)
    assert answer.state == "Unknown" and "the message may have arrived" in answer.message


@pytest.mark.parametrize(("command", "state"), [("BANNER", "Failed"), ("RCPT", "Failed"), (".", "Unknown")])
async def test_a_server_that_says_nothing_ends_at_the_deadline(server: SmtpSink, command: str, state: str) -> None:
    server.hangs.add(command)
    assert (await send(server, seconds=0.4)).state == state


async def test_what_happens_after_the_message_was_accepted_changes_nothing(server: SmtpSink) -> None:
    server.answers["QUIT"] = "500 what"
    assert (await send(server)).state == "Sent"
    server.drops.add("QUIT")
    assert (await send(server)).state == "Sent"


async def test_some_refused_recipients_are_told(server: SmtpSink) -> None:
    class Picky(dict[str, str]):
        """Refuses the second recipient."""

        seen = 0

        def __contains__(self, command: object) -> bool:
            return False

        def get(self, command: str, default: str = "") -> str:  # type: ignore[override]
            self.seen += command == "RCPT"
            return "550 no such user" if command == "RCPT" and self.seen == 2 else default

    server.answers = Picky()
    answer = await send(server, TO + ",gone@example.com")
    assert answer.state == "Sent" and answer.message.endswith("1 of 2 recipients were refused (550: no such user)")


async def test_a_server_that_is_not_there_may_be_tried_again(unused_tcp_port: int) -> None:
    answer = await send(SmtpSink(port=unused_tcp_port))
    assert answer == Delivery("Failed", f"Mail: cannot connect to 127.0.0.1:{unused_tcp_port}: Connection refused")


async def test_a_mail_server_at_a_metadata_address_is_refused() -> None:
    answer = await AppriseNotifier().send(f"mailto://169.254.169.254/{TO}", notice())
    assert answer.final and "is an address that no channel may ask" in answer.message


async def test_a_hanging_mail_server_holds_up_no_other(server: SmtpSink) -> None:
    async with serving(SmtpSink(hangs={"BANNER"})) as stuck:
        mail = AppriseNotifier(seconds=20)
        waiting = [asyncio.create_task(mail.send(url(stuck), notice())) for _ in range(12)]
        for _ in range(8):  # as many as are under way at once
            await stuck.connections.acquire()
        assert (await mail.send(url(server), notice())).state == "Sent"
        assert not any(task.done() for task in waiting)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
