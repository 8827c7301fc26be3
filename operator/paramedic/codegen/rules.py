"""Plain rule files for a Prometheus without its Operator, from the PrometheusRules in manifests/monitoring."""

from pathlib import Path
from textwrap import dedent

RULES = ("alerts.yaml", "paramedic-alerts.yaml")
SOURCE = "manifests/monitoring"


def rule_file(root: Path, name: str) -> str:
    """The `spec` of a PrometheusRule as a file of its own, its layout kept."""
    text = (root / SOURCE / name).read_text()
    _, found, spec = text.partition("\nspec:\n")
    if not found:
        raise ValueError(f"{SOURCE}/{name} has no spec on a line of its own")
    return f"# Generated from {SOURCE}/{name} by `make generate`. Change that file, not this one.\n{dedent(spec)}"
