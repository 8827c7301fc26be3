"""Alerts become Incidents: one for each fingerprint and beginning, whatever comes twice, late, at once or in pieces."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from component.builders import Killed, StrikeAt
from paramedic.alerts.incidents import incident_name
from paramedic.alerts.payload import ReceivedAlert, parse
from paramedic.clock import ManualClock
from paramedic.cluster.api import Api
from paramedic.cluster.fake import FakeCluster, FakeHttp, Moment
from paramedic.cluster.fake_paths import Address
from paramedic.cluster.fake_rules import OPERATOR_USER
from paramedic.cluster.transport import Request, Unavailable
from paramedic.intake import Intake, Settled
from paramedic.lookups import Territory
from paramedic.model.objects import Object, annotations, dig
from paramedic.model.references import INCIDENT, NAMESPACE
from support.alerts import alert, body, resolved
from support.objects import deployment, incident, workload

LATER, LATEST = "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"


REVIEW = {"name": "review", "phase": "Review", "state": "Waiting"}


def received(content: Object) -> ReceivedAlert:
    (found,) = parse(body(content)).alerts
    return found


def firing(*args: Any, namespace: str = "shop", **fields: Any) -> ReceivedAlert:
    labels = {"namespace": namespace} | fields.pop("labels", {})
    return received(alert(*args, labels=labels, **fields))


def over(*args: Any, **fields: Any) -> ReceivedAlert:
    return received(resolved(*args, labels={"namespace": "shop"}, **fields))


@dataclass
class Desk:
    """A cluster with the namespaces `shop` and `ops`, and a receiver, whose own namespace is `ops`."""

    only: str = ""
    created: list[Object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = FakeCluster(ManualClock())
        for name in ("shop", "ops"):
            self.add_namespace(name)
        self.intake = self.another()

    def another(self) -> Intake:
        """A receiver of another process."""
        territory = Territory(default=self.only or "ops", only=self.only, home="ops")
        return Intake(Api(self.cluster, FakeHttp()), territory, self.created.append)

    def add_namespace(self, name: str, **labels: str) -> None:
        self.cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def add(self, *objects: Object, namespace: str = "shop") -> None:
        self.cluster.add(*({**obj, "metadata": {**obj["metadata"], "namespace": namespace}} for obj in objects))

    async def take(self, found: ReceivedAlert) -> Settled:
        return await self.intake.take(found)

    @property
    def incidents(self) -> list[Object]:
        return self.cluster.all(INCIDENT)

    @property
    def incident(self) -> Object:
        (found,) = self.incidents
        return found

    def move(self, phase: str = "Resolved", *steps: Object) -> None:
        """The engine writes this phase, which may be the end or on the way there, and these steps."""
        found = self.incident
        address = Address(INCIDENT, found["metadata"]["namespace"], found["metadata"]["name"], "status")
        self.cluster.store.update(
            address,
            found
            | {
                "status": found.get("status", {})
                | {"phase": phase, "steps": [{"action": "manual", "attempt": 1} | step for step in steps]}
            },
        )

    @property
    def state(self) -> Object:
        found: Object = dig(self.incident, "status", "alert", default={})
        return found


# --- a new alert


async def test_a_firing_alert_becomes_an_incident_in_its_namespace() -> None:
    desk = Desk()

    settled = await desk.take(firing(labels={"severity": "critical"}))

    meta = desk.incident["metadata"]
    assert (settled.result, settled.incident) == ("Created", f"shop/{meta['name']}")
    assert meta["namespace"] == "shop"
    assert desk.incident["spec"]["severity"] == "Critical"
    assert "openedBy" not in desk.incident["spec"]


async def test_who_stored_it_is_told_at_once() -> None:
    desk = Desk()
    await desk.take(firing())
    await desk.take(firing())
    assert desk.created == [desk.incident]


async def test_a_new_alert_takes_one_write_and_a_repetition_none() -> None:
    desk = Desk()
    await desk.take(firing())
    assert [item.request.method for item in desk.cluster.writes] == ["POST"]

    assert (await desk.take(firing())).result == "Exists"
    assert len(desk.cluster.writes) == 1


async def test_a_repetition_after_the_incident_has_ended_opens_no_other() -> None:
    desk = Desk()
    await desk.take(firing())
    desk.move("Failed")

    assert (await desk.take(firing())).result == "Exists"
    assert len(desk.incidents) == 1


async def test_an_alert_that_begins_again_after_the_end_is_another_incident() -> None:
    desk = Desk()
    await desk.take(firing())
    desk.move()

    assert (await desk.take(firing(starts_at=LATER))).result == "Created"
    assert len(desk.incidents) == 2


async def test_an_object_that_has_the_name_already_is_left_alone() -> None:
    desk = Desk()
    stranger = incident(incident_name(firing()), "web", "book")
    desk.add(stranger)

    settled = await desk.take(firing())

    assert settled.result == "Created"
    assert settled.incident != f"shop/{stranger['metadata']['name']}"
    assert (await desk.take(firing())).result == "Exists"


async def test_when_both_names_are_taken_the_alert_is_refused_by_their_names() -> None:
    desk = Desk()
    for digits in (10, 24):
        desk.add(incident(incident_name(firing(), digits), "web", "book"))

    settled = await desk.take(firing())

    assert settled.result == "Unavailable"
    assert incident_name(firing()) in settled.error and settled.error.endswith("delete them")


# --- resolved, and firing again


async def test_a_resolved_alert_opens_nothing() -> None:
    desk = Desk()
    assert (await desk.take(over())).result == "NothingToResolve"
    assert desk.incidents == []


async def test_a_resolved_alert_is_written_down_once() -> None:
    desk = Desk()
    await desk.take(firing())

    assert [(await desk.take(over())).result for _ in range(2)] == ["Resolved", "Resolved"]

    assert desk.state == {"state": "Resolved", "endsAt": "2026-01-01T00:05:00Z"}
    assert len(desk.cluster.writes) == 2


async def test_a_resolved_alert_does_not_touch_an_incident_that_has_ended() -> None:
    desk = Desk()
    await desk.take(firing())
    desk.move()

    assert (await desk.take(over())).result == "NothingToResolve"
    assert desk.state == {}


async def test_an_alert_that_fires_on_after_it_was_resolved_is_reopened() -> None:
    desk = Desk()
    for found in (firing(), over()):
        await desk.take(found)

    assert [(await desk.take(firing())).result for _ in range(2)] == ["Reopened", "Exists"]
    assert desk.state == {"state": "Firing"}


async def test_five_flaps_are_one_incident() -> None:
    desk = Desk()
    results: Counter[str] = Counter()
    for hour in range(5):
        began = f"2026-01-01T0{hour}:00:00Z"
        for found in (firing(starts_at=began), firing(starts_at=began), over(starts_at=began)):
            results[(await desk.take(found)).result] += 1

    assert len(desk.incidents) == 1
    assert results == {"Created": 1, "Exists": 1, "Attached": 8, "Resolved": 5}
    assert desk.state == {"state": "Resolved", "startsAt": "2026-01-01T04:00:00Z", "endsAt": "2026-01-01T00:05:00Z"}


async def test_an_alert_that_begins_again_while_only_the_post_mortem_is_left_is_another_incident() -> None:
    desk = Desk()
    await desk.take(firing())
    desk.move("Waiting", {"name": "mend", "phase": "Remediate", "state": "Succeeded"}, REVIEW)

    settled = await desk.take(firing(starts_at=LATER))

    assert settled.result == "Created"
    assert len(desk.incidents) == 2


async def test_the_end_of_an_alert_reaches_its_incident_while_only_the_post_mortem_is_left() -> None:
    desk = Desk()
    await desk.take(firing())
    desk.move("Waiting", REVIEW)
    await desk.take(over())
    assert desk.state["state"] == "Resolved"


async def test_a_late_message_about_an_earlier_time_changes_nothing() -> None:
    desk = Desk()
    for found in (firing(), firing(starts_at=LATER)):
        await desk.take(found)

    assert (await desk.take(over())).result == "NothingToResolve"
    assert (await desk.take(firing())).result == "Exists"
    assert desk.state["state"] == "Firing"

    await desk.take(over(starts_at=LATER))
    assert (await desk.take(firing())).result == "Exists"
    assert desk.state["state"] == "Resolved"


async def test_alerts_in_the_wrong_order_are_one_incident() -> None:
    desk = Desk()
    for found in (firing(starts_at=LATER), firing(), over()):
        await desk.take(found)
    assert len(desk.incidents) == 1
    assert desk.state == {}


async def test_an_incident_of_another_namespace_does_not_take_the_alert() -> None:
    desk = Desk()
    desk.add_namespace("bank")
    fake = incident("mine", "web", "book", alert={"name": "x", "fingerprint": firing().fingerprint, "startsAt": LATEST})
    desk.add(fake, namespace="bank")

    assert (await desk.take(firing())).result == "Created"


async def test_a_rehearsal_does_not_take_the_alert() -> None:
    desk = Desk()
    named = {"name": "x", "fingerprint": firing().fingerprint, "startsAt": LATEST}
    desk.add(incident("rehearsal", "web", "book", alert=named, mode="DryRun"))

    assert (await desk.take(firing())).result == "Created"


async def test_a_status_that_changes_meanwhile_is_looked_at_again() -> None:
    desk = Desk()
    await desk.take(firing())
    meddled = []

    def engine(request: Request, moment: Moment) -> None:
        if moment == "before" and request.method == "PATCH" and len(meddled) < 3:
            meddled.append(request)
            desk.move(f"Running{len(meddled)}")

    desk.cluster.fault = engine

    assert (await desk.take(over())).result == "Resolved"
    assert desk.state["state"] == "Resolved"
    assert desk.incident["status"]["phase"] == "Running3"


# --- where it goes


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"namespace": "nowhere"}, "there is no namespace nowhere"),
        ({"namespace": "quiet"}, "namespace quiet takes no incidents of alerts (label paramedic.dev/alerts: Deny)"),
        ({"namespace": "../x"}, "the alert's namespace '../x' is no name that a namespace can have"),
        ({"namespace": "", "pod": "web-1"}, None),
        ({"namespace": "shop", "exported_namespace": "nowhere"}, "there is no namespace nowhere"),
    ],
)
async def test_an_alert_without_a_namespace_that_takes_it_goes_to_the_default_one(
    labels: dict[str, str], reason: str | None
) -> None:
    desk = Desk()
    desk.add_namespace("quiet", **{"paramedic.dev/alerts": "Deny"})

    assert (await desk.take(firing(labels=labels))).incident.startswith("ops/")
    assert annotations(desk.incident).get("paramedic.dev/namespace-reason") == reason


async def test_a_namespace_that_is_being_deleted_takes_nothing() -> None:
    desk = Desk()
    meta = {"name": "leaving", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["kubernetes"]}
    desk.cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})

    assert (await desk.take(firing(namespace="leaving"))).incident.startswith("ops/")


async def test_a_namespace_whose_quota_refuses_the_incident_does_not_lose_it() -> None:
    desk = Desk()
    desk.add(deployment("web"))
    desk.cluster.refuse_creates("incidents.paramedic.dev", "shop", "exceeded quota: few")

    settled = await desk.take(firing(labels={"deployment": "web"}))

    assert (settled.result, settled.incident.partition("/")[0]) == ("Created", "ops")
    notes = annotations(desk.incident)
    assert "exceeded quota: few" in notes["paramedic.dev/namespace-reason"]
    assert notes["paramedic.dev/target-reason"] == (
        "Deployment/web is in namespace shop, and this incident had to go to ops"
    )
    assert "targetRef" not in desk.incident["spec"]


@pytest.mark.parametrize("phase", ["Running", "Failed"])
async def test_a_namespace_that_comes_later_gets_no_second_incident(phase: str) -> None:
    desk = Desk()
    await desk.take(firing(namespace="late"))
    desk.move(phase)
    desk.add_namespace("late")

    assert (await desk.take(firing(namespace="late"))).result == "Exists"
    assert len(desk.incidents) == 1


@pytest.mark.parametrize("phase", ["Running", "Failed"])
async def test_a_namespace_that_denies_later_gets_no_second_incident_elsewhere(phase: str) -> None:
    desk = Desk()
    await desk.take(firing())
    desk.move(phase)
    desk.cluster.remove(NAMESPACE, "", "shop")
    desk.add_namespace("shop", **{"paramedic.dev/alerts": "Deny"})

    assert (await desk.take(firing())).result == "Exists"
    assert len(desk.incidents) == 1


async def test_an_operator_of_one_namespace_keeps_every_alert_there_and_asks_nowhere_else() -> None:
    desk = Desk(only="shop")
    desk.add(deployment("web"), namespace="bank")
    desk.add(deployment("web"))

    await desk.take(firing(labels={"deployment": "web"}))
    assert desk.incident["spec"]["targetRef"]["name"] == "web"
    assert (await desk.take(firing("Other", namespace="bank", labels={"deployment": "web"}))).incident.startswith(
        "shop/"
    )

    (moved,) = [item for item in desk.incidents if item["spec"]["alert"]["name"] == "Other"]
    assert annotations(moved)["paramedic.dev/namespace-reason"] == (
        "the alert is about namespace bank, and this operator works in shop alone"
    )
    assert "targetRef" not in moved["spec"]
    assert {item.address.namespace for item in desk.cluster.log} == {"shop"}


# --- what it is about


def service(name: str, **selector: str) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"selector": selector}}


NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1"}, "spec": {}}


@pytest.mark.parametrize(
    ("labels", "target"),
    [
        ({"deployment": "web"}, "Deployment/web"),
        ({"deployment": "gone", "pod": "web-1"}, "Pod/web-1"),
        ({"statefulset": "db", "pod": "web-1"}, "StatefulSet/db"),
        ({"service": "front"}, "Deployment/web"),
        ({"service": "none", "node": "n1"}, "Node/n1"),
        ({"instance": "n1:9100"}, "Node/n1"),
        ({"instance": "10.0.0.1:9100"}, ""),
        ({"exported_pod": "web-1", "pod": "kube-state-metrics-1", "deployment": "gone"}, "Pod/web-1"),
        ({"deployment": "web", "namespace": "elsewhere"}, ""),
    ],
)
async def test_the_target_is_the_first_that_exists(labels: dict[str, str], target: str) -> None:
    desk = Desk()
    desk.add(
        deployment("web"), workload("StatefulSet", "db"), POD, service("front", app="web"), service("none", app="no")
    )
    desk.add({**POD, "metadata": {"name": "kube-state-metrics-1"}})
    desk.cluster.add(NODE)

    await desk.take(firing(labels=labels))

    found = desk.incident["spec"].get("targetRef")
    assert (f"{found['kind']}/{found['name']}" if found else "") == target
    assert ("paramedic.dev/target-reason" in annotations(desk.incident)) is not found


async def test_a_service_of_two_workloads_is_a_question_for_a_person() -> None:
    desk = Desk()
    canary = deployment("canary")
    canary["spec"]["template"]["metadata"]["labels"]["app"] = "web"
    desk.add(deployment("web"), canary, service("web", app="web"))

    await desk.take(firing(labels={"service": "web"}))

    assert "targetRef" not in desk.incident["spec"]
    assert annotations(desk.incident)["paramedic.dev/target-reason"] == (
        "Service/web (label service) selects Deployment/canary, Deployment/web; a person must say which"
    )


async def test_without_the_right_to_list_a_service_leads_to_the_workload_of_its_name() -> None:
    desk = Desk()
    desk.add(deployment("web"), service("web", app="web"), service("front", app="web"))
    for resource in ("deployments.apps", "statefulsets.apps", "daemonsets.apps"):
        desk.cluster.deny("", "list", resource)

    await desk.take(firing(labels={"service": "web"}))
    assert desk.incident["spec"]["targetRef"]["name"] == "web"

    await desk.take(firing("Other", labels={"service": "front"}))
    (other,) = [item for item in desk.incidents if item["spec"]["alert"]["name"] == "Other"]
    assert "is not there, or selects no workload" in annotations(other)["paramedic.dev/target-reason"]


async def test_without_the_right_to_look_the_incident_says_which_is_missing() -> None:
    desk = Desk()
    desk.add(deployment("web"))
    desk.cluster.deny("", "get", "deployments.apps")

    await desk.take(firing(labels={"deployment": "web"}))

    reason = annotations(desk.incident)["paramedic.dev/target-reason"]
    assert '"get deployments.apps"' in reason


async def test_an_alert_about_paramedic_itself_is_stored_and_marked() -> None:
    desk = Desk()
    await desk.take(firing("ParamedicNobodyLeads"))
    assert annotations(desk.incident)["paramedic.dev/no-playbook"] == "own alert"


# --- at once


async def test_a_thousand_copies_at_two_receivers_are_one_incident() -> None:
    desk = Desk()
    receivers = [desk.intake, desk.another()]

    settled = await asyncio.gather(*(receivers[at % 2].take(firing()) for at in range(1000)))

    assert Counter(item.result for item in settled) == {"Created": 1, "Exists": 999}
    assert len(desk.incidents) == 1
    assert len(desk.cluster.writes) == 1


async def test_a_storm_of_distinct_alerts_is_stored_whole_and_asked_for_a_bounded_number_at_a_time() -> None:
    desk = Desk()
    busiest = _measure(desk)

    settled = await asyncio.gather(*(desk.take(firing(labels={"pod": f"web-{at}"})) for at in range(500)))

    assert {item.result for item in settled} == {"Created"}
    assert len(desk.incidents) == 500
    assert max(busiest) <= 16 * 3  # namespace, target and an earlier Incident are asked for side by side


def _measure(desk: Desk) -> list[int]:
    """How many requests are under way, each time one begins."""
    seen, send, now = [0], desk.cluster.send, 0

    async def counted(request: Request) -> Any:
        nonlocal now
        now += 1
        seen.append(now)
        try:
            return await send(request)
        finally:
            now -= 1

    desk.cluster.send = counted  # type: ignore[method-assign]
    return seen


async def test_firing_and_resolved_at_two_receivers_end_in_one_incident_that_tells_one_of_them() -> None:
    desk = Desk()
    other = desk.another()
    await desk.take(firing())

    settled = await asyncio.gather(*(desk.take(over()) if at % 2 else other.take(firing()) for at in range(40)))

    assert "Unavailable" not in {item.result for item in settled}
    assert desk.state["state"] in ("Firing", "Resolved")


# --- the API server does not answer, or does not reply


async def test_what_cannot_be_stored_is_told_and_stored_the_next_time() -> None:
    desk = Desk()
    desk.cluster.fault = StrikeAt(1, "before")

    first, second = await desk.take(firing()), await desk.take(firing())

    assert first.result == "Unavailable" and first.error.startswith(
        "the API server does not answer: struck before POST"
    )
    assert second.result == "Created"


async def test_a_lost_reply_is_found_to_be_stored() -> None:
    desk = Desk()
    desk.cluster.fault = StrikeAt(1, "after")

    first, second = await desk.take(firing()), await desk.take(firing())

    assert (first.result, second.result) == ("Unavailable", "Exists")
    assert len(desk.incidents) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("error", [Unavailable, Killed])
@pytest.mark.parametrize("number", range(1, 5))
async def test_whatever_write_is_struck_the_sender_who_repeats_gets_the_same_end(
    number: int, error: type[BaseException], moment: Moment
) -> None:
    story = [firing(), over(), firing(), over(), firing(starts_at=LATER)]
    clean = Desk()
    for found in story:
        await clean.take(found)

    desk = Desk()
    strike = desk.cluster.fault = StrikeAt(number, moment, error)
    for found in story:
        await _until_stored(desk, found)

    assert strike.struck
    assert desk.incident["spec"] == clean.incident["spec"]
    assert desk.state == clean.state


async def _until_stored(desk: Desk, found: ReceivedAlert) -> None:
    """As Alertmanager does it; a receiver that was killed is started again."""
    for _ in range(5):
        try:
            if (await desk.take(found)).result != "Unavailable":
                return
        except Killed:
            desk.intake = desk.another()
    raise AssertionError("it was never stored")


async def test_a_missing_right_is_told_with_what_grants_it() -> None:
    desk = Desk()
    desk.cluster.deny("", "create", "incidents.paramedic.dev")

    settled = await desk.take(firing())

    assert settled.result == "Unavailable"
    assert '"create incidents.paramedic.dev"; grant it' in settled.error
    assert OPERATOR_USER.rpartition(":")[2] in settled.error


async def test_an_error_of_one_alert_does_not_take_the_others_with_it(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()

    def broken(request: Request, moment: Moment) -> None:
        if "other" in request.body["metadata"]["name"]:
            raise ZeroDivisionError

    desk.cluster.fault = broken

    settled = await asyncio.gather(desk.take(firing()), desk.take(firing("Other")))

    assert [item.result for item in settled] == ["Created", "Unavailable"]
    assert settled[1].error == "an error in the receiver (ZeroDivisionError); see its log"
    assert "an alert could not be handled" in caplog.text
