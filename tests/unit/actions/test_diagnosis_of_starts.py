"""Rules of diagnose about Pods that are not created, not placed or never start."""

from typing import Any

import pytest

from paramedic.model.objects import Object
from unit.ailing import (
    PORTS,
    blamed,
    classes,
    crashed,
    event,
    log,
    outputs,
    shop,
    unscheduled,
    waits,
    web_pod,
    whole,
)
from unit.builders import ago, template, with_status, workload
from unit.seen import World

# WebhookFailing

WEBHOOK = (
    'Internal error occurred: failed calling webhook "images.example.com": failed to call webhook: Post'
    ' "https://gate.shop.svc:443/?timeout=5s": service "gate" not found'
)


def refusing(**world: Any) -> World:
    hooks = [{"name": "other.example.com"}, {"name": "images.example.com"}]
    owner = {"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "images", "namespace": ""}}
    return shop(web_pod("web-0"), event("web-h1", "FailedCreate", WEBHOOK), owner | {"webhooks": hooks}, **world)


def test_a_webhook_that_does_not_answer_is_blamed_by_its_configuration() -> None:
    world = refusing(available=1)
    expected = ("WebhookFailing", "ValidatingWebhookConfiguration/images", "webhooks[images.example.com].clientConfig")
    assert blamed(world) == expected
    assert outputs(world)["proof"] == WEBHOOK


def test_where_configurations_cannot_be_seen_the_webhook_is_named() -> None:
    kinds = frozenset({"ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"})
    assert blamed(refusing(available=1, denied_kinds=kinds))[1] == "Webhook/images.example.com"


def test_a_webhook_that_failed_once_is_history() -> None:
    assert classes(whole(event("web-h1", "FailedCreate", WEBHOOK))) == ["Healthy"]


# VolumeUnbound

NOT_FOUND = '0/1 nodes are available: persistentvolumeclaim "data-broken" not found. preemption: nope'
UNBOUND = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nope"


def claiming(claim: str) -> list[Object]:
    return [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]


def test_a_claim_that_is_not_there_is_blamed_where_it_is_named() -> None:
    world = shop(unscheduled(NOT_FOUND, volumes=claiming("data-broken")))
    field = "spec.template.spec.volumes[data].persistentVolumeClaim.claimName"
    assert blamed(world) == ("VolumeUnbound", "Deployment/web", field)
    assert outputs(world)["proof"] == NOT_FOUND
    assert classes(world) == ["VolumeUnbound"]


def test_a_claim_without_a_volume_is_blamed_with_what_its_controller_says() -> None:
    told = event("data", "ProvisioningFailed", 'storageclass.storage.k8s.io "fast" not found')
    world = shop(unscheduled(UNBOUND, volumes=claiming("data")), told)
    assert blamed(world) == ("VolumeUnbound", "PersistentVolumeClaim/data", "status.phase")
    assert "fast" in outputs(world)["proof"]


def test_a_claim_without_a_volume_about_which_nobody_says_anything_is_told_by_the_scheduler() -> None:
    assert blamed(shop(unscheduled(UNBOUND)))[:2] == ("VolumeUnbound", "Deployment/web")


def test_a_volume_on_another_node_is_the_schedulers_matter() -> None:
    words = "0/1 nodes are available: 1 node(s) had volume node affinity conflict."
    assert blamed(shop(unscheduled(words)))[::2] == ("Unschedulable", "spec.template.spec.volumes")


# RolloutUnsafe

ALL_DOWN = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%", "maxSurge": 0}}


def starting(*, seconds: float = 60, **init: Any) -> Object:
    """A Pod whose init container runs since a while."""
    found = web_pod("web-1", waits("PodInitializing"))
    found["metadata"]["creationTimestamp"] = ago(seconds=seconds)
    found["spec"]["initContainers"] = [{"name": "prepare", "image": "web:v2"} | init]
    running = {"running": {"startedAt": ago(seconds=seconds)}}
    found["status"]["initContainerStatuses"] = [
        {"name": "prepare", "restartCount": 0, "ready": False, "state": running}
    ]
    return found


def rolled(revision: int = 2, **spec: Any) -> Object:
    target = workload(**spec)
    target["spec"]["template"] = template("web:v2", ports=PORTS)
    target["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": str(revision)}
    return with_status(target, availableReplicas=None, readyReplicas=None)


def test_a_strategy_that_took_every_pod_down_is_blamed_before_the_start_that_hangs() -> None:
    world = shop(starting(seconds=200), target=rolled(strategy=ALL_DOWN))
    assert classes(world) == ["RolloutUnsafe", "InitBlocked"]
    assert blamed(world) == ("RolloutUnsafe", "Deployment/web", "spec.strategy.rollingUpdate.maxUnavailable")
    assert outputs(world)["proof"] == "maxUnavailable 100% of 3, maxSurge 0: 0 available"


def test_that_it_calls_itself_available_is_part_of_the_proof() -> None:
    target = rolled(strategy=ALL_DOWN)
    target["status"]["conditions"] = [{"type": "Available", "status": "True"}]
    assert "condition Available is True" in outputs(shop(starting(), target=target))["proof"]


@pytest.mark.parametrize(
    "target",
    [rolled(), rolled(strategy={"type": "Recreate"}), rolled(1, strategy=ALL_DOWN)],
    ids=["keeps some", "recreates on purpose", "first revision"],
)
def test_a_strategy_that_is_not_to_blame_is_not_blamed(target: Object) -> None:
    assert "RolloutUnsafe" not in classes(shop(starting(seconds=200), target=target))


def test_a_rollout_that_has_just_begun_is_given_time() -> None:
    assert classes(shop(starting(seconds=10), target=rolled(strategy=ALL_DOWN))) == ["Unknown"]


def test_an_image_that_cannot_be_pulled_comes_before_the_strategy() -> None:
    world = shop(web_pod("web-1", waits("ImagePullBackOff", "x")), target=rolled(strategy=ALL_DOWN))
    assert classes(world) == ["ImagePull", "RolloutUnsafe"]


# InitBlocked

WAITING = {("web-1", "prepare", False): log(*["waiting for Service legacy"] * 4)}


def test_an_init_container_that_waits_for_something_is_blamed_with_its_words() -> None:
    world = shop(starting(seconds=40), logs=WAITING)
    assert blamed(world) == ("InitBlocked", "Deployment/web", "spec.template.spec.initContainers[prepare]")
    assert outputs(world)["proof"] == "waiting for Service legacy"


def test_an_init_container_that_outlasts_the_rollouts_deadline_is_blamed() -> None:
    target = rolled()
    target["status"]["conditions"] = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
    assert classes(shop(starting(seconds=40), target=target)) == ["InitBlocked"]


def test_a_migration_that_goes_on_is_given_time() -> None:
    logs = {("web-1", "prepare", False): log("create table", "copy rows", "build index")}
    assert classes(shop(starting(seconds=60), logs=logs)) == ["Unknown"]
    assert classes(shop(starting(seconds=150), logs=logs)) == ["InitBlocked"]


def test_an_init_container_that_serves_as_a_sidecar_may_run_on() -> None:
    assert "InitBlocked" not in classes(shop(starting(seconds=900, restartPolicy="Always"), logs=WAITING))


# What no rule knows


def test_the_newest_warning_is_told_where_no_rule_knows() -> None:
    old = event("web-1", "FailedMount", "old", minutes=9) | {"type": "Warning"}
    new = event("web-1", "FailedAttachVolume", "Multi-Attach error for volume pv-1") | {"type": "Warning"}
    foreign = event("cache-1", "BackOff", "not ours", minutes=0.1) | {"type": "Warning"}
    found = outputs(shop(web_pod("web-1", waits("ContainerCreating")), old, new, foreign))
    assert found["class"] == "Unknown"
    assert found["proof"] == "FailedAttachVolume: Multi-Attach error for volume pv-1"


def test_a_pod_whose_deletion_waits_for_a_finalizer_is_told_as_such() -> None:
    stuck = web_pod("web-9")
    stuck["metadata"] |= {"deletionTimestamp": ago(minutes=5), "finalizers": ["example.com/backup"]}
    world = whole(stuck)
    assert blamed(world) == ("FinalizerStuck", "Pod/web-9", "metadata.finalizers[example.com/backup]")


def test_a_pod_that_has_just_been_deleted_may_take_its_time() -> None:
    going = web_pod("web-9")
    going["metadata"] |= {"deletionTimestamp": ago(seconds=20), "finalizers": ["example.com/backup"]}
    assert classes(whole(going)) == ["Healthy"]


def test_a_crash_in_an_init_container_is_a_crash_loop() -> None:
    pod = starting()
    pod["status"]["initContainerStatuses"] = [{"name": "prepare"} | crashed()]
    assert blamed(shop(pod)) == ("CrashLoop", "Deployment/web", "spec.template.spec.initContainers[prepare]")
