"""HTTP endpoints and TCP ports that answer what a test sets."""

from dataclasses import dataclass, field

from paramedic.actions.reads import HttpAnswer, HttpGet, TcpAnswer, TcpConnect


@dataclass
class FakeHttp:
    """An `HttpClient` without a network. A URL or port that was not set cannot be reached."""

    answers: dict[str, HttpAnswer] = field(default_factory=dict)
    asked: list[HttpGet] = field(default_factory=list)
    ports: dict[tuple[str, int], TcpAnswer] = field(default_factory=dict)

    def set(self, url: str, status: int, body: bytes = b"", *, seconds: float = 0.01) -> None:
        """What a URL answers from now on."""
        self.answers[url] = HttpAnswer(status, seconds, body)

    def cut(self, url: str) -> None:
        """The URL cannot be reached from now on."""
        self.answers.pop(url, None)

    async def get(self, question: HttpGet) -> HttpAnswer:
        self.asked.append(question)
        return self.answers.get(question.url) or HttpAnswer(0, 0.0, error="connection refused")

    def listen(self, host: str, port: int, address: str = "10.0.0.1", *, seconds: float = 0.01) -> None:
        """The port accepts connections from now on."""
        self.ports[host, port] = TcpAnswer(seconds, address)

    async def connect(self, question: TcpConnect) -> TcpAnswer:
        refused = TcpAnswer(0.0, problem="Refused", error="connection refused")
        return self.ports.get((question.host, question.port), refused)
