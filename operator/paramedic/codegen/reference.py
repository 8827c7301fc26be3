"""docs/actions.md: what each action does, takes, needs and gives, from what the actions declare."""

from collections.abc import Iterator
from typing import Any

from paramedic.actions.contract import Action
from paramedic.actions.needs import helpful, needed
from paramedic.actions.registry import ACTIONS
from paramedic.codegen.rbac import in_cluster, in_namespace, looking, widest_parameters, widest_permissions
from paramedic.codegen.structural import Schema, structural
from paramedic.model.durations import format_duration
from paramedic.model.permissions import Permission
from paramedic.model.references import WORKLOADS

_HEAD = """\
<!-- Generated from operator/paramedic/actions by `make generate`. Change the code, not this file. -->
# Actions

A step of a playbook names exactly one action. An action without parameters is written with braces, such as `rollback: {}`:
an empty value is dropped by kubectl, and the step is then refused.

- **check**: it only looks and answers at once, so it can also prove recovery (`spec.recovery.checks`).
- **remedy**: it changes the service. It waits while another incident that came before works on the same target,
  `approval: {required: true}` holds it back, and the report lists it under "What was changed".
- **undo**: it has a way back (`undo`, `onFailure: Undo`).

"Needs" is what the playbook's ServiceAccount must be allowed, for the widest parameters, by the kind of the target; it is
asked for before anything is changed. "Looks closer with" may be left out: the action then acts without that look, and says
what it could not see. The ClusterRole grants both.
"""


def actions_page() -> str:
    """The page, in Markdown."""
    blocks = [_HEAD, "\n".join(_overview())]
    blocks += ["\n".join(_section(action)) for action in ACTIONS.values()]
    return "\n".join(f"{block}\n" if not block.endswith("\n") else block for block in blocks)


def _overview() -> Iterator[str]:
    yield "| action | phase | check | remedy | undo | timeout |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, action in ACTIONS.items():
        marks = " | ".join("yes" if it else "" for it in (action.check, action.remedy, action.can_undo))
        yield f"| [{name}](#{name.lower()}) | {action.phase} | {marks} | {format_duration(action.timeout)} |"


def _section(action: Action[Any]) -> Iterator[str]:
    schema = structural(action.parameters)
    yield f"## {action.name}"
    yield ""
    yield str(schema["description"])
    yield ""
    yield f"```yaml\n{action.example}\n```"
    yield ""
    if schema["properties"]:
        yield "| parameter | type | default | what |"
        yield "| --- | --- | --- | --- |"
        required = schema.get("required", [])
        for name, field in schema["properties"].items():
            yield f"| `{name}` | {_type(field)} | {_default(name, field, required)} | {_cell(field['description'])} |"
        yield ""
    yield from _permissions(action)


def _permissions(action: Action[Any]) -> Iterator[str]:
    widest = widest_parameters(action)
    first: dict[str, frozenset[Permission]] = {}
    closer: dict[str, frozenset[Permission]] = {}
    for kind in (resource.kind for resource in WORKLOADS):
        first[kind] = frozenset().union(*(needed(action, params, kind) for params in widest))
        optional = frozenset().union(*(helpful(action, params, kind) for params in widest))
        closer[kind] = optional - first[kind]
    if not any(first.values()):
        yield "Needs no permission."
        return
    yield f"ClusterRole `{_role(action)}`."
    if in_cluster(widest_permissions(action)):
        yield (
            f"\nIn the whole cluster, so it takes a ClusterRoleBinding: ClusterRole `paramedic-cluster-{action.name.lower()}`."
        )
    yield ""
    for title, found in (("Needs", first), ("Looks closer with", closer)):
        if any(found.values()):
            yield f"{title}:"
            yield ""
            yield from _by_kind(found)
            yield ""


def _by_kind(found: dict[str, frozenset[Permission]]) -> Iterator[str]:
    common = frozenset.intersection(*found.values())
    if common:
        yield f"- {_listed(common)}"
    for kind, permissions in found.items():
        if permissions - common:
            yield f"- for a {kind}: {_listed(permissions - common)}"


def _listed(permissions: frozenset[Permission]) -> str:
    return ", ".join(
        f"`{item}`" for item in sorted(permissions, key=lambda item: (item.resource, item.verb, str(item)))
    )


def _role(action: Action[Any]) -> str:
    return (
        "paramedic-action-look"
        if in_namespace(widest_permissions(action)) <= looking()
        else f"paramedic-action-{action.name.lower()}"
    )


def _type(field: Schema) -> str:
    if field.get("enum"):
        return " or ".join(field["enum"])
    if "type" not in field:
        return "text, object or list"
    if field["type"] == "array":
        items = field["items"]
        return "list of " + (", ".join(items["enum"]) if items.get("enum") else f"{items['type']}s")
    bounds = [str(field[key]) for key in ("minimum", "maximum") if key in field]
    return f"{field['type']}, {' to '.join(bounds)}" if len(bounds) > 1 else str(field["type"])


def _default(name: str, field: Schema, required: list[str]) -> str:
    if name in required:
        return "required"
    if "default" not in field:
        return ""
    value = field["default"]
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    return f"`{text.lower() if isinstance(value, bool) else text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
