"""What the API server did not let a program do, as the program logs it."""

import re
from dataclasses import dataclass

from paramedic.model.references import CONFIGMAP, SECRET, ObjectRef

_DENIED = re.compile(
    r"(?P<plural>[a-z]+)(?:\.[a-z0-9.]+)? \"(?P<name>[^\"]{1,253})\" is forbidden: User \"(?P<user>[^\"]{1,300})\""
    r" cannot (?P<verb>[a-z]+) resource"
)
_SEEN = {item.plural: item for item in (CONFIGMAP, SECRET)}


@dataclass(frozen=True, slots=True)
class Refused:
    """``user`` may not do ``verb`` to ``ref``, whose namespace is not known."""

    user: str
    verb: str
    ref: ObjectRef


def refused_in(text: str) -> Refused | None:
    """What this line was refused, where it is a ConfigMap or a Secret; else None."""
    found = _DENIED.search(text[:2048])
    if found is None or found["plural"] not in _SEEN:
        return None
    return Refused(found["user"], found["verb"], ObjectRef.to(_SEEN[found["plural"]], "", found["name"]))
