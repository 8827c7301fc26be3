"""Whether a playbook will work at night: what is looked at, what is said, and what would be granted."""

from base64 import b64encode
from typing import Any

import pytest
import yaml

from paramedic.actions.reads import GetObject, MayI
from paramedic.engine.readiness.grants import rbac_for
from paramedic.engine.readiness.verdict import Readiness, review
from paramedic.model.objects import Object
from support.objects import ACCOUNT, playbook, step
from unit.builders import NAMESPACE
from unit.seen import World

ACCOUNT_OBJECT: Object = {"kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": NAMESPACE}}
RESTART = step("restart", "rollingRestart")
URL = "slack://AAAAAAAAA/BBBBBBBBB/cccccccccccccccccccccccc/"
CHANNELS = [{"name": "ops", "secretRef": {"name": "slack", "key": "url"}}]
ESCALATION = [{"after": "5m", "channel": "ops", "message": "nobody has taken ${incident.name}"}]
TELLING: Object = {"channels": CHANNELS, "escalation": ESCALATION}


def secret(**data: str) -> Object:
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return {"kind": "Secret", "metadata": {"name": "slack", "namespace": NAMESPACE}, "data": encoded}


def world(*objects: Object, refused: tuple[str, ...] = (), **more: Any) -> World:
    return World.of(ACCOUNT_OBJECT, *objects, refused=frozenset(refused), **more)


def judge(asked: World, *steps: Object, namespace: str = NAMESPACE, as_operator: bool = True, **spec: Any) -> Readiness:
    obj = playbook("mend", *(steps or (RESTART,)), **spec)
    return asked.ask(lambda seen: review(obj, seen, namespace, as_operator=as_operator))


def test_a_playbook_whose_account_may_do_everything_is_ready_for_each_kind_of_workload() -> None:
    found = judge(world())
    assert (found.status, found.reason) == ("True", "Valid")
    assert found.message == "1 step as responder, for Deployments, StatefulSets and DaemonSets"
    assert found.findings == ()


def test_nothing_is_asked_of_a_playbook_that_the_schema_refuses() -> None:
    asked = world()
    found = judge(asked, step("mend", "rollback", {"toRevison": 3}))
    assert (found.status, found.reason) == ("False", "Invalid")
    assert found.message == "spec.steps[0].rollback.toRevison: unknown field; did you mean toRevision?"
    assert asked.asked == []


def test_what_is_wrong_with_the_text_and_what_is_missing_in_the_cluster_are_told_at_once() -> None:
    found = judge(World.of(), step("mend", "rollback", if_="steps.verfy.failed"))
    assert found.reason == "Invalid"
    assert [item.path for item in found.findings] == ["spec.steps[0].if", "spec.serviceAccountName"]


def test_a_missing_account_is_named_with_the_command_that_creates_it() -> None:
    found = judge(World.of())
    assert (found.status, found.reason) == ("False", "AccountNotFound")
    assert found.message == (
        "spec.serviceAccountName: there is no ServiceAccount responder in namespace shop;"
        " create it: kubectl create serviceaccount responder -n shop"
    )


def test_an_account_that_does_not_exist_is_not_acted_as() -> None:
    asked = World.of()
    judge(asked, **TELLING)
    assert all(isinstance(read, GetObject) and read.own for read in asked.asked)


def test_a_permission_that_every_kind_needs_is_missing_for_sure() -> None:
    found = judge(world(refused=("list pods",)))
    assert (found.status, found.reason) == ("False", "MissingPermission")
    assert found.message == (
        'spec.serviceAccountName: ServiceAccount responder may not "list pods" (needed by restart); grant it: kubectl'
        " incident check mend -n shop prints how"
    )


def test_a_permission_that_one_kind_needs_leaves_it_ready_for_the_others() -> None:
    found = judge(world(refused=("patch statefulsets.apps", "get daemonsets.apps")))
    assert found.status == "True"
    assert found.kinds == ["Deployment"]
    assert found.message == (
        '1 step as responder, for Deployments; for StatefulSets it lacks "patch statefulsets.apps"; for DaemonSets it'
        ' lacks "get daemonsets.apps"'
    )


def test_a_playbook_that_works_for_no_kind_names_what_each_lacks() -> None:
    refused = tuple(f"patch {name}.apps" for name in ("deployments", "statefulsets", "daemonsets"))
    found = judge(world(refused=refused))
    assert found.reason == "MissingPermission"
    assert 'for Deployments "patch deployments.apps" (needed by restart)' in found.message
    assert 'for DaemonSets "patch daemonsets.apps" (needed by restart)' in found.message


def test_a_check_over_http_needs_only_to_find_the_target() -> None:
    checks = [{"name": "up", "httpCheck": {"url": "http://web"}}]
    asked = world()
    judge(asked, step("verify", "httpCheck", {"url": "http://web"}), recovery={"checks": checks})
    needed = {str(read.permission) for read in asked.asked if isinstance(read, MayI) and not read.own}
    assert {"get deployments.apps", "get statefulsets.apps", "get daemonsets.apps"} <= needed
    assert not {item for item in needed if item.startswith("patch")}


def test_what_proves_recovery_counts_as_needed() -> None:
    found = judge(world(refused=("list pods",)), step("ask", "manual", {"instructions": "Look."}))
    assert '"list pods" (needed by recovery)' in found.message


def test_what_only_lets_an_action_look_closer_is_a_note_and_no_fault() -> None:
    found = judge(world(refused=("list resourcequotas",)), as_operator=False)
    assert found.status == "True"
    assert "quota" not in found.message
    (note,) = found.findings
    assert note.severity == "Note"
    assert str(note) == (
        'spec.serviceAccountName: without "list resourcequotas", restart looks less closely before it acts; grant it to'
        " responder, or leave it so"
    )


def test_the_operator_does_not_ask_for_what_no_condition_tells() -> None:
    asked = world()
    judge(asked)
    assert not any(isinstance(read, MayI) and read.permission.resource == "resourcequotas" for read in asked.asked)


def test_what_is_needed_for_incidents_that_name_a_pod_is_a_note() -> None:
    found = judge(world(refused=("get pods",)), as_operator=False)
    assert found.status == "True"
    assert [item.problem for item in found.findings] == ['for incidents that name a Pod it lacks "get pods"']


def test_the_text_of_an_operator_that_may_not_act_as_the_account_is_told() -> None:
    text = "the operator may not act as ServiceAccount responder; grant it as manifests/responder shows"
    found = judge(world(not_impersonated=text))
    assert (found.status, found.reason) == ("False", "MissingPermission")
    assert found.message == f"spec.serviceAccountName: {text}"
    assert not found.operator_may_act


def test_a_person_who_may_not_act_as_the_account_learns_nothing_about_the_operator() -> None:
    obj = playbook("mend", RESTART)
    asked = world(not_impersonated="you may not act as it", operator_refused=frozenset({"impersonate serviceaccounts"}))
    found = asked.ask(lambda seen: review(obj, seen, NAMESPACE, as_operator=False))
    assert (found.status, found.reason) == ("Unknown", "Unknown")
    assert found.message == (
        "spec.serviceAccountName: what ServiceAccount responder may do is not known, since you may not act as it; ask"
        " somebody who may impersonate ServiceAccounts of the namespace"
    )
    assert found.operator_may_act
    assert not any(isinstance(read, MayI) and read.own for read in asked.asked)


def test_a_verb_that_the_operator_may_not_use_as_the_account_is_named() -> None:
    refused = {"impersonate serviceaccounts named responder", "impersonate-on:serviceaccount:patch deployments.apps"}
    found = judge(world(operator_refused=frozenset(refused)))
    assert (found.status, found.reason) == ("False", "MissingPermission")
    assert (
        'the operator may not "patch deployments.apps" as ServiceAccount responder in namespace shop' in found.message
    )
    assert not found.operator_may_act


def test_an_operator_that_may_impersonate_as_before_kubernetes_1_36_is_asked_no_further() -> None:
    asked = world()
    judge(asked)
    assert len([read for read in asked.asked if isinstance(read, MayI) and read.own]) == 1


def test_an_account_that_the_operator_may_not_look_for_leaves_it_unknown() -> None:
    found = judge(World.of(denied_kinds=frozenset({"ServiceAccount"})))
    assert (found.status, found.reason) == ("Unknown", "Unknown")


def test_channels_whose_secrets_hold_urls_are_ready() -> None:
    found = judge(world(secret(url=URL + "\n")), **TELLING)
    assert found.status == "True", found.message


@pytest.mark.parametrize(
    ("secrets", "message"),
    [
        (
            (),
            "spec.channels[0].secretRef.name: there is no Secret slack in namespace shop; create it: kubectl create"
            " secret generic slack -n shop --from-literal=url=URL",
        ),
        (
            (secret(uri=URL),),
            "spec.channels[0].secretRef.key: Secret slack has no key url; add it, or write one that it has: uri",
        ),
        (
            (secret(url=" \n"),),
            "spec.channels[0].secretRef.key: the value of url in Secret slack: it is empty; store its Apprise URL",
        ),
        (
            (secret(url="hunter2"),),
            "spec.channels[0].secretRef.key: the value of url in Secret slack: it is no URL; store one such as"
            " slack://TOKEN_A/TOKEN_B/TOKEN_C/",
        ),
    ],
)
def test_a_channel_that_cannot_be_used_is_named_with_its_mend(secrets: tuple[Object, ...], message: str) -> None:
    found = judge(world(*secrets), **TELLING)
    assert (found.status, found.reason) == ("False", "ChannelNotReady")
    assert found.message == message


def test_a_secret_that_the_account_may_not_get_is_not_read() -> None:
    asked = world(secret(url=URL), refused=("get secrets named slack",))
    found = judge(asked, **TELLING)
    assert found.reason == "MissingPermission"
    assert found.message == (
        'spec.channels[0].secretRef: ServiceAccount responder may not "get secrets named slack" (needed by channel ops);'
        " grant it: kubectl incident check mend -n shop prints how"
    )
    assert not any(isinstance(read, GetObject) and read.ref.kind == "Secret" for read in asked.asked)


def test_secrets_are_read_as_the_account_and_never_as_the_operator() -> None:
    asked = world(secret(url=URL))
    judge(asked, **TELLING)
    reads = [read for read in asked.asked if isinstance(read, GetObject) and read.ref.kind == "Secret"]
    assert [read.own for read in reads] == [False]


def test_no_part_of_a_channels_url_is_ever_told() -> None:
    obj = playbook("mend", RESTART, **TELLING)
    asked = world(secret(url=URL))
    found = asked.ask(
        lambda seen: review(obj, seen, NAMESPACE, check_url=lambda url: f"{url} has no token; store one that has")
    )
    assert found.message == (
        "spec.channels[0].secretRef.key: the value of url in Secret slack: … has no token; store one that has"
    )


def test_a_namespace_where_playbooks_never_act_is_told() -> None:
    found = judge(world(), namespace="kube-system")
    assert found.reason == "Invalid"
    assert "metadata.namespace: playbooks do not act in namespace kube-system" in found.message


def test_a_warning_leaves_it_ready_and_is_told() -> None:
    found = judge(world(secret(url=URL)), channels=CHANNELS)
    assert found.status == "True"
    assert "; but spec.channels[0]: nothing is told to channel ops; name it in a step" in found.message


def test_a_long_message_holds_whole_findings_and_says_where_the_others_are() -> None:
    steps = [step(f"s{number}", "rollback", if_="steps.nowhere.failed") for number in range(30)]
    found = judge(world(), *steps)
    assert len(found.message) <= 1000
    assert found.message.endswith("more problems: kubectl incident check mend -n shop")


def test_a_playbook_with_every_action_takes_a_bounded_number_of_access_reviews() -> None:
    steps = [
        step("status", "workloadStatus"),
        step("evidence", "collectEvidence"),
        step("contain", "isolate", {"pod": "web-1"}),
        step("restart", "rollingRestart"),
        step("back", "rollback", {"deleteBlockingPod": True}),
    ]
    asked = world(secret(url=URL), operator_refused=frozenset({"impersonate serviceaccounts named responder"}))
    judge(asked, *steps, **TELLING)
    reviews = [read for read in asked.asked if isinstance(read, MayI)]
    assert len(reviews) == len(set(reviews)) <= 64


# --- what would grant it


def grants(found: Readiness, **options: Any) -> dict[str, Object]:
    """The objects by kind and name."""
    return {f"{obj['kind']}/{obj['metadata']['name']}": obj for obj in yaml.safe_load_all(rbac_for(found, **options))}


def test_where_nothing_is_missing_nothing_is_granted() -> None:
    assert rbac_for(judge(world())) == ""


def test_the_role_that_is_printed_holds_all_that_the_playbook_needs() -> None:
    found = judge(world(refused=("patch deployments.apps", "get secrets named slack")), **TELLING)
    objects = grants(found, kinds=["Deployment"])
    assert list(objects) == ["Role/responder-mend", "RoleBinding/responder-mend"]
    assert objects["Role/responder-mend"]["rules"] == [
        {"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["slack"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "patch"]},
        {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list"]},
    ]
    assert objects["RoleBinding/responder-mend"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "responder", "namespace": "shop"}
    ]


def test_a_missing_account_is_printed_too() -> None:
    assert list(grants(judge(World.of()))) == [
        "ServiceAccount/responder",
        "Role/responder-mend",
        "RoleBinding/responder-mend",
    ]


def test_what_lets_the_operator_act_as_the_account_is_printed_where_it_may_not() -> None:
    objects = grants(judge(world(not_impersonated="no; grant it")))
    assert list(objects) == [
        "Role/paramedic-acts-as-responder",
        "RoleBinding/paramedic-acts-as-responder",
        "RoleBinding/paramedic-acts-within-actions",
    ]
    assert objects["Role/paramedic-acts-as-responder"]["rules"] == [
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["serviceaccounts"],
            "resourceNames": ["responder"],
            "verbs": ["impersonate:serviceaccount"],
        }
    ]


def test_everything_that_a_new_namespace_needs_can_be_printed() -> None:
    assert [name.partition("/")[0] for name in grants(judge(world()), everything=True)] == [
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "Role",
        "RoleBinding",
        "RoleBinding",
    ]


# --- what no RoleBinding can grant


CORDON = step("keepAway", "cordon", {"node": "n1"})
MAY_NOT_CORDON = ("get nodes", "list nodes", "patch nodes")


def test_rights_on_nodes_that_are_missing_are_named() -> None:
    found = judge(world(refused=MAY_NOT_CORDON), CORDON)
    assert (found.status, found.reason) == ("False", "MissingPermission")
    assert '"patch nodes" (needed by keepAway)' in found.message


def test_what_is_needed_in_every_namespace_is_told_from_what_is_needed_in_one() -> None:
    found = judge(world(refused=("create pods/eviction in all namespaces",)), step("empty", "drain", {"node": "n1"}))
    assert '"create pods/eviction in all namespaces" (needed by empty)' in found.message


def test_rights_on_nodes_are_granted_by_objects_of_the_whole_cluster() -> None:
    objects = grants(judge(world(refused=MAY_NOT_CORDON), CORDON), kinds=["Node"])
    name = "shop-responder-mend"
    assert objects[f"ClusterRole/{name}"]["rules"] == [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "patch"]}
    ]
    assert objects[f"ClusterRoleBinding/{name}"]["roleRef"]["kind"] == "ClusterRole"
    assert objects[f"ClusterRoleBinding/{name}"]["subjects"] == [
        {"kind": "ServiceAccount", "name": "responder", "namespace": "shop"}
    ]
    assert not any("nodes" in str(obj.get("rules")) for key, obj in objects.items() if key.startswith("Role/"))


def test_the_operator_that_may_not_act_on_nodes_as_the_account_is_told_and_granted_it() -> None:
    lacking = {"impersonate serviceaccounts named responder", "impersonate-on:serviceaccount:patch nodes"}
    found = judge(world(operator_refused=frozenset(lacking)), CORDON)
    assert 'the operator may not "patch nodes" as ServiceAccount responder' in found.message
    binding = grants(found)["ClusterRoleBinding/paramedic-acts-within-actions"]
    assert binding["roleRef"]["name"] == "paramedic-impersonation-cluster"


def test_a_playbook_that_stays_in_its_namespace_is_granted_nothing_in_the_whole_cluster() -> None:
    assert not [name for name in grants(judge(world()), everything=True) if name.startswith("Cluster")]


# --- where requests go

HOOK = "https://hooks.example.com/v1"


def calling(url: str) -> Object:
    return step("call", "http", {"url": url})


def test_an_endpoint_that_nobody_allowed_is_named_with_the_flag() -> None:
    found = judge(world(), calling(f"{HOOK}/lock"))
    assert (found.status, found.reason) == ("False", "EndpointNotAllowed")
    assert found.message == (
        f"spec.steps[0].http.url: the operator may not send to {HOOK}/lock; an admin allows it by starting the operator"
        f" with --http-allow {HOOK}/lock, or a shorter prefix of it (PARAMEDIC_HTTP_ALLOW)"
    )


@pytest.mark.parametrize("url", [f"{HOOK}/lock", f"{HOOK}/users/${{incident.name}}", "${parameters.url}"])
def test_an_endpoint_that_is_allowed_or_that_only_an_incident_knows_leaves_it_ready(url: str) -> None:
    parameters = [{"name": "url", "required": True}]
    assert judge(world(endpoints=(HOOK,)), calling(url), parameters=parameters).status == "True"


def test_an_endpoint_whose_host_is_known_is_judged_although_its_path_is_not() -> None:
    found = judge(world(endpoints=(HOOK,)), calling("https://elsewhere.example.com/v1/${incident.name}"))
    assert found.reason == "EndpointNotAllowed"


def test_both_requests_of_a_lock_must_be_allowed() -> None:
    provider = {"account": "a", "lock": {"url": f"{HOOK}/lock"}, "unlock": {"url": "https://other.example.com/unlock"}}
    found = judge(world(endpoints=(HOOK,)), step("lock", "lockAccount", {"provider": provider}))
    assert [item.path for item in found.findings] == ["spec.steps[0].lockAccount.provider.unlock.url"]


def test_a_url_that_is_none_is_told_from_the_text_alone() -> None:
    found = judge(world(endpoints=(HOOK,)), calling(f"{HOOK}/../admin"))
    assert found.reason == "Invalid"
    assert "spec.steps[0].http.url: it has a path segment . or .., which leads elsewhere" in found.message


def test_on_unknown_is_for_what_leaves_no_trace() -> None:
    found = judge(world(), step("mend", "rollback", onUnknown="Retry"))
    assert "spec.steps[0].onUnknown: what rollback did can always be found out; leave it out" in found.message
