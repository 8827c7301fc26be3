"""What the tests of dev/localkind share. They never touch the user's own clusters or kubeconfig."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
if str(REPOSITORY / "dev") not in sys.path:
    sys.path.insert(0, str(REPOSITORY / "dev"))

LOCALKIND = REPOSITORY / "dev" / "localkind"
COMMAND_SECONDS = 1800  # a first build of every program is part of the first cluster

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of clusters of this test's own, and no kubeconfig of the user's in reach."""
    folder = tmp_path / "clusters"
    monkeypatch.setenv("PARAMEDIC_LOCALKIND_HOME", str(folder))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return folder


@pytest.fixture
def localkind(home: Path) -> Iterator[Run]:
    """Runs dev/localkind; ends every cluster that the test left."""
    yield run_localkind
    for folder in home.glob("*"):
        run_localkind("delete", "cluster", "--name", folder.name)


def run_localkind(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, with its output; never raises."""
    return subprocess.run(
        [sys.executable, str(LOCALKIND), *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
    )
