"""patch sets allowed fields of one object, and puts back what they held."""

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from paramedic.actions.contract import Failed, Finished, Intent, Skipped, Waiting, Working
from paramedic.actions.effects import JsonPatch
from paramedic.actions.patch import PatchParameters
from paramedic.actions.patching.fields import ALLOWED, KINDS, field_of
from paramedic.actions.registry import ACTIONS
from paramedic.model.objects import Object, dig
from paramedic.model.references import DEPLOYMENT
from unit.acting import apply, expect, observe, only_effect, prepare, record_of, refused, undo
from unit.builders import NAMESPACE, ago, context, pod, progressing, replica_set, template, workload
from unit.seen import World

IMAGE = "spec.template.spec.containers[web].image"
MEMORY = "spec.template.spec.containers[web].resources.limits.memory"
LEVEL = "spec.template.spec.containers[web].env[LEVEL].value"


def web(**container: Any) -> Object:
    found = workload()
    found["spec"]["template"] = template("web:v2", **container)
    return found


def shop(*more: Object, deployment: Object | None = None, **world: Any) -> World:
    pods = [pod(f"web-{number}") for number in range(3)]
    return World.of(deployment or web(), replica_set(1, template("web:v2")), *pods, *more, **world)


def setting(path: str, value: Any) -> dict[str, Any]:
    return {"set": [{"path": path, "value": value}]}


def patched(world: World, **params: Any) -> Any:
    """The record of a step whose write is done."""
    record = record_of(prepare("patch", world, **params))
    apply(world, only_effect(observe("patch", world, record, **params), JsonPatch))
    return record


def container(world: World) -> Object:
    found: Object = world.objects["Deployment", "web"]["spec"]["template"]["spec"]["containers"][0]
    return found


def written_by(obj: Object, who: str, field: str) -> None:
    obj["metadata"]["managedFields"] = [
        {"manager": who, "time": ago(seconds=0), "fieldsV1": {"f:spec": {field: {}}}}
    ]  # fmt: skip


def service(**spec: Any) -> Object:
    return {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "web", "namespace": NAMESPACE, "uid": "uid-svc", "resourceVersion": "5"},
        "spec": {"selector": {"app": "old"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]} | spec,
    }  # fmt: skip


# --- what it sets


def test_a_field_of_the_target_is_set_by_the_name_of_its_container() -> None:
    world = shop()
    intent = expect(Intent, prepare("patch", world, **setting(IMAGE, "web:v3")))
    assert intent.message == (
        f"patching Deployment/web: {IMAGE} from web:v2 to web:v3; 3 Pods replaced, at most 0 down at a time"
    )
    effect = only_effect(observe("patch", world, intent.record, **setting(IMAGE, "web:v3")), JsonPatch)
    assert effect.resource_version == "100"
    assert effect.operations == [
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:v3"},
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/paramedic.dev~1operation-id", "value": context().operation_id},
    ]


def test_what_a_path_misses_of_resources_is_added_once_for_all_fields() -> None:
    world = shop()
    cpu = MEMORY.replace("memory", "cpu")
    patched(world, set=[{"path": MEMORY, "value": "512Mi"}, {"path": cpu, "value": "500m"}])
    assert container(world)["resources"] == {"limits": {"memory": "512Mi", "cpu": "500m"}}


def test_a_key_that_holds_dots_stands_in_brackets() -> None:
    params = {"kind": "Service"} | setting("spec.selector[app.kubernetes.io/name]", "web")
    serving = pod("web-9")
    serving["metadata"]["labels"] = {"app.kubernetes.io/name": "web", "app": "old"}
    world = shop(service(), serving)
    patched(world, **params)
    assert world.objects["Service", "web"]["spec"]["selector"] == {"app": "old", "app.kubernetes.io/name": "web"}


@pytest.mark.parametrize("element", ["http", "80"])
def test_a_port_is_found_by_its_name_or_number(element: str) -> None:
    world = shop(service())
    patched(world, kind="Service", **setting(f"spec.ports[{element}].targetPort", "9090"))
    assert world.objects["Service", "web"]["spec"]["ports"][0]["targetPort"] == 9090


def test_a_backend_of_an_ingress_is_found_by_host_and_path() -> None:
    path = {"path": "/", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
    ingress = {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": NAMESPACE, "uid": "uid-ing", "resourceVersion": "5"},
        "spec": {"rules": [{"host": "shop.example.com", "http": {"paths": [path]}}]},
    }  # fmt: skip
    world = shop(ingress)
    where = "spec.rules[shop.example.com].http.paths[/].backend.service.name"
    record = patched(world, kind="Ingress", name="shop", **setting(where, "fallback"))
    assert record["changes"] == [{"path": where, "before": "web", "wanted": "fallback"}]
    backend = world.objects["Ingress", "shop"]["spec"]["rules"][0]["http"]["paths"][0]["backend"]
    assert backend["service"]["name"] == "fallback"


@pytest.mark.parametrize(
    ("path", "given", "stored"),
    [
        (LEVEL, 3, "3"),
        (LEVEL, True, "true"),
        ("spec.minReadySeconds", "10", 10),
        ("spec.paused", "true", True),
        (MEMORY, 1073741824, "1073741824"),
    ],
)
def test_a_value_becomes_what_the_field_wants(path: str, given: Any, stored: Any) -> None:
    world = shop(deployment=web(env=[{"name": "LEVEL", "value": "info"}]))
    record = record_of(prepare("patch", world, **setting(path, given)))
    assert record["changes"][0]["wanted"] == stored


def test_values_that_are_there_already_are_skipped() -> None:
    skipped = expect(Skipped, prepare("patch", shop(), **setting(IMAGE, "web:v2")))
    assert skipped.message == "Deployment/web holds this value already"


def test_a_quantity_is_the_same_however_it_is_written() -> None:
    world = shop(deployment=web(resources={"limits": {"memory": "1Gi"}}))
    assert isinstance(prepare("patch", world, **setting(MEMORY, "1024Mi")), Skipped)


def test_only_what_differs_is_written() -> None:
    params = {"set": [{"path": IMAGE, "value": "web:v2"}, {"path": "spec.minReadySeconds", "value": 5}]}
    record = record_of(prepare("patch", shop(), **params))
    assert [item["path"] for item in record["changes"]] == ["spec.minReadySeconds"]


# --- what it refuses


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("spec.replicas", r"spec.replicas of a Deployment cannot be patched \(use scale\); what can: spec.template"),
        ("spec.template.spec.hostNetwork", "cannot be patched; what can: "),
        ("metadata.labels", "cannot be patched"),
        ("spec.template.spec.containers[web].command", "cannot be patched"),
    ],
)
def test_other_fields_are_refused_with_the_list_of_those_that_are_allowed(path: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        PatchParameters.model_validate({"kind": "Deployment"} | setting(path, "x"))


def test_other_fields_of_the_target_are_refused_when_it_is_known() -> None:
    assert "spec.replicas of a Deployment cannot be patched (use scale)" in refused(
        prepare("patch", shop(), **setting("spec.replicas", 5))
    )


def test_other_kinds_are_refused_with_those_that_are_allowed() -> None:
    with pytest.raises(ValidationError, match="a Secret cannot be patched; what can: Deployment, StatefulSet,"):
        PatchParameters.model_validate({"kind": "Secret"} | setting("data.password", "x"))


def test_network_policies_are_not_patched() -> None:
    assert "NetworkPolicy" not in KINDS


def test_a_wrong_api_version_is_refused_with_the_right_one() -> None:
    with pytest.raises(ValidationError, match="a Service has the apiVersion v1, not apps/v1"):
        PatchParameters.model_validate({"kind": "Service", "apiVersion": "apps/v1"} | setting("spec.selector.app", "x"))


@pytest.mark.parametrize("path", ["spec..image", "spec.containers[]", "/spec/replicas", "spec.a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="is no path; write such as"):
        PatchParameters.model_validate(setting(path, "x"))


@pytest.mark.parametrize("value", [0.5, None, {"a": 1}, ["x"], "x" * 1025])
def test_what_is_no_plain_value_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="put it in quotes"):
        PatchParameters.model_validate(setting(IMAGE, value))


def test_an_object_that_is_not_there_is_refused() -> None:
    message = refused(prepare("patch", shop(), kind="Service", **setting("spec.selector.app", "web")))
    assert message == "there is no Service/web in namespace shop; write another name, or create it"


def test_a_container_that_is_not_there_is_refused_with_those_that_are() -> None:
    message = refused(prepare("patch", shop(), **setting(IMAGE.replace("web", "api"), "x")))
    assert message.endswith("containers[api].image leads nowhere: there is no api; there is web")


def test_a_probe_that_is_not_there_is_not_made_up() -> None:
    path = "spec.template.spec.containers[web].livenessProbe.periodSeconds"
    assert "the object has no such part" in refused(prepare("patch", shop(), **setting(path, 5)))


def test_a_variable_from_elsewhere_is_refused() -> None:
    world = shop(deployment=web(env=[{"name": "LEVEL", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]))
    assert "gets its value from elsewhere (valueFrom); change it there" in refused(
        prepare("patch", world, **setting(LEVEL, "debug"))
    )


def test_a_value_too_long_to_be_kept_is_refused() -> None:
    world = shop(deployment=web(env=[{"name": "LEVEL", "value": "x" * 2000}]))
    assert "2000 characters, more than the 1024 that can be kept" in refused(
        prepare("patch", world, **setting(LEVEL, "debug"))
    )


def test_a_value_of_another_type_is_refused() -> None:
    assert "'soon' is not a number" in refused(prepare("patch", shop(), **setting("spec.minReadySeconds", "soon")))
    assert "'lots' is not a quantity" in refused(prepare("patch", shop(), **setting(MEMORY, "lots")))


def test_a_field_that_is_set_twice_is_refused() -> None:
    twice = [{"path": IMAGE, "value": "web:v3"}, {"path": IMAGE, "value": "web:v4"}]
    assert "is set twice; keep one" in refused(prepare("patch", shop(), set=twice))


def test_what_another_controller_manages_is_refused() -> None:
    found = web()
    found["metadata"]["ownerReferences"] = [
        {"apiVersion": "example.com/v1", "kind": "Foo", "name": "x", "uid": "u", "controller": True}
    ]
    message = refused(prepare("patch", shop(deployment=found), **setting(IMAGE, "web:v3")))
    assert message.startswith("Deployment/web is managed by Foo/x (example.com/v1)")


def test_what_the_api_server_does_not_take_is_refused_before_it_is_tried() -> None:
    world = shop(patch_refusal="spec.minReadySeconds: Invalid value: 900: must be less than progressDeadlineSeconds")
    message = refused(prepare("patch", world, **setting("spec.minReadySeconds", 900)))
    assert message.startswith(
        "the API server does not take the change of Deployment/web: spec.minReadySeconds: Invalid"
    )


def test_a_pod_that_would_not_be_admitted_is_refused() -> None:
    world = shop(dry_run_refusal='violates PodSecurity "restricted"')
    assert "a Pod of the new template of Deployment/web would not be admitted: violates" in refused(
        prepare("patch", world, **setting(IMAGE, "web:v3"))
    )


def test_a_paused_deployment_is_not_patched_in_vain_but_may_be_resumed_with_it() -> None:
    found = web()
    found["spec"]["paused"] = True
    assert "is paused" in refused(prepare("patch", shop(deployment=found), **setting(IMAGE, "web:v3")))
    both = {"set": [{"path": IMAGE, "value": "web:v3"}, {"path": "spec.paused", "value": False}]}
    assert isinstance(prepare("patch", shop(deployment=copy.deepcopy(found)), **both), Intent)


def test_a_service_is_not_pointed_at_nothing() -> None:
    message = refused(prepare("patch", shop(service()), kind="Service", **setting("spec.selector.app", "typo")))
    assert message == "no ready Pod has the labels app=typo: Service/web would send its traffic nowhere"
    assert isinstance(prepare("patch", shop(service()), kind="Service", **setting("spec.selector.app", "web")), Intent)


def test_lowering_an_autoscalers_bounds_is_asked_about() -> None:
    hpa = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "5"},
        "spec": {"minReplicas": 3, "maxReplicas": 10},
    }  # fmt: skip
    kind = {"kind": "HorizontalPodAutoscaler"}
    intent = expect(Intent, prepare("patch", shop(hpa), **kind, **setting("spec.maxReplicas", 4)))
    assert intent.ask.endswith("it lowers spec.maxReplicas, which may take Pods away while an incident is open")
    assert expect(Intent, prepare("patch", shop(hpa), **kind, **setting("spec.maxReplicas", 20))).ask == ""


# --- following


def test_a_rollout_that_it_sets_off_is_followed() -> None:
    world = shop()
    params = setting(IMAGE, "web:v3")
    record = patched(world, **params)
    world.objects["Deployment", "web"]["metadata"]["generation"] = 6
    assert isinstance(observe("patch", world, record, **params), Working)
    world.objects["Deployment", "web"]["status"]["observedGeneration"] = 6
    done = expect(Finished, observe("patch", world, record, **params))
    assert done.message.endswith("all 3 Pods updated and available")
    assert dict(done.outputs) == {"object": "Deployment/web", "changed": [IMAGE]}


def test_somebody_elses_rollout_that_goes_well_is_waited_for_and_one_that_fails_is_not() -> None:
    found = web()
    found["status"] |= {"updatedReplicas": 1, "replicas": 4, "conditions": progressing("ReplicaSetUpdated")}
    written_by(found, "kubectl-set", "f:template")
    world = shop(replica_set(2, template("web:v2")), pod("new", of="h2", ready=False), deployment=found)
    waiting = expect(Waiting, prepare("patch", world, **setting(IMAGE, "web:v3")))
    assert waiting.message.startswith("a rollout by kubectl-set began")
    world.objects["Pod", "new"] = pod("new", of="h2", ready=False, trouble="ImagePullBackOff")
    assert isinstance(prepare("patch", world, **setting(IMAGE, "web:v3")), Intent)


def test_a_rollout_that_does_not_come_up_is_taken_back() -> None:
    world = shop()
    record = patched(world, **setting(IMAGE, "web:v3"))
    found = world.objects["Deployment", "web"]
    found["status"] |= {"updatedReplicas": 1, "replicas": 4}
    world.objects["ReplicaSet", "web-h2"] = replica_set(2, template("web:v3"))
    world.objects["Pod", "new"] = pod("new", of="h2", ready=False, trouble="ImagePullBackOff")
    failed = expect(Failed, observe("patch", world, record, **setting(IMAGE, "web:v3")))
    assert failed.undo and "ImagePullBackOff" in failed.message


def test_what_sets_off_no_rollout_is_done_with_the_write() -> None:
    world = shop(service())
    params = {"kind": "Service"} | setting("spec.selector.app", "web")
    done = expect(Finished, observe("patch", world, patched(world, **params), **params))
    assert done.message == "Service/web is patched: spec.selector.app from old to web"


def test_a_field_that_somebody_set_before_is_looked_at_anew() -> None:
    world = shop()
    record = record_of(prepare("patch", world, **setting(IMAGE, "web:v3")))
    container(world)["image"] = "web:v9"
    written_by(world.objects["Deployment", "web"], "kubectl-set", "f:template")
    failed = expect(Failed, observe("patch", world, record, **setting(IMAGE, "web:v3")))
    assert failed.untouched
    assert (
        failed.message
        == f"{IMAGE} of Deployment/web was changed by kubectl-set before it was patched; nothing was changed"
    )


def test_a_field_that_somebody_set_since_is_not_written_back() -> None:
    world = shop()
    record = patched(world, **setting(IMAGE, "web:v3"))
    container(world)["image"] = "web:v9"
    assert f"somebody has set {IMAGE} since" in refused(observe("patch", world, record, **setting(IMAGE, "web:v3")))


# --- the way back


def test_undo_puts_back_what_the_fields_held() -> None:
    world = shop()
    before = copy.deepcopy(world.objects["Deployment", "web"]["spec"])
    both = {"set": [{"path": IMAGE, "value": "web:v3"}, {"path": "spec.minReadySeconds", "value": 9}]}
    record = patched(world, **both)
    apply(world, only_effect(undo("patch", world, record, **both), JsonPatch))
    assert world.objects["Deployment", "web"]["spec"] == before
    assert expect(Finished, undo("patch", world, record, **both)).message.startswith(
        "Deployment/web holds what it held before"
    )


def test_undo_takes_away_what_was_not_there() -> None:
    world = shop()
    record = patched(world, **setting(MEMORY, "512Mi"))
    apply(world, only_effect(undo("patch", world, record, **setting(MEMORY, "512Mi")), JsonPatch))
    assert not dig(container(world), "resources", "limits")


def test_undo_leaves_what_somebody_has_set_since() -> None:
    world = shop()
    record = patched(world, **setting(IMAGE, "web:v3"))
    container(world)["image"] = "web:v9"
    written_by(world.objects["Deployment", "web"], "alice", "f:template")
    done = expect(Finished, undo("patch", world, record, **setting(IMAGE, "web:v3")))
    assert done.message == f"left as it is: {IMAGE} of Deployment/web, which alice has set since"


def test_undo_leaves_the_same_value_where_somebody_else_has_set_it() -> None:
    world = shop()
    record = patched(world, **setting(IMAGE, "web:v3"))
    written_by(world.objects["Deployment", "web"], "alice", "f:template")
    assert "left as it is" in expect(Finished, undo("patch", world, record, **setting(IMAGE, "web:v3"))).message


# --- the table


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_the_number_of_pods_is_never_patched(kind: str) -> None:
    assert field_of(KINDS[kind], "spec.replicas") is None


def test_each_kind_has_fields() -> None:
    assert all(ALLOWED.values())


def test_an_alternative_fits_in_each_of_its_words() -> None:
    probe = "spec.template.spec.containers[web].{}.periodSeconds"
    assert all(field_of(DEPLOYMENT, probe.format(name)) for name in ("livenessProbe", "readinessProbe", "startupProbe"))


def test_without_a_kind_it_works_on_workloads() -> None:
    params = PatchParameters.model_validate(setting(IMAGE, "web:v3"))
    assert ACTIONS["patch"].works_on(params) == ("Deployment", "StatefulSet", "DaemonSet")
    named = PatchParameters.model_validate({"kind": "Service"} | setting("spec.selector.app", "web"))
    assert ACTIONS["patch"].works_on(named) == ()
