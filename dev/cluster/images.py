"""The sample images of a real node: a web server that works, one that does not, and pause. No registry needed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import libraries, machine
from .archive import Layer, write_image
from .errors import LocalkindError

PAUSE = "localhost/pause:1"
APPLETS = (
    "sh", "ls", "cat", "echo", "sleep", "wget", "httpd", "nc", "ps", "env", "id", "date", "head", "tail", "grep", "sed",
    "vi", "top", "kill", "hostname", "ip", "ping", "nslookup", "mkdir", "rm", "cp", "mv", "touch", "true", "false",
    "test", "tr", "cut", "wc", "find", "sort", "timeout",
)  # fmt: skip
PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:65532:65532:app:/tmp:/bin/sh\n"
GROUP = b"root:x:0:\napp:x:65532:\n"
ENVIRONMENT = ["PATH=/usr/local/bin:/bin"]
# A shell with a trap as process 1: a bare process 1 ignores SIGTERM, and each Pod would take its whole grace period.
SERVE = """#!/bin/sh
echo "web: starting {version}"
httpd -f -p 8080 -h /www &
echo "web: listening on :8080"
trap 'echo "web: stopping"; exit 0' TERM INT
wait
"""
FAIL = """#!/bin/sh
echo "web: starting broken"
echo "FATAL: DATABASE_URL is not set" >&2
exit 1
"""


def build_all(folder: Path) -> list[Path]:
    """Writes every sample image as a docker-archive into the folder."""
    folder.mkdir(exist_ok=True)
    run_as_app: dict[str, Any] = {"User": "65532:65532", "Entrypoint": ["/start"]}
    written = [write(folder, PAUSE, base(), {"Entrypoint": ["/bin/sleep", "infinity"]})]
    for version in ("v1", "v2"):
        layer = base()
        for page in ("index.html", "healthz"):
            layer.add(f"/www/{page}", f"ok {version}\n".encode())
        layer.add("/start", SERVE.format(version=version).encode(), 0o755)
        config = run_as_app | {"ExposedPorts": {"8080/tcp": {}}}
        written.append(write(folder, f"localhost/web:{version}", layer, config))
    broken = base()
    broken.add("/start", FAIL.encode(), 0o755)
    written.append(write(folder, "localhost/web:broken", broken, run_as_app))
    return written


def write(folder: Path, reference: str, layer: Layer, config: Mapping[str, Any]) -> Path:
    """Writes one image as a docker-archive into the folder."""
    target = folder / (reference.rpartition("/")[2].replace(":", "-") + ".tar")
    write_image(target, reference, machine.architecture(), layer, {"Env": ENVIRONMENT, **config})
    return target


def base() -> Layer:
    """Busybox under every name a person would try in `kubectl exec`."""
    busybox = shutil.which("busybox")
    if not busybox:
        raise LocalkindError("busybox is missing; install the package busybox-static")
    layer = Layer()
    layer.add("/bin/busybox", Path(busybox), 0o755)
    for library in libraries.of([Path(busybox)]):
        layer.add(str(library), library.resolve(), 0o755)
    for applet in APPLETS:
        layer.link(f"/bin/{applet}", "busybox")
    for name in ("/proc", "/sys", "/dev", "/root"):
        layer.folder(name)
    layer.folder("/tmp", 0o1777)
    layer.add("/etc/passwd", PASSWD)
    layer.add("/etc/group", GROUP)
    layer.add("/etc/nsswitch.conf", b"hosts: files dns\n")
    return layer
