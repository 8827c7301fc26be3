"""Conditions as the Kubernetes API conventions ask: observations, set from the first sight, a list keyed by type."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from paramedic.model.text import shorten
from paramedic.model.times import format_second

Status = Literal["True", "False", "Unknown"]
MESSAGE_LIMIT = 1024


class Condition(BaseModel):
    """One observation about the object (metav1.Condition)."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    type: Annotated[str, StringConstraints(max_length=64)] = Field(description="What is observed.")
    status: Status = Field(description="True, False or Unknown.")
    reason: Annotated[str, StringConstraints(max_length=128)] = Field(description="Why, as one CamelCase word.")
    message: Annotated[str, StringConstraints(max_length=MESSAGE_LIMIT)] = Field("", description="Why, for a person.")
    last_transition_time: str = Field(description="When the status last changed (RFC 3339).")
    observed_generation: int = Field(0, description="The metadata.generation that this observation is about.")


def set_condition(
    conditions: list[Condition],
    kind: str,
    status: Status,
    reason: str,
    message: str,
    *,
    generation: int,
    now: datetime,
) -> None:
    """Sets one condition in place. Its transition time moves only when its status does."""
    found = find_condition(conditions, kind)
    moved = found is None or found.status != status
    since = format_second(now) if moved or found is None else found.last_transition_time
    new = Condition(
        type=kind, status=status, reason=reason, message=shorten(message, MESSAGE_LIMIT), last_transition_time=since,
        observed_generation=generation,
    )  # fmt: skip
    if found is None:
        conditions.append(new)
    else:
        conditions[conditions.index(found)] = new


def find_condition(conditions: list[Condition], kind: str) -> Condition | None:
    return next((item for item in conditions if item.type == kind), None)


def is_reason(conditions: list[Condition], kind: str, reason: str) -> bool:
    """Whether the condition is there for this reason."""
    found = find_condition(conditions, kind)
    return found is not None and found.reason == reason


def is_true(conditions: list[Condition], kind: str) -> bool:
    found = find_condition(conditions, kind)
    return found is not None and found.status == "True"
