"""`blockIPs`: keeps addresses away from the target, for a time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Pending,
    Preparation,
    Skipped,
)
from paramedic.actions.effects import Create
from paramedic.actions.policies.blocking import Direction, build_block, standing
from paramedic.actions.policies.cluster_ranges import cluster_ranges
from paramedic.actions.policies.isolation import POLICY_PERMISSIONS, beyond_policies, lift_policy, policy_ref
from paramedic.actions.reads import Denied, ListObjects, Seen
from paramedic.actions.targets import counted_pods, find_target, look_permissions
from paramedic.model.addresses import Network
from paramedic.model.cidrs import format_range, parse_ranges, special_use
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.names import child_name
from paramedic.model.objects import Object, dig, labels
from paramedic.model.permissions import Permission
from paramedic.model.references import NETWORK_POLICY, SERVICE
from paramedic.model.text import listing, plural
from paramedic.model.times import format_time

MOST_RANGES = 64
#: The shortest prefix of one range: more addresses than that are no attacker but a part of the Internet.
_SHORTEST = {4: 16, 6: 32}


class BlockIPsParameters(Parameters):
    """Denies traffic between these addresses and the target's Pods, by a NetworkPolicy that allows everything else and
    ends after `ttl` even when the incident is deleted. Refused for the cluster's own addresses (nodes, Pods, Services,
    API server), loopback, link-local and multicast, and for Pods on the host network; asks for an approval where the
    cluster's own addresses cannot all be read. Policies only add up: where another policy already selects the Pods,
    one more cannot block what it allows, so the step fails and says what to change there, or is skipped where nothing
    allows these addresses. Whether policies are enforced depends on the cluster's network plugin, and the Pods must see
    the client's own address, which a load balancer may hide: nothing proves either here. Can be undone. Outputs:
    policy, cidrs, directions, pods.
    """

    cidrs: list[Annotated[str, StringConstraints(min_length=1, max_length=1024)]] = Field(
        min_length=1,
        max_length=MOST_RANGES,
        description="Addresses and CIDRs, IPv4 or IPv6, such as 203.0.113.7 and 2001:db8::/48. One entry may hold"
        " several with commas between, as a template fills it in; at most 64 in all.",
    )
    direction: Literal["Ingress", "Egress", "Both"] = Field(
        "Ingress", description="Ingress: what they send to the Pods. Egress: what the Pods send to them."
    )
    ttl: Duration = Field("1h", description="When the block ends by itself, counted from its start.")

    @field_validator("cidrs")
    @classmethod
    def _fit(cls, texts: list[str]) -> list[str]:
        """What is written out is checked when the playbook is read, what templates fill in once they have."""
        _ranges([text for text in texts if "${" not in text], may_be_empty=any("${" in text for text in texts))
        return texts


class BlockIPs(Action[BlockIPsParameters]):
    name = "blockIPs"
    phase = "Contain"
    parameters = BlockIPsParameters
    remedy = True
    can_undo = True
    timeout = timedelta(minutes=2)
    kinds = ("Deployment", "StatefulSet", "DaemonSet")
    example = 'blockIPs: {cidrs: ["${parameters.attackers}"], ttl: 1h}'

    def permissions(self, params: BlockIPsParameters, kind: str) -> frozenset[Permission]:
        return look_permissions(kind) | POLICY_PERMISSIONS

    def optional_permissions(self, params: BlockIPsParameters, kind: str) -> frozenset[Permission]:
        return frozenset({Permission.to("list", SERVICE)})

    def prepare(self, params: BlockIPsParameters, ctx: Context, seen: Seen) -> Preparation:
        try:
            blocked = _ranges(params.cidrs)
        except ValueError as error:
            return Failed(f"nothing is blocked: {error}", final=True)
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        own = cluster_ranges(seen)
        for item in blocked:
            if (overlap := own.overlap(item)) is not None:
                return Failed(
                    f"{format_range(item)} overlaps {overlap.network}, which is the cluster's own: {overlap.whose};"
                    " leave it out, or name a narrower range",
                    final=True,
                )
        directions = _directions(params, ctx, found, seen, blocked)
        if isinstance(directions, Failed | Skipped):
            return directions
        intent = _intent(params, ctx, found, seen, blocked, directions)
        return _with_question(intent, own.unchecked)

    def observe(self, params: BlockIPsParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        done = Finished(_done_message(ctx, record), {key: record[key] for key in _OUTPUTS})
        if seen.get(policy_ref(ctx, record)) is not None:
            return done
        found = find_target(ctx, seen)
        if isinstance(found, Failed):
            return found
        directions = _directions(params, ctx, found, seen, _ranges(record["cidrs"]))
        if isinstance(directions, Failed):
            return directions
        if isinstance(directions, Skipped) or directions != record["directions"]:
            return Failed("the policies of the namespace changed before the block was begun", untouched=True)
        return Pending((Create(build_block(ctx, record)),), done=done, existed=done)

    def undo(self, params: BlockIPsParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        done = Finished(f"the block of {_who(record)} is lifted: NetworkPolicy/{record['policy']} is deleted")
        effects = lift_policy(ctx, record, seen)
        return Pending(effects, done=done) if effects else done


_OUTPUTS = ("policy", "cidrs", "directions", "pods")


def _ranges(texts: list[str], *, may_be_empty: bool = False) -> list[Network]:
    """The ranges that are named. Raises ValueError for what no block may name, and where none is named at all."""
    found = parse_ranges(texts)
    if not found and not may_be_empty:
        raise ValueError("no address is named; write such as 203.0.113.7")
    if len(found) > MOST_RANGES:
        raise ValueError(f"{len(found)} ranges are more than {MOST_RANGES}; name wider ones, or block at the firewall")
    for item in found:
        if item.prefixlen < _SHORTEST[item.version]:
            widest = _SHORTEST[item.version]
            raise ValueError(f"{item} is too wide, one entry is at most a /{widest}; name narrower ones")
        if use := special_use(item):
            raise ValueError(f"{format_range(item)} is {use}, which is no sender's address; leave it out")
    return found


def _directions(
    params: BlockIPsParameters, ctx: Context, found: Object, seen: Seen, blocked: list[Network]
) -> list[Direction] | Failed | Skipped:
    """In which directions a policy of ours can block them; those that are denied already are left out."""
    pods = counted_pods(found, seen)
    if not pods:
        return Failed(f"{ctx.target} has no Pod that could be shielded", final=True)
    if refused := beyond_policies(pods):
        return refused
    policies = seen.items(ListObjects(NETWORK_POLICY, ctx.namespace))
    wanted: list[Direction] = ["Ingress", "Egress"] if params.direction == "Both" else [params.direction]
    ours: list[Direction] = []
    denied: set[str] = set()
    for direction in wanted:
        there = standing(direction, policies, [labels(pod) for pod in pods], blocked)
        if there.openings:
            return Failed(
                f"one more policy cannot block {_listed(blocked)} ({direction}): policies only add up, and"
                f" {'; '.join(there.openings[:3])}",
                final=True,
            )
        if not there.selecting:
            ours.append(direction)
        elif there.denied:
            denied |= set(there.selecting)
        else:
            return Failed(
                f"NetworkPolicy/{there.selecting[0]} restricts only some of the Pods of {ctx.target} ({direction}), and"
                " a policy that allows all but these addresses would widen what it allows; let it select all of them,"
                " or none",
                final=True,
            )
    if not ours:
        return Skipped(f"{_listed(blocked)} {_be(blocked)} denied already by NetworkPolicy {listing(sorted(denied))}")
    return ours


def _be(blocked: list[Network]) -> str:
    return "is" if len(blocked) == 1 else "are"


def _intent(
    params: BlockIPsParameters, ctx: Context, found: Object, seen: Seen, blocked: list[Network], ours: list[Direction]
) -> Intent:
    until = ctx.now + parse_duration(params.ttl)
    record: dict[str, Any] = {
        "operation": ctx.operation_id,
        "policy": child_name(ctx.incident, ctx.step, ctx.operation_id),
        "selector": dig(found, "spec", "selector"),
        "cidrs": [str(item) for item in blocked],
        "directions": ours,
        "until": format_time(until),
        "pods": len(counted_pods(found, seen)),
        "remark": _hidden_addresses(ctx, found, seen) if "Ingress" in ours else "",
    }
    message = f"blocking {_who(record)} for {ctx.target} ({plural(record['pods'], 'Pod')}) for {params.ttl}"
    if record["remark"]:
        message += f"; {record['remark']}"
    change = {key: record[key] for key in ("selector", "cidrs", "directions")}
    return Intent(record, message, ctx.target, expires_at=until, change=change)


def _with_question(intent: Intent, unchecked: tuple[str, ...]) -> Intent:
    if not unchecked:
        return intent
    why = f"{intent.message}; whether they are the cluster's own was not checked for {listing(list(unchecked))}"
    return replace(intent, ask=why)


def _hidden_addresses(ctx: Context, found: Object, seen: Seen) -> str:
    """Which Services may show the Pods another address than the client's, so that nothing would be blocked."""
    try:
        services = seen.items(ListObjects(SERVICE, ctx.namespace))
    except Denied:
        return "whether a load balancer hides the clients' addresses was not seen (no right to list Services)"
    template = dig(found, "spec", "template", "metadata", "labels", default={})
    hiding = [item["metadata"]["name"] for item in services if _selects(item, template) and _hides(item)]
    if not hiding:
        return ""
    return (
        f"Service {listing(hiding)} is reached from outside with externalTrafficPolicy Cluster, so the Pods may see a"
        " node's address instead of the client's; set it to Local, or block at the load balancer too"
    )


def _selects(service: Object, template_labels: Mapping[str, str]) -> bool:
    selector = dig(service, "spec", "selector", default={})
    return bool(selector) and selector.items() <= template_labels.items()


def _hides(service: Object) -> bool:
    outside = dig(service, "spec", "type") in ("LoadBalancer", "NodePort")
    return outside and dig(service, "spec", "externalTrafficPolicy", default="Cluster") != "Local"


def _who(record: Mapping[str, Any]) -> str:
    return f"{_listed(parse_ranges(record['cidrs']))} ({' and '.join(record['directions'])})"


def _listed(blocked: list[Network]) -> str:
    return listing([format_range(item) for item in blocked])


def _done_message(ctx: Context, record: Mapping[str, Any]) -> str:
    text = f"NetworkPolicy/{record['policy']} blocks {_who(record)} for {ctx.target} until {record['until'][:19]}Z"
    if record["remark"]:
        text += f"; {record['remark']}"
    return text + "; it is stored, and enforced only if the cluster's network plugin enforces policies"
