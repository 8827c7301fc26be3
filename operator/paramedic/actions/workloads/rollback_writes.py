"""The one write of a rollback, and the one that takes it back."""

from collections.abc import Mapping
from typing import Any

from paramedic.actions.contract import Context
from paramedic.actions.effects import JsonPatch
from paramedic.actions.targets import undo_operation
from paramedic.actions.workloads.revisions import Revision
from paramedic.model.names import OPERATION_ANNOTATION
from paramedic.model.objects import Object, annotations

#: What was rolled back from, by digest, so that a later rollback does not go there: it would toggle
#: (kubernetes/website#6921).
LEFT_ANNOTATION = "paramedic.dev/rolled-back-from"
_REMEMBERED = 5


def left_revisions(workload: Object) -> list[str]:
    """Digests of the templates that were rolled back from, newest last."""
    return [item for item in annotations(workload).get(LEFT_ANNOTATION, "").split(",") if item]


def write_template(ctx: Context, workload: Object, revision: Revision, record: Mapping[str, Any]) -> JsonPatch:
    left = [item for item in record["left"] if item != record["from"]["essence"]] + [record["from"]["essence"]]
    return _patch(ctx, workload, revision.template, ctx.operation_id, left[-_REMEMBERED:])


def restore_template(ctx: Context, workload: Object, revision: Revision, record: Mapping[str, Any]) -> JsonPatch:
    return _patch(ctx, workload, revision.template, undo_operation(ctx), record["left"])


def _patch(ctx: Context, workload: Object, template: Object, operation: str, left: list[str]) -> JsonPatch:
    ours = {OPERATION_ANNOTATION: operation, LEFT_ANNOTATION: ",".join(left)}
    kept = annotations(workload)
    operations: list[Object] = [{"op": "replace", "path": "/spec/template", "value": template}]
    if not kept:
        operations.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    for key, value in ours.items():
        if value:
            operations.append({"op": "add", "path": _annotation_path(key), "value": value})
        elif key in kept:
            operations.append({"op": "remove", "path": _annotation_path(key)})
    return JsonPatch(ctx.target, workload["metadata"]["resourceVersion"], operations)


def _annotation_path(key: str) -> str:
    return "/metadata/annotations/" + key.replace("~", "~0").replace("/", "~1")
