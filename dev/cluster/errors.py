"""What can go wrong, in words for the person at the terminal."""

from __future__ import annotations


class LocalkindError(Exception):
    """A failure with a message that says what happened and what to do; the command exits with 1."""


class ComponentFailed(LocalkindError):
    """A program of the cluster ended or did not become ready in time; carries the end of its log."""

    def __init__(self, component: str, problem: str, log_tail: str) -> None:
        shown = log_tail.strip() or "(its log is empty)"
        super().__init__(f"{component} {problem}. The last lines of its log:\n{shown}")
        self.component = component
        self.log_tail = log_tail


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived. A BaseException, so that no `except Exception` swallows it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number
