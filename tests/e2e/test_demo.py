"""`make demo` shows what it promises, and leaves nothing behind."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.e2e


def test_the_demo_ends_with_the_healed_deployment_the_table_and_the_report() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "dev" / "demo")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    shown = done.stdout
    assert "checkout   3/3     3            3" in shown
    assert "localhost/web:v1" in shown[shown.index("6. Healed") :]
    assert "checkout-rollout   Warning    Resolved" in shown
    assert "# Incident shop/checkout-rollout: The rollout of checkout does not come up" in shown
    clusters = subprocess.run(
        [sys.executable, str(ROOT / "dev" / "localkind"), "get", "clusters"], capture_output=True, text=True, check=True
    )
    assert "paramedic-demo" not in clusters.stdout
