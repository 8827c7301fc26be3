"""Rules of diagnose that stand on what a container logs: Pods that are all available, and yet nothing is well."""

from typing import Any

import pytest

from paramedic.actions.contract import Waiting
from paramedic.actions.reads import Denied, GetObject, ListObjects, ReadLog
from paramedic.model.objects import Object
from unit.acting import expect, prepare
from unit.ailing import PORTS, blamed, classes, crashed, log, named, outputs, policy, shop, web_pod, whole
from unit.builders import ago, context, template, workload
from unit.seen import World

CONTAINER = "spec.template.spec.containers[web]"
NOW_LOG = ("web-0", "web", False)
ENV = [
    {"name": "DB_ADDR", "value": "db:5433"},
    {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web-secret", "key": "pw"}}},
    {"name": "LISTEN", "valueFrom": {"configMapKeyRef": {"name": "web-config", "key": "LISTEN"}}},
]
DIAL = "ERROR dial db:5433: Connection refused"
REFUSED = "ERROR database db:5432: FATAL: password authentication failed for user web"
BROKEN = "ERROR GET / 500: failRate"


def target(replicas: int = 3) -> Object:
    found = workload(replicas=replicas)
    found["spec"]["template"] = template("web:v2", ports=PORTS, env=ENV)
    found["spec"]["template"]["spec"]["volumes"] = [{"name": "config", "configMap": {"name": "web-config"}}]
    return found


def saying(*lines: str, around: tuple[Object, ...] = (), ended: float = 0.0, **world: Any) -> World:
    """Three available Pods, the first of which logs these lines, one a second."""
    pods = [web_pod(f"web-{number}", env=ENV) for number in range(3)]
    logs = {NOW_LOG: log(*lines, ended=ended)}
    return shop(*pods, *around, target=target(), logs=logs, **world)


def database(port: int = 5432, *, ready: bool | None = True) -> tuple[Object, ...]:
    """The Service db, and a Pod behind it where ``ready`` is given."""
    ports = [{"port": port}]
    spec = {"selector": {"app": "db"}, "ports": ports, "clusterIP": "10.96.3.2", "clusterIPs": ["10.96.3.2"]}
    pod = named("Pod", "db-0", status={"conditions": [{"type": "Ready", "status": str(ready)}]})
    pod["metadata"]["labels"] = {"app": "db"}
    return (named("Service", "db", spec=spec), *([pod] if ready is not None else []))


def written(kind: str, name: str, *, by: str = "kubectl-patch", **keys: str) -> Object:
    """A ConfigMap or Secret with these keys, each written at this moment."""
    entries = [
        {"manager": by, "time": when, "fieldsV1": {"f:data": {".": {}, f"f:{key}": {}}}} for key, when in keys.items()
    ]
    found = named(kind, name, data=dict.fromkeys(keys, "aHVudGVyMg=="))
    found["metadata"]["managedFields"] = entries
    return found


# DependencyUnreachable


def test_a_port_that_the_service_has_not_is_blamed_on_who_names_it() -> None:
    world = saying("listening", *[DIAL] * 4, around=database())
    assert blamed(world) == ("DependencyUnreachable", "Deployment/web", f"{CONTAINER}.env[DB_ADDR]")
    assert outputs(world)["proof"] == DIAL
    assert "Service db has no port 5433; it has 5432" in outputs(world)["message"]


def test_a_service_that_is_not_there_is_blamed_on_who_names_it() -> None:
    world = saying(*["ERROR lookup db: no such host"] * 4)
    assert blamed(world) == ("DependencyUnreachable", "Deployment/web", f"{CONTAINER}.env[DB_ADDR]")
    assert "there is no Service db" in outputs(world)["message"]


@pytest.mark.parametrize("host", ["db", "db.shop", "db.shop.svc.cluster.local", "10.96.3.2"])
def test_a_service_without_a_ready_pod_is_blamed_itself(host: str) -> None:
    world = saying(*[f"ERROR dial {host}:5432: Connection refused"] * 4, around=database(ready=False))
    assert blamed(world) == ("DependencyUnreachable", "Service/db", "status")
    assert "0 of 1 Pod behind it ready" in outputs(world)["message"]


def test_a_service_that_selects_no_pod_is_blamed_by_its_selector() -> None:
    world = saying(*["ERROR dial db:5432: Connection refused"] * 4, around=database(ready=None))
    assert blamed(world) == ("DependencyUnreachable", "Service/db", "spec.selector")


def test_an_address_outside_is_told_as_it_is() -> None:
    world = saying(*["ERROR dial tcp 203.0.113.9:443: i/o timeout"] * 4, around=database())
    assert blamed(world) == ("DependencyUnreachable", "Deployment/web", CONTAINER)


def test_a_dependency_comes_before_the_crash_loop_that_it_leads_to() -> None:
    logs = {("web-1", "web", True): log("starting", "FATAL: dial db:5432: connection refused")}
    world = shop(web_pod("web-1", crashed()), *database(ready=False), logs=logs)
    assert classes(world) == ["DependencyUnreachable", "CrashLoop"]


def test_a_policy_that_lets_nothing_out_comes_before_what_is_not_reached() -> None:
    shut = policy("shut", types=("Egress",))
    world = saying(*["ERROR dial db:5432: i/o timeout"] * 4, around=(*database(), shut))
    assert classes(world) == ["NetworkPolicyBlocked"]


def test_a_dependency_that_is_back_is_history() -> None:
    world = saying(*[DIAL] * 9, *["GET / 200"] * 40, around=database())
    assert classes(world) == ["Healthy"]


# StaleSecret


def test_credentials_that_the_secret_no_longer_holds_are_blamed_by_its_key() -> None:
    world = saying(*[REFUSED] * 4, around=(*database(), written("Secret", "web-secret", pw=ago(minutes=2))))
    assert blamed(world) == ("StaleSecret", "Secret/web-secret", "data[pw]")
    assert "kubectl-patch wrote data[pw]" in outputs(world)["message"]
    assert "aHVudGVyMg" not in str(outputs(world))


@pytest.mark.parametrize(
    "secret",
    [written("Secret", "web-secret", pw=ago(hours=9)), written("Secret", "web-secret", other=ago(minutes=2))],
    ids=["older than the Pods", "another key"],
)
def test_credentials_that_did_not_change_are_not_stale(secret: Object) -> None:
    found = outputs(saying(*[REFUSED] * 4, around=(*database(), secret)))
    assert (found["class"], found["proof"]) == ("Unknown", REFUSED)


def test_an_account_that_may_not_read_secrets_is_told_what_was_not_seen() -> None:
    found = outputs(saying(*[REFUSED] * 4, denied_kinds=frozenset({"Secret"})))
    assert found["class"] == "Unknown"
    assert "Secret/web-secret" in found["unseen"]


# ConfigRegression


def test_errors_that_began_with_a_change_of_the_configuration_are_blamed_on_it() -> None:
    config = written("ConfigMap", "web-config", LISTEN=ago(hours=8)) | {}
    config["metadata"]["managedFields"] += written("ConfigMap", "x", **{"app.yaml": ago(seconds=12)})["metadata"][
        "managedFields"
    ]
    world = saying("listening", "failRate is now 1", *[BROKEN] * 10, around=(config,))
    assert blamed(world) == ("ConfigRegression", "ConfigMap/web-config", "data[app.yaml]")
    assert outputs(world)["proof"] == BROKEN


@pytest.mark.parametrize(
    ("lines", "changed"),
    [
        (("quiet", *[BROKEN] * 10), ago(minutes=30)),
        (("quiet", *[BROKEN] * 10), ago(seconds=2)),
        ((BROKEN,) * 10, ago(seconds=15)),
        (("quiet", *[BROKEN] * 10), ago(hours=9)),
    ],
    ids=["long before", "in between", "nothing is left from before", "before the Pods"],
)
def test_errors_that_did_not_begin_with_a_change_are_not_blamed_on_it(lines: tuple[str, ...], changed: str) -> None:
    found = outputs(saying(*lines, around=(written("ConfigMap", "web-config", LISTEN=changed),)))
    assert found["class"] == "Unknown"


def test_what_is_read_at_the_start_alone_cannot_harm_what_runs() -> None:
    secret = written("Secret", "web-secret", pw=ago(seconds=12))
    assert classes(saying("quiet", "quiet", *[BROKEN] * 10, around=(secret,))) == ["Unknown"]


def test_a_change_since_the_start_is_told_as_a_hint() -> None:
    found = outputs(saying(*[BROKEN] * 10, around=(written("ConfigMap", "web-config", LISTEN=ago(minutes=5)),)))
    assert "ConfigMap/web-config was changed by kubectl-patch" in found["message"]


# PortConflict

IN_USE = "FATAL listen 0.0.0.0:8080: address already in use"


def beside(**sidecar: Any) -> Object:
    found = workload()
    found["spec"]["template"] = template("web:v2", ports=PORTS)
    found["spec"]["template"]["spec"]["containers"].insert(0, {"name": "metrics"} | sidecar)
    found["status"] |= {"availableReplicas": 0, "readyReplicas": 0}
    return found


def test_two_containers_that_want_one_port_are_told_and_no_crash_loop() -> None:
    logs = {("web-1", "web", True): log(IN_USE)}
    world = shop(web_pod("web-1", crashed()), target=beside(ports=[{"containerPort": 8080}]), logs=logs)
    assert blamed(world) == ("PortConflict", "Deployment/web", "spec.template.spec.containers[metrics].ports[8080]")
    assert classes(world) == ["PortConflict"]
    assert outputs(world)["proof"] == IN_USE


def test_a_port_that_nobody_else_declares_is_taken_all_the_same() -> None:
    logs = {("web-1", "web", True): log(IN_USE)}
    assert blamed(shop(web_pod("web-1", crashed()), target=beside(), logs=logs))[2] == f"{CONTAINER}.ports"


# FinalizerStuck

FORBIDDEN = (
    '403 configmaps "ledger" is forbidden: User "system:serviceaccount:shop:web" cannot patch resource "configmaps" in'
    ' API group "" in the namespace "shop"'
)


def ledger(**meta: Any) -> Object:
    found = named("ConfigMap", "ledger")
    found["metadata"] |= {"finalizers": ["example.com/janitor"]} | meta
    return found


def test_what_the_target_may_not_release_is_told_with_who_may_not() -> None:
    world = saying(*[FORBIDDEN] * 4, around=(ledger(deletionTimestamp=ago(minutes=1)),))
    assert blamed(world) == ("FinalizerStuck", "ConfigMap/ledger", "metadata.finalizers[example.com/janitor]")
    assert "system:serviceaccount:shop:web may not patch it" in outputs(world)["message"]


def test_a_refusal_that_holds_nothing_up_is_just_an_error() -> None:
    found = outputs(saying(*[FORBIDDEN] * 4, around=(ledger(),)))
    assert (found["class"], found["proof"]) == ("Unknown", FORBIDDEN)


# Healthy, Unknown and in between


def test_pods_that_repeat_an_error_that_no_rule_knows_are_not_called_healthy() -> None:
    found = outputs(saying(*["ERROR cache is cold"] * 7))
    assert (found["class"], found["field"], found["proof"]) == ("Unknown", CONTAINER, "ERROR cache is cold")
    assert "7 times up to now" in found["message"]


def test_healthy_says_that_the_logs_were_read() -> None:
    assert "the newest lines of 1 log repeat no error" in outputs(saying("GET / 200"))["message"]
    assert "no log was there to look at" in outputs(whole())["message"]


def test_nothing_is_called_healthy_where_logs_may_not_be_read() -> None:
    world = whole()
    answer = world.answer
    world.answer = lambda read: Denied("no logs") if isinstance(read, ReadLog) else answer(read)  # type: ignore[method-assign]
    found = outputs(world)
    assert found["class"] == "Unknown"
    assert "DependencyUnreachable" in found["message"] and "no logs" in found["unseen"]


def test_logs_that_do_not_complain_cost_no_further_look() -> None:
    world = saying("GET / 200", around=(*database(), written("Secret", "web-secret", pw=ago(minutes=2))))
    outputs(world)
    assert not [
        read for read in world.asked if isinstance(read, GetObject) and read.ref.kind in ("Secret", "ConfigMap")
    ]
    # Whether a Service selects anybody at all is asked of one Pod, who is behind it of all.
    assert {
        read.limit for read in world.asked if isinstance(read, ListObjects) and read.label_selector == "app=db"
    } == {1}


def test_an_error_that_was_just_logged_is_looked_at_again() -> None:
    waiting = expect(Waiting, prepare("diagnose", saying("quiet", DIAL, around=database())))
    assert waiting.message == "nothing explains it yet, and it has just logged an error: it looks again for up to 45s"


def test_ready_pods_that_have_just_begun_are_looked_at_again() -> None:
    pods = [web_pod(f"web-{number}") for number in range(3)]
    status = pods[1]["status"]["containerStatuses"][0]
    status["state"]["running"]["startedAt"] = ago(seconds=4)
    waiting = expect(Waiting, prepare("diagnose", shop(*pods, available=3)))
    assert "container web of Pod web-1 has just started" in waiting.message
    status["state"]["running"]["startedAt"] = ago(seconds=12)
    assert not isinstance(prepare("diagnose", shop(*pods, available=3)), Waiting)
    status["lastState"] = {"terminated": {"exitCode": 1, "finishedAt": ago(seconds=14)}}
    assert isinstance(prepare("diagnose", shop(*pods, available=3)), Waiting)


def test_a_pod_that_has_just_started_is_looked_at_again_but_not_for_ever() -> None:
    young = web_pod("web-1", {"restartCount": 0, "ready": False, "state": {}})
    young["metadata"]["creationTimestamp"] = ago(seconds=5)
    world = shop(young)
    assert "Pod web-1 is new" in expect(Waiting, prepare("diagnose", world)).message
    late = context(started_at=context().now.replace(minute=0, hour=2))
    assert outputs(world)["class"] == "Unknown"
    assert not isinstance(prepare("diagnose", world, late), Waiting)


def test_a_preview_and_a_step_that_is_short_of_time_are_answered_at_once() -> None:
    young = web_pod("web-1", {"restartCount": 0, "ready": False, "state": {}})
    young["metadata"]["creationTimestamp"] = ago(seconds=5)
    for ctx in (context(foreseeing=True), context(deadline=context().now)):
        assert not isinstance(prepare("diagnose", shop(young), ctx), Waiting)
