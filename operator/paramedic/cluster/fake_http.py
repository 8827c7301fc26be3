"""HTTP endpoints and TCP ports that answer what a test sets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from paramedic.actions.effects import Send
from paramedic.actions.reads import HttpAnswer, HttpGet, TcpAnswer, TcpConnect
from paramedic.model.endpoints import Endpoint, refusal


@dataclass
class FakeHttp:
    """An `HttpClient` without a network. A URL or port that was not set cannot be reached."""

    answers: dict[str, HttpAnswer] = field(default_factory=dict)
    asked: list[HttpGet] = field(default_factory=list)
    ports: dict[tuple[str, int], TcpAnswer] = field(default_factory=dict)
    allowed: tuple[Endpoint, ...] = ()
    sent: list[Send] = field(default_factory=list)
    secrets: list[dict[str, str]] = field(default_factory=list)  # of the requests that were sent
    #: Called for each request that arrives, before it is answered: what it raises is what becomes of the sender.
    receive: Callable[[Send], None] | None = None

    def set(self, url: str, status: int, body: bytes = b"", *, seconds: float = 0.01) -> None:
        """What a URL answers from now on."""
        self.answers[url] = HttpAnswer(status, seconds, body)

    def cut(self, url: str) -> None:
        """The URL cannot be reached from now on."""
        self.answers.pop(url, None)

    async def get(self, question: HttpGet) -> HttpAnswer:
        self.asked.append(question)
        return self.answers.get(question.url) or HttpAnswer(0, 0.0, error="connection refused")

    def allow(self, *prefixes: str) -> None:
        """Requests may be sent there from now on."""
        self.allowed = tuple(Endpoint.prefix(item) for item in prefixes)

    def refusal(self, url: str) -> str | None:
        return refusal(url, self.allowed)

    async def send(self, effect: Send, secrets: Mapping[str, str]) -> HttpAnswer:
        """A URL without an answer refuses the connection; one whose answer has the status 0 took the request."""
        if effect.url not in self.answers:
            return HttpAnswer(0, 0.0, error="connection refused", arrived=False)
        self.sent.append(effect)
        self.secrets.append(dict(secrets))
        if self.receive is not None:
            self.receive(effect)
        return self.answers[effect.url]

    def listen(self, host: str, port: int, address: str = "10.0.0.1", *, seconds: float = 0.01) -> None:
        """The port accepts connections from now on."""
        self.ports[host, port] = TcpAnswer(seconds, address)

    async def connect(self, question: TcpConnect) -> TcpAnswer:
        refused = TcpAnswer(0.0, problem="Refused", error="connection refused")
        return self.ports.get((question.host, question.port), refused)
