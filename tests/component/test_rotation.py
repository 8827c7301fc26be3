"""A rotation in the hands of the engine: it goes back where it fails, and its way back ends by itself."""

import base64
from datetime import timedelta

import pytest

from component.builders import OLD_PASSWORD, USER, Killed, StrikeAt, Ward, rotating_ward, step
from paramedic.cluster.fake import Moment
from paramedic.model.objects import Object
from paramedic.model.references import SECRET

DAY = timedelta(hours=24)
ROTATE = step("rotate", "rotateSecret", {"secret": "db", "keys": ["password"]})


async def rotated() -> Ward:
    ward = rotating_ward()
    await ward.open(ROTATE)
    status = await ward.run()
    assert status["phase"] == "Resolved", status["message"]
    return ward


def password(ward: Ward) -> str:
    return str(ward.get(SECRET, "db")["data"]["password"])


def kept(ward: Ward) -> list[Object]:
    return [item for item in ward.cluster.all(SECRET, "shop") if item.get("type") == "paramedic.dev/secret-version"]


async def test_the_writes_of_a_rotation_in_their_order() -> None:
    ward = await rotated()
    done = [(item.request.method, item.address.resource.kind) for item in ward.effects]
    assert done == [("POST", "Secret"), ("POST", "Secret"), ("PATCH", "Secret"), ("PATCH", "Deployment")]


async def test_the_way_back_ends_by_itself_although_the_incident_has_ended_and_the_change_stays() -> None:
    ward = await rotated()
    new = password(ward)

    ward.clock.advance(DAY)
    await ward.look()

    assert kept(ward) == []
    assert password(ward) == new != OLD_PASSWORD
    assert ward.states()["rotate"] == "Succeeded"
    assert "It stays: the values before of Secret/db are deleted" in ward.status()["review"]


async def test_until_then_the_report_says_how_long_it_can_be_undone() -> None:
    ward = await rotated()
    assert "Can be undone until 20" in ward.status()["review"]


async def test_an_undo_that_was_asked_for_in_time_is_no_end_of_its_time() -> None:
    ward = await rotated()
    ward.edit({"undo": [{"step": "rotate", "by": "alice", "reason": "clients broke"}]})

    await ward.pass_time(timedelta(seconds=30))

    assert ward.states()["rotate"] == "Undone"
    assert password(ward) == OLD_PASSWORD
    assert kept(ward) == []


async def test_a_consumer_that_may_not_be_restarted_after_all_brings_the_old_values_back() -> None:
    ward = rotating_ward()

    def take_the_right_away(request: object, moment: Moment) -> None:
        if "PATCH" in str(request) and "/secrets/db" in str(request):
            ward.cluster.deny(USER, "patch", "deployments.apps")

    ward.cluster.fault = take_the_right_away
    await ward.open(ROTATE)

    status = await ward.run()

    assert status["phase"] == "Failed"
    assert 'may not "patch deployments.apps"' in status["message"]
    assert password(ward) == OLD_PASSWORD
    assert kept(ward) == []


async def test_cancelling_in_the_middle_brings_the_old_values_back() -> None:
    ward = rotating_ward()
    ward.workloads.ticks = 100
    await ward.open(ROTATE | {"undo": "OnFailure"})
    await ward.run("Running")
    await ward.pass_time(timedelta(seconds=4))
    assert password(ward) != OLD_PASSWORD

    ward.edit({"cancel": {"by": "alice", "reason": "false alarm"}})
    ward.workloads.ticks = 0
    status = await ward.run()

    assert status["phase"] == "Cancelled"
    assert password(ward) == OLD_PASSWORD


@pytest.mark.parametrize("write", range(2, 10))
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_at_any_effect_it_is_rotated_once(write: int, moment: Moment) -> None:
    ward = rotating_ward()
    strike = StrikeAt(write, moment, Killed)  # the first write opens the incident
    ward.cluster.fault = strike
    await ward.open(ROTATE)

    status = await ward.run()

    assert strike.struck
    assert status["phase"] == "Resolved", status["message"]
    done = [(item.request.method, item.address.resource.kind) for item in ward.effects]
    assert done == [("POST", "Secret"), ("POST", "Secret"), ("PATCH", "Secret"), ("PATCH", "Deployment")]
    assert base64.b64decode(kept(ward)[0]["data"]["password"]) == b"hunter2"
