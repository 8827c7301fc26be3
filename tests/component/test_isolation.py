"""An isolation ends when its time is over, whoever is left to end it."""

from datetime import timedelta

import pytest

from component.builders import USER, Ward, step
from paramedic.cluster.fake import Moment
from paramedic.cluster.transport import Request, Unavailable
from paramedic.model.references import INCIDENT, NETWORK_POLICY
from paramedic.reconciler import NotLeading
from paramedic.sweeper import Sweeper

HOUR = timedelta(hours=1)


def sweeper_of(ward: Ward) -> Sweeper:
    return Sweeper(ward.api, ward.clock, ward.pause, "", lambda: ward.leads)


async def isolated(**options: str) -> Ward:
    """A ward whose incident has isolated `web` for an hour and has ended."""
    ward = Ward()
    await ward.open(step("isolate", "isolate", {"ttl": "1h", **options}))
    await ward.run()
    assert len(ward.policies) == 1
    return ward


async def test_an_isolation_is_lifted_when_its_time_is_over_although_the_incident_has_ended() -> None:
    ward = await isolated()

    ward.clock.advance(HOUR)
    await ward.look()

    assert ward.policies == []
    assert ward.status()["phase"] == "Resolved"
    assert ward.states()["isolate"] == "Undone"


async def test_the_reconciler_asks_to_be_called_when_the_time_is_over() -> None:
    ward = await isolated()

    after = await ward.look()

    assert after is not None
    assert HOUR - timedelta(minutes=2) < after <= HOUR


async def test_a_quarantined_pod_loses_its_label_with_the_policy() -> None:
    ward = Ward()
    pod = ward.workloads.pods("shop", "web")[0]["metadata"]["name"]
    await ward.open(step("isolate", "isolate", {"ttl": "1h", "pod": pod}))
    await ward.run()
    marked = ward.workloads.pods("shop", "web")[0]["metadata"]["labels"]

    ward.clock.advance(HOUR)
    await ward.look()

    assert "paramedic.dev/quarantine" in marked
    assert "paramedic.dev/quarantine" not in ward.workloads.pods("shop", "web")[0]["metadata"]["labels"]


async def test_the_sweeper_ends_an_isolation_whose_incident_is_gone() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")

    ward.clock.advance(HOUR)

    assert await sweeper_of(ward).sweep() == 1
    assert ward.policies == []


async def test_the_sweeper_ends_it_as_the_account_that_made_it() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")

    ward.clock.advance(HOUR)
    await sweeper_of(ward).sweep()

    assert [item.request.account for item in ward.effects if item.request.method == "DELETE"] == [USER]


async def test_the_sweeper_leaves_an_isolation_whose_time_is_not_over() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")

    assert await sweeper_of(ward).sweep() == 0
    assert len(ward.policies) == 1


async def test_the_sweeper_leaves_an_isolation_of_a_living_incident_to_it() -> None:
    ward = await isolated()

    ward.clock.advance(HOUR)

    assert await sweeper_of(ward).sweep() == 0
    assert len(ward.policies) == 1


async def test_the_sweeper_is_not_misled_by_a_new_incident_of_the_same_name() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")
    body = {"apiVersion": "paramedic.dev/v1alpha1", "kind": "Incident", "metadata": {"name": "one"}, "spec": {}}
    ward.add(body)

    ward.clock.advance(HOUR)

    assert await sweeper_of(ward).sweep() == 1


async def test_the_sweeper_leaves_policies_of_others_alone() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")
    other = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "default-deny"}}
    ward.add(other | {"spec": {"podSelector": {}}})
    ward.clock.advance(HOUR)

    await sweeper_of(ward).sweep()

    assert ward.policies == ["default-deny"]


async def test_the_sweeper_takes_an_end_it_cannot_read_for_no_end() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")
    patch = {"metadata": {"annotations": {"paramedic.dev/expires-at": "soon"}}}
    ward.cluster.edit(NETWORK_POLICY, "shop", ward.policies[0], patch)
    ward.clock.advance(HOUR)

    assert await sweeper_of(ward).sweep() == 0


async def test_a_sweeper_that_does_not_lead_ends_nothing() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")
    ward.clock.advance(HOUR)
    ward.leads = False

    with pytest.raises(NotLeading):
        await sweeper_of(ward).sweep()

    assert len(ward.policies) == 1


async def test_an_isolation_whose_time_ends_while_its_step_runs_is_not_made_after_that() -> None:
    ward = Ward()

    def no_answer(request: Request, moment: Moment) -> None:
        if request.method == "POST" and "/networkpolicies" in request.path:
            raise Unavailable("no answer")

    ward.cluster.fault = no_answer
    await ward.open(step("isolate", "isolate", {"ttl": "1m"}, onFailure="Continue"))
    await ward.pass_time(timedelta(seconds=50))
    assert ward.states() == {"isolate": "Running"}

    ward.clock.advance(timedelta(seconds=20))
    ward.cluster.fault = None
    await ward.pass_time(timedelta(minutes=1))

    assert ward.states() == {"isolate": "Failed"}
    assert ward.policies == []


async def test_an_isolation_that_cannot_be_lifted_is_tried_again_until_it_is() -> None:
    ward = await isolated()
    ward.cluster.deny(USER, "delete", "networkpolicies.networking.k8s.io")
    ward.clock.advance(HOUR)
    await ward.pass_time(timedelta(minutes=5))
    assert ward.step("isolate")["undo"]["state"] == "Failed"
    assert len(ward.policies) == 1

    ward.cluster.allow_all()
    await ward.pass_time(timedelta(minutes=12))

    assert ward.policies == []
    assert ward.states() == {"isolate": "Undone"}


async def test_an_undo_that_fails_again_and_again_is_told_once() -> None:
    ward = await isolated()
    ward.cluster.deny(USER, "delete", "networkpolicies.networking.k8s.io")
    ward.clock.advance(HOUR)

    status = await ward.pass_time(timedelta(hours=1))

    assert [item["event"] for item in status["timeline"]].count("UndoFailed") == 1
    assert ward.step("isolate")["undo"]["attempt"] > 3
