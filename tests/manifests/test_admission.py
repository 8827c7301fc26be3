"""What is in manifests/admission: rules for our own kinds alone, which fail closed and apply everywhere."""

import re
from typing import Any, get_args

import pytest
import yaml

from paramedic.admission import OPENED_BY, VALIDATING
from paramedic.api.v1alpha1.incident import PlaybookRef
from paramedic.api.v1alpha1.playbook import PlaybookSpec
from support.manifests import ROOT, Object, grants_of, of_kind, operator_grants, rendered, the

POLICIES = (*VALIDATING, OPENED_BY)
PEOPLE = (ROOT / "docs" / "people.md").read_text()
#: The verbs that are ours, by the role that has them.
VERBS = {
    "paramedic-viewer": set(),
    "paramedic-responder": {"use", "acknowledge", "cancel"},
    "paramedic-approver": {"approve"},
    "paramedic-editor": {"run-playbooks-as"},
}
#: Kubernetes' own role that each one is added to. What view has, edit has; what edit has, admin has.
ADDED_TO = {
    "paramedic-viewer": "view",
    "paramedic-responder": "edit",
    "paramedic-approver": "admin",
    "paramedic-editor": "edit",
}
KUBERNETES_VERBS = {"get", "list", "watch", "create", "update", "patch", "delete"}

each_policy = pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)


def specs() -> dict[str, Object]:
    found = of_kind(rendered("manifests/admission"), *{policy.kind for policy in POLICIES})
    return {obj["metadata"]["name"]: obj["spec"] for obj in found}


def test_there_are_the_policies_that_the_operator_looks_for_and_no_other() -> None:
    objects = rendered("manifests/admission")
    found = {(obj["kind"], obj["metadata"]["name"]) for obj in objects if "Admission" in obj["kind"]}
    wanted = {(policy.kind, policy.name) for policy in POLICIES}
    assert found == wanted | {(policy.binding.kind, policy.name) for policy in POLICIES}


@each_policy
def test_a_policy_touches_our_own_kinds_alone_and_never_a_status(policy: Any) -> None:
    rules = specs()[policy.name]["matchConstraints"]["resourceRules"]
    assert {group for rule in rules for group in rule["apiGroups"]} == {"paramedic.dev"}
    assert {resource for rule in rules for resource in rule["resources"]} <= {"incidents", "playbooks"}
    assert not {"*", "DELETE", "CONNECT"} & {operation for rule in rules for operation in rule["operations"]}


@each_policy
def test_a_policy_fails_closed(policy: Any) -> None:
    assert specs()[policy.name]["failurePolicy"] == "Fail"


@each_policy
def test_a_binding_puts_its_policy_in_force_everywhere(policy: Any) -> None:
    binding = the(rendered("manifests/admission"), policy.binding.kind, policy.name)["spec"]
    assert binding.pop("validationActions", ["Deny"])[0] == "Deny"
    assert binding == {"policyName": policy.name}


def test_an_older_server_gets_all_but_the_mutating_policy() -> None:
    kinds = {obj["kind"] for obj in rendered("manifests/admission/validating")}
    assert kinds == {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterRole"}


def test_every_refusal_has_a_message() -> None:
    rules = [rule for policy in VALIDATING for rule in specs()[policy.name]["validations"]]
    assert all(rule.get("message") or rule.get("messageExpression") for rule in rules)


def test_every_channel_that_a_playbook_may_have_is_checked() -> None:
    (most,) = [
        item.max_length for item in PlaybookSpec.model_fields["channels"].metadata if hasattr(item, "max_length")
    ]
    rules = [rule["expression"] for rule in specs()["paramedic-playbooks"]["validations"]]
    checked = [int(found[1]) for rule in rules if (found := re.search(r"name\(variables\.added\[(\d+)\]\)", rule))]
    assert checked == list(range(most))
    # Headers of requests name Secrets too: what is more than can be asked about is refused.
    assert [rule for rule in rules if rule.startswith("size(")] == [f"size(variables.added) <= {most}"] + [
        f"size(variables.added) <= {at} || variables.secrets.name(variables.added[{at}]).check('get').allowed()"
        for at in range(most)
    ]


def test_the_kinds_of_playbook_that_an_incident_may_name_are_those_that_the_policy_asks_about() -> None:
    assert get_args(PlaybookRef.model_fields["kind"].annotation) == ("Playbook",)


@pytest.mark.parametrize("name", VERBS)
def test_a_role_holds_our_verbs_that_it_is_for_and_no_other(name: str) -> None:
    role = the(rendered("manifests/admission"), "ClusterRole", name)
    grants = list(grants_of(role))
    assert {verb for _, _, verb in grants} - KUBERNETES_VERBS == VERBS[name]
    assert {(group, resource) for group, resource, _ in grants} <= {
        ("paramedic.dev", "incidents"),
        ("paramedic.dev", "playbooks"),
        ("", "serviceaccounts"),
    }
    assert ("paramedic.dev", "incidents", "delete") not in grants


@pytest.mark.parametrize("name", ADDED_TO)
def test_a_role_is_added_to_the_role_of_kubernetes_that_the_document_names(name: str) -> None:
    labels = the(rendered("manifests/admission"), "ClusterRole", name)["metadata"]["labels"]
    aggregated = {label.rpartition("aggregate-to-")[2] for label in labels if "aggregate-to-" in label}
    assert aggregated == {ADDED_TO[name]}
    (row,) = [line for line in PEOPLE.splitlines() if line.startswith(f"| `{name}`")]
    assert f"`{ADDED_TO[name]}`" in row
    assert all(f"`{verb}`" in row for verb in VERBS[name])


@pytest.mark.parametrize("path", ["manifests/base", "manifests/overlays/namespaced"])
def test_the_operator_may_look_at_each_policy_and_use_every_playbook_but_approve_nothing(path: str) -> None:
    grants = operator_grants(path)
    for policy in POLICIES:
        for resource in (policy.resource, policy.binding):
            assert (resource.group, resource.plural, "get") in grants
    named = {
        name
        for rule in the(rendered(path), "ClusterRole", "paramedic-admission")["rules"]
        for name in rule["resourceNames"]
    }
    assert named == {policy.name for policy in POLICIES}
    assert ("paramedic.dev", "playbooks", "use") in grants
    assert not {verb for _, _, verb in grants} & {"approve", "acknowledge", "cancel", "run-playbooks-as"}


def test_the_policies_are_no_part_of_what_a_namespace_applies() -> None:
    for path in ("manifests/base", "manifests/responder"):
        assert "Admission" not in yaml.safe_dump_all([{"kind": obj["kind"]} for obj in rendered(path)])
