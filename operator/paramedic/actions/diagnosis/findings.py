"""What a rule found: one class of trouble, the object and the field to blame, and the proof."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paramedic.actions.diagnosis.scene import Scene
from paramedic.model.text import shorten

PROOF_LIMIT = 400  # characters
_FIELD_LIMIT = 120
_OBJECT_LIMIT = 300  # a kind, and a name of 253
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Finding:
    """``object`` is written as Kind/name. ``proof`` is what was seen, word for word: data, which nothing evaluates.
    ``pods`` is how many Pods show it.
    """

    kind: str
    object: str
    field: str
    proof: str
    message: str
    pods: int = 0

    def bounded(self) -> "Finding":
        """The same finding, its texts printable and within their limits."""
        field, message = printable(self.field, _FIELD_LIMIT), printable(self.message, PROOF_LIMIT)
        return Finding(
            self.kind,
            printable(self.object, _OBJECT_LIMIT),
            field,
            printable(self.proof, PROOF_LIMIT),
            message,
            self.pods,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One class of trouble and how it is recognised.

    ``needs`` names the sources of the scene without which the rule is left out. ``hidden`` tells that the trouble does
    not show in the workload's own status: while such a rule is left out, nothing may be called healthy.
    """

    kind: str
    find: Callable[[Scene], Iterable[Finding]]
    needs: frozenset[str] = frozenset()
    hidden: bool = False


def printable(text: str, limit: int = PROOF_LIMIT) -> str:
    """One line without control characters: a log may hold anything, and people read this in a terminal."""
    flat = _SPACE.sub(" ", text[: limit * 20]).strip()
    safe = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in flat)
    return shorten(safe, limit)


def quoted(text: str) -> str:
    """A short excerpt for the message, which is one sentence."""
    return f'"{printable(text, 200)}"'
