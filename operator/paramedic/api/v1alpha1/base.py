"""What the models of this version share."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

GROUP = "paramedic.dev"
VERSION = "v1alpha1"

Severity = Literal["Critical", "Warning", "Info"]
ObjectName = Annotated[
    str, StringConstraints(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")
]
StepName = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[a-z][a-zA-Z0-9]*$")]
UserName = Annotated[str, StringConstraints(min_length=1, max_length=253)]


class SpecModel(BaseModel):
    """Part of a spec: what people write. Unknown fields are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class StatusModel(BaseModel):
    """Part of a status: what paramedic writes. Fields of a newer version are left out rather than refused."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True)


class ObjectMeta(BaseModel):
    """The part of metav1.ObjectMeta that paramedic reads."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, populate_by_name=True)

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
