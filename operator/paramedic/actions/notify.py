"""`notify`: tells people something, over a channel of the playbook."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from paramedic.actions.contract import Action, Context, Finished, Notice, Parameters
from paramedic.actions.reads import Seen

ChannelText = Annotated[str, StringConstraints(min_length=1, max_length=63)]
MessageText = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class NotifyParameters(Parameters):
    """Sends a message over one of the playbook's channels. The step is over once the message is written down to be sent:
    a channel that does not answer holds nothing up. What became of it stands in status.notifications; a failed delivery
    is tried again a few times. Outputs: channel.
    """

    channel: ChannelText = Field(description="Where to tell it: a name in spec.channels.")
    message: MessageText = Field(
        description="What to say. Templates are substituted, steps.NAME.outputs.NAME too; what is not known is left out."
    )


class Notify(Action[NotifyParameters]):
    name = "notify"
    phase = "Communicate"
    parameters = NotifyParameters
    timeout = timedelta(minutes=1)
    prose = frozenset({"message"})
    example = 'notify: {channel: incident-response, message: "${target.name} is rolled back"}'

    def channels(self, params: NotifyParameters) -> Iterable[str]:
        return (params.channel,)

    def prepare(self, params: NotifyParameters, ctx: Context, seen: Seen) -> Finished:
        notice = Notice(params.channel, params.message)
        return Finished(f"telling {params.channel}: {params.message}", {"channel": params.channel}, notices=(notice,))
