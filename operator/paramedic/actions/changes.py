"""What effects would make of objects: each one before and after, with nothing performed."""

from dataclasses import dataclass

from paramedic.actions.effects import Create, Effect, FillRandom, Hold, JsonPatch, MergePatch, Send, verb_of
from paramedic.model.objects import Object, dig
from paramedic.model.patches import apply_operations, merge
from paramedic.model.references import NODE_GROUPS, ObjectRef
from paramedic.model.text import plural
from paramedic.model.workloads import Workload, most_unavailable


@dataclass(frozen=True)
class Change:
    """One object before and after; None where there is none."""

    ref: ObjectRef
    verb: str
    before: Object | None
    after: Object | None

    @property
    def pods(self) -> str:
        """What it means for Pods; empty where it means nothing."""
        if self.ref.kind == "Pod" and self.after is None:
            return "1 Pod deleted"
        old, new = dig(self.before, "spec", "replicas"), dig(self.after, "spec", "replicas")
        if isinstance(old, int) and isinstance(new, int) and old != new:
            noun = "node" if self.ref.resource in NODE_GROUPS else "Pod"
            return f"{plural(abs(new - old), noun)} {'more' if new > old else 'fewer'}: {old} → {new}"
        template = dig(self.after, "spec", "template")
        if self.before is None or self.after is None or template is None:
            return ""
        if template == dig(self.before, "spec", "template"):
            return ""
        count = plural(Workload.of(self.before).desired, "Pod")
        return f"{count} replaced, at most {most_unavailable(self.before)} down at a time"


def change_of(effect: Effect, before: Object | None) -> Change:
    """What this effect would make of the object. Raises DoesNotApply."""
    after: Object | None = None
    if isinstance(effect, Send | Hold):
        after = effect.shown
    elif isinstance(effect, Create):
        after = effect.body
    elif isinstance(effect, MergePatch):
        after = merge(before, effect.patch)
    elif isinstance(effect, FillRandom):
        after = merge(before, effect.shown)
    elif isinstance(effect, JsonPatch):
        after = apply_operations(before, effect.operations)
    return Change(effect.ref, verb_of(effect), before, after)
