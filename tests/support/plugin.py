"""`kubectl incident`, as kubectl runs the script that it finds on PATH."""

import os
import subprocess
import sys
from pathlib import Path

from support.kube import kubectl_path


def environment(kubeconfig: str) -> dict[str, str]:
    """The environment of a shell in which the plugin is installed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "KUBECONFIG": kubeconfig}


def plugin(*arguments: str, kubeconfig: str) -> "subprocess.CompletedProcess[bytes]":
    """What kubectl does with `kubectl incident …`."""
    command = [kubectl_path(), "incident", *arguments]
    return subprocess.run(command, capture_output=True, check=False, env=environment(kubeconfig))
