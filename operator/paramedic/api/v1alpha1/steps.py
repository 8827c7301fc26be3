"""A step of a playbook: when it runs, what happens when it fails, and exactly one action."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, create_model

from paramedic.actions.contract import OnUnknown, Parameters, ResponsePhase
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.base import SpecModel, StepName
from paramedic.model.durations import Duration


class Retry(SpecModel):
    """How often a failed step is tried again. A refusal, which would only be repeated, is not."""

    attempts: int = Field(1, ge=1, le=10, description="How many attempts in all, the first one included.")
    backoff: Duration = Field("15s", description="How long to wait before the next attempt.")


class ApprovalRule(SpecModel):
    """Whether a person must approve the step before it changes anything."""

    required: bool = Field(False, description="true: wait until an entry in the incident's spec.approvals approves.")


class StepBase(SpecModel):
    """One step. It has a name, exactly one action such as `rollback: {}`, and says when it runs."""

    name: StepName = Field(description="Unique in the playbook; expressions use it, as in steps.verify.failed.")
    phase: ResponsePhase | None = Field(
        None,
        description="The part of the response: Assess, Contain, Communicate, Diagnose, Remediate, Verify or Review. Left"
        " out, it follows from the action.",
    )
    if_: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        None,
        alias="if",
        description="A CEL expression; the step is skipped unless it is true. It sees incident, parameters, target and"
        " each earlier step as steps.NAME.state, .succeeded, .failed and .outputs.",
    )
    on_failure: Literal["Stop", "Continue", "Undo"] = Field(
        "Stop",
        description="What a failure means. Stop: the run ends Failed. Continue: the next step runs. Undo: as Stop, and"
        " what this step changed is put back.",
    )
    timeout: Duration | None = Field(None, description="How long the step may take, waiting for people included.")
    retry: Retry = Field(default=Retry(), description="How often a failed step is tried again.")
    approval: ApprovalRule = Field(default=ApprovalRule(), description="Whether a person must approve it.")
    on_unknown: OnUnknown | None = Field(
        None,
        description="What happens when nobody can know whether the request of a step was received, such as after a crash."
        " Retry: send it again, with the same Idempotency-Key. Fail: the step fails. Ask: a person says whether it was (Done),"
        " lets it be sent again (Approve), or gives it up (Reject). Left out, it is the action's: Ask for http, but Retry for"
        " a GET.",
    )
    undo: Literal["Never", "OnFailure", "OnResolve"] = Field(
        "Never",
        description="When what the step changed is put back, where the action can. OnFailure: when the run fails."
        " OnResolve: when the incident is resolved. A cancelled run puts both back.",
    )

    @property
    def action(self) -> str:
        """The name of the one action. Raises ValueError when there is none, or more than one."""
        names = [name for name in ACTIONS if getattr(self, name, None) is not None]
        if len(names) != 1:
            found = (
                "no action; add one, such as rollback: {}"
                if not names
                else f"more than one action: {' '.join(names)}; keep one"
            )
            raise ValueError(f"step {self.name} has {found}")
        return names[0]

    @property
    def parameters(self) -> Parameters:
        found: Parameters = getattr(self, self.action)
        return found

    @property
    def response_phase(self) -> ResponsePhase:
        return self.phase or ACTIONS[self.action].phase


def first_paragraph(text: str) -> str:
    """A docstring as one line."""
    return " ".join((text or "").split())


def _action_fields(names: list[str]) -> dict[str, Any]:
    return {
        name: (
            ACTIONS[name].parameters | None,
            Field(None, alias=name, description=first_paragraph(ACTIONS[name].parameters.__doc__ or "")),
        )
        for name in names
    }


#: A step with one optional field for each action of the registry.
Step: type[StepBase] = create_model(
    "Step", __base__=StepBase, __doc__=StepBase.__doc__, **_action_fields(list(ACTIONS))
)

#: Actions that only look and answer at once: what recovery can be proven with.
CHECKS = [name for name, action in ACTIONS.items() if action.check]


class RecoveryCheckBase(SpecModel):
    """One check that must hold. It has a name and exactly one action that is a check."""

    name: StepName = Field(description="Unique among the checks.")

    @property
    def action(self) -> str:
        names = [name for name in CHECKS if getattr(self, name, None) is not None]
        if len(names) != 1:
            raise ValueError(f"recovery check {self.name} needs exactly one of {', '.join(CHECKS)}")
        return names[0]

    @property
    def parameters(self) -> Parameters:
        found: Parameters = getattr(self, self.action)
        return found


RecoveryCheck: type[RecoveryCheckBase] = create_model(
    "RecoveryCheck", __base__=RecoveryCheckBase, __doc__=RecoveryCheckBase.__doc__, **_action_fields(CHECKS)
)
