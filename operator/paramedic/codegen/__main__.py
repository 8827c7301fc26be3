"""`python -m paramedic.codegen`: writes what is generated; with --check it only tells whether it is up to date."""

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

from paramedic.codegen.crds import incident_crd, playbook_crd
from paramedic.codegen.rbac import action_roles, cluster_roles
from paramedic.codegen.reference import actions_page
from paramedic.codegen.responder import cluster_impersonation_role, impersonation_role
from paramedic.codegen.rules import RULES, rule_file
from paramedic.engine.lifecycle import mermaid

_HEAD = "# Generated from operator/paramedic by `make generate`. Change the code, not this file.\n"


def generated(root: Path) -> dict[str, str]:
    """The text of every generated file, by its path in the repository. ``root`` is the repository."""
    return {
        "crds/incidents.yaml": _HEAD + _yaml(incident_crd()),
        "crds/playbooks.yaml": _HEAD + _yaml(playbook_crd()),
        "manifests/base/action-roles.yaml": _documents(*action_roles(), *cluster_roles()),
        "manifests/base/impersonation-role.yaml": _documents(impersonation_role(), cluster_impersonation_role()),
        **{f"examples/prometheus/{name}": rule_file(root, name) for name in RULES},
        "docs/actions.md": actions_page(),
        "docs/lifecycle.md": _lifecycle(),
    }


def _documents(*values: Any) -> str:
    return _HEAD + "---\n".join(map(_yaml, values))


def _yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False, width=120, allow_unicode=True))


def _lifecycle() -> str:
    return (
        "<!-- Generated from operator/paramedic/engine/lifecycle.py by `make generate`. -->\n"
        "# The life of an incident\n\n"
        "While what was temporary is undone, the phase stays the one before the end.\n\n"
        f"```mermaid\n{mermaid()}```\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m paramedic.codegen", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the repository (default: here)")
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file is not up to date")
    options = parser.parse_args()
    stale = []
    files = generated(options.root)
    for name, text in files.items():
        path = options.root / name
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if options.check and stale:
        print(f"not up to date: {', '.join(stale)}; run `make generate`", file=sys.stderr)
        return 1
    print(f"{len(files)} generated files, {len(stale)} {'stale' if options.check else 'written'}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
