"""What the playbook's account must be allowed before anything is changed, by the kind of the target."""

from collections.abc import Iterable

from paramedic.actions.needs import needed
from paramedic.actions.registry import ACTIONS
from paramedic.actions.targets import look_permissions
from paramedic.api.v1alpha1.playbook import PlaybookSpec
from paramedic.api.v1alpha1.steps import RecoveryCheckBase, StepBase
from paramedic.model.permissions import Permission

#: Which steps need a permission.
Needs = dict[Permission, list[str]]


def permissions_of(steps: Iterable[StepBase | RecoveryCheckBase], kind: str) -> Needs:
    """Every permission that these steps need for a target of this kind, and which steps need it."""
    wanted: Needs = {}
    for step in steps:
        for permission in needed(ACTIONS[step.action], step.parameters, kind):
            wanted.setdefault(permission, []).append(step.name)
    return wanted


def needs_of(spec: PlaybookSpec, kind: str, *, pod: bool = False) -> Needs:
    """Every permission that a run on a target of this kind needs, recovery included. ``pod``: the incident names a Pod
    of it."""
    wanted = permissions_of([*spec.all_steps, *spec.all_checks], kind)
    if pod:
        for step in spec.all_steps:
            for permission in ACTIONS[step.action].pod_permissions(step.parameters):
                wanted.setdefault(permission, []).append(step.name)
    if not spec.all_checks:
        for permission in look_permissions(kind):
            wanted.setdefault(permission, ["recovery"])
    return wanted
