"""What looking costs, and how long it may take: who depends on the target, and what is wrong with it."""

from datetime import timedelta

from component.builders import NAMESPACE, Ward, step
from paramedic.model.references import INGRESS, SERVICE, Resource
from paramedic.model.times import parse_time

WEB = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": NAMESPACE},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
}  # fmt: skip


def lists_of(ward: Ward, *resources: Resource) -> list[str]:
    paths = {resource.path(NAMESPACE) for resource in resources}
    return [
        item.request.path for item in ward.cluster.log if item.request.method == "GET" and item.request.path in paths
    ]


async def test_the_proof_of_recovery_never_asks_who_depends_on_the_target() -> None:
    ward = Ward()
    await ward.open(step("restart", "rollingRestart"), rules={"recovery": {"stableFor": "20s", "timeout": "1m"}})

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert lists_of(ward, SERVICE, INGRESS) == []


async def test_a_step_asks_once_who_depends_on_the_target_and_its_recovery_checks_do_not() -> None:
    ward = Ward()
    ward.cluster.add(WEB)
    checks = [{"name": "whole", "workloadStatus": {}}]
    recovery = {"stableFor": "20s", "timeout": "1m", "checks": checks}
    await ward.open(step("scope", "workloadStatus"), rules={"recovery": recovery})

    status = await ward.run()

    assert status["phase"] == "Resolved", status["message"]
    assert ward.step("scope")["outputs"]["services"] == ["web"]
    assert lists_of(ward, SERVICE, INGRESS) == [SERVICE.path(NAMESPACE), INGRESS.path(NAMESPACE)]


async def test_a_fault_that_shows_only_after_a_while_is_waited_for_and_a_later_step_uses_it() -> None:
    ward = Ward(image="web:never-ready")
    then = step("pause", "wait", {"duration": "1s"}, if_="steps.diagnose.outputs.class == 'CrashLoop'")
    await ward.open(step("diagnose", "diagnose"), then)
    await ward.look()
    assert ward.step("diagnose")["state"] == "Waiting"
    assert ward.status()["phase"] == "Running"  # nobody is called for that
    assert "is new: it looks again for up to 45s" in ward.status()["message"]

    ward.deploy("web:broken")
    await ward.run()

    assert ward.step("diagnose")["outputs"]["class"] == "CrashLoop"
    assert ward.step("pause")["state"] == "Succeeded"


async def test_what_does_not_show_in_time_is_unknown() -> None:
    ward = Ward(image="web:never-ready")
    await ward.open(step("diagnose", "diagnose", {"patience": "20s"}))

    await ward.run()

    found = ward.step("diagnose")
    took = parse_time(found["finishedAt"]) - parse_time(found["startedAt"])
    assert found["outputs"]["class"] == "Unknown"
    assert timedelta(seconds=20) <= took <= timedelta(seconds=30)


async def test_a_dry_run_is_told_at_once_what_is_known() -> None:
    ward = Ward(image="web:never-ready")
    await ward.open(step("diagnose", "diagnose"), mode="DryRun")

    await ward.run()

    assert ward.step("diagnose")["outputs"]["class"] == "Unknown"
