"""Keeping pieces of evidence exactly once, whatever is killed when.

The Secret's name holds a digest of its content, and stands in the record before it is created. So the digests in the
status are those of the stored Secret; and what is gathered again after a crash, and differs, is not kept in its place.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from paramedic.actions.contract import Context, Evidence
from paramedic.actions.effects import Create
from paramedic.actions.evidence.secret import Pieces, build_secret, pack
from paramedic.actions.reads import EXISTS, Seen, TryCreate
from paramedic.model.names import child_name, digest
from paramedic.model.references import SECRET

#: How many pieces a record writes down: as many as the status lists.
_RECORDED = 64


def record_of(ctx: Context, pieces: Pieces) -> dict[str, Any]:
    """What is to be written down before the Secret is created."""
    ref = f"Secret/{_name(ctx, pieces)}"
    index = [
        Evidence(name, kind, hashlib.sha256(content).hexdigest(), len(content), ref)
        for name, (kind, content) in pieces.items()
    ]
    return {
        "secret": _name(ctx, pieces),
        "evidence": [asdict(item) for item in index[:_RECORDED]],
        "pieces": len(pieces),
    }


def recorded(record: Mapping[str, Any]) -> tuple[Evidence, ...]:
    """The evidence that a record lists."""
    return tuple(Evidence(**item) for item in record.get("evidence", ()))


def left_to_do(
    ctx: Context, record: Mapping[str, Any], pieces: Pieces, seen: Seen
) -> Create | Literal["Kept", "WriteDownAnew"]:
    """The Secret of the record, still to be created; or that it is there; or that neither it is, nor what it held.

    Whether it is there is asked by a dry run of its create, which takes no right to read Secrets.
    """
    secret = build_secret(ctx, _name(ctx, pieces), pack(pieces))
    if secret["metadata"]["name"] == record["secret"]:
        return Create(secret)
    probe = build_secret(ctx, record["secret"], {})
    question = TryCreate(f"{ctx.operation_id}/{record['secret']}", ctx.namespace, SECRET, probe)
    return "Kept" if seen.try_create(question) == EXISTS else "WriteDownAnew"


def _name(ctx: Context, pieces: Pieces) -> str:
    content = {name: hashlib.sha256(content).hexdigest() for name, (_, content) in pieces.items()}
    return child_name(ctx.incident, ctx.step, digest([ctx.operation_id, content]))
