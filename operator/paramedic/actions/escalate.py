"""`escalate`: tells the next people, and raises the severity."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from pydantic import Field

from paramedic.actions.contract import Action, Context, Finished, Notice, Parameters
from paramedic.actions.notify import ChannelText, MessageText
from paramedic.actions.reads import Seen


class EscalateParameters(Parameters):
    """Escalates the incident: sends a message over one of the playbook's channels and, where told so, raises the
    severity, which starts the escalation levels of that severity. It never lowers it. As with notify, a channel that does
    not answer holds nothing up. Outputs: channel.
    """

    channel: ChannelText = Field(description="Where to tell it: a name in spec.channels.")
    message: MessageText = Field(description="What to say. Templates are substituted.")
    raise_to: Literal["Critical", "Warning"] | None = Field(
        None, description="The severity from now on; one that is higher already stays."
    )


class Escalate(Action[EscalateParameters]):
    name = "escalate"
    phase = "Communicate"
    parameters = EscalateParameters
    timeout = timedelta(minutes=1)
    prose = frozenset({"message"})
    example = 'escalate: {channel: managers, message: "checkout is down", raiseTo: Critical}'

    def channels(self, params: EscalateParameters) -> Iterable[str]:
        return (params.channel,)

    def prepare(self, params: EscalateParameters, ctx: Context, seen: Seen) -> Finished:
        notice = Notice(params.channel, params.message, raise_to=params.raise_to or "", escalation=True)
        return Finished(
            f"escalated to {params.channel}: {params.message}", {"channel": params.channel}, notices=(notice,)
        )
