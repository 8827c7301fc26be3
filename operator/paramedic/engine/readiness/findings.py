"""What is wrong with a playbook, as data: where, what, and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from paramedic.model.text import plural

#: Error: the playbook is not Ready. Warning: it is, and something is likely not what its author meant. Note: it is, and
#: something is done without.
Severity = Literal["Error", "Warning", "Note"]
#: Why a playbook is (not) Ready; those that say no in the order in which they are to be mended.
Reason = Literal[
    "Valid", "Invalid", "AccountNotFound", "MissingPermission", "EndpointNotAllowed", "ChannelNotReady", "Unknown"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about a playbook. ``path`` is the field, as in `spec.steps[0].rollback.toRevision`.

    ``halts``: no incident can follow the playbook. What only keeps people from being told does not: a service is mended
    all the same.
    """

    path: str
    problem: str
    mend: str = ""
    severity: Severity = "Error"
    reason: Reason = "Invalid"
    halts: bool = True

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" + (f"; {self.mend}" if self.mend else "")


def told(path: str, error: object, *, halts: bool = True) -> Finding:
    """The finding in an error's own words, whose last part, after a semicolon, is the mend."""
    problem, _, mend = str(error).rpartition("; ")
    return Finding(path, problem or mend, mend if problem else "", halts=halts)


def in_short(findings: Iterable[Finding], limit: int, more: str) -> str:
    """As many whole findings as fit; ``more`` says where the others are told."""
    texts = [str(finding) for finding in findings]
    for count in range(len(texts), 0, -1):
        left = len(texts) - count
        text = "; ".join(texts[:count]) + (f"; and {plural(left, 'more problem')}: {more}" if left else "")
        if len(text) <= limit:
            return text
    return texts[0][: limit - 1] + "…" if texts else ""
