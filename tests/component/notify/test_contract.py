"""What every notifier promises: the real one, against services on loopback, and the one that stands in for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from component.notify.notices import notice
from paramedic.notify.apprise_notifier import AppriseNotifier
from paramedic.notify.contract import Notifier
from paramedic.notify.recording import RecordingNotifier
from support.sinks import Sinks


@dataclass
class Rig:
    """A notifier, a URL, and what can be done to what it leads to."""

    notifier: Notifier
    url: str
    fail: Callable[[bool], None]  # final or not
    lose_replies: Callable[[], None]
    titles: Callable[[], list[str]]


@pytest.fixture(params=["real", "recording"])
def rig(request: pytest.FixtureRequest, sinks: Sinks, notifier: AppriseNotifier) -> Rig:
    if request.param == "real":
        return Rig(
            notifier,
            sinks.webhook,
            lambda final: sinks.answer("webhook", 403 if final else 503),
            lambda: sinks.reset("webhook"),
            lambda: [body["title"] for body in sinks.bodies("webhook")],
        )
    recording, url = RecordingNotifier(), "json://h.example/"
    return Rig(
        recording,
        url,
        lambda final: recording.fail(url, final=final),
        lambda: recording.lose_replies(url),
        lambda: [arrived.title for arrived in recording.arrived(url)],
    )


async def test_a_message_that_is_accepted_is_sent(rig: Rig) -> None:
    assert (await rig.notifier.send(rig.url, notice(title="one"))).state == "Sent"
    assert rig.titles() == ["one"]


@pytest.mark.parametrize("final", [True, False])
async def test_a_refusal_is_failed_and_says_whether_it_is_final(rig: Rig, final: bool) -> None:
    rig.fail(final)
    answer = await rig.notifier.send(rig.url, notice())
    assert (answer.state, answer.final) == ("Failed", final) and answer.message


async def test_a_lost_reply_is_unknown_and_the_message_arrived(rig: Rig) -> None:
    rig.lose_replies()
    answer = await rig.notifier.send(rig.url, notice(title="one"))
    assert answer.state == "Unknown" and answer.message
    assert rig.titles() == ["one"]


async def test_each_call_sends_once(rig: Rig) -> None:
    send: Callable[[], Awaitable[object]] = lambda: rig.notifier.send(rig.url, notice(title="same"))  # noqa: E731
    await send()
    await send()
    assert rig.titles() == ["same", "same"]
