"""A notifier that keeps what it is given, for tests and trials."""

from dataclasses import dataclass, field

from paramedic.model.deliveries import Delivery
from paramedic.notify.contract import Notice


@dataclass
class RecordingNotifier:
    """Answers each URL as it is told to; without being told, everything arrives."""

    sent: list[tuple[str, Notice]] = field(default_factory=list)
    answers: dict[str, Delivery] = field(default_factory=dict)

    async def send(self, url: str, notice: Notice) -> Delivery:
        self.sent.append((url, notice))
        return self.answers.get(url, Delivery("Sent"))
