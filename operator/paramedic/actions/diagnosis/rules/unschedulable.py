"""Unschedulable: the scheduler finds no Node for a Pod, and says which constraint rules most of them out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from paramedic.actions.diagnosis.containers import unscheduled
from paramedic.actions.diagnosis.findings import Finding, Rule, quoted
from paramedic.actions.diagnosis.rules.volume_unbound import waits_for_volume
from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.objects import Object, dig

_SPEC = "spec.template.spec"
_COUNTED = re.compile(r"(?P<nodes>\d+) (?P<reason>.+)")
#: The scheduler's words (pkg/scheduler/framework/plugins), and the field of the Pod that they are about.
_CONSTRAINTS = (
    (re.compile(r"didn't match Pod's node affinity/selector"), "affinity.nodeAffinity"),
    (re.compile(r"didn't match pod anti-affinity rules"), "affinity.podAntiAffinity"),
    (re.compile(r"didn't match pod affinity rules"), "affinity.podAffinity"),
    (re.compile(r"didn't match pod topology spread constraints"), "topologySpreadConstraints"),
    (re.compile(r"Insufficient (?P<resource>\S+)"), "containers[*].resources.requests[{resource}]"),
    (re.compile(r"Too many pods"), "nodeName"),
    (re.compile(r"untolerated taint"), "tolerations"),
    (re.compile(r"didn't have free ports"), "containers[*].ports[*].hostPort"),
    (re.compile(r"were unschedulable"), "tolerations"),
    (re.compile(r"volume node affinity"), "volumes"),
)


@dataclass(frozen=True)
class _Constraint:
    nodes: int
    field: str


def find(scene: Scene) -> Iterator[Finding]:
    told = [(pod, words) for pod in scene.suspects if (words := unscheduled(pod))]
    waiting = [(pod, words) for pod, words in told if not waits_for_volume(words)]
    if not waiting:
        return
    pod, words = waiting[0]
    field = ".".join(filter(None, (_SPEC, _constraint(pod, words))))
    text = f"no Node takes Pod {pod['metadata']['name']} of {scene.target}, by {field}: {quoted(words)}"
    yield Finding(RULE.kind, scene.target, field, words, text, len(waiting))


def _constraint(pod: Object, words: str) -> str:
    """The field that rules the most Nodes out; the first of them that the scheduler names where several do."""
    nodes_only = words.partition("preemption:")[0].partition("nodes are available:")[2] or words
    best = _Constraint(-1, "")
    for part in filter(None, map(_COUNTED.match, nodes_only.strip(" .").split(", "))):
        field = _field_of(pod, part["reason"])
        if field and int(part["nodes"]) > best.nodes:
            best = _Constraint(int(part["nodes"]), field)
    return best.field or _field_of(pod, words)


def _field_of(pod: Object, reason: str) -> str:
    for pattern, field in _CONSTRAINTS:
        if found := pattern.search(reason):
            if field == "affinity.nodeAffinity" and dig(pod, "spec", "nodeSelector"):
                return "nodeSelector"
            return field.format(**found.groupdict())
    return ""


RULE = Rule("Unschedulable", find)
