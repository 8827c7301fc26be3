"""diagnose answers with one finding and its proof, ranks the others, and says what it could not look at."""

from pathlib import Path

import pytest

from paramedic.actions.contract import Finished
from paramedic.actions.diagnosis.rules import RULES
from paramedic.actions.registry import ACTIONS
from unit.acting import expect, prepare, refused
from unit.ailing import classes, crashed, diagnosed, outputs, service, shop, waits, web_pod, whole
from unit.builders import context, controller_revision, pod, replica_set, template, workload
from unit.seen import World

ROOT = Path(__file__).resolve().parents[3]


def test_a_healthy_workload_is_healthy() -> None:
    finished = diagnosed(whole())
    assert finished.message.startswith(
        "Healthy: Deployment/web: all 3 Pods updated and available, no rule finds a fault"
    )
    assert finished.outputs["class"] == "Healthy"


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_other_workloads_are_diagnosed_too(kind: str) -> None:
    pods = [pod(f"web-{number}", of=kind) for number in range(3)]
    world = World.of(workload(kind), controller_revision(1, template(), kind), *pods)
    assert expect(Finished, prepare("diagnose", world, context(kind))).outputs["class"] == "Healthy"


def test_trouble_that_no_rule_knows_is_unknown_with_the_numbers() -> None:
    found = outputs(shop(available=1))
    assert found["class"] == "Unknown"
    assert found["proof"] == "3 of 3 Pods updated, 1 available"


def test_a_cause_comes_before_what_is_seen_of_it_and_the_others_follow() -> None:
    pods = [web_pod("web-1", crashed()), web_pod("web-2", waits("ImagePullBackOff", "x"))]
    missing = web_pod("web-3", waits("CreateContainerConfigError", 'configmap "c" not found'))
    world = shop(*pods, missing, service(app="web", tier="gold"))
    assert classes(world) == ["ConfigError", "ImagePull", "CrashLoop", "ServiceMismatch"]


def test_while_a_rollout_is_under_way_only_its_new_pods_are_suspects() -> None:
    target = workload()
    target["status"] |= {"updatedReplicas": 1, "availableReplicas": 2}
    world = shop(
        web_pod("old-1", crashed()), web_pod("new-1", waits("ImagePullBackOff", "x"), of="h2"),
        replica_set(2, target["spec"]["template"]), target=target,
    )  # fmt: skip
    assert classes(world) == ["ImagePull"]


def test_a_vanished_target_cannot_be_diagnosed() -> None:
    assert "is gone" in refused(prepare("diagnose", World.of()))


def test_no_more_than_five_others_are_listed() -> None:
    gold = [service(f"s{number}", port=f"p{number}") for number in range(9)]
    assert len(outputs(whole(*gold))["others"]) == 5


def test_texts_are_bounded() -> None:
    words = 'configmap "' + "c" * 5000 + '" not found'
    finished = diagnosed(shop(web_pod("web-1", waits("CreateContainerConfigError", words))))
    assert len(finished.message) <= 900
    assert all(len(str(value)) <= 400 for value in finished.outputs.values())


@pytest.mark.parametrize("kind", ["Service", "NetworkPolicy"])
def test_nothing_is_called_healthy_while_something_hidden_could_not_be_looked_at(kind: str) -> None:
    finished = diagnosed(whole(denied_kinds=frozenset({kind})))
    assert finished.outputs["class"] == "Unknown"
    assert f"responder may not read {kind}" in finished.message
    assert "nothing rules out" in finished.outputs["message"]


@pytest.mark.parametrize("kind", ["Event", "Service", "NetworkPolicy", "ConfigMap", "Secret"])
def test_without_an_optional_permission_the_rest_is_still_diagnosed_and_the_gap_is_told(kind: str) -> None:
    words = f'{"secret" if kind == "Secret" else "configmap"} "web-config" not found'
    pod = web_pod("web-1", waits("CreateContainerConfigError", words))
    finished = diagnosed(shop(pod, denied_kinds=frozenset({kind})))
    assert finished.outputs["class"] == "ConfigError"
    assert f"responder may not read {kind}" in finished.outputs["unseen"]


def test_nodes_that_cannot_be_seen_are_told_but_do_not_matter_to_pods_that_are_well() -> None:
    finished = diagnosed(whole(denied_kinds=frozenset({"Node"})))
    assert finished.outputs["class"] == "Healthy"
    assert "not looked at: nodes" in finished.message


def test_it_only_looks_and_declares_what_it_looks_at() -> None:
    action = ACTIONS["diagnose"]
    params = action.parameters()
    needed = {str(item) for item in action.permissions(params, "Deployment")}
    closer = {str(item) for item in action.optional_permissions(params, "Deployment")}
    assert not action.remedy and not action.check
    assert {item.partition(" ")[0] for item in needed | closer} == {"get", "list"}
    assert "get pods/log" in closer


def test_every_class_is_in_the_manual_and_in_the_documentation() -> None:
    known = {rule.kind for rule in RULES} | {"Healthy", "Unknown"}
    manual = ACTIONS["diagnose"].parameters.__doc__ or ""
    rows = (ROOT / "docs" / "diagnose.md").read_text().partition("## When it says nothing")[0]
    assert {kind for kind in known if kind not in manual} == set()
    assert [line.split(" | ")[0].strip("| ") for line in rows.splitlines() if line.startswith("| ")][2:] == [
        *(rule.kind for rule in RULES), "Unknown", "Healthy",
    ]  # fmt: skip
