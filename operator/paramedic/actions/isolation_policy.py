"""The NetworkPolicy of an isolation, and what the policies beside it mean for it.

NetworkPolicies add up: a Pod may do what any policy that selects it allows. So ours can take away what no other policy
allows, and must not allow what the others deny.
"""

from collections.abc import Mapping
from typing import Any

from paramedic.actions.contract import Context
from paramedic.model.names import (
    ACCOUNT_ANNOTATION,
    EXPIRES_ANNOTATION,
    INCIDENT_UID_ANNOTATION,
    OPERATION_ANNOTATION,
    QUARANTINE_LABEL,
    our_labels,
)
from paramedic.model.objects import Object, dig, matches_selector

_DNS_RULE = {
    "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def build_policy(ctx: Context, record: Mapping[str, Any]) -> Object:
    """The policy. It has no owner: it must outlive its Incident until its time is over, and say who may end it."""
    selector = {"matchLabels": {QUARANTINE_LABEL: record["operation"]}} if record["pod"] else record["selector"]
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
        "spec": {
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": [_DNS_RULE] if record["dns"] else [],
        },
    }


def policies_that_deny_egress(policies: list[Object], pod_labels: list[dict[str, str]]) -> list[str]:
    """Policies that select one of these Pods and restrict its egress: an egress rule of ours would widen them."""
    return [
        policy["metadata"]["name"]
        for policy in policies
        if "Egress" in _types(policy) and _selects_any(policy, pod_labels)
    ]


def policies_that_still_allow(policies: list[Object], pod_labels: list[dict[str, str]]) -> list[str]:
    """Policies that select one of these Pods and allow it some traffic, which no other policy can take away."""
    return [
        policy["metadata"]["name"]
        for policy in policies
        if (dig(policy, "spec", "ingress") or dig(policy, "spec", "egress")) and _selects_any(policy, pod_labels)
    ]


def _types(policy: Object) -> list[str]:
    found: list[str] = dig(policy, "spec", "policyTypes", default=["Ingress"])
    return found


def _selects_any(policy: Object, pod_labels: list[dict[str, str]]) -> bool:
    selector = dig(policy, "spec", "podSelector", default={})
    return any(matches_selector(selector, item) for item in pod_labels)
