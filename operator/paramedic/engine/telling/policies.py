"""Whose channels and escalation an incident follows: its frozen plan's; before there is one, those of its playbook; and
without a playbook those of the namespace's playbook named `default`.
"""

from typing import Any

from paramedic.actions.reads import Seen
from paramedic.api.v1alpha1.incident_status import Policy
from paramedic.api.v1alpha1.playbook import Playbook
from paramedic.engine.readiness.validation import read_playbook
from paramedic.engine.run import Run
from paramedic.model.references import PLAYBOOK, ObjectRef

DEFAULT_PLAYBOOK = "default"


def frozen_policy(playbook: Playbook) -> Policy:
    """What a plan keeps of a playbook."""

    def dumped(items: list[Any]) -> list[dict[str, Any]]:
        return [item.model_dump(by_alias=True, exclude_none=True) for item in items]

    spec = playbook.spec
    return Policy(
        channels=dumped(list(spec.channels)),
        escalation=dumped(list(spec.escalation)),
        updates=dumped(list(spec.updates)),
    )


def policy_of(run: Run, seen: Seen) -> tuple[Policy, str]:
    """The policy, and the account whose permissions read the channels' Secrets."""
    if run.status.plan is not None:
        return run.plan.policy, run.plan.service_account_name
    names = [run.status.playbook.name] if run.status.playbook else []
    for name in dict.fromkeys([*names, DEFAULT_PLAYBOOK]):
        obj = seen.get(ObjectRef.to(PLAYBOOK, run.namespace, name), own=True)
        playbook = read_playbook(obj)[0] if obj else None
        if playbook is not None:
            return frozen_policy(playbook), playbook.spec.service_account_name
    return Policy(), ""
