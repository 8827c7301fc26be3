"""What is in manifests/: that it renders, that it grants the least, and that the API server takes it."""

import pytest
import yaml

from paramedic.actions.registry import ACTIONS
from paramedic.codegen.rbac import in_cluster, in_namespace, looking, widest_permissions
from paramedic.model.permissions import Permission
from support.kube import Kube
from support.manifests import ROOT, Grant, Object, grants_of, of_kind, operator_grants, rendered, the

MANIFESTS = (
    "manifests/base",
    "manifests/overlays/dev",
    "manifests/overlays/namespaced",
    "manifests/responder",
    "manifests/admission",
    "manifests/admission/validating",
    "manifests/monitoring",
    "manifests/monitoring/dashboards",
)
EXAMPLES = ("examples/access", "examples/app", "examples/playbooks")
OPERATORS = MANIFESTS[:3]
WORKLOADS = {"pods", "deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs"}
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
IMPERSONATE_ON = "impersonate-on:serviceaccount:"


@pytest.mark.parametrize("path", [*MANIFESTS, *EXAMPLES, "crds"])
def test_kubectl_kustomize_renders_it(path: str) -> None:
    objects = rendered(path)
    assert objects
    assert "to-be-filled-in" not in yaml.safe_dump_all(objects)


@pytest.mark.parametrize("path", OPERATORS)
def test_the_operator_itself_writes_no_workload_and_reads_no_secret(path: str) -> None:
    grants = operator_grants(path)
    assert not [grant for grant in grants if grant[1].partition("/")[0] in WORKLOADS]
    assert not [grant for grant in grants if grant[1].partition("/")[0] == "secrets"]
    written = {resource for _, resource, verb in grants if verb in WRITES}
    assert written == {"incidents/status", "playbooks/status", "events", "leases"}


@pytest.mark.parametrize("path", OPERATORS)
def test_the_one_config_map_that_the_operator_itself_reads_is_its_pause(path: str) -> None:
    rules = [rule for obj in rendered(path) for rule in obj.get("rules", []) if "configmaps" in rule["resources"]]
    own = [rule for rule in rules if not any("impersonate-on" in verb for verb in rule["verbs"])]
    named = [rule for rule in own if rule.get("resourceNames")]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in named] == [(["paramedic-paused"], ["get"])]


@pytest.mark.parametrize("path", OPERATORS)
def test_no_grant_is_a_wildcard_or_lets_the_operator_act_as_anybody(path: str) -> None:
    grants = operator_grants(path)
    assert not [grant for grant in grants if "*" in grant]
    assert not [grant for grant in grants if grant[2].startswith(("impersonate:", "bind", "escalate"))]
    assert not [grant for grant in grants if grant[2] == "impersonate"]
    on = {grant for grant in grants if grant[2].startswith("impersonate-on:")}
    assert on == {("authorization.k8s.io", "selfsubjectaccessreviews", IMPERSONATE_ON + "create")}


def test_the_operator_of_one_namespace_has_the_same_rules_and_only_there() -> None:
    everywhere, one = rendered("manifests/base"), rendered("manifests/overlays/namespaced")
    role = the(one, "Role", "paramedic")
    assert role["rules"] == the(everywhere, "ClusterRole", "paramedic")["rules"]
    assert not [
        obj for obj in of_kind(one, "ClusterRole", "ClusterRoleBinding") if obj["metadata"]["name"] == "paramedic"
    ]
    namespace = role["metadata"]["namespace"]
    assert the(one, "RoleBinding", "paramedic")["metadata"]["namespace"] == namespace
    (container,) = the(one, "Deployment", "paramedic")["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "PARAMEDIC_NAMESPACE", "value": namespace}]


@pytest.mark.parametrize("path", OPERATORS)
def test_the_deployment_is_restricted(path: str) -> None:
    pod = the(rendered(path), "Deployment", "paramedic")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC"))
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all("emptyDir" in volume for volume in pod["volumes"])
    assert container["resources"]["requests"] and container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("path", OPERATORS)
def test_every_selector_selects_the_operator(path: str) -> None:
    objects = rendered(path)
    labels = the(objects, "Deployment", "paramedic")["spec"]["template"]["metadata"]["labels"]
    service = the(objects, "Service", "paramedic-metrics")["spec"]
    selectors = [service["selector"]] + [
        the(objects, kind, "paramedic")["spec"][field]["matchLabels"]
        for kind, field in (
            ("Deployment", "selector"),
            ("PodDisruptionBudget", "selector"),
            ("NetworkPolicy", "podSelector"),
        )
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    (container,) = the(objects, "Deployment", "paramedic")["spec"]["template"]["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    assert {
        container[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    } <= ports
    assert {port["targetPort"] for port in service["ports"]} <= ports


def test_a_namespace_of_the_operator_denies_what_no_policy_allows() -> None:
    policy = the(rendered("manifests/base"), "NetworkPolicy", "default-deny")["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize(
    ("path", "account"), [("manifests/responder", "responder"), ("examples/access", "shop-responder")]
)
def test_the_operator_may_act_as_the_account_and_as_no_other(path: str, account: str) -> None:
    objects = rendered(path)
    (role,) = [obj for obj in of_kind(objects, "Role") if obj["metadata"]["name"] != "shop-responder-channels"]
    assert role["rules"] == [
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["serviceaccounts"],
            "resourceNames": [account],
            "verbs": ["impersonate:serviceaccount"],
        }
    ]
    assert [obj["metadata"]["name"] for obj in of_kind(objects, "ServiceAccount")] == [account]


def test_the_account_of_the_examples_reads_the_secret_of_its_channels_and_no_other() -> None:
    role = the(rendered("examples/access"), "Role", "shop-responder-channels")
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["channels"], "verbs": ["get"]}
    ]


@pytest.mark.parametrize("path", ["manifests/responder", "examples/access"])
def test_every_permission_of_every_action_is_granted_to_the_account_and_through_it_to_the_operator(path: str) -> None:
    base = {obj["metadata"]["name"]: obj for obj in of_kind(rendered("manifests/base"), "ClusterRole")}
    own: set[Grant] = set()
    acting: set[Grant] = set()
    for binding in of_kind(rendered(path), "RoleBinding"):
        if binding["roleRef"]["kind"] == "ClusterRole":
            operator = binding["subjects"][0]["name"] == "paramedic"
            (acting if operator else own).update(grants_of(base[binding["roleRef"]["name"]]))
    for name, action in ACTIONS.items():
        for permission in in_namespace(widest_permissions(action)):
            group, resource, verb = _grant(permission)
            assert (group, resource, verb) in own, f"{name} needs {permission}"
            assert (group, resource, IMPERSONATE_ON + verb) in acting, f"{name} needs {permission} as the account"
    every = looking().union(*(in_namespace(widest_permissions(action)) for action in ACTIONS.values()))
    needed = {_grant(permission) for permission in every}
    assert acting == {(group, resource, IMPERSONATE_ON + verb) for group, resource, verb in needed}


def test_what_actions_need_in_the_whole_cluster_is_granted_only_by_a_file_of_its_own() -> None:
    roles = {obj["metadata"]["name"]: obj for obj in of_kind(rendered("manifests/base"), "ClusterRole")}
    bound: dict[str, set[Grant]] = {"shop-responder": set(), "paramedic": set()}
    for binding in yaml.safe_load_all((ROOT / "examples/access/nodes.yaml").read_text()):
        assert binding["kind"] == "ClusterRoleBinding"
        bound[binding["subjects"][0]["name"]].update(grants_of(roles[binding["roleRef"]["name"]]))
    needed = {_grant(item) for action in ACTIONS.values() for item in in_cluster(widest_permissions(action))}
    assert bound["shop-responder"] == needed
    assert bound["paramedic"] == {(group, resource, IMPERSONATE_ON + verb) for group, resource, verb in needed}
    for path in ("manifests/responder", "examples/access"):
        assert of_kind(rendered(path), "ClusterRoleBinding") == []


@pytest.mark.parametrize("path", ["manifests/responder", "examples/access"])
def test_the_role_of_every_action_is_bound(path: str) -> None:
    roles = {obj["metadata"]["name"] for obj in of_kind(rendered("manifests/base"), "ClusterRole")}
    bound = {obj["roleRef"]["name"] for obj in of_kind(rendered(path), "RoleBinding")}
    assert {name for name in roles if name.startswith("paramedic-action-")} <= bound


def _grant(permission: Permission) -> Grant:
    name = f"{permission.resource}/{permission.subresource}" if permission.subresource else permission.resource
    return permission.group, name, permission.verb


@pytest.mark.e2e
@pytest.mark.parametrize("path", [*OPERATORS, "manifests/admission"])
def test_the_api_server_takes_the_manifests(path: str, namespace: Kube) -> None:
    # A dry run creates no namespace for the objects that follow it, so they go to one that there is.
    objects = [obj for obj in rendered(path) if obj["kind"] != "Namespace"]
    for obj in objects:
        if "namespace" in obj["metadata"]:
            obj["metadata"]["namespace"] = namespace.namespace
    assert len(tried(namespace, objects)) == len(objects)


@pytest.mark.e2e
def test_a_restricted_namespace_admits_the_operators_pod(namespace: Kube) -> None:
    template = the(rendered("manifests/base"), "Deployment", "paramedic")["spec"]["template"]
    namespace.run("create", "serviceaccount", template["spec"]["serviceAccountName"])
    namespace.run("label", "namespace", namespace.namespace, "pod-security.kubernetes.io/enforce=restricted")
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "paramedic"}}
    assert tried(namespace, [pod]) == ["pod/paramedic serverside-applied (server dry run)"]


@pytest.mark.e2e
@pytest.mark.parametrize("path", ["manifests/responder", "examples/access", "examples/playbooks", "examples/incidents"])
def test_the_api_server_takes_what_a_namespace_needs_and_the_examples(path: str, namespace: Kube) -> None:
    files = [file for file in sorted((ROOT / path).glob("*.yaml")) if file.name != "kustomization.yaml"]
    objects = [obj for file in files for obj in yaml.safe_load_all(file.read_text())]
    for obj in objects:
        if obj["kind"] != "ClusterRoleBinding":
            obj["metadata"]["namespace"] = namespace.namespace
    assert len(tried(namespace, objects)) == len(objects)


def tried(kube: Kube, objects: list[Object]) -> list[str]:
    """What a server-side dry run says, a line for each object. Unknown fields are refused."""
    arguments = ("apply", "--server-side", "--force-conflicts", "--validate=strict", "--dry-run=server", "-f", "-")
    return kube.run(*arguments, stdin=yaml.safe_dump_all(objects)).splitlines()
