"""The version of a Secret's values before a rotation: where it is kept, and how to tell whose the present values are."""

from collections.abc import Mapping
from typing import Any, Literal

from paramedic.actions.contract import Context
from paramedic.actions.effects import Create, Delete, FillRandom, MergePatch
from paramedic.actions.reads import Seen
from paramedic.actions.targets import carries, undo_operation
from paramedic.model.fingerprints import fingerprint
from paramedic.model.names import (
    ACCOUNT_ANNOTATION,
    EXPIRES_ANNOTATION,
    INCIDENT_UID_ANNOTATION,
    OPERATION_ANNOTATION,
    our_labels,
)
from paramedic.model.objects import Object, annotations, dig
from paramedic.model.references import SECRET, ObjectRef

#: Carried by a rotated Secret: a fingerprint of the random values.
ROTATED_ANNOTATION = "paramedic.dev/rotated"
#: Carried by a kept version: which Secret it is of.
VERSION_ANNOTATION = "paramedic.dev/version-of"
VERSION_TYPE = "paramedic.dev/secret-version"
#: Whose the values are: ours as we wrote them, put back by our undo, or as they were before, or others'.
Values = Literal["Ours", "PutBack", "Before", "Others"]


def secret_ref(ctx: Context, record: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef.to(SECRET, ctx.namespace, record["secret"], record["secretUID"])


def kept_ref(ctx: Context, record: Mapping[str, Any]) -> ObjectRef:
    return ObjectRef.to(SECRET, ctx.namespace, record["kept"])


def whose_values(ctx: Context, record: Mapping[str, Any], secret: Object, kept: Object | None) -> Values:
    """Whose the present values are. Without a kept version nothing was rotated yet, so they are those before."""
    if carries(secret, undo_operation(ctx)):
        return "PutBack"
    if carries(secret, record["operation"]):
        mark = annotations(secret).get(ROTATED_ANNOTATION)
        return "Ours" if mark == fingerprint(record["operation"], values_of(secret, record)) else "Others"
    if kept is None or values_of(kept, record) == values_of(secret, record):
        return "Before"
    return "Others"


def values_of(secret: Object, record: Mapping[str, Any]) -> dict[str, str]:
    """What is under the rotated keys, as it is stored."""
    data = dig(secret, "data", default={})
    return {key: data[key] for key in record["keys"] if key in data}


def keep_version(ctx: Context, record: Mapping[str, Any], secret: Object) -> Create:
    """Stores the values before. It belongs to the Secret that it is a version of, so that it outlives the Incident, with
    which the way back would be lost, and goes when that Secret goes, with which it would be of no use.
    """
    owner = {"apiVersion": "v1", "kind": "Secret", "name": record["secret"], "uid": record["secretUID"]}
    return Create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": VERSION_TYPE,
            "immutable": True,
            "metadata": {
                "name": record["kept"],
                "namespace": ctx.namespace,
                "labels": our_labels(ctx.incident, ctx.step),
                "annotations": {
                    OPERATION_ANNOTATION: record["operation"],
                    INCIDENT_UID_ANNOTATION: ctx.incident_uid,
                    ACCOUNT_ANNOTATION: ctx.account,
                    EXPIRES_ANNOTATION: record["until"],
                    VERSION_ANNOTATION: record["secret"],
                },
                "ownerReferences": [owner],
            },
            "data": values_of(secret, record),
        }
    )


def rotate(ctx: Context, record: Mapping[str, Any], secret: Object, *, length: int, alphabet: str) -> FillRandom:
    version = secret["metadata"]["resourceVersion"]
    keys = tuple(record["keys"])
    return FillRandom(secret_ref(ctx, record), version, keys, length, alphabet, record["operation"], ROTATED_ANNOTATION)


def put_back(ctx: Context, record: Mapping[str, Any], secret: Object, kept: Object) -> MergePatch:
    """Writes the values before, all in one write."""
    marks = {OPERATION_ANNOTATION: undo_operation(ctx), ROTATED_ANNOTATION: None}
    patch = {"metadata": {"annotations": marks}, "data": values_of(kept, record)}
    return MergePatch(secret_ref(ctx, record), secret["metadata"]["resourceVersion"], patch)


def forget_version(ctx: Context, record: Mapping[str, Any], seen: Seen) -> tuple[Delete, ...]:
    """The delete of the kept version; none where it is gone, or where it is another's."""
    kept = seen.get(kept_ref(ctx, record))
    if kept is None or not carries(kept, record["operation"]):
        return ()
    return (Delete(ObjectRef.of(kept)),)
