"""Each rule of diagnose: it fires with its proof, and is silent on what is healthy and on its neighbours."""

import copy
from typing import Any

import pytest

from paramedic.actions.diagnosis.rules import RULES
from paramedic.model.objects import Object
from unit.ailing import (
    blamed,
    classes,
    crashed,
    event,
    named,
    node,
    outputs,
    policy,
    service,
    shop,
    unready,
    unscheduled,
    waits,
    web_pod,
    whole,
)
from unit.builders import ago, replica_set, workload

CONTAINER = "spec.template.spec.containers[web]"
READINESS = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5, "failureThreshold": 3}
QUOTA = (
    'pods "web-1" is forbidden: exceeded quota: small, requested: limits.memory=64Mi, used: limits.memory=64Mi,'
    " limited: limits.memory=100Mi"
)


def probed(status: Object | None, **probes: Any) -> Object:
    return web_pod("web-1", status, **{name: READINESS | probe for name, probe in probes.items()})


# ImagePull


def test_an_image_that_cannot_be_pulled_is_blamed_with_the_kubelets_words() -> None:
    found = outputs(
        shop(web_pod("web-1", waits("ImagePullBackOff", 'Back-off pulling image "web:v2": not found: ' * 2)))
    )
    assert (found["class"], found["object"]) == ("ImagePull", "Deployment/web")
    assert found["field"] == f"{CONTAINER}.image"
    assert "not found" in found["proof"]


def test_the_reason_of_a_failed_pull_may_be_in_an_event_only() -> None:
    told = event("web-1", "Failed", 'Failed to pull image "web:v2": no such host')
    assert "no such host" in outputs(shop(web_pod("web-1", waits("ImagePullBackOff", "web:v2")), told))["proof"]


def test_one_failed_pull_of_a_young_pod_is_no_finding_yet() -> None:
    young = web_pod("web-1", waits("ErrImagePull", "not found"))
    young["metadata"]["creationTimestamp"] = ago(seconds=5)
    assert classes(shop(young)) == ["Unknown"]


# ConfigError

MISSING_KEY = "couldn't find key LISTEN in ConfigMap shop/web-config"


@pytest.mark.parametrize(
    ("words", "blames", "field"),
    [
        ('configmap "web-config" not found', "ConfigMap/web-config", "metadata.name"),
        ('secret "web-secret" not found', "Secret/web-secret", "metadata.name"),
        (MISSING_KEY, "ConfigMap/web-config", "data[LISTEN]"),
        ("couldn't find key pw in Secret shop/web-secret", "Secret/web-secret", "data[pw]"),
    ],
)
def test_missing_configuration_is_blamed_by_object_and_key(words: str, blames: str, field: str) -> None:
    world = shop(web_pod("web-1", waits("CreateContainerConfigError", words)))
    assert blamed(world) == ("ConfigError", blames, field)
    assert outputs(world)["proof"] == words


def test_a_volume_whose_config_map_is_missing_is_told_by_its_event() -> None:
    words = 'MountVolume.SetUp failed for volume "app" : configmap "web-config" not found'
    world = shop(web_pod("web-1", waits("ContainerCreating")), event("web-1", "FailedMount", words))
    assert blamed(world) == ("ConfigError", "ConfigMap/web-config", "metadata.name")


def test_a_key_that_is_there_by_now_is_not_missing() -> None:
    config = named("ConfigMap", "web-config", data={"LISTEN": ":8080"})
    assert "ConfigError" not in classes(
        shop(web_pod("web-1", waits("CreateContainerConfigError", MISSING_KEY)), config)
    )


def test_a_config_map_that_is_there_without_the_key_does_not_help() -> None:
    config = named("ConfigMap", "web-config", data={"OTHER": "x"})
    assert classes(shop(web_pod("web-1", waits("CreateContainerConfigError", MISSING_KEY)), config)) == ["ConfigError"]


def test_values_of_secrets_go_nowhere() -> None:
    secret = named("Secret", "web-secret", data={"other": "aHVudGVyMg=="})
    words = "couldn't find key pw in Secret shop/web-secret"
    assert "aHVudGVyMg" not in str(outputs(shop(web_pod("web-1", waits("CreateContainerConfigError", words)), secret)))


# CrashLoop

PREVIOUS = ("web-1", "web", True)


def test_a_crash_loop_comes_with_the_telling_line_of_the_log_before() -> None:
    log = b"2026-11-24T02:59:01.123Z starting\n2026-11-24T02:59:02.5Z panic: no LISTEN\n2026-11-24T02:59:02.6Z bye\n"
    found = outputs(shop(web_pod("web-1", crashed()), logs={PREVIOUS: log}))
    assert (found["class"], found["field"], found["proof"]) == ("CrashLoop", CONTAINER, "panic: no LISTEN")


def test_a_log_that_the_kubelet_has_just_removed_is_made_up_for_by_the_one_after() -> None:
    gone = b"unable to retrieve container logs for containerd://8993\n"
    logs = {PREVIOUS: gone, ("web-1", "web", False): b"2026-11-24T02:59:02Z panic: no LISTEN\n"}
    assert outputs(shop(web_pod("web-1", crashed()), logs=logs))["proof"] == "panic: no LISTEN"


def test_a_crash_loop_without_a_log_tells_the_exit_code() -> None:
    assert "exit code 3" in outputs(shop(web_pod("web-1", crashed(3))))["proof"]


def test_a_hostile_log_line_is_shown_as_one_bounded_printable_line() -> None:
    log = b"error: \x1b[31m${jndi}\x00\xff\x07 " + b"A" * 100_000
    proof = outputs(shop(web_pod("web-1", crashed()), logs={PREVIOUS: log}))["proof"]
    assert proof.startswith("error: \\x1b[31m${jndi}\\x00")
    assert proof.isprintable() and len(proof) <= 300


def test_an_old_restart_is_history() -> None:
    pods = [web_pod(f"web-{number}") for number in range(3)]
    pods[0]["status"]["containerStatuses"][0] |= {
        "restartCount": 7, "lastState": {"terminated": {"exitCode": 137, "finishedAt": ago(minutes=3)}},
    }  # fmt: skip
    assert classes(shop(*pods, available=3)) == ["Healthy"]


def test_a_container_that_is_ready_for_a_moment_between_two_falls_keeps_falling() -> None:
    ended = {"exitCode": 1, "startedAt": ago(seconds=40), "finishedAt": ago(seconds=30)}
    up = {"running": {"startedAt": ago(seconds=2)}}
    between = {"restartCount": 4, "ready": True, "started": True, "state": up, "lastState": {"terminated": ended}}
    pod = web_pod("web-1", between)
    assert classes(shop(pod)) == ["CrashLoop"]


def test_a_runtime_that_cannot_start_a_program_is_quoted() -> None:
    failing = crashed(128, "StartError")
    failing["lastState"]["terminated"]["message"] = 'exec: "/web": no such file'
    assert 'exec: "/web": no such file' in outputs(shop(web_pod("web-1", failing)))["proof"]


def test_a_container_that_ended_once_and_starts_again_is_no_crash_loop() -> None:
    once = {"restartCount": 1, "ready": False, "state": {"running": {"startedAt": ago(seconds=3)}}}
    once["lastState"] = {"terminated": {"exitCode": 137, "finishedAt": ago(seconds=5)}}
    assert classes(shop(web_pod("web-1", once))) == ["Unknown"]


# ProbeFailure


def test_a_readiness_probe_on_a_port_that_is_not_declared_is_blamed_by_its_port() -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 9999}}
    said = event("web-1", "Unhealthy", "Readiness probe failed: connection refused", place="spec.containers{web}")
    world = shop(probed(unready(), readinessProbe=probe), said)
    assert blamed(world) == ("ProbeFailure", "Deployment/web", f"{CONTAINER}.readinessProbe.httpGet.port")
    assert outputs(world)["proof"] == "Readiness probe failed: connection refused"
    assert "its port 9999 is none of the container's ports (8080)" in outputs(world)["message"]


def test_a_readiness_probe_on_the_right_port_is_blamed_as_a_whole() -> None:
    assert blamed(shop(probed(unready(), readinessProbe={})))[2] == f"{CONTAINER}.readinessProbe"


def test_a_start_that_takes_its_time_is_no_probe_failure() -> None:
    assert classes(shop(probed(unready(minutes=0.2), readinessProbe={}))) == ["Unknown"]


def test_a_start_up_probe_that_never_succeeded_is_blamed_before_the_readiness_probe() -> None:
    pod = probed(unready(minutes=20, started=False), startupProbe={}, readinessProbe={})
    assert blamed(shop(pod))[2] == f"{CONTAINER}.startupProbe"


def test_a_liveness_probe_that_ends_the_container_is_no_crash_loop() -> None:
    killing = event("web-1", "Killing", "Container web failed liveness probe, will be restarted")
    world = shop(probed(crashed(137), livenessProbe={}), killing)
    assert classes(world) == ["ProbeFailure"]
    assert blamed(world)[2] == f"{CONTAINER}.livenessProbe"


# OOMKilled


def test_memory_is_blamed_instead_of_the_crash_loop_that_it_leads_to() -> None:
    pod = web_pod("web-1", crashed(137, "OOMKilled"), resources={"limits": {"memory": "8Mi"}})
    assert classes(shop(pod)) == ["OOMKilled"]
    assert blamed(shop(pod))[2] == f"{CONTAINER}.resources.limits.memory"
    assert "8Mi" in outputs(shop(pod))["message"]


def test_memory_that_ran_out_long_ago_is_not_why_a_container_is_unready_now() -> None:
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ago(hours=2)}
    status = unready() | {"restartCount": 1, "lastState": {"terminated": ended}}
    assert classes(shop(probed(status, readinessProbe={}))) == ["ProbeFailure"]


def test_a_limit_too_small_to_start_at_all_is_memory_too() -> None:
    words = "failed to create containerd task: container init was OOM-killed (memory limit too low?)"
    assert classes(shop(web_pod("web-1", waits("RunContainerError", words)))) == ["OOMKilled"]


# Unschedulable

NO_NODE = "0/3 nodes are available: 1 node(s) had untolerated taint {a.b/control-plane: }, 2 {}. preemption: 0/3 nope."


@pytest.mark.parametrize(
    ("reason", "spec", "field"),
    [
        ("node(s) didn't match Pod's node affinity/selector", {"nodeSelector": {"disk": "x"}}, "nodeSelector"),
        ("node(s) didn't match Pod's node affinity/selector", {}, "affinity.nodeAffinity"),
        ("node(s) didn't match pod anti-affinity rules", {}, "affinity.podAntiAffinity"),
        ("Insufficient nvidia.com/gpu", {}, "containers[*].resources.requests[nvidia.com/gpu]"),
        ("node(s) didn't have free ports for the requested pod ports", {}, "containers[*].ports[*].hostPort"),
    ],
)
def test_the_constraint_that_rules_most_nodes_out_is_blamed(reason: str, spec: Object, field: str) -> None:
    words = NO_NODE.replace("{}", reason)
    world = shop(unscheduled(words, **spec))
    assert blamed(world) == ("Unschedulable", "Deployment/web", f"spec.template.spec.{field}")
    assert outputs(world)["proof"] == words


def test_a_claim_that_is_not_there_is_blamed_by_its_name() -> None:
    words = '0/1 nodes are available: persistentvolumeclaim "data-broken" not found. preemption: nope'
    assert blamed(shop(unscheduled(words)))[2] == "spec.template.spec.volumes[claimName=data-broken]"


# QuotaExceeded


@pytest.mark.parametrize("by", ["condition", "event"])
def test_a_quota_that_lets_no_pod_in_is_blamed(by: str) -> None:
    world = shop(web_pod("web-0"), available=1)
    if by == "condition":
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": QUOTA}
        world.objects["ReplicaSet", "web-h1"]["status"] = {"conditions": [failure]}
    else:
        told = event("web-h1", "FailedCreate", f"Error creating: {QUOTA}")
        world.objects["Event", told["metadata"]["name"]] = told
    assert blamed(world) == ("QuotaExceeded", "ResourceQuota/small", "spec.hard[limits.memory]")
    assert QUOTA in outputs(world)["proof"]


def test_a_quota_in_the_way_of_a_rollout_is_blamed_while_old_pods_serve() -> None:
    old = [web_pod(f"web-{number}") for number in range(3)]
    told = event("web-h2", "FailedCreate", QUOTA)
    target = workload()
    target["status"] |= {"updatedReplicas": 0}
    world = shop(*old, replica_set(2, target["spec"]["template"]), told, target=target)
    assert classes(world) == ["QuotaExceeded"]


def test_a_quota_that_was_in_the_way_once_is_history() -> None:
    assert classes(whole(event("web-h1", "FailedCreate", QUOTA))) == ["Healthy"]


def test_a_create_that_failed_for_another_reason_is_no_quota() -> None:
    told = event("web-h1", "FailedCreate", "failed calling webhook x.example.com")
    assert classes(shop(web_pod("web-0"), told, available=1)) == ["Unknown"]


# NodeNotReady


def test_a_node_that_is_not_ready_is_blamed_before_what_its_pods_show() -> None:
    lost = node("n1", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
    world = shop(probed(unready(), readinessProbe={}), lost)
    assert classes(world) == ["NodeNotReady"]
    assert blamed(world)[1:] == ("Node/n1", "status.conditions[Ready]")
    assert "Kubelet stopped posting" in outputs(world)["proof"]


# ServiceMismatch


def test_a_service_whose_selector_selects_no_pod_is_blamed_by_the_key() -> None:
    world = whole(service(app="web", tier="gold"))
    assert blamed(world) == ("ServiceMismatch", "Service/web", "spec.selector[tier]")
    assert outputs(world)["proof"] == "selector tier=gold; the Pods of Deployment/web carry no label tier"


def test_a_service_for_a_canary_that_is_not_there_is_innocent() -> None:
    assert classes(whole(service("web-canary", app="web", track="canary"))) == ["Healthy"]


def test_a_service_that_selects_others_is_theirs() -> None:
    other = named("Pod", "cache-1")
    other["metadata"]["labels"] = {"app": "cache"}
    assert classes(whole(service(app="cache"), other)) == ["Healthy"]


@pytest.mark.parametrize("port", [9999, "metrics"])
def test_a_target_port_that_no_container_has_is_blamed(port: Any) -> None:
    world = whole(service(port=port))
    assert blamed(world) == ("ServiceMismatch", "Service/web", "spec.ports[0].targetPort")
    assert f"targetPort {port}" in outputs(world)["proof"]


def test_an_undeclared_port_beside_one_that_is_declared_is_innocent() -> None:
    assert classes(whole(service("web-metrics", port=9090))) == ["Healthy"]


# ScaledToZero


def test_a_workload_scaled_to_zero_is_just_that() -> None:
    target = workload(replicas=0)
    assert blamed(shop(target=target)) == ("ScaledToZero", "Deployment/web", "spec.replicas")


# NetworkPolicyBlocked


def test_the_newest_policy_that_lets_nothing_through_is_blamed() -> None:
    world = whole(policy("old", ago(hours=9)), policy("deny-all", ago(minutes=9)))
    assert blamed(world) == ("NetworkPolicyBlocked", "NetworkPolicy/deny-all", "spec.ingress")


def test_policies_add_up_so_a_default_that_another_opens_is_innocent() -> None:
    opens = policy("allow", types=("Ingress",), ingress=[{}])
    assert classes(whole(policy("default-deny"), opens)) == ["Healthy"]


def test_ingress_that_nobody_needs_may_be_closed() -> None:
    world = whole(policy("deny-in", types=("Ingress",)))
    del world.objects["Service", "web"]
    assert classes(world) == ["Healthy"]


def test_a_policy_of_others_does_not_concern_the_target() -> None:
    other = policy("deny-all")
    other["spec"]["podSelector"] = {"matchLabels": {"app": "cache"}}
    assert classes(whole(other)) == ["Healthy"]


def test_an_isolation_by_paramedic_is_told_as_such() -> None:
    ours = policy("isolated")
    ours["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "paramedic"}
    assert "an isolation by paramedic" in outputs(whole(ours))["message"]


# All of them


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_no_rule_finds_anything_in_a_healthy_shop(rule: Any) -> None:
    assert rule.kind not in classes(whole())


def test_the_same_scene_gets_the_same_answer_whatever_the_order_of_lists() -> None:
    pods = [web_pod("web-1", crashed()), web_pod("web-2", waits("ImagePullBackOff", "x")), web_pod("web-3", unready())]
    answers = [str(outputs(shop(*copy.deepcopy(order)))) for order in (pods, pods[::-1], pods[1:] + pods[:1])]
    assert len(set(answers)) == 1
