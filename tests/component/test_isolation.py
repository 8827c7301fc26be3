"""An isolation ends when its time is over, whoever is left to end it."""

from datetime import timedelta

import pytest

from component.builders import NAMESPACE, USER, Killed, StrikeAt, Ward, step
from paramedic.cluster.fake import Moment
from paramedic.cluster.transport import Request, Unavailable
from paramedic.model.names import ACCOUNT_ANNOTATION, QUARANTINE_LABEL, service_account_user
from paramedic.model.references import INCIDENT, NETWORK_POLICY, ObjectRef
from paramedic.reconciler import NotLeading
from paramedic.sweeper import Sweeper

WEAK = service_account_user(NAMESPACE, "weak")
HOUR = timedelta(hours=1)


def sweeper_of(ward: Ward) -> Sweeper:
    return Sweeper(ward.api, ward.clock, ward.pause, "", lambda: ward.leads, ward.holds)


async def isolated(**options: str) -> Ward:
    """A ward whose incident has isolated `web` for an hour and has ended."""
    ward = Ward()
    await ward.open(step("isolate", "isolate", {"ttl": "1h", **options}))
    await ward.run()
    assert len(ward.policies) == 1
    return ward


async def left_behind(*names: str, quarantine: bool = False) -> Ward:
    """A ward with an isolation of each of these incidents, all of which are gone and over."""
    ward = Ward()
    pods = ward.workloads.pods("shop", "web")
    for number, name in enumerate(names):
        pod = {"pod": pods[number]["metadata"]["name"]} if quarantine else {}
        await ward.open(step("isolate", "isolate", {"ttl": "1h", **pod}), name=name)
        await ward.run(name=name)
        ward.cluster.remove(INCIDENT, "shop", name)
    ward.clock.advance(HOUR)
    assert len(ward.policies) == len(names)
    return ward


def policy_of(ward: Ward, incident: str) -> str:
    return next(name for name in ward.policies if name.startswith(incident + "-"))


def quarantined(ward: Ward) -> list[str]:
    pods = ward.workloads.pods("shop", "web")
    return [pod["metadata"]["name"] for pod in pods if QUARANTINE_LABEL in pod["metadata"]["labels"]]


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


@pytest.mark.parametrize("end", ["soon", None])
async def test_an_end_that_cannot_be_read_is_no_end_and_somebody_is_told(
    end: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    ward = await left_behind("one")
    patch = {"metadata": {"annotations": {"paramedic.dev/expires-at": end}}}
    ward.cluster.edit(NETWORK_POLICY, "shop", ward.policies[0], patch)

    assert await sweeper_of(ward).sweep() == 0
    assert f"kubectl delete networkpolicy {ward.policies[0]} -n shop" in caplog.text


async def test_an_isolation_that_may_not_be_ended_keeps_no_other_one(caplog: pytest.LogCaptureFixture) -> None:
    ward = await left_behind("one", "two")
    stuck = policy_of(ward, "one")
    ward.account("weak")
    ward.cluster.edit(NETWORK_POLICY, "shop", stuck, {"metadata": {"annotations": {ACCOUNT_ANNOTATION: "weak"}}})
    ward.cluster.deny(WEAK, "delete", "networkpolicies.networking.k8s.io")

    assert await sweeper_of(ward).sweep() == 1
    assert ward.policies == [stuck]
    assert 'ServiceAccount weak in namespace shop may not "delete networkpolicies.networking.k8s.io"' in caplog.text
    assert f"kubectl delete networkpolicy {stuck} -n shop" in caplog.text


async def test_an_isolation_whose_pods_may_not_be_seen_keeps_no_other_one() -> None:
    ward = await left_behind("one", "two", quarantine=True)
    stuck = policy_of(ward, "one")
    ward.cluster.edit(NETWORK_POLICY, "shop", stuck, {"metadata": {"annotations": {ACCOUNT_ANNOTATION: "weak"}}})
    ward.cluster.deny(WEAK, "list", "pods")

    assert await sweeper_of(ward).sweep() == 1
    assert ward.policies == [stuck]


async def test_an_isolation_that_does_not_say_who_may_end_it_keeps_no_other_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ward = await left_behind("one", "two", quarantine=True)
    stuck = policy_of(ward, "one")
    ward.cluster.edit(NETWORK_POLICY, "shop", stuck, {"metadata": {"annotations": {ACCOUNT_ANNOTATION: None}}})

    assert await sweeper_of(ward).sweep() == 1
    assert ward.policies == [stuck]
    assert f"has no annotation {ACCOUNT_ANNOTATION}" in caplog.text


async def test_an_isolation_that_nobody_thought_of_keeps_no_other_one(caplog: pytest.LogCaptureFixture) -> None:
    ward = await left_behind("one", "two")
    stuck = policy_of(ward, "one")
    answer = ward.api.get

    async def get(ref: ObjectRef, user: str = "") -> object:
        if ref.name == "one":
            raise KeyError("metadata")
        return await answer(ref, user)

    ward.api.get = get  # type: ignore[method-assign]

    assert await sweeper_of(ward).sweep() == 1
    assert ward.policies == [stuck]
    assert "could not be ended" in caplog.text


async def test_an_isolation_that_could_not_be_ended_is_tried_again() -> None:
    ward = await left_behind("one")
    ward.cluster.deny(USER, "delete", "networkpolicies.networking.k8s.io")
    sweeper = sweeper_of(ward)
    await sweeper.sweep()
    assert ward.policies

    ward.cluster.allow_all()

    assert await sweeper.sweep() == 1
    assert ward.policies == []


async def test_somebody_is_told_once_of_an_isolation_that_stays(caplog: pytest.LogCaptureFixture) -> None:
    ward = await left_behind("one")
    ward.cluster.deny(USER, "delete", "networkpolicies.networking.k8s.io")
    sweeper = sweeper_of(ward)
    for _ in range(3):
        await sweeper.sweep()

    assert caplog.text.count("kubectl delete networkpolicy") == 1


@pytest.mark.parametrize("write", [1, 2])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_quarantine_ends_whole_whenever_the_sweeper_is_killed(write: int, moment: Moment) -> None:
    ward = await left_behind("one", quarantine=True)
    ward.cluster.fault = StrikeAt(write, moment, Killed)
    with pytest.raises(Killed):
        await sweeper_of(ward).sweep()

    await sweeper_of(ward).sweep()

    assert ward.policies == []
    assert quarantined(ward) == []


async def test_a_quarantine_whose_label_cannot_be_taken_off_yet_keeps_the_policy_that_tells_of_it() -> None:
    ward = await left_behind("one", quarantine=True)
    ward.cluster.deny(USER, "patch", "pods")

    assert await sweeper_of(ward).sweep() == 0
    assert len(ward.policies) == 1


async def test_a_sweeper_that_does_not_lead_ends_nothing() -> None:
    ward = await isolated()
    ward.cluster.remove(INCIDENT, "shop", "one")
    ward.clock.advance(HOUR)
    ward.leads = False

    with pytest.raises(NotLeading):
        await sweeper_of(ward).sweep()

    assert len(ward.policies) == 1


async def test_a_block_of_addresses_whose_incident_is_gone_ends_as_an_isolation_does() -> None:
    ward = Ward()
    blocking = {"cidrs": ["203.0.113.7"], "ttl": "1h"}
    await ward.open(step("block", "blockIPs", blocking, approval={"required": True}))
    await ward.run("Waiting")
    ward.answer("block", "Approve")
    await ward.run()
    assert len(ward.policies) == 1
    ward.cluster.remove(INCIDENT, "shop", "one")

    ward.clock.advance(HOUR)

    assert await sweeper_of(ward).sweep() == 1
    assert ward.policies == []


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
