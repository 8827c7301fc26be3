"""Whether a playbook will work: the verdict, each finding with its mend, and the RBAC that would grant what is missing."""

from collections.abc import Iterable, Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from paramedic.cli.screens.layout import Hanging
from paramedic.cli.screens.words import DONE, FAILED, SKIPPED, UNKNOWN, WAITING, Mark
from paramedic.engine.readiness.findings import Finding
from paramedic.engine.readiness.verdict import Readiness

_VERDICTS = {"True": DONE, "False": FAILED, "Unknown": UNKNOWN}
_WORDS = {"True": "Ready", "False": "Not ready", "Unknown": "Not known"}
_SEVERITIES = {
    "Error": Mark(FAILED.icon, "error  ", FAILED.style),
    "Warning": Mark(WAITING.icon, "warning", WAITING.style),
    "Note": Mark(SKIPPED.icon, "note   ", SKIPPED.style),
}


def check_page(found: Readiness, rbac: str) -> Group:
    return Group(*_rows(found, rbac))


def _rows(found: Readiness, rbac: str) -> Iterator[RenderableType]:
    mark = _VERDICTS[found.status]
    said = found.message if found.status == "True" else found.reason
    verdict = Text.assemble((f"{mark.icon} {_WORDS[found.status]}", mark.style), f": playbook {found.playbook}: {said}")
    yield Hanging(Text(), verdict)
    yield from _findings(found.findings)
    if rbac:
        yield Text()
        yield Text("This would grant what is missing:", "bold")
        yield from (Text(line, no_wrap=True, overflow="ignore") for line in rbac.splitlines())  # to be copied


def text_page(name: str, findings: Iterable[Finding]) -> Group:
    """The verdict on the text alone."""
    findings = list(findings)
    wrong = any(item.severity == "Error" for item in findings)
    mark, text = (FAILED, "cannot be used") if wrong else (DONE, "is well written; the cluster was not looked at")
    head = Text.assemble((f"{mark.icon} Playbook", mark.style), f" {name} {text}")
    return Group(head, *_findings(findings))


def _findings(findings: Iterable[Finding]) -> Iterator[RenderableType]:
    for item in findings:
        mark = _SEVERITIES[item.severity]
        yield Hanging(Text(f"{mark.icon} {mark.word}  ", mark.style), Text(str(item)))
