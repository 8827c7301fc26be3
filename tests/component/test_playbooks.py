"""Playbooks under review: what is written of them, when they are looked at, and what that costs."""

import asyncio
import contextlib
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from component.builders import NAMESPACE, USER, Ward, playbook, step
from paramedic.cluster.transport import Request, Unavailable
from paramedic.controller import Controller, Item
from paramedic.metrics import Metrics
from paramedic.model.conditions import Condition
from paramedic.model.objects import Object
from paramedic.model.references import PLAYBOOK, SECRET, SERVICE_ACCOUNT
from paramedic.playbooks import EVERY, EVERY_UNREADY, PlaybookReviewer
from paramedic.queue import WorkQueue
from paramedic.sweeper import Sweeper

BACK = step("back", "rollback")
CHANNELS = [{"name": "ops", "secretRef": {"name": "slack", "key": "url"}}]
TELLING: Object = {
    "channels": CHANNELS,
    "escalation": [{"after": "5m", "channel": "ops", "message": "nobody answers"}],
}


class Desk:
    """A ward with one playbook, and who reviews it."""

    def __init__(self, *steps: Object, **spec: Any) -> None:
        self.ward = Ward()
        self.reviewer = PlaybookReviewer(self.ward.api, self.ward.clock)
        self.ward.add(playbook("mend", *(steps or (BACK,)), **spec))

    async def look(self) -> timedelta | None:
        return await self.reviewer.review(NAMESPACE, "mend")

    @property
    def obj(self) -> Object:
        return self.ward.get(PLAYBOOK, "mend")

    @property
    def conditions(self) -> dict[str, Condition]:
        return {item["type"]: Condition.model_validate(item) for item in self.obj["status"]["conditions"]}

    @property
    def reviews(self) -> int:
        return sum("selfsubjectaccessreviews" in item.request.path for item in self.ward.cluster.log)

    def secret(self, url: str) -> None:
        data = {"url": b64encode(url.encode()).decode()}
        self.ward.add({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "slack"}, "data": data})


async def test_a_playbook_that_can_be_used_is_ready_and_nothing_else_is_said() -> None:
    desk = Desk()

    await desk.look()

    assert list(desk.conditions) == ["Ready"]
    ready = desk.conditions["Ready"]
    assert (ready.status, ready.reason, ready.observed_generation) == ("True", "Valid", 1)
    assert ready.message == "1 step as responder, for Deployments, StatefulSets and DaemonSets"
    assert desk.obj["status"]["observedGeneration"] == 1


async def test_a_playbook_that_only_its_author_can_mend_is_stalled() -> None:
    desk = Desk(BACK, BACK)

    await desk.look()

    assert (desk.conditions["Ready"].status, desk.conditions["Ready"].reason) == ("False", "Invalid")
    assert desk.conditions["Stalled"].status == "True"
    assert "spec.steps[1].name" in desk.conditions["Stalled"].message
    assert "Reconciling" not in desk.conditions


async def test_a_playbook_that_waits_for_something_outside_it_is_reconciling() -> None:
    desk = Desk(account="nobody")

    await desk.look()

    assert (desk.conditions["Ready"].status, desk.conditions["Ready"].reason) == ("False", "AccountNotFound")
    assert desk.conditions["Reconciling"].status == "True"
    assert "Stalled" not in desk.conditions


async def test_a_playbook_that_was_mended_becomes_ready_and_is_stalled_no_more() -> None:
    desk = Desk(step("back", "rollback", undo="OnFailure", if_="nonsense("))
    await desk.look()

    desk.ward.cluster.edit(PLAYBOOK, NAMESPACE, "mend", {"spec": {"steps": [BACK]}})
    await desk.look()

    assert list(desk.conditions) == ["Ready"]
    assert desk.conditions["Ready"].status == "True"
    assert desk.obj["status"]["observedGeneration"] == 2


async def test_a_right_that_is_taken_away_is_noticed_and_one_that_is_given_back_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("paramedic.cluster.api._BELIEVE_SECONDS", 0.0)
    desk = Desk()
    await desk.look()

    desk.ward.cluster.deny(USER, "list", "pods")
    assert (await desk.look() or EVERY) <= EVERY_UNREADY * 1.1
    assert desk.conditions["Ready"].reason == "MissingPermission"
    assert '"list pods" (needed by back)' in desk.conditions["Ready"].message

    desk.ward.cluster.allow_all()
    assert EVERY / 10 < (await desk.look() or EVERY_UNREADY) <= EVERY * 1.1
    assert desk.conditions["Ready"].status == "True"


async def test_a_secret_that_comes_makes_it_ready() -> None:
    desk = Desk(**TELLING)
    await desk.look()
    assert desk.conditions["Ready"].reason == "ChannelNotReady"

    desk.secret("slack://AAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc/")
    await desk.look()

    assert desk.conditions["Ready"].status == "True"


async def test_secrets_are_read_as_the_account() -> None:
    desk = Desk(**TELLING)
    desk.secret("slack://AAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc/")

    await desk.look()

    reads = [item.request.account for item in desk.ward.cluster.log if item.address.resource == SECRET]
    assert reads == [USER]


async def test_at_rest_nothing_is_written_and_what_was_granted_is_not_asked_again() -> None:
    desk = Desk()
    await desk.look()
    asked = desk.reviews
    desk.ward.clock.advance(EVERY)

    await desk.look()

    assert len(desk.ward.cluster.writes) == 1
    assert desk.reviews == asked


async def test_an_answer_that_does_not_come_is_asked_for_again_before_nothing_is_known() -> None:
    desk = Desk()
    desk.ward.api.transport = Deaf(desk.ward)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await desk.look()
    assert "status" not in desk.obj

    assert (await desk.look() or EVERY) <= EVERY_UNREADY * 1.1

    assert (desk.conditions["Ready"].status, desk.conditions["Ready"].reason) == ("Unknown", "Unknown")
    assert desk.conditions["Reconciling"].status == "True"
    assert "the API server does not answer" in desk.conditions["Ready"].message


class Deaf:
    """An API server that answers nothing about access."""

    def __init__(self, ward: Ward) -> None:
        self._cluster = ward.cluster

    async def send(self, request: Request) -> Any:
        if "selfsubjectaccessreviews" in request.path:
            raise Unavailable("POST selfsubjectaccessreviews: 503")
        return await self._cluster.send(request)

    async def close(self) -> None:
        """There is nothing to close."""


async def test_a_playbook_that_is_gone_is_not_looked_at_again() -> None:
    desk = Desk()
    desk.ward.cluster.remove(PLAYBOOK, NAMESPACE, "mend")
    assert await desk.look() is None


async def test_the_echo_of_our_own_write_is_not_looked_at() -> None:
    desk = Desk()
    await desk.look()
    assert desk.reviewer.first_look(desk.obj, "MODIFIED") is None


async def test_a_playbook_that_somebody_touches_is_looked_at_at_once() -> None:
    desk = Desk()
    await desk.look()
    desk.ward.cluster.edit(PLAYBOOK, NAMESPACE, "mend", {"metadata": {"annotations": {"checked": "now"}}})
    assert desk.reviewer.first_look(desk.obj, "MODIFIED") == timedelta(0)


async def test_after_a_restart_new_playbooks_come_first_and_judged_ones_wait_for_their_turn() -> None:
    desk = Desk()
    assert desk.reviewer.first_look(desk.obj, None) == timedelta(0)
    await desk.look()
    judged, restarted = desk.obj, PlaybookReviewer(desk.ward.api, desk.ward.clock)

    moments = set()
    for number in range(100):
        judged["spec"]["serviceAccountName"] = f"account-{number}"
        moments.add(restarted.first_look(judged, None))

    assert all(moment is not None and EVERY / 10 <= moment <= EVERY * 1.1 for moment in moments)
    assert len(moments) > 80


async def test_playbooks_of_one_account_are_looked_at_together_and_share_what_it_is_granted() -> None:
    desk = Desk()
    desk.ward.add(playbook("other", BACK))
    first = await desk.look()
    desk.ward.clock.advance(timedelta(seconds=7))
    second = await desk.reviewer.review(NAMESPACE, "other")

    assert first is not None and second is not None
    assert first - timedelta(seconds=7) == second
    mine = [item for item in desk.ward.cluster.log if "selfsubjectaccessreviews" in item.request.path]
    assert len(mine) == len({str(item.request.body) + item.request.account for item in mine})


def controller_of(ward: Ward) -> Controller:
    sweeper = Sweeper(ward.api, ward.clock, ward.pause, NAMESPACE, lambda: True, ward.holds)
    queue: WorkQueue[Item] = WorkQueue(ward.clock)
    return Controller(ward.api, ward.clock, queue, ward.index, ward.reconciler, sweeper, Metrics(), NAMESPACE)


async def test_a_playbook_is_looked_at_again_and_again_without_a_word_from_the_watch() -> None:
    desk = Desk(account="late")
    ward = desk.ward
    controller = controller_of(ward)
    controller.notice("Playbook", "ADDED", desk.obj)
    await review_for_a_moment(controller)
    assert desk.conditions["Ready"].reason == "AccountNotFound"

    ward.account("late")
    ward.clock.advance(EVERY_UNREADY * 1.1)
    await review_for_a_moment(controller)

    assert desk.conditions["Ready"].status == "True"


async def review_for_a_moment(controller: Controller) -> None:
    """Lets one reviewer take what is due."""
    task = asyncio.create_task(controller.review())
    for _ in range(200):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_playbook_never_stands_in_the_queue_of_incidents() -> None:
    desk = Desk()
    ward = desk.ward
    controller = controller_of(ward)
    controller.notice("Playbook", "ADDED", desk.obj)
    assert (controller.queue.depth, controller.reviews.depth) == (0, 1)


async def test_an_account_that_is_deleted_is_noticed() -> None:
    desk = Desk()
    await desk.look()
    desk.ward.cluster.remove(SERVICE_ACCOUNT, NAMESPACE, "responder")
    await desk.look()
    assert desk.conditions["Ready"].reason == "AccountNotFound"
