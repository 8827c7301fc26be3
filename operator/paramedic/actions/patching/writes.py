"""What `patch` changes in an object, as data that a record can keep; and the writes of it, there and back."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from paramedic.actions.contract import Context, Finished, Observation, Pending
from paramedic.actions.effects import JsonPatch
from paramedic.actions.patching.fields import KINDS, Field, Value, field_of, same, typed
from paramedic.actions.patching.paths import NoSuchPlace, parts_of, set_at, steps_to, value_at
from paramedic.actions.reads import Seen
from paramedic.actions.targets import last_writer, undo_operation
from paramedic.model.names import FIELD_MANAGER, OPERATION_ANNOTATION
from paramedic.model.objects import Object
from paramedic.model.references import ObjectRef
from paramedic.model.text import listing

_KEPT = 1024  # characters of a value


class Unfit(ValueError):
    """A field that cannot be set so. The text says why, for a person."""


@dataclass(frozen=True)
class Change:
    """One field: what it holds, None where it is not there, and what it is to hold."""

    path: str
    before: Value | None
    wanted: Value

    @property
    def head(self) -> str:
        """The field of the spec that it is in, as managedFields name it."""
        return f"f:{parts_of(self.path)[1]}"


def changes_of(found: Object, settings: Iterable[tuple[str, Value]]) -> list[Change]:
    """What is to be changed, without what holds its value already. Raises Unfit."""
    every = [_change(found, path, value) for path, value in settings]
    paths = [item.path for item in every]
    if twice := [path for path in paths if paths.count(path) > 1]:
        raise Unfit(f"{twice[0]} is set twice; keep one")
    return [item for item in every if not same(_field(found, item.path), item.before, item.wanted)]


def _change(found: Object, path: str, value: Value) -> Change:
    field = _field(found, path)
    try:
        before, wanted = value_at(found, path), typed(field, value)
        if before is None and len(list(steps_to(found, path))) < len(parts_of(path)) and not field.grows:
            raise NoSuchPlace(f"{path} leads nowhere: the object has no such part")
    except ValueError as error:
        raise Unfit(f"{path}: {error}") from None
    if field.path.endswith("env[*].value") and value_at(found, f"{path.removesuffix('.value')}.valueFrom"):
        raise Unfit(f"{path} gets its value from elsewhere (valueFrom); change it there")
    if len(str(before)) > _KEPT:
        raise Unfit(f"{path} holds {len(str(before))} characters, more than the {_KEPT} that can be kept for an undo")
    return Change(path, before, wanted)


def _field(found: Object, path: str) -> Field:
    field = field_of(KINDS[found["kind"]], path)
    if field is None:
        raise Unfit(f"{path} of a {found['kind']} cannot be patched")
    return field


def applied(found: Object, changes: Iterable[Change], *, back: bool = False) -> tuple[Object, list[Object]]:
    """The object after the changes, and the operations of a JSON patch that make them. Raises Unfit."""
    changed = copy.deepcopy(found)
    try:
        operations = [set_at(changed, item.path, item.before if back else item.wanted) for item in changes]
    except NoSuchPlace as error:
        raise Unfit(str(error)) from None
    return changed, operations


def standing(found: Object, changes: Iterable[Change]) -> tuple[list[Change], list[Change]]:
    """Those that hold what is wanted, and those that hold what they held before."""
    wanted, before = [], []
    for item in changes:
        field = _field(found, item.path)
        try:
            now = value_at(found, item.path)
        except NoSuchPlace:
            continue  # the element is gone
        if same(field, now, item.wanted):
            wanted.append(item)
        if same(field, now, item.before):
            before.append(item)
    return wanted, before


def write(ref: ObjectRef, found: Object, changes: list[Change], operation: str, *, back: bool = False) -> JsonPatch:
    """Sets the fields, or, with ``back``, what they held, and says which operation did."""
    changed = copy.deepcopy(found)
    marks: list[Object] = []
    if not changed["metadata"].get("annotations"):
        changed["metadata"]["annotations"] = {}
        marks.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    marks.append(set_at(changed, f"metadata.annotations[{OPERATION_ANNOTATION}]", operation))
    return JsonPatch(ref, found["metadata"]["resourceVersion"], [*applied(found, changes, back=back)[1], *marks])


def put_back(ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
    """The way back: each field that still holds what this step has set."""
    ref, changes = ObjectRef.load(record["object"]), [Change(**item) for item in record["changes"]]
    found = seen.get(ref)
    if found is None or found["metadata"]["uid"] != ref.uid:
        return Finished(f"nothing to undo: {ref} is gone")
    set_now, as_before = standing(found, changes)
    ours = [item for item in set_now if last_writer(found, item.head)[0] in (FIELD_MANAGER, "somebody")]
    if ours:
        return Pending((write(ref, found, ours, undo_operation(ctx), back=True),))
    left = [item for item in changes if item not in as_before]
    if not left:
        return Finished(f"{ref} holds what it held before: {listing([item.path for item in changes], 3)}")
    who = last_writer(found, left[0].head)[0]
    return Finished(f"left as it is: {listing([item.path for item in left], 3)} of {ref}, which {who} has set since")
