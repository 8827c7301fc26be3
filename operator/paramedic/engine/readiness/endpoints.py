"""Whether the operator may send the requests of a playbook where they go, as far as that is known before they run."""

import re
from collections.abc import Iterator

from paramedic.actions.reads import Seen
from paramedic.actions.registry import ACTIONS
from paramedic.api.v1alpha1.playbook import PlaybookSpec
from paramedic.engine.readiness.findings import Finding

_TEMPLATE = re.compile(r"\$\{[^}]*\}")
#: Scheme, host and port written out, and a slash behind them: templates further on cannot lead to another host.
_KNOWN = re.compile(r"https?://[^/$]+/.*")


def endpoint_problems(spec: PlaybookSpec, seen: Seen) -> Iterator[Finding]:
    """An error for each URL that is not allowed; a note where only the operator knows. Raises Missing."""
    for index, step in enumerate(spec.all_steps):
        for name, url in ACTIONS[step.action].endpoints(step.parameters).items():
            path = f"spec.steps[{index}].{step.action}.{name}"
            if "${" in url and not _KNOWN.fullmatch(url):
                continue  # an incident says where it leads
            refusal = seen.may_send(_TEMPLATE.sub("x", url))
            if refusal is None:
                text = "only the operator knows whether an admin allowed it to send there"
                yield Finding(path, text, "see the playbook's condition Ready", "Note")
            elif refusal:
                problem, _, mend = refusal.partition("; ")
                yield Finding(path, problem, mend, reason="EndpointNotAllowed")
