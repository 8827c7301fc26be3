"""The cluster as it would be after effects that nobody has performed: so an action is followed through all of its
writes without one being made.
"""

import copy
from collections.abc import Iterable
from typing import Any

from paramedic.actions.changes import Change, change_of
from paramedic.actions.effects import Create, Effect, Hold, Send
from paramedic.actions.reads import EXISTS, GetObject, ListObjects, Read, Seen, TryCreate
from paramedic.model.objects import Object, dig, labels
from paramedic.model.references import ObjectRef


class Imagined(Seen):
    """What was seen, with changes laid over it. Controllers do not follow: what they would make of a change is not known."""

    def __init__(self, seen: Seen) -> None:
        super().__init__()
        self._seen = seen
        self._changed: dict[ObjectRef, Object | None] = {}

    def perform(self, effect: Effect) -> Change:
        """Imagines an effect. Raises Missing, DoesNotApply."""
        if isinstance(effect, Send | Hold):
            return change_of(effect, None)  # what it does elsewhere is not seen here
        before = None if isinstance(effect, Create) else self.get(effect.ref)
        change = change_of(effect, before)
        self._changed[effect.ref.named] = _stored(change)
        return change

    def _answer(self, question: Read) -> Any:
        if isinstance(question, GetObject) and question.ref in self._changed:
            return copy.deepcopy(self._changed[question.ref])
        if isinstance(question, TryCreate) and self._is_new(question):
            return EXISTS
        answer = self._seen._answer(question)
        return self._listed(question, answer) if isinstance(question, ListObjects) else answer

    def prefetch(self, questions: Iterable[Read]) -> None:
        known = [item for item in questions if not (isinstance(item, GetObject) and item.ref in self._changed)]
        self._seen.prefetch(known)

    def _is_new(self, question: TryCreate) -> bool:
        ref = ObjectRef.to(question.resource, question.namespace, question.body["metadata"].get("name", ""))
        return self._changed.get(ref) is not None

    def _listed(self, question: ListObjects, items: list[Object]) -> list[Object]:
        """The list with the changed objects in their places; a new one joins it where it can be told that it belongs."""
        here = {ref: obj for ref, obj in self._changed.items() if _belongs(ref, question)}
        found = [here.pop(ref, item) if (ref := _ref_in(question, item)) in here else item for item in items]
        fresh = [obj for obj in here.values() if obj is not None and _is_selected(obj, question)]
        return [copy.deepcopy(item) for item in [*found, *fresh] if item is not None]


def _stored(change: Change) -> Object | None:
    """The object as the API server would give it: another version, and another generation where its spec changed."""
    if change.after is None:
        return None
    found = copy.deepcopy(change.after)
    meta = found.setdefault("metadata", {})
    meta["resourceVersion"] = f"{dig(change.before, 'metadata', 'resourceVersion', default='0')}-imagined"
    meta.setdefault("uid", f"imagined-{change.ref.name}")
    meta["generation"] = dig(change.before, "metadata", "generation", default=0) + (
        found.get("spec") != dig(change.before, "spec")
    )
    return found


def _belongs(ref: ObjectRef, question: ListObjects) -> bool:
    return ref.resource == question.resource and question.namespace in ("", ref.namespace)


def _ref_in(question: ListObjects, item: Object) -> ObjectRef:
    meta = item["metadata"]
    return ObjectRef.to(question.resource, meta.get("namespace") or "", meta["name"])


def _is_selected(obj: Object, question: ListObjects) -> bool:
    """Whether a new object is in a list: only plain selectors (key=value) are understood."""
    if question.field_selector:
        return False
    terms = [term.partition("=") for term in question.label_selector.split(",") if term]
    return all(sign and labels(obj).get(key) == value for key, sign, value in terms)
