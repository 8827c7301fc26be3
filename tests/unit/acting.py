"""The three moments of an action, asked of a world of prepared answers, and the effects that it wants applied to it."""

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

from paramedic.actions.contract import Context, Failed, Intent, Observation, Pending, Preparation
from paramedic.actions.effects import Create, Delete, Effect, Evict, FillRandom, JsonPatch, MergePatch
from paramedic.actions.registry import ACTIONS
from paramedic.cluster.random_values import filled
from paramedic.model.objects import Object
from unit.builders import context
from unit.seen import World

T = TypeVar("T")


def prepare(name: str, world: World, ctx: Context | None = None, /, **params: Any) -> Preparation:
    action = ACTIONS[name]
    parsed = action.parameters.model_validate(params)
    return world.ask(lambda seen: action.prepare(parsed, ctx or context(), seen))


def observe(
    name: str, world: World, record: Mapping[str, Any], ctx: Context | None = None, /, **params: Any
) -> Observation:
    action = ACTIONS[name]
    parsed = action.parameters.model_validate(params)
    return world.ask(lambda seen: action.observe(parsed, ctx or context(), record, seen))


def undo(
    name: str, world: World, record: Mapping[str, Any], ctx: Context | None = None, /, **params: Any
) -> Observation:
    action = ACTIONS[name]
    parsed = action.parameters.model_validate(params)
    return world.ask(lambda seen: action.undo(parsed, ctx or context(), record, seen))


def record_of(verdict: object) -> Mapping[str, Any]:
    """What an intent wrote down."""
    return expect(Intent, verdict).record


def refused(verdict: object) -> str:
    """The message of a failure that a retry would only meet again."""
    failed = expect(Failed, verdict)
    assert failed.final, f"a retry is allowed: {failed.message}"
    return failed.message


def only_effect(verdict: object, kind: type[T]) -> T:
    (effect,) = expect(Pending, verdict).effects
    return expect(kind, effect)


def expect(kind: type[T], found: object) -> T:
    assert isinstance(found, kind), f"expected {kind.__name__}, got {found}"
    return found


def apply(world: World, *effects: Effect) -> None:
    """What the API server makes of these effects."""
    for effect in effects:
        key = (effect.ref.kind, effect.ref.name)
        if isinstance(effect, Create):
            world.objects[key] = copy.deepcopy(effect.body)
        elif isinstance(effect, Delete | Evict):
            del world.objects[key]
        elif isinstance(effect, FillRandom):
            world.objects[key] = _merged(world.objects[key], filled(effect).patch)
        elif isinstance(effect, MergePatch):
            world.objects[key] = _merged(world.objects[key], effect.patch)
        else:
            world.objects[key] = _patched(world.objects[key], expect(JsonPatch, effect).operations)


def _merged(obj: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    found = dict(obj) if isinstance(obj, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), value)
    return found


def _patched(obj: Object, operations: list[Object]) -> Object:
    """RFC 6902, the operations that paramedic uses."""
    found = copy.deepcopy(obj)
    for operation in operations:
        *parents, last = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].removeprefix("/").split("/")
        ]
        place: Any = found
        for part in parents:
            place = place[int(part) if isinstance(place, list) else part]
        if operation["op"] in ("replace", "remove"):
            assert last in place, f"the API server refuses {operation['op']} of {operation['path']}"
        if operation["op"] == "remove":
            del place[last]
        else:
            place[last] = copy.deepcopy(operation["value"])
    return found
