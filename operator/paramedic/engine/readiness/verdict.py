"""Whether a playbook will work at night: all that can be known before, from its text and from the cluster.

Pure: what must be seen is asked through `Seen`, as actions do, so the operator and `kubectl incident check` give the
same answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from paramedic.actions.reads import Denied, Seen
from paramedic.api.v1alpha1.playbook import PlaybookSpec
from paramedic.engine.guard import PROTECTED_NAMESPACES
from paramedic.engine.readiness import access
from paramedic.engine.readiness.channel_secrets import UrlCheck, channel_problems, form_refusal, secret_permission
from paramedic.engine.readiness.endpoints import endpoint_problems
from paramedic.engine.readiness.findings import Finding, Reason, in_short, told
from paramedic.engine.readiness.needs import Needs
from paramedic.engine.readiness.validation import examine
from paramedic.model.objects import Object, dig
from paramedic.model.permissions import Permission
from paramedic.model.references import SERVICE_ACCOUNT, ObjectRef
from paramedic.model.text import plural

MESSAGE_LIMIT = 1000
#: The first of these that was found is the reason: in this order they are to be mended.
_ORDER: tuple[Reason, ...] = (
    "Invalid", "AccountNotFound", "MissingPermission", "EndpointNotAllowed", "ChannelNotReady", "Unknown",
)  # fmt: skip
_ACCOUNT = "spec.serviceAccountName"


@dataclass(frozen=True)
class Readiness:
    """The verdict on a playbook, and what it rests on."""

    playbook: str
    namespace: str
    account: str = ""
    status: Literal["True", "False", "Unknown"] = "Unknown"
    reason: Reason = "Unknown"
    message: str = ""
    findings: tuple[Finding, ...] = ()
    #: What the account needs by the kind of the target, finding the target included.
    needed: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    #: What it lacks of that, as far as it could be asked.
    lacking: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    #: The Secrets of the channels that it must get, and may not.
    secrets: frozenset[Permission] = frozenset()
    unreadable: frozenset[Permission] = frozenset()
    account_exists: bool = True
    operator_may_act: bool = True
    #: For which kinds it works, for a person.
    scope: str = ""

    @property
    def kinds(self) -> list[str]:
        """The kinds of targets that it works for."""
        return [kind for kind in self.needed if not self.lacking.get(kind)]

    @property
    def granted(self) -> frozenset[Permission]:
        """What the account needs for those kinds and its channels, and has."""
        return frozenset(item for kind in self.kinds for item in self.needed[kind]) | (self.secrets - self.unreadable)


def review(
    playbook: Object, seen: Seen, namespace: str, *, check_url: UrlCheck = form_refusal, as_operator: bool = True
) -> Readiness:
    """What is known of a playbook, stored or only in a file. Raises Missing.

    ``namespace`` is where it is, or would be. ``as_operator``: it is the operator who asks; that a person may not act
    as the account says nothing about the operator.
    """
    parsed, findings = examine(playbook)
    account = dig(playbook, "spec", "serviceAccountName", default="")
    found = Readiness(str(dig(playbook, "metadata", "name", default="")), namespace, str(account))
    if namespace in PROTECTED_NAMESPACES:
        text = f"playbooks do not act in namespace {namespace}, which the cluster itself stands on"
        findings.append(Finding("metadata.namespace", text, "put it beside the workloads that it is for"))
    found = replace(found, findings=tuple(findings))
    if parsed is not None and _has_actions(parsed.spec):
        found = _look(found, parsed.spec, seen, check_url, as_operator)
    return _conclude(found, parsed.spec if parsed else None)


def _has_actions(spec: PlaybookSpec) -> bool:
    """Whether each step and check has its one action; without, what it needs is not known."""
    try:
        return bool([step.action for step in spec.all_steps] + [item.action for item in spec.all_checks])
    except ValueError:
        return False


def _look(found: Readiness, spec: PlaybookSpec, seen: Seen, check_url: UrlCheck, as_operator: bool) -> Readiness:
    """Asks the cluster, and the operator where it may send requests to."""
    found = _add(found, *endpoint_problems(spec, seen))
    needs = access.needs_by_kind(spec)
    found = replace(
        found,
        needed={kind: frozenset(wanted) for kind, wanted in needs.items()},
        secrets=frozenset(secret_permission(channel) for channel in spec.channels),
    )
    if not needs:
        return _add(found, _no_kind(spec))
    try:
        stored = seen.get(ObjectRef.to(SERVICE_ACCOUNT, found.namespace, found.account), own=True)
    except Denied as denied:
        return _add(found, replace(told(_ACCOUNT, denied), reason="Unknown"))
    if stored is None:
        # One that does not exist can be impersonated all the same, and would be refused everything.
        text = f"there is no ServiceAccount {found.account} in namespace {found.namespace}"
        mend = f"create it: kubectl create serviceaccount {found.account} -n {found.namespace}"
        found = replace(found, account_exists=False, lacking=found.needed, unreadable=found.secrets)
        return _add(found, Finding(_ACCOUNT, text, mend, reason="AccountNotFound"))
    try:
        return _look_as_account(found, spec, needs, seen, check_url, as_operator)
    except Denied as denied:
        if as_operator:
            problem = replace(told(_ACCOUNT, denied), reason="MissingPermission")
            return _add(replace(found, operator_may_act=False), problem)
        text = f"what ServiceAccount {found.account} may do is not known, since you may not act as it"
        mend = "ask somebody who may impersonate ServiceAccounts of the namespace"
        return _add(found, Finding(_ACCOUNT, text, mend, reason="Unknown"))


def _look_as_account(
    found: Readiness,
    spec: PlaybookSpec,
    needs: Mapping[str, Needs],
    seen: Seen,
    check_url: UrlCheck,
    as_operator: bool,
) -> Readiness:
    more = f"grant it: kubectl incident check {found.playbook} -n {found.namespace} prints how"
    missing = access.refused(found.secrets.union(*found.needed.values()), seen, found.namespace)
    lacking = {kind: wanted & missing for kind, wanted in found.needed.items()}
    found = replace(
        found, lacking=lacking, unreadable=found.secrets & missing, scope=access.kinds_text(found.needed, lacking)
    )
    findings = list(access.missing_permissions(found.account, needs, lacking, more))
    if as_operator:
        lacks = access.operator_lacks(found.account, found.granted, seen, found.namespace)
        findings += access.operator_problems(found.account, lacks, found.namespace, more)
        found = replace(found, operator_may_act=not lacks)
    if found.operator_may_act:
        findings += channel_problems(spec, seen, found.namespace, found.unreadable, check_url, more)
    if not as_operator:  # no condition tells these, so a person alone pays for asking
        findings += access.lesser_permissions(spec, lacking, seen, found.namespace)
    return _add(found, *findings)


def _no_kind(spec: PlaybookSpec) -> Finding:
    mend = "make a playbook for each kind of target"
    return Finding("spec.steps", "no kind of target fits every step and check", mend)


def _add(found: Readiness, *findings: Finding) -> Readiness:
    return replace(found, findings=(*found.findings, *findings))


def _conclude(found: Readiness, spec: PlaybookSpec | None) -> Readiness:
    """The condition: status, reason and message."""
    errors = sorted(
        (item for item in found.findings if item.severity == "Error"), key=lambda item: _ORDER.index(item.reason)
    )
    told_by = f"kubectl incident check {found.playbook} -n {found.namespace}"
    if errors:
        reason = errors[0].reason
        status: Literal["False", "Unknown"] = "Unknown" if reason == "Unknown" else "False"
        return replace(found, status=status, reason=reason, message=in_short(errors, MESSAGE_LIMIT, told_by))
    count = len(spec.steps) if spec else 0
    message = f"{plural(count, 'step')} as {found.account}, {found.scope}"
    warnings = [item for item in found.findings if item.severity == "Warning"]
    if warnings:
        message += "; but " + in_short(warnings, MESSAGE_LIMIT - len(message) - 6, told_by)
    return replace(found, status="True", reason="Valid", message=message)
