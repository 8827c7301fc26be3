"""`manual`: what only a person can do. The run waits until somebody says that it is done."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Notice,
    Parameters,
    Reminder,
    Waiting,
)
from paramedic.actions.notify import ChannelText, MessageText
from paramedic.actions.reads import Seen
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.text import shorten

_SHORTEST, _LONGEST = timedelta(minutes=1), timedelta(hours=24)
_LAST_DEADLINE = timedelta(days=7)


class ManualParameters(Parameters):
    """A task for a person. The incident waits (phase Waiting) until an entry in its spec.approvals for this step says
    Done or Reject; who did it and their note are kept. Reject fails the step. Whoever it waits for is told at once, and
    reminded where `remindEvery` says so. At the `deadline` it is escalated, and the step fails: `onFailure` says how the
    run goes on. Without one, the step's timeout (24h) bounds the wait. Outputs: by, note.
    """

    instructions: Annotated[str, StringConstraints(min_length=1, max_length=2048)] = Field(
        description="What to do, written for somebody who was woken up for it. Templates are substituted."
    )
    assignee: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        None, description="Who should do it, as the messages say: a person or a team. Anybody may report it done."
    )
    channel: ChannelText | None = Field(
        None,
        description="Where they are told, reminded, and told that it is late: a name in spec.channels. Left out, it is the"
        " channel of the first escalation level.",
    )
    remind_every: Duration | None = Field(
        None, description="How often they are reminded while it waits, 1m to 24h, such as 15m; never if left out."
    )
    deadline: Duration | None = Field(
        None, description="By when it must be done, counted from when the step began, at most 168h, such as 2h."
    )
    message: MessageText | None = Field(
        None, description="What is said at the deadline; left out, that nobody has done it. Templates are substituted."
    )

    @field_validator("remind_every")
    @classmethod
    def _bearable(cls, text: str | None) -> str | None:
        if text is not None and not _SHORTEST <= parse_duration(text) <= _LONGEST:
            raise ValueError(f"{text} is not between 1m and 24h; write such as 15m")
        return text

    @field_validator("deadline")
    @classmethod
    def _within_a_week(cls, text: str | None) -> str | None:
        if text is not None and not timedelta(0) < parse_duration(text) <= _LAST_DEADLINE:
            raise ValueError(f"{text} is not between 1s and 168h; write such as 2h")
        return text


class Manual(Action[ManualParameters]):
    name = "manual"
    phase = "Remediate"
    parameters = ManualParameters
    timeout = timedelta(hours=24)
    prose = frozenset({"instructions", "assignee", "message"})
    example = (
        'manual: {instructions: "Ask the payment provider whether they see our calls.", remindEvery: 15m, deadline: 2h}'
    )

    def channels(self, params: ManualParameters) -> Iterable[str]:
        return (params.channel,) if params.channel else ()

    def prepare(self, params: ManualParameters, ctx: Context, seen: Seen) -> Finished | Failed | Waiting:
        for answer in ctx.answers:
            said = f": {answer.note}" if answer.note else ""
            if answer.decision == "Reject":
                return Failed(f"{answer.by} answered that it cannot be done{said}", final=True)
            if answer.decision == "Done":
                return Finished(f"done by {answer.by}{said}", {"by": answer.by, "note": shorten(answer.note, 256)})
        task = shorten(f"for {params.assignee}: {params.instructions}" if params.assignee else params.instructions, 700)
        if params.deadline and ctx.now >= ctx.started_at + parse_duration(params.deadline):
            return _late(params, task)
        reminder = Reminder(parse_duration(params.remind_every), params.channel or "") if params.remind_every else None
        return Waiting(task, person="Done", channel=params.channel or "", reminder=reminder)


def _late(params: ManualParameters, task: str) -> Failed:
    text = f"nobody did it within {params.deadline}: {task}"
    notice = Notice(params.channel or "", params.message or text, escalation=True)
    return Failed(text, final=True, notices=(notice,))
