"""Which playbook answers an incident that names none: by alert, severity and labels, always the same one, and why."""

from collections.abc import Iterator
from dataclasses import dataclass

from paramedic.api.v1alpha1.playbook import Match, Playbook
from paramedic.engine.expressions import ExpressionError, evaluate
from paramedic.engine.readiness.validation import read_playbook
from paramedic.engine.run import Run
from paramedic.model.objects import Object
from paramedic.model.text import listing


@dataclass(frozen=True)
class Choice:
    """The playbook that answers, or None, and the reason in one sentence."""

    playbook: Playbook | None
    reason: str


def choose_playbook(run: Run, listed: list[Object]) -> Choice:
    """Of the playbooks that match, the one with the highest priority; of equal ones, the first by name."""
    matched: list[Playbook] = []
    others: list[str] = []
    for obj in sorted(listed, key=lambda item: str(item["metadata"]["name"])):
        if not (obj.get("spec") or {}).get("match"):
            continue
        playbook, problems = read_playbook(obj)
        if playbook is None or problems:
            others.append(f"{obj['metadata']['name']} is invalid")
        elif why := mismatch(run, playbook):
            others.append(f"{playbook.metadata.name}: {why}")
        else:
            matched.append(playbook)
    if not matched:
        return Choice(None, _none(others))
    matched.sort(key=lambda item: -_rule(item).priority)
    first, *rest = matched
    return Choice(first, _reason(run, first, rest))


def mismatch(run: Run, playbook: Playbook) -> str:
    """Why the playbook does not answer this incident; empty if it does."""
    return next(_complaints(run, playbook), "")


def _complaints(run: Run, playbook: Playbook) -> Iterator[str]:
    rule, spec = _rule(playbook), run.incident.spec
    if rule.alert_names:
        name = spec.alert.name if spec.alert else ""
        if name not in rule.alert_names:
            yield f"alertNames has no {name}" if name else "no alert opened the incident"
    severity = spec.severity or playbook.spec.severity
    if rule.severities and severity not in rule.severities:
        yield f"severities has no {severity}"
    if rule.expression:
        try:
            if not evaluate(rule.expression, run.values(), ()):
                yield f"{rule.expression} is false"
        except ExpressionError:
            yield f"{rule.expression} cannot be decided"


def _rule(playbook: Playbook) -> Match:
    return playbook.spec.match or Match()


def _reason(run: Run, first: Playbook, rest: list[Playbook]) -> str:
    rule, alert = _rule(first), run.incident.spec.alert
    because = [f"alert {alert.name}"] if alert and rule.alert_names else []
    because += [f"severity {run.incident.spec.severity or first.spec.severity}"] if rule.severities else []
    because += [rule.expression] if rule.expression else []
    text = f"it matches {', '.join(because) or 'every incident'} (priority {rule.priority})"
    if rest:
        beaten = [f"{item.metadata.name} ({_rule(item).priority})" for item in rest]
        text += f"; so do, with a lower priority or a later name, {listing(beaten)}"
    return text


def _none(others: list[str]) -> str:
    if not others:
        return "no playbook of this namespace has spec.match"
    return f"none matches: {'; '.join(others[:5])}" + (f" and {len(others) - 5} more" if len(others) > 5 else "")
