"""One delivery on the network: where it may connect, what was answered, and how to stop it.

Apprise's plugins and smtplib hide both. `Wire` is the policy that opens their connections (apprise.utils.http), so it
sees whether anything was sent, refuses addresses, and closes the connections of a delivery that took too long.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from apprise.utils.http import HTTPPolicy

from paramedic.model.addresses import AddressGuard, Forbidden

#: As socket.getaddrinfo answers: family, type, protocol, canonical name, socket address.
AddressInfo = tuple[Any, Any, int, str, tuple[Any, ...]]
TOO_MANY = 429  # the status of a service that asks for a pause
Resolver = Callable[[str, int], list[AddressInfo]]


class Abandoned(OSError):
    """The delivery was given up; nothing more is sent."""


def resolve(host: str, port: int) -> list[AddressInfo]:
    """The addresses of a host, in the order in which they are tried."""
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


@dataclass
class Exchange:
    """One request and its answer. Status 0: none came."""

    where: str
    connected: bool = False
    exposed: bool = False  # the message, or a part of it, may be with the service
    status: int = 0
    body: str = ""
    retry_after: str = ""
    error: str = ""
    forbidden: bool = False


class Wire(HTTPPolicy):
    """Opens the connections of one delivery. Used by one thread; `abandon` may be called from another."""

    def __init__(self, guard: AddressGuard, resolver: Resolver = resolve) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._guard, self._resolver = guard, resolver
        self._lock = threading.Lock()
        self._handles: list[socket.socket] = []
        self._over, self._speaks_first = False, True
        self.exchanges: list[Exchange] = []

    def begin(self, where: str, *, speaks_first: bool = True) -> Exchange:
        """A request is about to be made; ``speaks_first``: what connects sends the message at once. Raises Abandoned."""
        with self._lock:
            if self._over:
                raise Abandoned("the delivery is over")
            self._speaks_first = speaks_first
            self.exchanges.append(Exchange(where))
            return self.exchanges[-1]

    def resolve(self, host: str, port: int) -> list[AddressInfo]:
        """The addresses of a host, each of them checked. Raises Forbidden, or OSError."""
        try:
            found = self._resolver(host, port)
        except UnicodeError:
            self.exchanges[-1].error = "the host name is not valid"
            raise OSError("the host name is not valid") from None
        except OSError as error:
            self._note(error)
            raise
        for info in found:
            try:
                self._guard.check(str(info[4][0]))
            except Forbidden as error:
                self.exchanges[-1].forbidden = True
                self._note(error)
                raise
        return found

    def create_connection(self, host: str, port: int, *args: Any, **kwargs: Any) -> socket.socket:
        """A connection that `abandon` can close. Raises OSError."""
        try:
            made: socket.socket = super().create_connection(host, port, *args, **kwargs)  # type: ignore[no-untyped-call]
        except OSError as error:
            self._note(error)
            raise
        with self._lock:
            if self._over:
                made.close()
                raise Abandoned("the delivery is over")
            # TLS takes the socket over; a second handle to the same connection stays ours.
            self._handles.append(socket.socket(fileno=os.dup(made.fileno())))
            self.exchanges[-1].connected = True
            self.exchanges[-1].exposed = self._speaks_first
        return made

    def abandon(self) -> list[Exchange]:
        """Ends the delivery: nothing is sent from now on, and a thread that waits for an answer wakes up.

        Answers how far it had come.
        """
        with self._lock:
            self._over = True
            before = [replace(exchange) for exchange in self.exchanges]
            for handle in self._handles:
                with contextlib.suppress(OSError):
                    handle.shutdown(socket.SHUT_RDWR)
                handle.close()
            self._handles.clear()
        return before

    def _note(self, error: OSError) -> None:
        if not self.exchanges[-1].error:
            self.exchanges[-1].error = error.strerror or str(error) or "timed out"
