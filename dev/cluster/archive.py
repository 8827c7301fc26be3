"""Container images written by hand as docker-archives: the same input gives the same bytes.

Format: https://github.com/moby/docker-image-spec, as `docker save` writes it and containerd, podman and kind load it.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Layer:
    """The files of an image by absolute path. Everything belongs to root; times are zero."""

    files: dict[str, tuple[bytes | Path, int]] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: dict[str, int] = field(default_factory=dict)

    def add(self, path: str, content: bytes | Path, mode: int = 0o644) -> None:
        """A file, from bytes or from a file on this machine."""
        self.files[path] = (content, mode)

    def link(self, path: str, target: str) -> None:
        """A symbolic link."""
        self.links[path] = target

    def folder(self, path: str, mode: int = 0o755) -> None:
        """A folder that is empty or has a mode of its own; parents of files need no mention."""
        self.folders[path] = mode

    def write(self, target: Path) -> str:
        """Writes the layer as a tar. Returns its digest, "sha256:…"."""
        with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(self._paths()):
                self._add(tar, path)
        return file_digest(target)

    def _paths(self) -> set[str]:
        paths = {*self.files, *self.links, *self.folders}
        parents = {str(parent) for path in paths for parent in Path(path).parents}
        return paths | parents

    def _add(self, tar: tarfile.TarFile, path: str) -> None:
        entry = tarfile.TarInfo(path.lstrip("/") or ".")
        if path in self.links:
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, self.links[path], 0o777
            tar.addfile(entry)
        elif path in self.files:
            content, entry.mode = self.files[path]
            data = content if isinstance(content, bytes) else content.read_bytes()
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        else:
            entry.type, entry.mode = tarfile.DIRTYPE, self.folders.get(path, 0o755)
            tar.addfile(entry)


def write_image(target: Path, reference: str, architecture: str, layer: Layer, config: Mapping[str, Any]) -> str:
    """Writes a docker-archive with one layer, in one rename. Returns the image's id, "sha256:…"."""
    layer_file, unfinished = target.with_name(f".{target.name}.layer"), target.with_name(f".{target.name}.new")
    try:
        digest = layer.write(layer_file)
        image = {
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": dict(config),
            "rootfs": {"type": "layers", "diff_ids": [digest]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "paramedic"}],
        }
        content = json.dumps(image, sort_keys=True).encode()
        manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
        with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as tar:
            _put(tar, "manifest.json", json.dumps(manifest).encode())
            _put(tar, "config.json", content)
            entry = tarfile.TarInfo("layer.tar")
            entry.size = layer_file.stat().st_size
            with layer_file.open("rb") as data:
                tar.addfile(entry, data)
        unfinished.rename(target)
    finally:
        for leftover in (layer_file, unfinished):
            leftover.unlink(missing_ok=True)
    return "sha256:" + hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """A file's digest, "sha256:…"."""
    with path.open("rb") as content:
        return "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()


def _put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
