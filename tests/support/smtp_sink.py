"""A mail server on loopback: enough of RFC 5321 for a client that submits, with TLS, login and faults."""

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from support.sinks import begun


@dataclass
class SmtpSink:
    """What arrived, and how the server behaves."""

    port: int = 0
    context: ssl.SSLContext | None = None  # offered as STARTTLS, or used from the first byte (``implicit``)
    implicit: bool = False
    login: str = ""  # the password that is asked for
    messages: list[EmailMessage] = field(default_factory=list)
    envelopes: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))  # one for each that was made
    #: By command, such as RCPT or "." for the end of the message: what is answered instead.
    answers: dict[str, str] = field(default_factory=dict)
    #: Commands at which the connection is dropped, or nothing is said any more.
    drops: set[str] = field(default_factory=set)
    hangs: set[str] = field(default_factory=set)


@contextlib.asynccontextmanager
async def serving(sink: SmtpSink) -> AsyncIterator[SmtpSink]:
    """Runs the server."""
    stop = asyncio.Event()
    sessions: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sessions.add(task := asyncio.current_task())  # type: ignore[arg-type]
        sink.connections.release()
        try:
            await _Session(sink, reader, writer, stop).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
            sessions.discard(task)  # type: ignore[arg-type]

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=sink.context if sink.implicit else None)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        stop.set()
        await begun()
        server.close()
        await asyncio.gather(*sessions, return_exceptions=True)


class _Session:
    def __init__(
        self, sink: SmtpSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stop: asyncio.Event
    ) -> None:
        self._sink, self._reader, self._writer, self._stop = sink, reader, writer, stop
        self._recipients: list[str] = []
        self._encrypted = sink.implicit

    async def run(self) -> None:
        await self._say("BANNER", "220 mail.example ESMTP")
        while line := (await self._reader.readline()).decode().strip():
            command = line.split()[0].upper()
            if command in ("EHLO", "HELO"):
                await self._say(command, self._greeting())
            elif command == "STARTTLS":
                await self._say(command, "220 go ahead")
                await self._writer.start_tls(self._sink.context)  # type: ignore[arg-type]
                self._encrypted = True
            elif command == "AUTH":
                await self._authenticate(line)
            elif command == "DATA":
                await self._say(command, "354 go ahead")
                await self._take_message()
            elif command == "QUIT":
                await self._say(command, "221 bye")
                return
            else:
                if command == "RCPT" and command not in self._sink.answers:
                    self._recipients.append(line.partition("<")[2].partition(">")[0])
                await self._say(command, "250 ok")

    def _greeting(self) -> str:
        offers = ["250-mail.example"]
        if self._sink.context and not self._encrypted:
            offers.append("250-STARTTLS")
        if self._sink.login:
            offers.append("250-AUTH PLAIN")
        return "\r\n".join([*offers, "250 8BITMIME"])

    async def _authenticate(self, line: str) -> None:
        password = base64.b64decode(line.split()[-1]).split(b"\0")[-1].decode()
        right = password == self._sink.login
        await self._say("AUTH", "235 welcome" if right else f"535 5.7.8 wrong password {password}")

    async def _take_message(self) -> None:
        raw = (await self._reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
        if "." not in self._sink.answers:
            self._sink.messages.append(message_from_bytes(raw, policy=policy.default))  # type: ignore[arg-type]
            self._sink.envelopes.append(self._recipients)
            self._sink.encrypted.append(self._encrypted)
        await self._say(".", "250 queued")

    async def _say(self, command: str, text: str) -> None:
        if command in self._sink.hangs:
            await self._stop.wait()
        if command in self._sink.drops:
            self._writer.transport.abort()
            raise ConnectionResetError
        self._writer.write(self._sink.answers.get(command, text).encode() + b"\r\n")
        await self._writer.drain()
