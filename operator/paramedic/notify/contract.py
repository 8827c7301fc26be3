"""What a notifier is: it sends one notice to one address, and says what became of it."""

from dataclasses import dataclass
from typing import Literal, Protocol

from paramedic.model.deliveries import Delivery

Moment = Literal["Open", "Update", "End"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One message. Its texts are plain: a sink that knows markup must show them as they are.

    ``key`` is the receiver's idempotency key, ``thread`` what belongs together (the incident's uid).
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
        """Sends it once. Never raises; the delivery's message holds no secret of the address."""
