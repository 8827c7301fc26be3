"""What a notifier is: it sends one notice to one address, and says what became of it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from paramedic.model.deliveries import Delivery

Moment = Literal["Open", "Update", "End"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. Its texts are plain: a sink that knows markup must show them as they are.

    ``key`` is the receiver's idempotency key, ``thread`` what belongs together (the incident's uid). ``moment``: Open and
    Update want somebody; after End nobody is needed any more, and what pages people resolves its alert. The end of a
    failed incident is no End.
    """

    title: str
    text: str
    severity: str
    key: str
    thread: str
    moment: Moment
    incident: str


class Notifier(Protocol):
    async def send(self, url: str, notice: Notice) -> Delivery:
        """Sends it once. Never raises, and answers within the notifier's time; the delivery's message holds no secret of
        the address."""
