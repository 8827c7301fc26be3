"""One request to an API server."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
JSON = "application/json"


@dataclass(frozen=True)
class Request:
    """``account`` is the user to act as (system:serviceaccount:NS:NAME), empty for the operator itself."""

    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Any = None
    content_type: str = JSON
    account: str = ""
    timeout: float = 15.0  # seconds
    raw: bool = False  # the answer is bytes, not JSON


class ApiError(Exception):
    """The API server's refusal: an HTTP status with its metav1.Status reason and message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message = status, reason, message


class Unavailable(Exception):
    """No answer came, or one that says to come again (429, 5xx): the request may or may not have happened."""


class Transport(Protocol):
    async def send(self, request: Request) -> Any:
        """The answer's JSON (or bytes). Raises ApiError and Unavailable."""

    async def close(self) -> None:
        """Ends its connections."""
