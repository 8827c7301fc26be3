"""CRDs and roles follow from the models and the actions."""

from pathlib import Path
from typing import Any

import pytest

from paramedic.actions.registry import ACTIONS
from paramedic.codegen.__main__ import generated
from paramedic.codegen.crds import incident_crd, playbook_crd
from paramedic.codegen.rbac import action_roles, cluster_roles, in_cluster, in_namespace, widest_permissions
from paramedic.codegen.responder import cluster_impersonation_role, impersonation_role
from paramedic.codegen.rules import rule_file
from paramedic.model.permissions import Permission

ROOT = Path(__file__).parents[3]
FILES = generated(ROOT)
CRDS = pytest.mark.parametrize("crd", [incident_crd(), playbook_crd()], ids=["incidents", "playbooks"])
EVERY_ROLE = pytest.mark.parametrize(
    "role", [*action_roles(), *cluster_roles()], ids=lambda role: role["metadata"]["name"]
)
ROLES = pytest.mark.parametrize("role", action_roles(), ids=lambda role: role["metadata"]["name"])


def schema(crd: dict[str, Any]) -> Any:
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def step_rules() -> list[dict[str, str]]:
    found: list[dict[str, str]] = schema(playbook_crd())["properties"]["spec"]["properties"]["steps"]["items"][
        "x-kubernetes-validations"
    ]
    return found


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_generated_file_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text() == FILES[name], "run `make generate`"


def test_a_rule_file_without_rules_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "manifests/monitoring/alerts.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("kind: PrometheusRule\n")
    with pytest.raises(ValueError, match=r"manifests/monitoring/alerts\.yaml has no spec"):
        rule_file(tmp_path, "alerts.yaml")


# --- CRDs


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_counts_in_the_rule_of_exactly_one(action: str) -> None:
    assert f"(has(self.{action}) ? 1 : 0)" in step_rules()[0]["rule"]


def test_a_step_has_exactly_one_action() -> None:
    rule = step_rules()[0]["rule"]
    assert (rule.count("has("), rule.endswith(" == 1")) == (len(ACTIONS), True)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_is_explained_by_its_own_manual(action: str) -> None:
    fields = schema(playbook_crd())["properties"]["spec"]["properties"]["steps"]["items"]["properties"]
    assert fields[action]["description"] == " ".join((ACTIONS[action].parameters.__doc__ or "").split())


def test_only_what_can_be_undone_may_ask_for_it() -> None:
    undoable = {name for name, action in ACTIONS.items() if action.can_undo}
    assert {name for name in ACTIONS if f"has(self.{name})" in step_rules()[1]["rule"]} == undoable


@CRDS
def test_every_field_of_a_spec_is_described(crd: dict[str, Any]) -> None:
    fields = schema(crd)["properties"]["spec"]["properties"]
    assert [name for name, field in fields.items() if not field.get("description")] == []


@CRDS
def test_the_status_is_a_subresource(crd: dict[str, Any]) -> None:
    assert crd["spec"]["versions"][0]["subresources"] == {"status": {}}


@CRDS
def test_both_kinds_are_in_the_category_response(crd: dict[str, Any]) -> None:
    assert crd["spec"]["names"]["categories"] == ["response"]


@CRDS
def test_conditions_are_a_list_keyed_by_type(crd: dict[str, Any]) -> None:
    conditions = schema(crd)["properties"]["status"]["properties"]["conditions"]
    assert (conditions["x-kubernetes-list-type"], conditions["x-kubernetes-list-map-keys"]) == ("map", ["type"])


@pytest.mark.parametrize("kind", ["approvals", "steps"])
def test_lists_that_several_people_write_are_keyed(kind: str) -> None:
    part = "spec" if kind == "approvals" else "status"
    assert schema(incident_crd())["properties"][part]["properties"][kind]["x-kubernetes-list-type"] == "map"


def test_an_incident_is_immutable_but_for_what_people_do() -> None:
    spec = schema(incident_crd())["properties"]["spec"]
    fixed = {
        rule["fieldPath"][1:] for rule in spec["x-kubernetes-validations"] if "cannot be changed" in rule["message"]
    }
    assert set(spec["properties"]) - fixed == {
        "acknowledgedBy", "lead", "impact", "notes", "approvals", "undo", "cancel",
    }  # fmt: skip


# --- roles


def test_an_action_that_needs_more_than_looking_has_a_role_of_its_own() -> None:
    assert {role["metadata"]["labels"]["paramedic.dev/action"] for role in action_roles()} == {
        "look", "workloadStatus", "diagnose", "collectEvidence", "rollingRestart", "rollback", "scale", "patch", "runJob", "deletePods", "drain", "isolate", "blockIPs", "lockAccount",
        "rotateSecret", "snapshotVolumes",
    }  # fmt: skip


@EVERY_ROLE
def test_no_role_has_a_wildcard(role: dict[str, Any]) -> None:
    words = [word for rule in role["rules"] for key in ("apiGroups", "resources", "verbs") for word in rule[key]]
    assert [word for word in words if "*" in word] == []


@EVERY_ROLE
def test_no_role_may_list_or_watch_secrets(role: dict[str, Any]) -> None:
    verbs = {verb for rule in role["rules"] if "secrets" in rule["resources"] for verb in rule["verbs"]}
    changes = {"patch", "delete"} if role["metadata"]["name"].endswith("-rotatesecret") else set()
    assert verbs <= {"get", "create"} | changes


@EVERY_ROLE
def test_no_role_deletes_more_than_one_object_at_a_time(role: dict[str, Any]) -> None:
    assert "deletecollection" not in {verb for rule in role["rules"] for verb in rule["verbs"]}


@ROLES
def test_no_role_reaches_beyond_its_namespace_or_its_own_permissions(role: dict[str, Any]) -> None:
    risky = {"nodes", "namespaces", "roles", "rolebindings", "clusterroles", "serviceaccounts/token", "pods/exec"}
    found = {(name, verb) for rule in role["rules"] for name in rule["resources"] for verb in rule["verbs"]}
    # Of a binding it may only change who is in it, and the API server lets it do so where it holds what the role grants.
    own = (
        {("rolebindings", verb) for verb in ("get", "list", "patch")}
        if "lockaccount" in role["metadata"]["name"]
        else set()
    )
    assert not [item for item in found - own if item[0] in risky]


def test_what_an_action_needs_in_the_whole_cluster_is_in_a_role_of_its_own() -> None:
    assert {role["metadata"]["name"] for role in cluster_roles()} == {
        "paramedic-cluster-cordon", "paramedic-cluster-drain",
    }  # fmt: skip


@pytest.mark.parametrize("action", ACTIONS.values(), ids=list(ACTIONS))
def test_a_role_grants_what_its_action_may_ever_need(action: Any) -> None:
    roles = {role["metadata"]["labels"]["paramedic.dev/action"]: role for role in action_roles()}
    clusters = {role["metadata"]["labels"]["paramedic.dev/action"]: role for role in cluster_roles()}
    wanted = widest_permissions(action)
    assert needed(in_namespace(wanted)) <= granted(roles.get(action.name, roles["look"]))
    assert needed(in_cluster(wanted)) <= granted(clusters.get(action.name, {"rules": []}))


def needed(permissions: set[Permission]) -> set[tuple[str, str, str]]:
    return {
        (item.group, f"{item.resource}/{item.subresource}" if item.subresource else item.resource, item.verb)
        for item in permissions
    }


def granted(role: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (group, name, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for name in rule["resources"]
        for verb in rule["verbs"]
    }


@pytest.mark.parametrize("role", [impersonation_role(), cluster_impersonation_role()], ids=["namespace", "cluster"])
def test_the_operator_itself_may_only_impersonate_with_named_verbs(role: dict[str, Any]) -> None:
    verbs = {verb for rule in role["rules"] for verb in rule["verbs"]}
    assert all(verb.startswith("impersonate-on:serviceaccount:") and "*" not in verb for verb in verbs)


def test_what_the_operator_does_as_accounts_in_the_whole_cluster_is_what_their_roles_grant() -> None:
    acting = {
        (group, name, verb.removeprefix("impersonate-on:serviceaccount:"))
        for group, name, verb in granted(cluster_impersonation_role())
    }
    assert acting == set().union(*map(granted, cluster_roles()))
