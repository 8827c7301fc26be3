"""What is kept of a ConfigMap, a Secret or a claim: names and times, never a value."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from paramedic.actions.diagnosis.reading import Reader
from paramedic.actions.reads import GetObject
from paramedic.model.objects import Object, dig

_PARTS = ("data", "binaryData")


@dataclass(frozen=True)
class Kept:
    """``written`` says for each key when it was written last (RFC 3339), and by whom, as far as managed fields tell.
    ``deleted`` is when its deletion was asked for; empty where it was not.
    """

    keys: frozenset[str]
    written: dict[str, tuple[str, str]] = field(default_factory=dict)
    deleted: str = ""
    finalizers: tuple[str, ...] = ()

    @classmethod
    def of(cls, obj: Object) -> "Kept":
        return cls(
            keys=frozenset(key for part in _PARTS for key in obj.get(part) or {}),
            written=_written(obj),
            deleted=dig(obj, "metadata", "deletionTimestamp", default=""),
            finalizers=tuple(dig(obj, "metadata", "finalizers", default=[])),
        )

    def newest(self, *keys: str) -> tuple[str, str, str]:
        """Which of these keys (without any: of all) was written last, when and by whom; all empty where nothing tells.
        The key is empty where several were written at once.
        """
        found = [(when, who, key) for key, (when, who) in self.written.items() if key in keys or not keys]
        if not found:
            return "", "", ""
        when, who, key = max(found)
        alone = sum(other == when for other, _, _ in found) == 1
        return (key if alone else ""), when, who


def read_kept(questions: Iterable[GetObject], reader: Reader) -> dict[tuple[str, str], Kept]:
    """By kind and name, what is kept of those that are there and may be read."""
    return {
        (item.ref.kind, item.ref.name): Kept.of(found)
        for item in questions
        if (found := reader.object(str(item.ref), item)) is not None
    }


def _written(obj: Object) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for entry in dig(obj, "metadata", "managedFields", default=[]):
        when, who = entry.get("time") or "", entry.get("manager") or "somebody"
        for part in _PARTS:
            for name in dig(entry, "fieldsV1", f"f:{part}", default={}):
                key = name.removeprefix("f:")
                if name != "." and when > found.get(key, ("", ""))[0]:
                    found[key] = (when, who)
    return found
