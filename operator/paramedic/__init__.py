"""paramedic: Kubernetes incident response that follows a written playbook, step by step, exactly once."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("paramedic")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0.0.0+source"
