"""The Incident: something is wrong with one target, and one playbook answers it."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from paramedic.api.v1alpha1.base import ObjectMeta, ObjectName, Severity, SpecModel, StepName, UserName
from paramedic.api.v1alpha1.incident_status import IncidentStatus

TARGET_KINDS = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Pod": "v1",
}
#: Stands for a person's name in the commands that are printed; refused as one.
PLACEHOLDER = "YOUR-NAME"
ParameterValue = Annotated[str, StringConstraints(max_length=1024)]


class TargetRef(SpecModel):
    """The object that is in trouble, in the incident's namespace. For a Pod or a ReplicaSet, the steps work on the
    workload that owns it.
    """

    api_version: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="apps/v1 for Deployment, StatefulSet, DaemonSet and ReplicaSet; v1 for Pod."
    )
    kind: Literal["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod"] = Field(
        description="Deployment, StatefulSet, DaemonSet, ReplicaSet or Pod."
    )
    name: ObjectName = Field(description="Its name.")


class PlaybookRef(SpecModel):
    """The playbook to follow, in the incident's namespace."""

    kind: Literal["Playbook"] = Field("Playbook", description="Playbook.")
    name: ObjectName = Field(description="Its name.")


class Approval(SpecModel):
    """A person's answer to a waiting step."""

    step: StepName = Field(description="The step that is answered.")
    decision: Literal["Approve", "Reject", "Done"] = Field(
        description="Approve or Reject a change that waits for approval; Done or Reject a manual step."
    )
    by: UserName = Field(description="Who answers.")
    plan_hash: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None,
        description="status.plan.hash as the person saw it (its start is enough, at least 4 characters). Needed to"
        " Approve: an approval of another plan does not count.",
    )
    note: Annotated[str, StringConstraints(max_length=1024)] | None = Field(
        None, description="A word about it, kept on the timeline."
    )


class Cancel(SpecModel):
    """Ends the run. What was changed for a time is undone; what is running in the cluster runs on."""

    by: UserName = Field(description="Who cancels.")
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(description="Why.")


class IncidentSpec(SpecModel):
    """What is wrong, and which playbook answers it. Immutable, except for what people do while it runs:
    acknowledgedBy, approvals and cancel.
    """

    summary: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(
        description="One sentence: what is wrong, as users notice it."
    )
    severity: Severity | None = Field(
        None, description="Critical, Warning or Info. Left out, it is the playbook's severity."
    )
    target_ref: TargetRef = Field(description="The object that is in trouble.")
    playbook_ref: PlaybookRef = Field(description="The playbook to follow.")
    parameters: dict[str, ParameterValue] = Field(
        default_factory=dict,
        max_length=32,
        description="Values for the playbook's parameters, as strings.",
    )
    mode: Literal["Execute", "DryRun"] = Field(
        "Execute",
        description="Execute follows the playbook. DryRun looks, plans and explains each step, and changes nothing.",
    )
    acknowledged_by: UserName | None = Field(None, description="Who has seen the incident and takes care of it.")
    approvals: list[Approval] = Field(
        default_factory=list,
        max_length=64,
        description="People's answers to waiting steps; entries are added, never changed or taken away.",
    )
    cancel: Cancel | None = Field(None, description="Ends the run. Once set it stays.")


class Incident(SpecModel):
    """Something is wrong with one target. paramedic follows the playbook, step by step, and writes down in the status
    what it does, sees and waits for; `status.review` is the report.
    """

    model_config = SpecModel.model_config | {"extra": "ignore"}

    metadata: ObjectMeta
    spec: IncidentSpec
    status: IncidentStatus = Field(default_factory=IncidentStatus)
