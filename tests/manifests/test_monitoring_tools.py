"""`dev/monitoring` on machines where it can do nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.manifests import ROOT


def ran(path: Path, *programs: str) -> subprocess.CompletedProcess[str]:
    """What it says where only these programs are on PATH."""
    for name in ("bash", "env", "readlink", *programs):
        found = shutil.which(name)
        assert found
        (path / name).symlink_to(found)
    return subprocess.run(
        [str(ROOT / "dev" / "monitoring")], env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


def test_a_machine_without_debians_packages_is_told_what_to_install(tmp_path: Path) -> None:
    done = ran(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("not on PATH: prometheus promtool amtool alertmanager; install Prometheus")


def test_somebody_who_may_not_install_is_told_the_command(tmp_path: Path) -> None:
    for name, text in (("id", "echo 1000"), ("apt-get", "exit 9")):
        (tmp_path / name).write_text(f"#!{shutil.which('bash')}\n{text}\n")
        (tmp_path / name).chmod(0o755)
    done = ran(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("; install them: sudo dev/monitoring\n")


@pytest.mark.monitoring
def test_where_all_is_there_it_prints_the_versions_and_installs_nothing() -> None:
    done = subprocess.run(
        [str(ROOT / "dev/monitoring")], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "prometheus", "promtool", "amtool", "alertmanager",
    ]  # fmt: skip
