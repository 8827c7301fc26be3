"""The notifier that stands in for a real one."""

import asyncio

from component.notify.notices import notice
from paramedic.notify.recording import RecordingNotifier

URL = "json://h.example/"


async def test_it_keeps_what_arrived() -> None:
    recording = RecordingNotifier()
    assert (await recording.send(URL, notice(title="one"))).state == "Sent"
    assert [arrived.title for arrived in recording.arrived(URL)] == ["one"]


async def test_what_fails_does_not_arrive_but_was_tried() -> None:
    recording = RecordingNotifier()
    recording.fail(URL, "invalid_token", final=True)
    answer = await recording.send(URL, notice())
    assert (answer.state, answer.final, recording.arrived(URL), len(recording.sent)) == ("Failed", True, [], 1)


async def test_a_lost_reply_arrived_and_is_unknown() -> None:
    recording = RecordingNotifier()
    recording.lose_replies(URL)
    assert (await recording.send(URL, notice())).state == "Unknown"
    assert len(recording.arrived(URL)) == 1


async def test_a_hanging_channel_does_not_hold_up_another() -> None:
    recording = RecordingNotifier()
    recording.hang(URL)
    waiting = asyncio.create_task(recording.send(URL, notice()))
    await asyncio.sleep(0)
    assert (await recording.send("json://other.example/", notice())).state == "Sent"
    assert not waiting.done()
    recording.heal(URL)
    assert (await waiting).state == "Unknown"
    assert (await recording.send(URL, notice())).state == "Sent"
