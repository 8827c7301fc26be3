"""What a playbook would do: the verdict on each step, each object before and after, and who may do it."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from paramedic.cli.screens.diff import diff_rows
from paramedic.cli.screens.layout import Hanging
from paramedic.cli.screens.words import DONE, FAILED, RUNNING, SKIPPED, UNKNOWN, WAITING, Mark
from paramedic.model.text import listing, plural
from paramedic.preview import Grant, Preview, StepPreview, Verdict

_MARKS: dict[Verdict, Mark] = {
    "Change": Mark("±", "would change", "bold yellow"),
    "Act": Mark(RUNNING.icon, "would act", RUNNING.style),
    "Pass": Mark(DONE.icon, "passes now", DONE.style),
    "Fail": Mark(FAILED.icon, "fails now", FAILED.style),
    "Skip": Mark(SKIPPED.icon, "skipped", SKIPPED.style),
    "Wait": Mark(WAITING.icon, "would wait", WAITING.style),
    "Unknown": Mark(UNKNOWN.icon, "unknown", UNKNOWN.style),
}
_WORD = max(len(mark.word) for mark in _MARKS.values())


def plan_page(preview: Preview) -> Group:
    return Group(*_rows(preview))


def _rows(preview: Preview) -> Iterator[RenderableType]:
    yield Hanging(Text(), _answer(preview))
    if preview.target:
        account = f", as ServiceAccount {preview.account}" if preview.account else ""
        yield Text(f"Target {preview.target}, playbook {preview.playbook}{account}", "dim")
    if preview.holder:
        text = f"incident {preview.holder} works on {preview.target} now; this one would wait for it"
        yield Hanging(Text(f"{WAITING.icon} guard  ", WAITING.style), Text(text))
    yield Text()
    width = max((len(step.name) for step in preview.steps), default=0)
    for step in preview.steps:
        yield from step_preview_rows(step, width)
    if preview.recovery:
        yield Hanging(Text(f"  {'recovery':{_WORD}}  ", "dim"), Text(preview.recovery))
    yield from _permissions(preview.grants)


def _answer(preview: Preview) -> Text:
    if preview.problem:
        return Text.assemble((f"{FAILED.icon} No plan", FAILED.style), f": {preview.problem}")
    changes = [change for step in preview.steps for change in step.changes]
    asked = [step.name for step in preview.steps if step.ask]
    missing = [str(grant.permission) for grant in preview.grants if grant.allowed is False]
    text = f"{plural(len(changes), 'object')} would change" if changes else "nothing would change"
    if asked:
        text += f"; a person must approve {listing(asked)}"
    if missing:
        return Text.assemble((f"{FAILED.icon} Would fail", FAILED.style), f": the account may not {listing(missing)}")
    return Text.assemble((f"{DONE.icon} Plan {preview.plan_hash[:12]}", "bold"), f": {text}. Nothing was changed.")


def step_preview_rows(step: StepPreview, width: int) -> Iterator[RenderableType]:
    """The verdict on one step, why a person must approve it, and what changes."""
    mark = _MARKS[step.verdict]
    lead = Text(f"{mark.icon} {mark.word:{_WORD}}", mark.style) + Text(f"  {step.name:{width}}  ")
    yield Hanging(lead, Text(" ".join(step.message.split())))
    if step.verdict == "Unknown":
        text = f"this machine may not reach what the operator reaches; taken as failed, else --assume {step.name}=Succeeded"
        yield Hanging(Text("  └ unknown  ", "dim"), Text(text))
    if step.ask:
        yield Hanging(Text("  ├ approval ", "dim"), Text(step.ask, "yellow"))
    for change in step.changes:
        yield Hanging(Text("  ├ object   ", "dim"), Text(f"{change.verb} {change.ref}"))
        yield Hanging(Text("  └ Pods     ", "dim"), Text(change.pods or "none is lost"))
        yield from (Hanging(Text("    "), line) for line in diff_rows(change))


def _permissions(grants: tuple[Grant, ...]) -> Iterator[RenderableType]:
    if not grants:
        return
    yield Text()
    allowed = [grant for grant in grants if grant.allowed]
    unknown = [grant for grant in grants if grant.allowed is None]
    if allowed:
        yield _granted(DONE, "may", allowed)
    for grant in grants:
        if grant.allowed is False:
            yield Hanging(
                Text(f"{FAILED.icon} may not  ", FAILED.style),
                Text(f"{grant.permission} (for {listing(list(grant.steps))})"),
            )
    if unknown:
        yield _granted(UNKNOWN, "unknown", unknown)
        yield Text("  you may not ask what the account may do (create localsubjectaccessreviews)", "dim")


def _granted(mark: Mark, word: str, grants: list[Grant]) -> RenderableType:
    return Hanging(
        Text(f"{mark.icon} {word:7}  ", mark.style), Text(", ".join(str(grant.permission) for grant in grants))
    )
