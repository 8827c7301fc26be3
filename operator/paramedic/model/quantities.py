"""Kubernetes quantities, such as `250m`, `1Gi` and `2e3`, as exact numbers."""

import re
from decimal import Decimal

_FORM = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<exponent>[eE][+-]?\d+)?(?P<suffix>[numkMGTPE]|[KMGTPE]i)?")
_POWERS_OF_1000 = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_POWERS_OF_1024 = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse_quantity(text: str) -> Decimal:
    """Raises ValueError."""
    found = _FORM.fullmatch(text)
    if found is None or (found["exponent"] and found["suffix"]):
        raise ValueError(f"{text!r} is not a quantity; write one such as 250m or 1Gi")
    suffix = found["suffix"] or ""
    if suffix in _POWERS_OF_1024:
        scale = Decimal(1024) ** _POWERS_OF_1024[suffix]
    else:
        scale = Decimal(1000) ** _POWERS_OF_1000[suffix]
    return Decimal(found["number"] + (found["exponent"] or "")) * scale
