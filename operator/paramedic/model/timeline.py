"""The timeline of an Incident: what happened when and who did it, within bounds."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from paramedic.model.text import shorten
from paramedic.model.times import format_time

LIMIT = 80
MESSAGE_LIMIT = 320
OPERATOR = "paramedic"
_KEPT_FIRST = 20


class TimelineEntry(BaseModel):
    """One thing that happened."""

    at: str = Field(description="When (RFC 3339, UTC).")
    actor: Annotated[str, StringConstraints(max_length=253)] = Field(
        description="Who did it: a person's user name, or paramedic."
    )
    event: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="What kind of event, one CamelCase word."
    )
    message: Annotated[str, StringConstraints(max_length=MESSAGE_LIMIT)] = Field("", description="What happened.")


def add_entry(timeline: list[TimelineEntry], at: datetime, actor: str, event: str, message: str) -> None:
    """Appends an entry. A full timeline loses its middle: how it began and what is happening now are kept."""
    entry = TimelineEntry(
        at=format_time(at), actor=shorten(actor, 253), event=event, message=shorten(message, MESSAGE_LIMIT)
    )
    timeline.append(entry)
    if len(timeline) > LIMIT:
        del timeline[_KEPT_FIRST : len(timeline) - LIMIT + _KEPT_FIRST]
