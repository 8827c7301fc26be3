"""rotateSecret puts new random values into a Secret, and into the Pods that use them, and nobody gets to see them."""

import base64
import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished, Intent, Pending, Waiting, Working
from paramedic.actions.effects import Create, Delete, FillRandom, MergePatch
from paramedic.actions.registry import ACTIONS
from paramedic.actions.rotate_secret import ALPHABETS, RotateSecretParameters
from paramedic.actions.targets import undo_operation
from paramedic.cluster.random_values import filled
from paramedic.model.objects import Object
from paramedic.model.references import SECRET, ObjectRef
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import NAMESPACE, NOW, ago, context, owner, pod, replica_set, template, workload
from unit.seen import World

PARAMS: dict[str, Any] = {"secret": "db", "keys": ["password"]}
OPERATION = context().operation_id
KEPT = "checkout-down-mend-" + OPERATION[:8]
OLD = base64.b64encode(b"hunter2").decode()
ENV = [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}]


def secret(**changes: Any) -> Object:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": "db", "namespace": NAMESPACE, "uid": "uid-db", "resourceVersion": "50"},
        "data": {"password": OLD, "user": base64.b64encode(b"shop").decode()},
    }
    meta = changes.pop("metadata", {})
    return body | {"metadata": body["metadata"] | meta} | changes  # type: ignore[operator]


def using(obj: Object, **container: Any) -> Object:
    """The same workload, whose Pods read the password."""
    changed = copy.deepcopy(obj)
    changed["spec"]["template"]["spec"]["containers"][0] |= container or {"env": ENV}
    return changed


def consumer_pod(name: str, **more: Any) -> Object:
    return pod(name, containers=[{"name": "web", "image": "web:v1", "env": ENV}], **more)


def shop(*more: Object, web: Object | None = None, pods: bool = True, **answers: Any) -> World:
    """The Secret, and web with three Pods that use it."""
    found = [consumer_pod(f"web-{number}") for number in range(3)] if pods else []
    deployment = using(workload()) if web is None else web
    return World.of(secret(), deployment, replica_set(1, template()), *found, *more, **answers)


def stateful(name: str, replicas: int) -> Object:
    found = using(workload("StatefulSet", replicas=replicas))
    found["metadata"] |= {"name": name, "uid": f"uid-{name}"}
    found["spec"]["selector"] = {"matchLabels": {"app": name}}
    found["status"] |= {"updateRevision": f"{name}-new"}
    return found


def cron_job(**spec: Any) -> Object:
    job = {"template": {"spec": {"containers": [{"name": "report", "env": ENV}]}}}
    return {
        "kind": "CronJob", "metadata": {"name": "report", "namespace": NAMESPACE, "uid": "uid-report"},
        "spec": {"jobTemplate": {"spec": job}} | spec,
    }  # fmt: skip


def intent(world: World, **params: Any) -> Intent:
    return expect(Intent, prepare("rotateSecret", world, **PARAMS | params))


def refusal(world: World, **params: Any) -> str:
    return refused(prepare("rotateSecret", world, **PARAMS | params))


def look(world: World, record: Any, **params: Any) -> Any:
    return observe("rotateSecret", world, record, **PARAMS | params)


def step_on(world: World, record: Any, **params: Any) -> Any:
    """Does what is to be done next, as the API server does it, and gives what it was."""
    (effect,) = expect(Pending, look(world, record, **params)).effects
    apply(world, effect)
    if isinstance(effect, Create):
        world.objects["Secret", KEPT]["metadata"]["uid"] = "uid-kept"
    return effect


def rotated(world: World, **params: Any) -> Any:
    """The record of a rotation whose values are written and whose first consumer is restarted."""
    record = record_of(prepare("rotateSecret", world, **PARAMS | params))
    for _ in range(3 if record["consumers"] else 2):
        step_on(world, record, **params)
    return record


def half_way(world: World) -> None:
    """web is restarted, and its first new Pod does not come up."""
    web = world.objects["Deployment", "web"]
    web["status"] |= {"updatedReplicas": 1, "replicas": 4}
    newest = replica_set(2, web["spec"]["template"])
    world.objects["ReplicaSet", newest["metadata"]["name"]] = newest
    world.objects["Pod", "web-new"] = pod("web-new", of="h2", ready=False, trouble="CrashLoopBackOff")


def password(world: World) -> str:
    return base64.b64decode(world.objects["Secret", "db"]["data"]["password"]).decode()


# --- what is rotated


def test_the_values_before_are_kept_first() -> None:
    world = shop()
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    kept = only_effect(look(world, record), Create).body
    assert (kept["metadata"]["name"], kept["data"], kept["immutable"]) == (KEPT, {"password": OLD}, True)
    assert kept["metadata"]["annotations"]["paramedic.dev/version-of"] == "db"
    assert kept["metadata"]["annotations"]["paramedic.dev/expires-at"] == "2026-11-25T03:00:00.000000Z"


def test_the_kept_version_outlives_the_incident_and_goes_with_its_secret() -> None:
    world = shop()
    kept = only_effect(look(world, record_of(prepare("rotateSecret", world, **PARAMS))), Create).body
    assert kept["metadata"]["ownerReferences"] == [
        {"apiVersion": "v1", "kind": "Secret", "name": "db", "uid": "uid-db"}
    ]


def test_all_keys_are_written_at_once_bound_to_what_was_seen() -> None:
    world = shop()
    params = {"keys": ["password", "user"]}
    record = record_of(prepare("rotateSecret", world, **PARAMS | params))
    step_on(world, record, **params)
    effect = only_effect(look(world, record, **params), FillRandom)
    assert (effect.keys, effect.resource_version, effect.ref.uid) == (("password", "user"), "50", "uid-db")


def test_a_new_value_has_the_wanted_length_and_alphabet() -> None:
    world = shop()
    rotated(world, length=40, alphabet="Hex")
    assert len(password(world)) == 40
    assert set(password(world)) <= set(ALPHABETS["Hex"])


def test_no_two_values_are_alike() -> None:
    ref = ObjectRef.to(SECRET, NAMESPACE, "db", "uid-db")
    effect = FillRandom(ref, "50", ("a", "b"), 32, ALPHABETS["Alphanumeric"], OPERATION, "mark")
    values = [*filled(effect).patch["data"].values(), *filled(effect).patch["data"].values()]
    assert len(set(values)) == 4


def test_other_keys_keep_their_value() -> None:
    world = shop()
    rotated(world)
    assert world.objects["Secret", "db"]["data"]["user"] == secret()["data"]["user"]


def test_neither_old_nor_new_values_are_in_what_is_stored_or_said() -> None:
    world = shop()
    found = intent(world)
    record = rotated(world)
    done = expect(Finished, look(world, record))
    told = f"{found.message} {found.ask} {found.record} {found.change} {done.message} {done.outputs}"
    for value in ("hunter2", OLD, password(world), world.objects["Secret", "db"]["data"]["password"]):
        assert value not in told


def test_the_plan_says_what_happens_to_whom() -> None:
    assert intent(shop()).message == (
        "putting new random values (32 characters) under password of Secret/db, then restarting Deployment/web; the"
        f" values before are kept in Secret/{KEPT} for 24h"
    )


def test_a_secret_that_nobody_uses_is_rotated_all_the_same() -> None:
    world = World.of(secret(), workload())
    assert "which no running workload of the namespace uses" in intent(world).message
    record = rotated(world)
    assert expect(Finished, look(world, record)).outputs["restarted"] == []


def test_without_restarts_nobody_is_looked_at_and_that_is_said() -> None:
    world = shop(cron_job())
    assert (
        "restarting nobody: who uses them keeps the old ones until it starts anew"
        in intent(world, restart=False).message
    )


# --- what is not


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"type": "kubernetes.io/tls"}, "is of type kubernetes.io/tls, whose values are no random text"),
        ({"type": "kubernetes.io/service-account-token"}, "is of type kubernetes.io/service-account-token"),
        ({"type": "bootstrap.kubernetes.io/token"}, "is of type bootstrap.kubernetes.io/token"),
        ({"type": "kubernetes.io/dockerconfigjson"}, "is of type kubernetes.io/dockerconfigjson"),
        ({"immutable": True}, "is immutable; make another one"),
        ({"data": {"token": OLD}}, "Secret/db has no key password; it has token"),
        ({"data": None}, "Secret/db has no key password; it has none"),
    ],
)
def test_a_secret_whose_values_are_not_free_is_refused(changes: Object, why: str) -> None:
    world = shop()
    world.objects["Secret", "db"] |= changes
    assert why in refusal(world)


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({"ownerReferences": [{"kind": "ExternalSecret", "name": "db", "controller": True}]}, "ExternalSecret/db"),
        ({"ownerReferences": [{"kind": "SealedSecret", "name": "db"}]}, "SealedSecret/db"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Kustomization/shop"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}, "HelmRelease/shop"),
        ({"labels": {"argocd.argoproj.io/instance": "shop"}}, "Application/shop"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:x"}}, "Argo CD's application"),
        ({"annotations": {"reconcile.external-secrets.io/data-hash": "1f"}}, "an ExternalSecret"),
        ({"annotations": {"sealedsecrets.bitnami.com/managed": "true"}}, "a SealedSecret"),
        ({"annotations": {"cert-manager.io/certificate-name": "db"}}, "Certificate/db"),
        ({"labels": {"app.kubernetes.io/managed-by": "hashicorp-vso"}}, "hashicorp-vso"),
    ],
)
def test_a_secret_that_somebody_else_writes_is_to_be_rotated_there(metadata: Object, who: str) -> None:
    world = shop()
    world.objects["Secret", "db"]["metadata"] |= metadata
    message = refusal(world)
    assert f"Secret/db is written by {who}" in message
    assert message.endswith("which would write the old value back; rotate it there")


def test_a_secret_of_a_helm_release_is_asked_about() -> None:
    world = shop()
    world.objects["Secret", "db"]["metadata"] |= {
        "labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": {"meta.helm.sh/release-name": "shop"},
    }  # fmt: skip
    assert "it belongs to the Helm release shop, whose next upgrade may write the old values back" in intent(world).ask


def test_a_secret_that_is_not_there_is_refused() -> None:
    assert refusal(World.of(workload())) == "there is no Secret/db in namespace shop; name one that is there"


@pytest.mark.parametrize(
    "params", [{"secret": "../db"}, {"secret": "DB"}, {"keys": ["a/b"]}, {"keys": ["a", "a"]}, {"keys": []}]
)
def test_what_is_no_name_is_refused_when_the_playbook_is_read(params: Object) -> None:
    with pytest.raises(ValidationError):
        RotateSecretParameters.model_validate(PARAMS | params)


@pytest.mark.parametrize("params", [{"secret": "${parameters.secret}"}, {"keys": ["${parameters.key}"]}])
def test_a_template_that_was_not_filled_in_names_nothing(params: Object) -> None:
    assert "${parameters." in refusal(shop(), **params)


# --- who uses it


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "web", "image": "web:v1", "envFrom": [{"secretRef": {"name": "db"}}]}]},
        {"containers": [{"name": "web", "image": "web:v1"}], "initContainers": [{"name": "init", "env": ENV}]},
        {
            "containers": [{"name": "web", "image": "web:v1"}],
            "volumes": [{"name": "v", "secret": {"secretName": "db"}}],
        },
        {
            "containers": [{"name": "web", "image": "web:v1"}],
            "volumes": [{"projected": {"sources": [{"secret": {"name": "db"}}]}}],
        },
        {"containers": [{"name": "web", "image": "web:v1"}], "imagePullSecrets": [{"name": "db"}]},
        {
            "containers": [{"name": "web", "image": "web:v1"}],
            "volumes": [{"csi": {"nodePublishSecretRef": {"name": "db"}}}],
        },
    ],
    ids=["envFrom", "init container", "volume", "projected", "pull secret", "csi"],
)
def test_whoever_gets_the_values_is_restarted(spec: Object) -> None:
    web = workload()
    web["spec"]["template"]["spec"] = spec
    assert [item["name"] for item in intent(shop(web=web)).record["consumers"]] == ["web"]


@pytest.mark.parametrize(
    "container",
    [
        {"env": [{"name": "USER", "valueFrom": {"secretKeyRef": {"name": "db", "key": "user"}}}]},
        {"env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "other", "key": "password"}}}]},
        {"envFrom": [{"configMapRef": {"name": "db"}}]},
    ],
    ids=["another key", "another Secret", "a ConfigMap"],
)
def test_who_gets_other_values_is_left_alone(container: Object) -> None:
    world = shop(web=using(workload(), **container), pods=False)
    assert intent(world).record["consumers"] == []


def test_a_volume_of_other_keys_is_left_alone() -> None:
    web = workload()
    web["spec"]["template"]["spec"]["volumes"] = [
        {"secret": {"secretName": "db", "items": [{"key": "user", "path": "u"}]}}
    ]
    assert intent(shop(web=web, pods=False)).record["consumers"] == []


def test_those_with_the_fewest_pods_are_restarted_first() -> None:
    world = shop(stateful("queue", 5), stateful("cache", 1))
    names = [item["name"] for item in intent(world).record["consumers"]]
    assert names == ["cache", "web", "queue"]


def test_a_workload_without_pods_needs_no_restart() -> None:
    assert intent(shop(web=using(workload(replicas=0)), pods=False)).record["consumers"] == []


def test_a_cron_job_is_named_and_refused() -> None:
    assert refusal(shop(cron_job())) == (
        "no restart here reaches CronJob/report, which would keep the old value of Secret/db; suspend or end them first,"
        " or write restart: false, and move them by hand"
    )


def test_a_suspended_cron_job_is_no_hindrance() -> None:
    intent(shop(cron_job(suspend=True)))


@pytest.mark.parametrize(
    ("owners", "named"),
    [
        ([], "Pod/lonely"),
        (
            [{"kind": "Job", "name": "report-1", "uid": "uid-report-1", "controller": True}],
            "Pod/lonely of Job/report-1",
        ),
        (owner("ReplicaSet", "bare"), "Pod/lonely of ReplicaSet/bare"),
    ],
    ids=["bare", "of a Job", "of a ReplicaSet alone"],
)
def test_a_pod_that_no_restart_reaches_is_named_and_refused(owners: list[Object], named: str) -> None:
    lonely = consumer_pod("lonely")
    lonely["metadata"]["ownerReferences"] = owners
    assert f"no restart here reaches {named}," in refusal(shop(lonely))


def test_a_pod_that_has_ended_is_no_hindrance() -> None:
    lonely = consumer_pod("lonely")
    lonely["metadata"]["ownerReferences"] = []
    lonely["status"]["phase"] = "Succeeded"
    intent(shop(lonely))


def test_where_there_are_too_many_to_look_at_nothing_is_done() -> None:
    world = shop()
    for number in range(2_000):
        world.objects["CronJob", f"c{number}"] = cron_job(suspend=True)
    assert "there are more than 2000 of CronJob in namespace shop" in refusal(world)


def test_more_workloads_than_one_step_restarts_are_refused() -> None:
    assert "21 workloads use Secret/db, more than the 20 of one step" in refusal(
        shop(*[stateful(f"s{number}", 1) for number in range(20)])
    )


# --- whether they can be restarted


def test_a_consumer_that_is_paused_is_refused_before_anything_is_rotated() -> None:
    assert "Deployment/web is paused" in refusal(shop(web=using(workload(paused=True))))


def test_a_consumer_that_would_go_down_whole_is_asked_about() -> None:
    found = intent(shop(web=using(workload(strategy={"type": "Recreate"}))))
    assert "restarting Deployment/web takes 3 of 3 Pods down at once" in found.ask


def test_a_consumer_whose_image_may_be_other_code_is_asked_about() -> None:
    web = using(workload(image="web:latest"), env=ENV, imagePullPolicy="Always")
    assert "restarting Deployment/web pulls web:latest again" in intent(shop(web=web)).ask


def test_a_rollout_of_somebody_else_is_waited_for() -> None:
    web = using(workload())
    web["status"] |= {"updatedReplicas": 1, "conditions": [{"type": "Progressing", "reason": "ReplicaSetUpdated"}]}
    expect(Waiting, prepare("rotateSecret", shop(web=web), **PARAMS))


# --- one after the other, whatever is killed when


def test_first_the_values_are_written_then_each_consumer_is_restarted_alone() -> None:
    world = shop(stateful("cache", 1))
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    assert [type(step_on(world, record)).__name__ for _ in range(3)] == ["Create", "FillRandom", "MergePatch"]
    cache = world.objects["StatefulSet", "cache"]
    cache["status"]["updatedReplicas"] = 0
    expect(Working, look(world, record))
    cache["status"]["updatedReplicas"] = 1
    assert only_effect(look(world, record), MergePatch).ref.name == "web"


def test_what_is_asked_twice_is_done_once() -> None:
    world = shop()
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    step_on(world, record)
    step_on(world, record)
    first = password(world)
    step_on(world, record)
    expect(Finished, look(world, record))
    assert password(world) == first != "hunter2"


def test_a_restart_is_bound_to_what_was_seen_and_carries_the_operation() -> None:
    world = shop()
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    for _ in range(2):
        step_on(world, record)
    effect = only_effect(look(world, record), MergePatch)
    assert (effect.resource_version, effect.ref.uid) == ("100", "uid-web")
    assert effect.patch["metadata"]["annotations"] == {"paramedic.dev/operation-id": OPERATION}


def test_once_something_was_begun_what_is_refused_takes_it_back() -> None:
    world = shop()
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    begun = []
    for _ in range(3):
        begun.append(expect(Pending, look(world, record)).begun)
        step_on(world, record)
    assert begun == [False, True, True]


def test_a_secret_that_others_wrote_before_it_was_rotated_is_left_alone() -> None:
    world = shop()
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    step_on(world, record)
    world.objects["Secret", "db"]["data"]["password"] = base64.b64encode(b"alice's").decode()
    assert refused(look(world, record)).startswith("others wrote Secret/db meanwhile")


def test_when_others_write_the_old_value_back_nothing_more_is_restarted() -> None:
    world = shop(stateful("cache", 1))
    record = rotated(world)
    world.objects["Secret", "db"]["data"]["password"] = OLD
    failed = expect(Failed, look(world, record))
    assert "rotate it where they have the values from" in failed.message
    assert failed.final


def test_when_others_replace_the_secret_by_its_old_self_it_is_not_rotated_again() -> None:
    world = shop()
    record = rotated(world)
    world.objects["Secret", "db"] = secret()
    assert refused(look(world, record)).startswith("others wrote Secret/db meanwhile")


def test_a_secret_that_was_created_again_is_another_one() -> None:
    world = shop()
    record = rotated(world)
    world.objects["Secret", "db"]["metadata"]["uid"] = "uid-of-the-next"
    assert "was deleted meanwhile, or created again" in refused(look(world, record))


def test_when_the_first_new_pod_does_not_come_up_it_goes_back() -> None:
    world = shop()
    record = rotated(world)
    half_way(world)
    failed = expect(Failed, look(world, record))
    assert failed.undo
    assert "new Pod web-new does not come up: CrashLoopBackOff" in failed.message


def test_a_consumer_that_is_gone_meanwhile_is_passed_over() -> None:
    world = shop()
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    step_on(world, record)
    step_on(world, record)
    del world.objects["Deployment", "web"]
    expect(Finished, look(world, record))


# --- and back


def back(world: World, record: Any, **ctx: Any) -> Any:
    return undo("rotateSecret", world, record, replace(context(), **ctx), **PARAMS)


def undone(world: World, record: Any) -> tuple[list[str], str]:
    """What an undo does, in order, and what it says at the end."""
    done = []
    for _ in range(10):
        answer = back(world, record, now=NOW + timedelta(minutes=5))
        if isinstance(answer, Finished):
            return done, answer.message
        for effect in expect(Pending, answer).effects:
            done.append(effect.describe())
            apply(world, effect)
    raise AssertionError(f"it goes on and on: {done}")


def test_undo_puts_the_values_back_restarts_again_and_forgets_the_kept_version() -> None:
    world = shop()
    record = rotated(world)
    done, message = undone(world, record)
    assert done == ["patch Secret/db", "patch Deployment/web", f"delete Secret/{KEPT}"]
    assert password(world) == "hunter2"
    assert message == "the values before are back in Secret/db, and Deployment/web with them"


def test_undo_of_a_complete_restart_is_another_restart() -> None:
    world = shop()
    record = rotated(world)
    undone(world, record)
    annotations = world.objects["Deployment", "web"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["kubectl.kubernetes.io/restartedAt"] == "2026-11-24T03:05:00.000000Z"


def test_undo_of_a_restart_that_failed_half_way_goes_back_to_the_pods_that_serve() -> None:
    world = shop()
    record = rotated(world)
    half_way(world)
    apply(world, only_effect(back(world, record), MergePatch))
    patch = only_effect(back(world, record), MergePatch)
    assert patch.ref.name == "web"
    assert patch.patch["spec"]["template"]["metadata"]["annotations"] == {"kubectl.kubernetes.io/restartedAt": None}


def test_undo_leaves_alone_what_was_not_restarted() -> None:
    world = shop(stateful("cache", 1))
    record = rotated(world)  # cache alone
    done, _ = undone(world, record)
    assert "patch Deployment/web" not in done


def test_undo_of_what_was_kept_and_never_rotated_only_forgets_it() -> None:
    world = shop()
    record = record_of(prepare("rotateSecret", world, **PARAMS))
    step_on(world, record)
    assert undone(world, record) == ([f"delete Secret/{KEPT}"], "nothing to undo: Secret/db has the values before")


def test_undo_leaves_a_value_that_a_person_wrote_since_and_says_where_the_one_before_is() -> None:
    world = shop()
    record = rotated(world)
    world.objects["Secret", "db"]["data"]["password"] = base64.b64encode(b"alice's").decode()
    done, message = undone(world, record)
    assert done == []
    assert message.startswith("left as it is: others wrote Secret/db since it was rotated")
    assert KEPT in message


def test_undo_without_the_kept_version_fails_and_says_so() -> None:
    world = shop()
    record = rotated(world)
    del world.objects["Secret", KEPT]
    assert refused(back(world, record)) == f"Secret/{KEPT} with the values before of Secret/db is gone"


def test_undo_is_done_once() -> None:
    world = shop()
    record = rotated(world)
    undone(world, record)
    assert undone(world, record)[0] == []


def test_the_end_of_its_time_ends_the_way_back_and_not_the_change() -> None:
    world = shop()
    record = rotated(world)
    new = password(world)
    answer = expect(Pending, back(world, record, expired=True))
    assert [effect.describe() for effect in answer.effects] == [f"delete Secret/{KEPT}"]
    assert expect(Finished, answer.done).message.endswith("the new ones stay")
    assert isinstance(answer.effects[0], Delete)
    assert password(world) == new


def test_the_way_back_ends_after_a_day() -> None:
    assert intent(shop()).expires_at == datetime(2026, 11, 25, 3, tzinfo=UTC)


def test_another_object_that_has_the_name_of_the_kept_version_is_not_deleted() -> None:
    world = shop()
    record = rotated(world)
    world.objects["Secret", KEPT]["metadata"]["annotations"] = {}
    assert isinstance(back(world, record, expired=True), Finished)


def test_a_rotation_that_is_undone_carries_the_undos_name() -> None:
    world = shop()
    record = rotated(world)
    apply(world, only_effect(back(world, record), MergePatch))
    marks = world.objects["Secret", "db"]["metadata"]["annotations"]
    assert marks == {"paramedic.dev/operation-id": undo_operation(context())}


# --- permissions


def test_without_restarts_workloads_need_not_be_touched() -> None:
    action = ACTIONS["rotateSecret"]
    params = RotateSecretParameters.model_validate(PARAMS | {"restart": False})
    assert {item.resource for item in action.permissions(params, "Deployment")} == {"secrets"}


def test_it_destroys_evidence() -> None:
    assert ACTIONS["rotateSecret"].destroys_evidence
    assert ago(seconds=0) == "2026-11-24T03:00:00Z"
