"""A notifier that keeps what it is given, for tests and trials."""

import asyncio
from dataclasses import dataclass, field

from paramedic.model.deliveries import Delivery
from paramedic.notify.contract import Notice


@dataclass
class RecordingNotifier:
    """Answers each URL as it is told to; without being told, everything arrives."""

    sent: list[tuple[str, Notice]] = field(default_factory=list)  # each call, in order, whatever became of it
    answers: dict[str, Delivery] = field(default_factory=dict)
    arrivals: list[tuple[str, Notice]] = field(default_factory=list)  # what the receivers have, in order
    _hanging: dict[str, asyncio.Event] = field(default_factory=dict)

    # --- what a test arranges

    def fail(self, url: str, message: str = "the service answered 503", *, final: bool = False) -> None:
        """Messages to it do not arrive."""
        self.answers[url] = Delivery("Failed", message, final)

    def lose_replies(self, url: str) -> None:
        """Messages to it arrive, but nobody learns of it."""
        self.answers[url] = Delivery("Unknown", "no answer; the message may have arrived")

    def hang(self, url: str) -> None:
        """Messages to it wait until it is healed, and nobody knows then whether they arrived."""
        self._hanging[url] = asyncio.Event()

    def heal(self, url: str) -> None:
        """It works from now on."""
        self.answers.pop(url, None)
        if waiting := self._hanging.pop(url, None):
            waiting.set()

    def arrived(self, url: str) -> list[Notice]:
        """What arrived at a URL, in order."""
        return [notice for found, notice in self.arrivals if found == url]

    # --- the contract

    async def send(self, url: str, notice: Notice) -> Delivery:
        self.sent.append((url, notice))
        if waiting := self._hanging.get(url):
            await waiting.wait()
            return Delivery("Unknown", "no answer; the message may have arrived")
        answer = self.answers.get(url, Delivery("Sent"))
        if answer.state != "Failed":
            self.arrivals.append((url, notice))
        return answer
