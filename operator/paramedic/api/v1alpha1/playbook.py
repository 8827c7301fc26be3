"""The Playbook: what to do, in which order, as whom, and what proves that it helped."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paramedic.api.v1alpha1.base import Duration, ObjectMeta, ObjectName, Severity, SpecModel, StatusModel
from paramedic.api.v1alpha1.steps import RecoveryCheck, RecoveryCheckBase, Step, StepBase
from paramedic.model.conditions import Condition


class Parameter(SpecModel):
    """A value that an incident may give, used as ${parameters.NAME} and parameters.NAME."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z][a-zA-Z0-9]*$")] = Field(
        description="Its name."
    )
    type: Literal["string", "integer", "boolean", "duration"] = Field(
        "string", description="string, integer, boolean or duration (such as 10m)."
    )
    required: bool = Field(False, description="Whether an incident must give it. One that is not needs a default.")
    default: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None, description="Its value where the incident gives none, as a string; the empty one if left out."
    )
    description: Annotated[str, StringConstraints(max_length=512)] | None = Field(None, description="What it means.")


class RecoveryRule(SpecModel):
    """What proves that the service is well again: every check holds, for a time without a break."""

    checks: list[RecoveryCheck] = Field(
        default_factory=list,
        max_length=8,
        description="What must hold. Left out: every desired Pod of the target is updated and available.",
    )
    stable_for: Duration = Field("30s", description="How long all checks must hold without a break.")
    timeout: Duration = Field(
        "10m", description="How long recovery may take, stableFor included; after that the incident has Failed."
    )


class PlaybookSpec(SpecModel):
    """What to do about one kind of incident."""

    description: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None, description="What it is for, and the idea behind its order."
    )
    severity: Severity = Field("Warning", description="The severity of incidents that do not say.")
    parameters: list[Parameter] = Field(default_factory=list, max_length=32, description="Values that incidents give.")
    service_account_name: ObjectName = Field(
        description="The ServiceAccount, in this namespace, whose permissions the steps run with."
    )
    steps: list[Step] = Field(min_length=1, max_length=32, description="What to do, in this order.")
    recovery: RecoveryRule = Field(default=RecoveryRule(), description="What proves that it helped.")

    @property
    def all_steps(self) -> list[StepBase]:
        return list(self.steps)

    @property
    def all_checks(self) -> list[RecoveryCheckBase]:
        return list(self.recovery.checks)


class PlaybookStatus(StatusModel):
    """What paramedic thinks of the playbook. Written by paramedic alone."""

    observed_generation: int = Field(0, description="The metadata.generation that was last looked at.")
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=8,
        description="Ready: True when incidents can use it; False with the path of the field and the mend.",
    )


class Playbook(SpecModel):
    """A written response to one kind of incident: steps in order, each with one action, run with the permissions of a
    ServiceAccount of its namespace.
    """

    model_config = SpecModel.model_config | {"extra": "ignore"}

    metadata: ObjectMeta
    spec: PlaybookSpec
    status: PlaybookStatus = Field(default_factory=PlaybookStatus)
