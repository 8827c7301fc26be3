"""Which shared libraries a program needs, as the dynamic linker would find them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

ABSOLUTE = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)")


def of(files: Iterable[Path]) -> list[Path]:
    """The libraries of all these files, the dynamic linker among them; none for static ones. Uses ldd."""
    found: set[Path] = set()
    batch = [str(path) for path in files]
    # In small batches: the arguments of one command are limited to some hundred kilobytes.
    for start in range(0, len(batch), 200):
        output = subprocess.run(["ldd", *batch[start : start + 200]], capture_output=True, text=True).stdout
        found |= {Path(match) for match in ABSOLUTE.findall(output)}
    return sorted(found)
