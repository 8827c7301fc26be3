"""workloadStatus, as a step, names who depends on the target; as a recovery check it asks for nothing more."""

from typing import Any

import pytest

from paramedic.actions.contract import Failed, Finished
from paramedic.actions.reads import ListObjects, Missing, Seen
from paramedic.actions.registry import ACTIONS
from paramedic.model.objects import Object
from unit.acting import expect, prepare
from unit.builders import NAMESPACE, context, pod, replica_set, template, with_status, workload
from unit.seen import World

LABELS = {"app": "web"}
PATHS = [{"path": "/", "backend": {"service": {"name": "web"}}}]


def named(kind: str, name: str, spec: Object) -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def service(name: str = "web", **selector: str) -> Object:
    return named("Service", name, {"selector": selector or LABELS})


def ingress(name: str = "web", *hosts: str, **spec: Any) -> Object:
    return named("Ingress", name, {"rules": [{"host": host, "http": {"paths": PATHS}} for host in hosts]} | spec)


def uses(kind: str, name: str, **pod_spec: Any) -> Object:
    found = {"template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": []} | pod_spec}}
    return named(kind, name, {"jobTemplate": {"spec": found}} if kind == "CronJob" else found)


def volume(**source: Object) -> Object:
    return {"volumes": [{"name": "v"} | source]}


def shop(*around: Object, target: Object | None = None, **world: Any) -> World:
    pods = [pod(f"web-{number}") for number in range(3)]
    return World.of(target or workload(), replica_set(1, template()), *pods, *around, **world)


def looked(world: World, **params: Any) -> Finished:
    return expect(Finished, prepare("workloadStatus", world, **params))


def test_services_that_select_its_pods_and_the_hosts_that_lead_to_them_are_named() -> None:
    found = looked(shop(service(), service("cache", app="cache"), ingress("shop", "shop.example", "www.shop.example")))
    assert found.outputs["services"] == ["web"]
    assert found.outputs["ingresses"] == [{"name": "shop", "hosts": ["shop.example", "www.shop.example"]}]
    assert found.message.endswith("serves Service web, Ingress shop.example, www.shop.example")


def test_an_ingress_to_another_service_is_not_its() -> None:
    other = ingress("other", "other.example")
    other["spec"]["rules"][0]["http"]["paths"] = [{"backend": {"service": {"name": "cache"}}}]
    assert looked(shop(service(), other)).outputs["ingresses"] == []


@pytest.mark.parametrize(
    "spec", [{"defaultBackend": {"service": {"name": "web"}}}, {"rules": [{"http": {"paths": PATHS}}]}]
)
def test_an_ingress_for_every_host_has_none(spec: Object) -> None:
    assert looked(shop(service(), ingress("all", **spec))).outputs["ingresses"] == [{"name": "all", "hosts": []}]


def test_a_service_without_a_selector_selects_nobody() -> None:
    assert looked(shop(named("Service", "external", {}))).outputs["services"] == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (named("NetworkPolicy", "fence", {"podSelector": {}}), "NetworkPolicy/fence selects its Pods"),
        (
            named("PodDisruptionBudget", "web", {"selector": {"matchLabels": LABELS}}),
            "PodDisruptionBudget/web selects its Pods",
        ),
        (
            named("HorizontalPodAutoscaler", "web", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}),
            "HorizontalPodAutoscaler/web scales it",
        ),
    ],
)
def test_who_selects_or_scales_it_is_named(other: Object, said: str) -> None:
    assert looked(shop(other)).outputs["dependents"] == [said]


@pytest.mark.parametrize(
    "other",
    [
        named("NetworkPolicy", "fence", {"podSelector": {"matchLabels": {"app": "cache"}}}),
        named("PodDisruptionBudget", "cache", {"selector": {"matchLabels": {"app": "cache"}}}),
        named("HorizontalPodAutoscaler", "web", {"scaleTargetRef": {"kind": "StatefulSet", "name": "web"}}),
    ],
)
def test_who_selects_others_is_not_named(other: Object) -> None:
    assert looked(shop(other)).outputs["dependents"] == []


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "CronJob"])
def test_who_uses_the_same_claim_config_map_or_secret_is_named(kind: str) -> None:
    target = workload()
    target["spec"]["template"]["spec"] |= {
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
            {"name": "tls", "secret": {"secretName": "tls"}},
        ]
    }
    sharing = uses(kind, "backup", **volume(persistentVolumeClaim={"claimName": "data"}))
    own = uses(kind, "own", **volume(secret={"secretName": "own"}))
    found = looked(shop(sharing, own, target=target))
    assert found.outputs["dependents"] == [f"{kind}/backup uses PersistentVolumeClaim/data too"]


def test_an_account_that_may_not_list_some_of_it_is_told_so_and_the_step_goes_on() -> None:
    found = looked(shop(service(), denied_kinds=frozenset({"Ingress", "CronJob"})))
    assert found.outputs["services"] == ["web"]
    assert found.outputs["unseen"] == "ingresses, cronjobs"
    assert "not seen: ingresses, cronjobs" in found.message


def test_a_target_that_is_not_well_says_who_feels_it() -> None:
    target = with_status(workload(), availableReplicas=None)
    failed = expect(Failed, prepare("workloadStatus", shop(service(), target=target)))
    assert failed.message == "Deployment/web: 3 of 3 Pods updated, 0 available; serves Service web"


def test_lists_are_bounded() -> None:
    many = [service(), *(service(f"web-{number:03}") for number in range(50))]
    rules = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    scalers = [named("HorizontalPodAutoscaler", f"hpa-{number}", rules) for number in range(50)]
    found = looked(shop(*many, *scalers, ingress("all", *(f"h{number}.example" for number in range(50)))))
    assert len(found.outputs["services"]) == len(found.outputs["dependents"]) == 20
    assert len(found.outputs["ingresses"][0]["hosts"]) == 5
    assert len(found.message) < 1000


def test_all_of_it_is_asked_side_by_side_with_its_pods() -> None:
    world, seen, rounds = shop(service()), Seen(), []
    action = ACTIONS["workloadStatus"]
    for _ in range(9):
        try:
            action.prepare(action.parameters(), context(), seen)
        except Missing as missing:
            rounds.append(len(missing.reads))
            seen.answers |= {read: world.answer(read) for read in missing.reads}
    assert rounds == [1, 2 + 9]  # the target; then its ReplicaSets and Pods with all that is around it


def asked_with(proving: bool, **params: Any) -> set[str]:
    world = shop(service())
    expect(Finished, prepare("workloadStatus", world, context(proving=proving), **params))
    return {read.resource.kind for read in world.asked if isinstance(read, ListObjects)}


def test_a_recovery_check_asks_for_the_pods_alone() -> None:
    assert asked_with(proving=True) == {"ReplicaSet", "Pod"}


def test_a_step_need_not_look_for_dependents() -> None:
    assert asked_with(proving=False, dependents=False) == {"ReplicaSet", "Pod"}
    assert "Ingress" in asked_with(proving=False)
