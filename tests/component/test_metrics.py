"""What Prometheus can see of incidents: every event counted once, from a zero that was there before it."""

from datetime import timedelta
from typing import Any

from component.builders import HEALTH, HOME, Ward, step
from component.test_controller import Recorder, controller_of
from paramedic.metrics import Metrics
from paramedic.model.objects import Object
from paramedic.model.references import CONFIGMAP
from paramedic.pause import PAUSE_NAME

MANUAL = step("call", "manual", {"instructions": "Call the payment provider."})
CHECK = step("check", "httpCheck", {"url": HEALTH})


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """The sample, or None where there is no such series."""
    return metrics.registry.get_sample_value(name, labels)


async def test_an_incident_that_resolved_is_counted_once_with_its_playbook() -> None:
    ward = Ward()
    await ward.open(step("restart", "rollingRestart"))
    await ward.run()
    await ward.pass_time(timedelta(minutes=5))
    labels = {"playbook": "one", "severity": "Warning"}
    assert value(ward.metrics, "paramedic_incidents_ended_total", phase="Resolved", playbook="one") == 1
    assert value(ward.metrics, "paramedic_time_to_resolve_seconds_count", **labels) == 1
    assert value(ward.metrics, "paramedic_time_to_first_action_seconds_count", **labels) == 1
    assert value(ward.metrics, "paramedic_time_to_acknowledge_seconds_count", **labels) == 0


async def test_steps_are_counted_by_how_they_ended() -> None:
    ward = Ward()
    await ward.open(
        CHECK | {"onFailure": "Continue"},
        step("restart", "rollingRestart", if_="steps.check.succeeded"),
        step("rest", "wait", {"duration": "10s"}),
    )
    await ward.run()
    for name, outcome in (("check", "Failed"), ("restart", "Skipped"), ("rest", "Succeeded")):
        assert value(ward.metrics, "paramedic_steps_total", playbook="one", step=name, outcome=outcome) == 1


async def test_the_time_to_an_acknowledgement_runs_from_detection_to_the_person() -> None:
    ward = Ward()
    await ward.open(MANUAL, severity="Critical")
    await ward.run("Waiting")
    await ward.pass_time(timedelta(minutes=4))
    for name in ("alice", "bob"):
        ward.edit({"acknowledgedBy": name})
        await ward.look()
    labels = {"playbook": "one", "severity": "Critical"}
    assert value(ward.metrics, "paramedic_time_to_acknowledge_seconds_count", **labels) == 1
    seconds = value(ward.metrics, "paramedic_time_to_acknowledge_seconds_sum", **labels)
    assert seconds is not None and 240 <= seconds < 260


async def test_the_ends_of_an_incident_are_there_as_zero_before_it_ends() -> None:
    ward = Ward()
    await ward.open(MANUAL)
    await ward.run("Waiting")
    for phase in ("Resolved", "Failed", "Cancelled"):
        assert value(ward.metrics, "paramedic_incidents_ended_total", phase=phase, playbook="one") == 0


async def test_a_playbook_that_an_incident_only_asks_for_is_no_label() -> None:
    ward = Ward()
    before = value(ward.metrics, "paramedic_incidents_ended_total", phase="Cancelled", playbook="")
    await ward.open(MANUAL, playbookRef={"name": "made-up"}, cancel={"by": "alice", "reason": "a mistake"})
    await ward.run("Cancelled")
    assert before == 0
    assert value(ward.metrics, "paramedic_incidents_ended_total", phase="Cancelled", playbook="") == 1
    assert "made-up" not in ward.metrics.text().decode()


async def test_changes_taken_back_and_changes_that_stay_are_told_apart() -> None:
    ward = Ward()
    rest = step("rest", "wait", {"duration": "10s"})
    await ward.open(step("isolate", "isolate", undo="OnResolve"), rest)
    await ward.run()
    assert value(ward.metrics, "paramedic_undos_total", outcome="Undone") == 1
    assert value(ward.metrics, "paramedic_undos_total", outcome="Failed") == 0

    await ward.open(step("isolate", "isolate", undo="OnResolve"), rest, name="two")
    await ward.look("two")
    ward.cluster.deny("system:serviceaccount:shop:responder", "delete", "networkpolicies.networking.k8s.io")
    await ward.run(name="two")
    assert value(ward.metrics, "paramedic_undos_total", outcome="Failed") == 1


async def test_levels_of_escalation_are_counted_by_severity() -> None:
    ward = Ward()
    channel = {"name": "ops", "secretRef": {"name": "slack", "key": "url"}}
    levels = [{"after": "5m", "channel": "ops", "message": "one"}, {"after": "10m", "channel": "ops", "message": "two"}]
    await ward.open(MANUAL, severity="Critical", rules={"channels": [channel], "escalation": levels})
    await ward.run("Waiting")
    await ward.pass_time(timedelta(minutes=20))
    assert value(ward.metrics, "paramedic_escalations_total", severity="Critical") == 2
    assert value(ward.metrics, "paramedic_escalations_total", severity="Info") == 0


def test_names_of_playbooks_cannot_grow_without_bound() -> None:
    metrics = Metrics()
    for number in range(500):
        metrics.expect(f"playbook-{number}", "Critical")
        metrics.count_step(f"playbook-{number}", f"step{number}", "Succeeded")
    series = [line for line in metrics.text().decode().splitlines() if line.startswith("paramedic_steps_total{")]
    assert len(series) == 100
    assert value(metrics, "paramedic_steps_total", playbook="other", step="other", outcome="Succeeded") == 401


def shown(name: str, created: str, **status: Any) -> Object:
    meta = {"name": name, "namespace": "shop", "resourceVersion": "1", "creationTimestamp": created}
    return {"metadata": meta, "spec": {}, "status": status}


def test_how_long_an_incident_has_stood_still_is_counted_from_when_it_began_to() -> None:
    ward = Ward()
    controller = controller_of(ward, Recorder())
    now = ward.clock.now()

    def before(**span: float) -> str:
        return (now - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")

    asking = [
        {"state": "Succeeded", "startedAt": before(hours=5)},
        {"state": "Waiting", "startedAt": before(minutes=7)},
        {"state": "Pending"},
    ]
    for obj in (
        shown("new", before(minutes=3)),
        shown("linked", before(hours=2), phase="Pending", linkedTo="asks"),
        shown("asks", before(hours=6), phase="Waiting", steps=asking),
        shown("works", before(hours=7), phase="Running"),
    ):
        controller.notice("Incident", "ADDED", obj)
    metrics = ward.metrics
    assert value(metrics, "paramedic_incidents_oldest_seconds", phase="Pending") == 180
    assert value(metrics, "paramedic_incidents_oldest_seconds", phase="Waiting") == 420
    assert value(metrics, "paramedic_incidents", phase="Resolved") == 0


def test_a_playbook_that_the_watch_shows_has_its_series_before_its_first_incident() -> None:
    ward = Ward()
    controller = controller_of(ward, Recorder())
    meta = {"name": "mend", "namespace": "shop", "resourceVersion": "1"}
    controller.notice("Playbook", "ADDED", {"metadata": meta, "spec": {"severity": "Critical"}})
    assert value(ward.metrics, "paramedic_incidents_ended_total", phase="Failed", playbook="mend") == 0
    labels = {"playbook": "mend", "severity": "Critical"}
    assert value(ward.metrics, "paramedic_time_to_resolve_seconds_count", **labels) == 0


async def test_a_pause_is_seen_by_prometheus_until_it_is_lifted() -> None:
    ward = Ward()
    await ward.pause.ask()
    assert value(ward.metrics, "paramedic_paused") == 0
    ward.cluster.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": PAUSE_NAME, "namespace": HOME}})
    await ward.pause.ask()
    assert value(ward.metrics, "paramedic_paused") == 1
    ward.cluster.remove(CONFIGMAP, HOME, PAUSE_NAME)
    await ward.pause.ask()
    assert value(ward.metrics, "paramedic_paused") == 0
