"""The controller: what it takes notice of, in which order, and how it comes back to what it could not do."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

import pytest

from component.builders import Ward
from paramedic.controller import Controller, Item
from paramedic.index import IncidentIndex
from paramedic.model.objects import Object
from paramedic.queue import WorkQueue
from paramedic.reconciler import NotLeading, Reconciler
from paramedic.sweeper import Sweeper
from support.objects import incident


class Recorder(Reconciler):
    """Writes down what it is asked for, and answers what it is told."""

    def __init__(self, *answers: Any) -> None:
        self.asked: list[tuple[str, str]] = []
        self._answers = list(answers)

    def is_echo(self, key: tuple[str, str], resource_version: str) -> bool:
        return resource_version == "ours"

    def created(self, obj: Object) -> None:
        """Needs not keep it."""

    async def reconcile(self, key: tuple[str, str]) -> Any:
        self.asked.append(key)
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer


def controller_of(ward: Ward, reconciler: Reconciler) -> Controller:
    sweeper = Sweeper(ward.api, ward.clock, ward.pause, "shop", lambda: True, ward.holds)
    queue: WorkQueue[Item] = WorkQueue(ward.clock)
    return Controller(ward.api, ward.clock, queue, IncidentIndex(), reconciler, sweeper, ward.metrics, "shop")


def shown(name: str, version: str = "1", **status: str) -> Object:
    obj = incident(name, "web", "mend")
    obj["metadata"] |= {"namespace": "shop", "resourceVersion": version}
    return obj | {"status": status}


async def work_for_a_moment(controller: Controller) -> None:
    """Lets one worker take what is due."""
    task = asyncio.create_task(controller.work())
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_an_incident_that_is_shown_twice_is_looked_at_once() -> None:
    reconciler = Recorder()
    controller = controller_of(Ward(), reconciler)
    controller.notice("Incident", "ADDED", shown("one"))
    controller.notice("Incident", "MODIFIED", shown("one", "2"))
    await work_for_a_moment(controller)
    assert reconciler.asked == [("shop", "one")]


async def test_the_echo_of_our_own_write_is_not_looked_at() -> None:
    controller = controller_of(Ward(), Recorder())
    controller.notice("Incident", "MODIFIED", shown("one", "ours"))
    assert controller.queue.depth == 0


async def test_an_object_that_cannot_be_handled_comes_again_and_holds_nobody_up() -> None:
    reconciler = Recorder(RuntimeError("poison"))
    controller = controller_of(Ward(), reconciler)
    controller.notice("Incident", "ADDED", shown("poison"))
    controller.notice("Incident", "ADDED", shown("sound"))
    await work_for_a_moment(controller)
    assert reconciler.asked == [("shop", "poison"), ("shop", "sound")]


async def test_leadership_that_is_lost_ends_the_work() -> None:
    controller = controller_of(Ward(), Recorder(NotLeading()))
    controller.notice("Incident", "ADDED", shown("one"))
    with pytest.raises(NotLeading):
        await controller.work()


async def test_an_incident_that_ends_lets_the_next_one_on_its_target_go_on() -> None:
    controller = controller_of(Ward(), Recorder())
    controller.notice("Incident", "ADDED", shown("second", phase="Pending", target="Deployment/web"))
    controller.notice("Incident", "ADDED", shown("first", "ours", phase="Running", target="Deployment/web"))
    await work_for_a_moment(controller)
    assert controller.queue.depth == 0
    controller.notice("Incident", "MODIFIED", shown("first", "ours", phase="Resolved", target="Deployment/web"))
    assert controller.queue.depth == 1


async def test_a_silent_watch_is_noticed_and_the_incident_is_looked_at_all_the_same() -> None:
    ward = Ward()
    ward.add(incident("unseen", "web", "mend"))
    reconciler = Recorder()
    controller = controller_of(ward, reconciler)
    task = asyncio.create_task(controller.resync())
    for _ in range(50):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await work_for_a_moment(controller)
    assert controller.watch_silent
    assert reconciler.asked[0] == ("shop", "unseen")


@pytest.mark.parametrize(("late", "again"), [(0, 1), (3, 4), (60, 16)])
async def test_where_the_line_is_long_what_is_under_way_is_looked_at_later(late: int, again: int) -> None:
    ward = Ward()
    controller = controller_of(ward, Recorder(timedelta(seconds=1)))
    controller.notice("Incident", "ADDED", shown("one"))
    ward.clock.advance(timedelta(seconds=late))
    await work_for_a_moment(controller)

    ward.clock.advance(timedelta(seconds=again - 0.1))
    assert controller.queue.depth == 0
    ward.clock.advance(timedelta(seconds=0.2))
    assert controller.queue.depth == 1


@pytest.mark.parametrize(("apart", "again"), [(0.05, 9), (0.5, 1)])
async def test_while_alerts_storm_in_what_is_under_way_is_looked_at_later(apart: float, again: int) -> None:
    ward = Ward()
    controller = controller_of(ward, Recorder(*[None] * 20, timedelta(seconds=1)))
    for count in range(20):
        controller.created(shown(f"incident-{count}"))
        await work_for_a_moment(controller)
        ward.clock.advance(timedelta(seconds=apart))
    controller.notice("Incident", "MODIFIED", shown("under-way"))
    await work_for_a_moment(controller)

    ward.clock.advance(timedelta(seconds=again - 0.1))
    assert controller.queue.depth == 0
    ward.clock.advance(timedelta(seconds=0.2))
    assert controller.queue.depth == 1


async def test_what_the_receiver_created_is_looked_at_before_the_watch_shows_it() -> None:
    controller = controller_of(Ward(), Recorder())
    controller.created(shown("one"))
    assert controller.queue.depth == 1
