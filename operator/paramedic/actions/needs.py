"""What an action needs to be allowed in a plan: what it declares, and what the evidence takes that is kept before it."""

from typing import Any

from paramedic.actions.collect_evidence import CollectEvidence, CollectEvidenceParameters
from paramedic.actions.contract import Action, Parameters
from paramedic.model.permissions import Permission

_EVIDENCE, _PLAIN = CollectEvidence(), CollectEvidenceParameters()


def needed(action: Action[Any], params: Parameters, kind: str) -> frozenset[Permission]:
    """What the account must be allowed before a step with this action begins, for a target of this kind."""
    own = action.permissions(params, kind)
    return own | _EVIDENCE.permissions(_PLAIN, kind) if action.destroys_evidence else own


def helpful(action: Action[Any], params: Parameters, kind: str) -> frozenset[Permission]:
    """What lets it, and the evidence before it, look closer."""
    own = action.optional_permissions(params, kind)
    return own | _EVIDENCE.optional_permissions(_PLAIN, kind) if action.destroys_evidence else own
