"""NetworkPolicies that end by themselves, that of an isolation, and what the policies beside it mean for it.

NetworkPolicies add up: a Pod may do what any policy that selects it allows. So ours can take away what no other policy
allows, and must not allow what the others deny.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from paramedic.actions.contract import Context, Failed
from paramedic.actions.effects import Delete
from paramedic.actions.reads import Seen
from paramedic.model.names import (
    ACCOUNT_ANNOTATION,
    EXPIRES_ANNOTATION,
    INCIDENT_UID_ANNOTATION,
    OPERATION_ANNOTATION,
    QUARANTINE_LABEL,
    our_labels,
)
from paramedic.model.objects import Object, dig, matches_selector
from paramedic.model.permissions import Permission
from paramedic.model.references import NETWORK_POLICY, ObjectRef
from paramedic.model.text import listing

_DNS_RULE = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def build_policy(ctx: Context, record: Mapping[str, Any]) -> Object:
    """The policy of an isolation."""
    selector = {"matchLabels": {QUARANTINE_LABEL: record["operation"]}} if record["pod"] else record["selector"]
    spec = {
        "podSelector": selector,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [_DNS_RULE] if record["dns"] else [],
    }
    return temporary_policy(ctx, record, spec)


def temporary_policy(ctx: Context, record: Mapping[str, Any], spec: Object) -> Object:
    """A policy that ends. It has no owner: it must outlive its Incident until its time is over, and say who may end it.

    The record holds its name (``policy``), its ``operation``, and ``until`` when it is there.
    """
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": record["policy"],
            "namespace": ctx.namespace,
            "labels": our_labels(ctx.incident, ctx.step),
            "annotations": {
                OPERATION_ANNOTATION: record["operation"],
                INCIDENT_UID_ANNOTATION: ctx.incident_uid,
                ACCOUNT_ANNOTATION: ctx.account,
                EXPIRES_ANNOTATION: record["until"],
            },
        },
        "spec": spec,
    }


#: What a policy that ends takes: to look at those that are there, to make it and to take it away.
POLICY_PERMISSIONS = frozenset(Permission.to(verb, NETWORK_POLICY) for verb in ("get", "list", "create", "delete"))


def beyond_policies(pods: Iterable[Object]) -> Failed | None:
    """Why no policy can do anything about some of these Pods; None where it can."""
    hosted = [pod["metadata"]["name"] for pod in pods if dig(pod, "spec", "hostNetwork")]
    if not hosted:
        return None
    return Failed(f"{listing(hosted)} uses the host's network, which no policy reaches", final=True)


def policy_ref(ctx: Context, record: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef.to(NETWORK_POLICY, ctx.namespace, record["policy"])


def lift_policy(ctx: Context, record: Mapping[str, Any], seen: Seen) -> tuple[Delete, ...]:
    """The delete that takes the policy away; none where it is gone or going."""
    policy = seen.get(policy_ref(ctx, record))
    if policy is None or dig(policy, "metadata", "deletionTimestamp"):
        return ()
    return (Delete(ObjectRef.of(policy)),)


def policies_that_deny_egress(policies: list[Object], pod_labels: list[dict[str, str]]) -> list[str]:
    """Policies that select one of these Pods and restrict its egress: an egress rule of ours would widen them."""
    return [
        policy["metadata"]["name"]
        for policy in policies
        if "Egress" in policy_types(policy) and selects_any(policy, pod_labels)
    ]


def policies_that_still_allow(policies: list[Object], pod_labels: list[dict[str, str]]) -> list[str]:
    """Policies that select one of these Pods and allow it some traffic, which no other policy can take away."""
    return [
        policy["metadata"]["name"]
        for policy in policies
        if (dig(policy, "spec", "ingress") or dig(policy, "spec", "egress")) and selects_any(policy, pod_labels)
    ]


def policy_types(policy: Object) -> list[str]:
    """The directions that it restricts."""
    found: list[str] = dig(policy, "spec", "policyTypes", default=["Ingress"])
    return found


def selects_any(policy: Object, pod_labels: list[dict[str, str]]) -> bool:
    """Whether it selects a Pod with one of these sets of labels."""
    selector = dig(policy, "spec", "podSelector", default={})
    return any(matches_selector(selector, item) for item in pod_labels)
