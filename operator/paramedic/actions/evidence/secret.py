"""The Secret that keeps evidence: immutable, compressed, within the API server's limit."""

import base64
import gzip

from paramedic.actions.contract import Context
from paramedic.model.names import OPERATION_ANNOTATION, our_labels
from paramedic.model.objects import Object
from paramedic.model.text import head_and_tail

Pieces = dict[str, tuple[str, bytes]]  # by name: kind and content

#: The API server stores at most 1 MiB of data in a Secret (core/v1 MaxSecretSize); base64 and room for the rest.
SECRET_BYTES = 700_000
PIECE_BYTES = 400_000
#: What a piece may grow by: the line that says what was left out, and gzip's frame around what it cannot compress.
PACKING_BYTES = 300
_LEAST_SHARE = 100  # bytes; never reached by the pieces of 20 Pods of 50 containers


def within_a_secret(pieces: Pieces) -> Pieces:
    """The pieces, each within its limit, all together within a Secret's, whether or not they compress."""
    limit = min(PIECE_BYTES, max(_LEAST_SHARE, SECRET_BYTES // max(1, len(pieces)) - PACKING_BYTES))
    return {name: (kind, head_and_tail(content, limit)) for name, (kind, content) in pieces.items()}


def pack(pieces: Pieces) -> dict[str, bytes]:
    """The pieces compressed, deterministically. Raises ValueError when all of them together are too large."""
    packed = {name: gzip.compress(content, mtime=0) for name, (_, content) in pieces.items()}
    total = sum(map(len, packed.values()))
    if total > SECRET_BYTES:
        raise ValueError(
            f"the evidence takes {total} bytes compressed, more than the {SECRET_BYTES} that one Secret keeps"
        )
    return packed


def build_secret(ctx: Context, name: str, packed: dict[str, bytes]) -> Object:
    """Deleted with its Incident (ownerReference), never changed (immutable)."""
    owner = {
        "apiVersion": "paramedic.dev/v1alpha1",
        "kind": "Incident",
        "name": ctx.incident,
        "uid": ctx.incident_uid,
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "paramedic.dev/evidence",
        "immutable": True,
        "metadata": {
            "name": name,
            "namespace": ctx.namespace,
            "labels": our_labels(ctx.incident, ctx.step),
            "annotations": {OPERATION_ANNOTATION: ctx.operation_id},
            "ownerReferences": [owner],
        },
        "data": {f"{key}.gz": base64.b64encode(value).decode() for key, value in packed.items()},
    }
