"""What the tests on FakeCluster lean on, asked of FakeCluster and of a real API server alike."""

import copy
from collections.abc import Awaitable

import pytest

from contract.conftest import POWERLESS, Cluster
from paramedic.actions.effects import FillRandom
from paramedic.actions.reads import Denied, ListObjects, NotServed, TryPatch
from paramedic.cluster.api import Api
from paramedic.cluster.fake_http import FakeHttp
from paramedic.cluster.random_values import filled
from paramedic.cluster.transport import MERGE_PATCH, ApiError, Unavailable
from paramedic.model.fingerprints import fingerprint
from paramedic.model.objects import Object
from paramedic.model.references import (
    ACCESS_REVIEW,
    CONFIGMAP,
    DEPLOYMENT,
    INCIDENT,
    LEASE,
    NETWORK_POLICY,
    PLAYBOOK,
    POD,
    ROLE_BINDING,
    SECRET,
    SELF_REVIEW,
    VOLUME_SNAPSHOT,
    ObjectRef,
    Resource,
)
from support.objects import deployment, incident, playbook, step

RESTARTED = "kubectl.kubernetes.io/restartedAt"


def config_map(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


def stopped(name: str = "web") -> Object:
    """A Deployment that no controller does anything about, so that nobody else writes to it: it is paused."""
    return deployment(name, replicas=0, paused=True)


async def settled(cluster: Cluster, name: str = "web") -> Object:
    """A stopped Deployment, once its controller, where there is one, has written its status and is quiet."""
    await cluster.create(stopped(name))
    return await cluster.get(DEPLOYMENT, name)


# --- creating


async def test_what_is_created_gets_a_uid_a_version_and_the_time(cluster: Cluster) -> None:
    stored = await cluster.create(incident("one", "web", "book"))

    meta = stored["metadata"]
    assert meta["uid"] and meta["resourceVersion"] and meta["creationTimestamp"].endswith("Z")
    assert (meta["namespace"], meta["generation"]) == (cluster.namespace, 1)


async def test_kinds_without_generation_have_none(cluster: Cluster) -> None:
    assert "generation" not in (await cluster.create(config_map("one")))["metadata"]


async def test_a_status_given_at_create_is_dropped(cluster: Cluster) -> None:
    stored = await cluster.create(incident("one", "web", "book") | {"status": {"phase": "Resolved"}})

    assert "status" not in stored


async def test_a_job_has_a_generation_and_a_status_of_its_own(cluster: Cluster) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "tool", "image": "localhost/tool:v1"}]}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "one"}, "spec": {"template": template}}

    stored = await cluster.create(job | {"status": {"succeeded": 1}}, dryRun="All")

    assert stored["metadata"]["generation"] == 1
    assert not stored.get("status")


async def test_a_second_create_of_the_same_name_is_refused(cluster: Cluster) -> None:
    await cluster.create(config_map("one"))

    error = await cluster.refusal("POST", cluster.path(CONFIGMAP), config_map("one"))

    assert (error.status, error.reason) == (409, "AlreadyExists")
    assert error.message == 'configmaps "one" already exists'


async def test_the_refusal_of_a_second_create_names_the_group(cluster: Cluster) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
    }  # fmt: skip
    await cluster.create(policy)

    error = await cluster.refusal("POST", cluster.path(NETWORK_POLICY), policy)

    assert error.message == 'networkpolicies.networking.k8s.io "deny" already exists'


async def test_a_name_can_be_generated(cluster: Cluster) -> None:
    body = config_map("")
    body["metadata"] = {"generateName": "made-"}

    stored = await cluster.send("POST", cluster.path(CONFIGMAP), body)

    assert stored["metadata"]["name"].startswith("made-")
    assert len(stored["metadata"]["name"]) == len("made-") + 5


async def test_an_object_without_a_name_is_refused(cluster: Cluster) -> None:
    body = config_map("")
    del body["metadata"]["name"]

    error = await cluster.refusal("POST", cluster.path(CONFIGMAP), body)

    assert (error.status, error.reason) == (422, "Invalid")


async def test_a_dry_run_answers_and_stores_nothing(cluster: Cluster) -> None:
    answer = await cluster.create(config_map("one"), dryRun="All")

    assert answer["metadata"]["uid"]
    assert await cluster.names(CONFIGMAP, fieldSelector="metadata.name=one") == []


async def test_a_dry_run_finds_what_exists_already(cluster: Cluster) -> None:
    await cluster.create(config_map("one"))

    error = await cluster.refusal("POST", cluster.path(CONFIGMAP), config_map("one"), dryRun="All")

    assert error.reason == "AlreadyExists"


# --- reading


async def test_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    error = await cluster.refusal("GET", cluster.path(DEPLOYMENT, "nobody"))

    assert (error.status, error.reason) == (404, "NotFound")
    assert error.message == 'deployments.apps "nobody" not found'


async def test_items_of_a_list_carry_no_kind_of_their_own_but_those_of_our_kinds(cluster: Cluster) -> None:
    await cluster.create(config_map("one"))
    await cluster.create(incident("one", "web", "book"))

    built_in = await cluster.send("GET", cluster.path(CONFIGMAP), fieldSelector="metadata.name=one")
    ours = await cluster.send("GET", cluster.path(INCIDENT))

    assert "kind" not in built_in["items"][0]
    assert ours["items"][0]["kind"] == "Incident"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("app=web", ["a", "b"]),
        ("app==web,tier=front", ["a"]),
        ("app!=web", ["c", "d"]),
        ("app in (web, api)", ["a", "b", "c"]),
        ("app notin (web)", ["c", "d"]),
        ("app", ["a", "b", "c"]),
        ("!app,run=contract", ["d"]),
        ("app in (web),tier notin (front,back)", ["b"]),
    ],
)
async def test_lists_are_selected_by_labels(cluster: Cluster, selector: str, expected: list[str]) -> None:
    every = {"run": "contract"}
    await cluster.create(config_map("a", app="web", tier="front", **every))
    await cluster.create(config_map("b", app="web", **every))
    await cluster.create(config_map("c", app="api", **every))
    await cluster.create(config_map("d", **every))

    assert await cluster.names(CONFIGMAP, labelSelector=f"{selector},run=contract") == expected


async def test_an_unreadable_label_selector_is_a_bad_request(cluster: Cluster) -> None:
    error = await cluster.refusal("GET", cluster.path(CONFIGMAP), labelSelector="app in web")

    assert (error.status, error.reason) == (400, "BadRequest")


async def test_incidents_are_selected_by_phase_and_target(cluster: Cluster) -> None:
    for name, phase in (("one", "Running"), ("two", "Resolved")):
        stored = await cluster.create(incident(name, "web", "book"))
        status = {"phase": phase, "target": "Deployment/web"}
        await cluster.send("PUT", cluster.path(INCIDENT, name, "status"), stored | {"status": status})

    assert await cluster.names(INCIDENT, fieldSelector="status.phase=Running") == ["one"]
    assert await cluster.names(INCIDENT, fieldSelector="status.phase!=Running") == ["two"]
    assert await cluster.names(INCIDENT, fieldSelector="status.target=Deployment/web") == ["one", "two"]
    assert await cluster.names(INCIDENT, fieldSelector="metadata.name=two") == ["two"]


async def test_incidents_of_an_alert_that_have_not_ended_are_selected(cluster: Cluster) -> None:
    alert = {"name": "A", "fingerprint": "f1", "startsAt": "2026-01-01T00:00:00Z"}
    for name, phase in (("ended", "Failed"), ("fresh", ""), ("running", "Running")):
        stored = await cluster.create(incident(name, "web", "book", alert=alert))
        if phase:
            await cluster.send("PUT", cluster.path(INCIDENT, name, "status"), stored | {"status": {"phase": phase}})
    await cluster.create(incident("other", "web", "book", alert=alert | {"fingerprint": "f2"}))

    selector = "spec.alert.fingerprint=f1,status.phase!=Failed,status.phase!=Resolved"
    assert await cluster.names(INCIDENT, fieldSelector=selector) == ["fresh", "running"]


async def test_a_merge_patch_of_a_status_is_bound_to_the_version_that_it_names(cluster: Cluster) -> None:
    first = await cluster.create(incident("one", "web", "book"))
    path = cluster.path(INCIDENT, "one", "status")

    async def say(obj: Object, **alert: str | None) -> Object:
        body = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, "status": {"alert": alert}}
        found: Object = await cluster.send("PATCH", path, body, content_type=MERGE_PATCH)
        return found

    second = await say(first, state="Resolved", endsAt="2026-01-01T00:00:00Z", startsAt=None)
    assert second["status"]["alert"] == {"state": "Resolved", "endsAt": "2026-01-01T00:00:00Z"}
    assert second["spec"] == first["spec"] and second["metadata"]["generation"] == 1

    with pytest.raises(ApiError) as caught:
        await say(first, state="Firing")
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")

    third = await say(second, state="Firing", endsAt=None)
    assert third["status"]["alert"] == {"state": "Firing"}


async def test_other_fields_do_not_select(cluster: Cluster) -> None:
    error = await cluster.refusal("GET", cluster.path(INCIDENT), fieldSelector="spec.summary=x")

    assert (error.status, error.message) == (400, "field label not supported: spec.summary")


async def test_long_lists_come_in_pages_ordered_by_name(cluster: Cluster) -> None:
    for name in ("c", "a", "b"):
        await cluster.create(config_map(name, run="contract"))
    query = {"labelSelector": "run=contract", "limit": "2"}

    first = await cluster.send("GET", cluster.path(CONFIGMAP), **query)
    rest = await cluster.send("GET", cluster.path(CONFIGMAP), **query, **{"continue": first["metadata"]["continue"]})

    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert not rest["metadata"].get("continue")


# --- replacing


async def test_a_put_on_status_changes_the_status_alone(cluster: Cluster) -> None:
    stored = await cluster.create(incident("one", "web", "book"))
    changed = copy.deepcopy(stored) | {"status": {"phase": "Running"}}
    changed["spec"]["acknowledgedBy"] = "alice"
    changed["metadata"]["labels"] = {"a": "b"}

    after = await cluster.send("PUT", cluster.path(INCIDENT, "one", "status"), changed)

    assert after["status"]["phase"] == "Running"
    assert "acknowledgedBy" not in after["spec"]
    assert "labels" not in after["metadata"]
    assert after["metadata"]["generation"] == 1
    assert after["metadata"]["resourceVersion"] != stored["metadata"]["resourceVersion"]


async def test_a_put_on_the_object_leaves_the_status(cluster: Cluster) -> None:
    stored = await cluster.create(incident("one", "web", "book"))
    stored = await cluster.send(
        "PUT", cluster.path(INCIDENT, "one", "status"), stored | {"status": {"phase": "Running"}}
    )
    changed = copy.deepcopy(stored) | {"status": {"phase": "Resolved"}}
    changed["spec"]["acknowledgedBy"] = "alice"

    after = await cluster.send("PUT", cluster.path(INCIDENT, "one"), changed)

    assert after["status"]["phase"] == "Running"
    assert after["metadata"]["generation"] == 2


@pytest.mark.parametrize("subresource", [None, "status"])
async def test_a_put_with_a_version_that_is_old_conflicts(cluster: Cluster, subresource: str | None) -> None:
    stored = await cluster.create(incident("one", "web", "book"))
    await cluster.merge(INCIDENT, "one", {"metadata": {"labels": {"a": "b"}}})

    error = await cluster.refusal("PUT", cluster.path(INCIDENT, "one", subresource), stored | {"status": {}})

    assert (error.status, error.reason) == (409, "Conflict")
    assert error.message == (
        'Operation cannot be fulfilled on incidents.paramedic.dev "one": the object has been modified; please apply your'
        " changes to the latest version and try again"
    )


async def test_a_put_for_another_uid_conflicts(cluster: Cluster) -> None:
    stored = await cluster.create(incident("one", "web", "book"))
    await cluster.send("DELETE", cluster.path(INCIDENT, "one"))
    new = await cluster.create(incident("one", "web", "book"))
    stored["metadata"]["resourceVersion"] = new["metadata"]["resourceVersion"]

    error = await cluster.refusal("PUT", cluster.path(INCIDENT, "one", "status"), stored | {"status": {}})

    assert (error.status, error.reason) == (409, "Conflict")
    assert "UID" in error.message


async def test_a_put_of_what_is_gone_is_not_found(cluster: Cluster) -> None:
    stored = await cluster.create(incident("one", "web", "book"))
    await cluster.send("DELETE", cluster.path(INCIDENT, "one"))

    error = await cluster.refusal("PUT", cluster.path(INCIDENT, "one", "status"), stored | {"status": {}})

    assert error.status == 404


@pytest.mark.parametrize("kind", ["Lease", "Incident"])
async def test_some_kinds_cannot_be_put_without_a_version(cluster: Cluster, kind: str) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "one"}, "spec": {}}
    resource, body = (LEASE, lease) if kind == "Lease" else (INCIDENT, incident("one", "web", "book"))
    stored = await cluster.create(body)
    del stored["metadata"]["resourceVersion"]

    error = await cluster.refusal("PUT", cluster.path(resource, "one"), stored)

    assert (error.status, error.reason) == (422, "Invalid")


async def test_others_can(cluster: Cluster) -> None:
    stored = await cluster.create(config_map("one"))
    del stored["metadata"]["resourceVersion"]
    stored["data"]["a"] = "2"

    assert (await cluster.send("PUT", cluster.path(CONFIGMAP, "one"), stored))["data"] == {"a": "2"}


async def test_what_changes_nothing_keeps_the_version(cluster: Cluster) -> None:
    """Not so for a Playbook's first write: its status has a default, which is stored only then."""
    stored = await cluster.create(incident("one", "web", "back"))

    after = await cluster.send("PUT", cluster.path(INCIDENT, "one"), stored)
    patched = await cluster.merge(INCIDENT, "one", {"spec": {"summary": "it does not answer"}})

    assert after["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]
    assert patched["metadata"]["resourceVersion"] == stored["metadata"]["resourceVersion"]


# --- patching


async def test_a_merge_patch_merges_objects_replaces_lists_and_removes_what_is_null(cluster: Cluster) -> None:
    await cluster.create(config_map("one", keep="1", drop="1"))

    after = await cluster.merge(
        CONFIGMAP, "one", {"metadata": {"labels": {"drop": None, "new": "2"}}, "data": {"b": "3"}}
    )

    assert after["metadata"]["labels"] == {"keep": "1", "new": "2"}
    assert after["data"] == {"a": "1", "b": "3"}


async def test_a_json_patch_adds_removes_and_replaces(cluster: Cluster) -> None:
    await cluster.create(config_map("one", old="1"))

    after = await cluster.json_patch(
        CONFIGMAP, "one",
        {"op": "add", "path": "/metadata/annotations", "value": {}},
        {"op": "add", "path": "/metadata/annotations/paramedic.dev~1note", "value": "x"},
        {"op": "remove", "path": "/metadata/labels/old"},
        {"op": "replace", "path": "/data/a", "value": "2"},
        {"op": "test", "path": "/data/a", "value": "2"},
    )  # fmt: skip

    assert after["metadata"]["annotations"] == {"paramedic.dev/note": "x"}
    assert not after["metadata"].get("labels")
    assert after["data"] == {"a": "2"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/data/a", "value": "another"},
        {"op": "remove", "path": "/data/nothing"},
        {"op": "add", "path": "/nowhere/at/all", "value": "2"},
    ],
    ids=["test fails", "remove of nothing", "add into nothing"],
)
async def test_a_json_patch_that_does_not_apply_is_invalid_and_changes_nothing(
    cluster: Cluster, operation: Object
) -> None:
    stored = await cluster.create(config_map("one"))

    with pytest.raises(ApiError) as caught:
        await cluster.json_patch(CONFIGMAP, "one", {"op": "replace", "path": "/data/a", "value": "9"}, operation)

    assert (caught.value.status, caught.value.reason) == (422, "Invalid")
    assert (await cluster.get(CONFIGMAP, "one"))["data"] == stored["data"]


async def test_a_json_patch_is_applied_before_its_version_is_compared(cluster: Cluster) -> None:
    stored = await cluster.create(config_map("one"))
    await cluster.merge(CONFIGMAP, "one", {"data": {"a": "2"}})
    version = {"op": "replace", "path": "/metadata/resourceVersion", "value": stored["metadata"]["resourceVersion"]}

    with pytest.raises(ApiError) as caught:
        await cluster.json_patch(CONFIGMAP, "one", version, {"op": "add", "path": "/nowhere/at/all", "value": "2"})

    assert caught.value.status == 422
    assert caught.value.message == "the server rejected our request due to an error in our request"


async def test_a_patch_of_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    with pytest.raises(ApiError) as caught:
        await cluster.merge(CONFIGMAP, "one", {"data": {"a": "2"}})

    assert caught.value.status == 404


async def test_a_replace_of_nothing_adds_although_rfc_6902_forbids_it(cluster: Cluster) -> None:
    await cluster.create(config_map("one"))

    after = await cluster.json_patch(CONFIGMAP, "one", {"op": "replace", "path": "/data/new", "value": "2"})

    assert after["data"] == {"a": "1", "new": "2"}


@pytest.mark.parametrize(
    ("fields", "status"), [(("uid", "resourceVersion"), 409), (("resourceVersion",), 409), (("uid",), 422)], ids=str
)
@pytest.mark.parametrize(
    "body", [config_map("one"), stopped("one"), incident("one", "web", "book")], ids=lambda b: b["kind"]
)
@pytest.mark.parametrize("form", ["merge", "json"])
async def test_the_version_in_a_patch_is_a_precondition_and_the_uid_cannot_be_changed(
    cluster: Cluster, form: str, body: Object, fields: tuple[str, ...], status: int
) -> None:
    resource = ObjectRef.of(body).resource
    first = await cluster.create(body)
    await cluster.send("DELETE", cluster.path(resource, "one"))
    await cluster.create(body)
    named = {field: first["metadata"][field] for field in fields}

    with pytest.raises(ApiError) as caught:
        if form == "merge":
            await cluster.merge(resource, "one", {"metadata": {**named, "labels": {"a": "2"}}})
        else:
            replaced = [{"op": "replace", "path": f"/metadata/{key}", "value": value} for key, value in named.items()]
            await cluster.json_patch(
                resource, "one", *replaced, {"op": "add", "path": "/metadata/labels", "value": {"a": "2"}}
            )

    assert (caught.value.status, caught.value.reason) == (status, "Conflict" if status == 409 else "Invalid")
    assert (await cluster.get(resource, "one"))["metadata"].get("labels") != {"a": "2"}


@pytest.mark.parametrize("form", ["merge", "json"])
async def test_a_patch_bound_to_the_stored_uid_and_version_is_done(cluster: Cluster, form: str) -> None:
    meta = (await cluster.create(config_map("one")))["metadata"]
    named = {key: meta[key] for key in ("uid", "resourceVersion")}

    if form == "merge":
        after = await cluster.merge(CONFIGMAP, "one", {"metadata": named, "data": {"a": "2"}})
    else:
        replaced = [{"op": "replace", "path": f"/metadata/{key}", "value": value} for key, value in named.items()]
        after = await cluster.json_patch(CONFIGMAP, "one", *replaced, {"op": "add", "path": "/data/a", "value": "2"})

    assert after["data"] == {"a": "2"}


async def test_a_patch_of_the_spec_counts_a_generation_and_one_of_labels_does_not(cluster: Cluster) -> None:
    await cluster.create(playbook("one", step("back", "rollback")))

    labelled = await cluster.merge(PLAYBOOK, "one", {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}})
    changed = await cluster.merge(PLAYBOOK, "one", {"spec": {"description": "another"}})

    assert labelled["metadata"]["generation"] == 1
    assert changed["metadata"]["generation"] == 2


async def test_an_annotation_of_a_deployment_counts_a_generation_too(cluster: Cluster) -> None:
    before = (await settled(cluster))["metadata"]["generation"]

    labelled = await cluster.merge(DEPLOYMENT, "web", {"metadata": {"labels": {"a": "b"}}})
    annotated = await cluster.merge(DEPLOYMENT, "web", {"metadata": {"annotations": {"a": "b"}}})

    assert annotated["metadata"]["generation"] == labelled["metadata"]["generation"] + 1
    assert labelled["metadata"]["generation"] in (before, before + 1)  # its controller may have annotated it meanwhile


async def test_a_restart_and_its_operation_are_one_patch(cluster: Cluster) -> None:
    await settled(cluster)
    template = {"metadata": {"annotations": {RESTARTED: "2026-01-01T00:00:00Z"}}}
    patch = {"metadata": {"annotations": {"paramedic.dev/operation-id": "x"}}, "spec": {"template": template}}

    after = await cluster.merge(DEPLOYMENT, "web", patch)

    assert after["metadata"]["annotations"]["paramedic.dev/operation-id"] == "x"
    assert after["spec"]["template"]["metadata"]["annotations"] == template["metadata"]["annotations"]
    assert after["spec"]["template"]["metadata"]["labels"] == {"app": "web"}


# --- deleting


async def test_a_delete_for_another_uid_conflicts_and_deletes_nothing(cluster: Cluster) -> None:
    stored = await cluster.create(config_map("one"))
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "another"}}

    error = await cluster.refusal("DELETE", cluster.path(CONFIGMAP, "one"), options)
    await cluster.get(CONFIGMAP, "one")
    options["preconditions"] = {"uid": stored["metadata"]["uid"]}
    await cluster.send("DELETE", cluster.path(CONFIGMAP, "one"), options)

    assert (error.status, error.reason) == (409, "Conflict")
    assert (await cluster.refusal("GET", cluster.path(CONFIGMAP, "one"))).status == 404


async def test_a_delete_of_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    error = await cluster.refusal("DELETE", cluster.path(CONFIGMAP, "one"))

    assert (error.status, error.reason) == (404, "NotFound")


async def test_an_object_with_a_finalizer_is_only_marked_until_that_is_gone(cluster: Cluster) -> None:
    body = config_map("one")
    body["metadata"]["finalizers"] = ["example.org/hold"]
    await cluster.create(body)

    await cluster.send("DELETE", cluster.path(CONFIGMAP, "one"))
    marked = await cluster.get(CONFIGMAP, "one")
    await cluster.merge(CONFIGMAP, "one", {"metadata": {"finalizers": None}})

    assert marked["metadata"]["deletionTimestamp"]
    assert (await cluster.refusal("GET", cluster.path(CONFIGMAP, "one"))).status == 404


# --- who may do what


@pytest.mark.parametrize(
    ("method", "resource", "name", "expected"),
    [
        ("GET", DEPLOYMENT, "web", 'deployments.apps "web" is forbidden: {user} cannot get resource "deployments" in API group "apps" in the namespace "{ns}"'),
        ("GET", POD, None, 'pods is forbidden: {user} cannot list resource "pods" in API group "" in the namespace "{ns}"'),
        ("POST", SECRET, None, 'secrets is forbidden: {user} cannot create resource "secrets" in API group "" in the namespace "{ns}"'),
        ("DELETE", POD, "web", 'pods "web" is forbidden: {user} cannot delete resource "pods" in API group "" in the namespace "{ns}"'),
        ("PATCH", NETWORK_POLICY, "web", 'networkpolicies.networking.k8s.io "web" is forbidden: {user} cannot patch resource "networkpolicies" in API group "networking.k8s.io" in the namespace "{ns}"'),
    ],
)  # fmt: skip
async def test_who_has_no_right_is_refused_in_these_words(
    cluster: Cluster, method: str, resource: Resource, name: str | None, expected: str
) -> None:
    path = cluster.path(resource, name)
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    body = {} if method in ("POST", "PATCH") else None

    error = await cluster.refusal(method, path, body, account=cluster.powerless, content_type=kind)

    assert (error.status, error.reason) == (403, "Forbidden")
    assert error.message == expected.format(user=f'User "{cluster.powerless}"', ns=cluster.namespace)


async def test_a_log_is_a_right_of_its_own(cluster: Cluster) -> None:
    error = await cluster.refusal("GET", cluster.path(POD, "web", "log"), account=cluster.powerless)

    assert error.message == (
        f'pods "web" is forbidden: User "{cluster.powerless}" cannot get resource "pods/log" in API group "" in the'
        f' namespace "{cluster.namespace}"'
    )


@pytest.mark.parametrize(("account", "allowed"), [("", True), ("powerless", False)])
async def test_everybody_can_ask_what_they_may_do(cluster: Cluster, account: str, allowed: bool) -> None:
    attributes = {"namespace": cluster.namespace, "verb": "patch", "group": "apps", "resource": "deployments"}
    body = {
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }  # fmt: skip
    user = cluster.powerless if account else ""

    answer = await cluster.send("POST", ACCESS_REVIEW.path(None), body, account=user)

    assert answer["status"]["allowed"] is allowed


# --- lists that are as new as what is known


async def test_a_recent_list_holds_what_was_just_written(cluster: Cluster) -> None:
    api = Api(cluster.transport, FakeHttp())
    question = ListObjects(INCIDENT, cluster.namespace, field_selector="status.phase=Running", recent=True)
    for name in ("one", "two", "three"):
        created = await api.create(INCIDENT, cluster.namespace, incident(name, "web", "book"))
        assert name not in [item["metadata"]["name"] for item in await api.list(question)]

        await api.put_status(INCIDENT, {**created, "status": {"phase": "Running"}})

        assert name in [item["metadata"]["name"] for item in await api.list(question)]


async def test_a_recent_list_comes_in_pages_too(cluster: Cluster) -> None:
    api = Api(cluster.transport, FakeHttp())
    for number in range(3):
        await api.create(CONFIGMAP, cluster.namespace, config_map(f"page-{number}", of="book"))

    first = await cluster.send("GET", cluster.path(CONFIGMAP), labelSelector="of=book", limit="2")
    listed = await api.list(ListObjects(CONFIGMAP, cluster.namespace, "of=book", limit=3, recent=True))

    assert len(first["items"]) == 2
    assert [item["metadata"]["name"] for item in listed] == ["page-0", "page-1", "page-2"]


# --- trying


def minimum(seconds: int) -> list[Object]:
    return [{"op": "add", "path": "/spec/minReadySeconds", "value": seconds}]


async def test_a_dry_run_of_a_patch_answers_and_stores_nothing(cluster: Cluster) -> None:
    found = await settled(cluster)
    question = TryPatch("key", ObjectRef.of(found).named, minimum(5))

    answers = await Api(cluster.transport, FakeHttp()).answer([question], cluster.namespace, "")

    assert answers[question] == ""
    after = await cluster.get(DEPLOYMENT, "web")
    assert after["metadata"]["generation"] == found["metadata"]["generation"]
    assert not after["spec"].get("minReadySeconds")


async def test_a_dry_run_of_a_patch_of_what_is_not_there_says_so(cluster: Cluster) -> None:
    question = TryPatch("key", ObjectRef.to(DEPLOYMENT, cluster.namespace, "nobody"), minimum(5))

    answers = await Api(cluster.transport, FakeHttp()).answer([question], cluster.namespace, "")

    assert answers[question] == 'deployments.apps "nobody" not found'


async def test_a_dry_run_of_a_patch_takes_the_right_to_patch(cluster: Cluster) -> None:
    found = await settled(cluster)
    question = TryPatch("key", ObjectRef.of(found).named, minimum(5))

    answers = await Api(cluster.transport, FakeHttp()).answer([question], cluster.namespace, POWERLESS)

    assert isinstance(answers[question], Denied)
    assert "patch deployments.apps" in str(answers[question])


# --- what locking an account leans on


ROLE_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}


def role_binding(name: str, *subjects: Object) -> Object:
    kind = {"apiVersion": ROLE_BINDING.api_version, "kind": ROLE_BINDING.kind}
    return kind | {"metadata": {"name": name}, "roleRef": ROLE_REF, "subjects": list(subjects)}


def user(name: str) -> Object:
    return {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}


async def test_a_binding_keeps_an_empty_list_of_subjects_and_can_be_filled_again(cluster: Cluster) -> None:
    await cluster.create(role_binding("one", user("alice")))
    emptied = await cluster.merge(ROLE_BINDING, "one", {"subjects": []})
    assert not emptied.get("subjects")
    filled = await cluster.merge(ROLE_BINDING, "one", {"subjects": [user("alice")]})
    assert filled["subjects"] == [user("alice")]


async def test_a_dry_run_of_a_patch_stores_nothing(cluster: Cluster) -> None:
    await cluster.create(role_binding("one", user("alice")))
    before = await cluster.get(ROLE_BINDING, "one")
    path = cluster.path(ROLE_BINDING, "one")
    tried = await cluster.send("PATCH", path, {"subjects": []}, content_type=MERGE_PATCH, dryRun="All")
    assert not tried.get("subjects")
    assert await cluster.get(ROLE_BINDING, "one") == before


async def test_leases_are_listed_by_a_label_that_is_there(cluster: Cluster) -> None:
    for name, labels in (("kept", {"paramedic.dev/hold": "x"}), ("other", {})):
        meta = {"name": name, "labels": labels, "annotations": {"paramedic.dev/undo": "{}"}}
        spec = {"holderIdentity": "shop/one"}
        await cluster.create({"apiVersion": LEASE.api_version, "kind": "Lease", "metadata": meta, "spec": spec})
    assert await cluster.names(LEASE, labelSelector="paramedic.dev/hold") == ["kept"]


async def test_pods_are_listed_by_their_service_account(cluster: Cluster) -> None:
    await cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}})
    spec = {"containers": [{"name": "c", "image": "localhost/web:v1"}], "automountServiceAccountToken": False}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec | {"serviceAccountName": "web"}}
    await cluster.create(pod)
    assert await cluster.names(POD, fieldSelector="spec.serviceAccountName=web") == ["one"]
    assert await cluster.names(POD, fieldSelector="spec.serviceAccountName=other") == []


async def test_who_is_asking_is_told(cluster: Cluster) -> None:
    body = {"apiVersion": SELF_REVIEW.api_version, "kind": SELF_REVIEW.kind}
    answer = await cluster.send("POST", SELF_REVIEW.path(None), body, account=cluster.powerless)
    assert answer["status"]["userInfo"]["username"] == cluster.powerless


# --- what containing leans on


async def test_a_kind_whose_api_is_not_installed_is_told_from_one_without_objects(cluster: Cluster) -> None:
    api = Api(cluster.transport, FakeHttp())
    missing, empty = ListObjects(VOLUME_SNAPSHOT, cluster.namespace), ListObjects(NETWORK_POLICY, cluster.namespace)

    answers = await api.answer([missing, empty], cluster.namespace, "")

    assert isinstance(answers[missing], NotServed)
    assert str(answers[missing]) == "the cluster does not serve volumesnapshots (snapshot.storage.k8s.io/v1)"
    assert answers[empty] == []


async def test_random_values_are_stored_as_they_were_marked_and_never_twice(cluster: Cluster) -> None:
    meta = {"name": "db"}
    stored = await cluster.create(
        {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"a": "YQ==", "b": "Yg=="}}
    )
    version = stored["metadata"]["resourceVersion"]
    write = filled(FillRandom(ObjectRef.of(stored), version, ("a",), 32, "xyz", "operation", "mark"))
    bound = {"uid": stored["metadata"]["uid"], "resourceVersion": version}
    body = {**write.patch, "metadata": {**write.patch["metadata"], **bound}}

    new = await cluster.merge(SECRET, "db", body)
    again = await cluster.refusal("PATCH", cluster.path(SECRET, "db"), body, content_type=MERGE_PATCH)

    assert new["data"]["b"] == "Yg=="
    assert new["metadata"]["annotations"]["mark"] == fingerprint("operation", {"a": new["data"]["a"]})
    assert again.status == 409


# --- evicting


def bare_pod(name: str = "web-0") -> Object:
    """A Pod that no node takes, so that nobody but the test writes its status."""
    spec = {"nodeSelector": {"nowhere": "true"}, "containers": [{"name": "web", "image": "localhost/web:v1"}]}
    meta = {"name": name, "labels": {"app": "web"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def budget(name: str, **spec: object) -> Object:
    body = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": body}


async def running_pod(cluster: Cluster, name: str = "web-0") -> Object:
    """A Pod that says that it runs and is ready."""
    stored = await cluster.create(bare_pod(name))
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    for _ in range(5):
        try:
            found: Object = await cluster.send("PUT", cluster.path(POD, name, "status"), stored | {"status": ready})
        except ApiError as error:  # the scheduler says meanwhile that no node takes it
            assert error.status == 409
            stored = await cluster.get(POD, name)
        else:
            return found
    raise AssertionError(f"the status of Pod {name} could not be written")


async def evicting(cluster: Cluster, name: str, uid: str = "") -> object:
    body = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": cluster.namespace},
        "deleteOptions": {"preconditions": {"uid": uid}} if uid else {},
    }  # fmt: skip
    return await cluster.send("POST", cluster.path(POD, name, "eviction"), body)


async def is_going(cluster: Cluster, name: str) -> bool:
    """Whether a Pod is gone, or on its way out: on a real node it ends gracefully."""
    try:
        return bool((await cluster.get(POD, name))["metadata"].get("deletionTimestamp"))
    except ApiError as error:
        assert error.status == 404
        return True


async def test_a_pod_without_a_budget_is_evicted(cluster: Cluster) -> None:
    stored = await running_pod(cluster)

    await evicting(cluster, "web-0", stored["metadata"]["uid"])

    assert await is_going(cluster, "web-0")


async def test_an_eviction_of_what_is_not_there_is_not_found(cluster: Cluster) -> None:
    error = await caught(evicting(cluster, "web-0"))

    assert isinstance(error, ApiError)
    assert (error.status, error.reason) == (404, "NotFound")


async def test_an_eviction_of_another_pod_of_that_name_is_refused(cluster: Cluster) -> None:
    await running_pod(cluster)

    error = await caught(evicting(cluster, "web-0", "11111111-1111-1111-1111-111111111111"))

    assert isinstance(error, ApiError)
    assert (error.status, error.reason) == (409, "Conflict")
    assert not await is_going(cluster, "web-0")


async def test_a_budget_that_was_not_counted_yet_lets_nobody_go_for_now(cluster: Cluster) -> None:
    stored = await running_pod(cluster)
    await cluster.create(budget("web", minAvailable=1))

    error = await caught(evicting(cluster, "web-0", stored["metadata"]["uid"]))

    assert isinstance(error, Unavailable)
    assert "429 Cannot evict pod as it would violate the pod's disruption budget." in str(error)
    assert not await is_going(cluster, "web-0")


async def test_a_pod_under_two_budgets_cannot_be_evicted(cluster: Cluster) -> None:
    stored = await running_pod(cluster)
    for name in ("one", "two"):
        await cluster.create(budget(name, minAvailable=0))

    error = await caught(evicting(cluster, "web-0", stored["metadata"]["uid"]))

    assert isinstance(error, Unavailable)
    assert "This pod has more than one PodDisruptionBudget" in str(error)


async def test_a_pod_that_has_not_started_is_evicted_whatever_its_budget_says(cluster: Cluster) -> None:
    stored = await cluster.create(bare_pod())
    await cluster.create(budget("web", minAvailable=1))

    await evicting(cluster, "web-0", stored["metadata"]["uid"])

    assert await is_going(cluster, "web-0")


async def caught(request: Awaitable[object]) -> Exception:
    """How a request fails."""
    with pytest.raises((ApiError, Unavailable)) as found:
        await request
    return found.value
