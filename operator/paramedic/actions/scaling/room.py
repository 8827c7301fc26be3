"""Whether the namespace's quotas have room for more Pods of a workload."""

from decimal import Decimal

from paramedic.actions.contract import Context
from paramedic.actions.reads import Seen
from paramedic.actions.workloads import admission
from paramedic.actions.workloads.quota_room import usage
from paramedic.model.objects import Object, dig
from paramedic.model.quantities import parse_quantity
from paramedic.model.text import plural


def no_room(workload: Object, more: int, ctx: Context, seen: Seen) -> str:
    """Why so many more Pods would not be admitted; empty where they would, as far as the account may look."""
    if not admission.has_quota(ctx, seen):
        return ""
    if refused := admission.refusal_now(workload, workload["spec"]["template"], ctx, seen):
        return refused
    found = (_exceeded(quota, workload, more) for quota in seen.items(admission.question_about_quotas(ctx.namespace)))
    return next(filter(None, found), "")


def _exceeded(quota: Object, workload: Object, more: int) -> str:
    if dig(quota, "spec", "scopes") or dig(quota, "spec", "scopeSelector"):
        return ""  # which Pods it counts is the API server's to know
    pod = {"spec": workload["spec"]["template"]["spec"]}
    for resource, text in dig(quota, "status", "hard", default={}).items():
        used_text = dig(quota, "status", "used", resource, default="0")
        one, left = usage(pod, resource), _number(text) - _number(used_text)
        if one and one * more > left:
            room = max(0, int(left // one))
            allowed = f"quota {quota['metadata']['name']} allows {resource}={text}, of which {used_text} is used"
            return f"{allowed}: there is room for {room} of {plural(more, 'more Pod')}"
    return ""


def _number(text: str) -> Decimal:
    return parse_quantity(str(text))
