"""dev/image: what is in the operator's image, and that the same input gives the same one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cluster import dependencies, operator_image
from cluster.errors import LocalkindError
from cluster.progress import Progress

QUIET = Progress(io.StringIO(), quiet=True)
IMAGE = Path(__file__).resolve().parents[2] / "dev" / "image"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An operator, a standard library and dependencies of a file each, so that a build takes a moment."""
    files = {
        "operator/paramedic/__main__.py": "print('hello')",
        "operator/paramedic/__pycache__/old.pyc": "",
        "stdlib/os.py": "name = {'b', 'a', 'c'}",
        "stdlib/test/test_os.py": "",
        "stdlib/idlelib/idle.py": "",
        "installed/library.py": "pass",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setattr(operator_image, "REPOSITORY", tmp_path)
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path / "stdlib"))
    monkeypatch.setattr(dependencies, "install", lambda _requirements: tmp_path / "installed")
    return tmp_path


def build(repository: Path, name: str = "image.tar") -> tuple[str, Path]:
    output = repository / "dist" / name
    wishes = operator_image.Wishes(output, "localhost/paramedic:test", repository / "requirements.txt")
    return operator_image.build(wishes, QUIET), output


def contents(image: Path) -> tuple[dict[str, Any], dict[str, tarfile.TarInfo]]:
    """The image's configuration, and its files."""
    with tarfile.open(image) as archive:
        config, layer = archive.extractfile("config.json"), archive.extractfile("layer.tar")
        assert config
        assert layer
        with tarfile.open(fileobj=layer) as files:
            return json.load(config), {member.name: member for member in files}


def test_the_same_input_gives_the_same_image(repository: Path) -> None:
    first, second = build(repository, "a.tar"), build(repository, "b.tar")
    assert first[0] == second[0]
    assert first[1].read_bytes() == second[1].read_bytes()


def test_another_operator_gives_another_image(repository: Path) -> None:
    before = build(repository)[0]
    (repository / "operator" / "paramedic" / "__main__.py").write_text("print('bye')")
    assert build(repository)[0] != before


def test_it_runs_the_operator_as_a_user_without_rights(repository: Path) -> None:
    config, _ = contents(build(repository)[1])
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/python3", "-m", "paramedic"]
    assert "PYTHONPATH=/opt/paramedic" in config["config"]["Env"]


def test_it_holds_what_runs_and_nothing_else(repository: Path) -> None:
    _, files = contents(build(repository)[1])
    stdlib = operator_image.STDLIB.lstrip("/")
    compiled = f"{sys.implementation.cache_tag}.pyc"
    for name in (f"{stdlib}/os.py", "opt/paramedic/library.py", "opt/paramedic/paramedic/__main__.py"):
        folder, _, module = name.rpartition("/")
        assert {name, f"{folder}/__pycache__/{module.removesuffix('.py')}.{compiled}"} <= files.keys()
    assert files["usr/local/bin/python3"].linkname == operator_image.VERSION
    assert not [name for name in files if "idlelib" in name or "/test" in name or "old.pyc" in name]
    assert {(member.uid, member.gid, member.mtime) for member in files.values()} == {(0, 0, 0)}
    assert files["tmp"].mode == 0o1777


def test_without_a_lock_file_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(LocalkindError, match=r"requirements\.txt is missing"):
        dependencies.install(tmp_path / "requirements.txt")


def test_the_command_has_help() -> None:
    done = subprocess.run([sys.executable, str(IMAGE), "build", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "localhost/paramedic:dev" in done.stdout
