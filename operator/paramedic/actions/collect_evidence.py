"""`collectEvidence`: keeps what there is to see before anything is changed: objects, events, logs, policies."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from paramedic.actions.contract import (
    Action,
    Context,
    Evidence,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Pending,
)
from paramedic.actions.effects import Create
from paramedic.actions.evidence import keeping as evidence_keeping
from paramedic.actions.evidence.secret import Pieces
from paramedic.actions.evidence.sources import SOURCES, gather
from paramedic.actions.reads import Seen
from paramedic.actions.targets import look_permissions, revision_permissions
from paramedic.model.permissions import Permission
from paramedic.model.references import EVENT, NETWORK_POLICY, NODE, POD, SECRET
from paramedic.model.text import listing, plural

Kind = Literal["Describe", "Events", "Logs", "Policies"]


class CollectEvidenceParameters(Parameters):
    """Collects what the target looks like now, and keeps it as one immutable Secret that is deleted with the incident:
    the workload, its revisions and Pods, their events, logs of each container, current and previous, and the network
    policies; of a Node, what it says of itself, and the namespace's Pods on it. Each piece is compressed, listed in status.evidence with the sha256 of its content, and cut to head and
    tail where it is too long. Values of Secrets are never read. No step that destroys what could be collected begins
    without it: the plan gets such a step where the playbook has none before. Outputs: secret, pieces. Write
    `collectEvidence: {}`.
    """

    include: list[Kind] = Field(
        default=["Describe", "Events", "Logs", "Policies"],
        min_length=1,
        max_length=4,
        description="What to collect.",
    )
    tail_lines: int = Field(500, ge=1, le=5000, description="How many last lines of each log.")
    max_pods: int = Field(5, ge=1, le=20, description="Logs of how many Pods; those that are not ready come first.")


class CollectEvidence(Action[CollectEvidenceParameters]):
    name = "collectEvidence"
    phase = "Diagnose"
    parameters = CollectEvidenceParameters
    timeout = timedelta(minutes=2)
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Node")
    example = "collectEvidence: {tailLines: 1000}"

    def permissions(self, params: CollectEvidenceParameters, kind: str) -> frozenset[Permission]:
        found = {Permission.to("create", SECRET)}
        if "Events" in params.include:
            found.add(Permission.to("list", EVENT))
        if "Logs" in params.include:
            found.add(Permission.to("get", POD, "log"))
        return frozenset({Permission.to("list", POD)}) | look_permissions(kind) | found

    def optional_permissions(self, params: CollectEvidenceParameters, kind: str) -> frozenset[Permission]:
        has_revisions = kind != NODE.kind and "Describe" in params.include
        found = revision_permissions(kind) if has_revisions else frozenset()
        return found | ({Permission.to("list", NETWORK_POLICY)} if "Policies" in params.include else set())

    def prepare(self, params: CollectEvidenceParameters, ctx: Context, seen: Seen) -> Intent | Failed:
        pieces = self._pieces(params, ctx, seen)
        if isinstance(pieces, Failed):
            return pieces
        return self._intent(ctx, pieces)

    def observe(
        self, params: CollectEvidenceParameters, ctx: Context, record: Mapping[str, Any], seen: Seen
    ) -> Observation:
        """Creates the Secret of the recorded intent.

        What is gathered again after a crash may differ from what the intent recorded. Then, if the recorded Secret is
        there, the step is done; if not, the intent is written anew before anything is created.
        """
        pieces = self._pieces(params, ctx, seen)
        if isinstance(pieces, Failed):
            return pieces
        kept = _finished(evidence_keeping.recorded(record), record["pieces"])
        left = evidence_keeping.left_to_do(ctx, record, pieces, seen)
        if isinstance(left, Create):
            return Pending((left,), done=kept, existed=kept)
        return kept if left == "Kept" else self._intent(ctx, pieces)

    def _intent(self, ctx: Context, pieces: Pieces) -> Intent:
        record = evidence_keeping.record_of(ctx, pieces)
        return Intent(record, f"keeping {plural(len(pieces), 'piece')} of evidence about {ctx.target}", ctx.target)

    def _pieces(self, params: CollectEvidenceParameters, ctx: Context, seen: Seen) -> Pieces | Failed:
        wanted = [SOURCES[kind] for kind in params.include]
        return gather(wanted, ctx, seen, tail_lines=params.tail_lines, max_pods=params.max_pods)


def _finished(evidence: tuple[Evidence, ...], pieces: int) -> Finished:
    names = [item.name for item in evidence]
    ref = evidence[0].ref if evidence else ""
    outputs = {"secret": ref.removeprefix("Secret/"), "pieces": pieces}
    return Finished(f"kept {plural(pieces, 'piece')} in {ref}: {listing(names)}", outputs, evidence)
