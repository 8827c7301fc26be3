"""From an incident to a frozen plan: playbook, parameters, target, permissions, lock. Nothing is changed before all of
this stands, and nothing that is edited later reaches the plan.
"""

from collections.abc import Iterator
from datetime import timedelta

from paramedic.actions.reads import AskPause, CountActive, Denied, GetObject, ListObjects, MayI, Read, Seen
from paramedic.actions.registry import ACTIONS
from paramedic.actions.targets import ref_of_owner
from paramedic.api.v1alpha1.incident import CLUSTER_KINDS, TARGET_KINDS
from paramedic.api.v1alpha1.incident_status import PlaybookSeen
from paramedic.api.v1alpha1.playbook import Playbook
from paramedic.engine import guard
from paramedic.engine.ending import end_now
from paramedic.engine.freezing import NoPlan, freeze_plan
from paramedic.engine.linking import follow_link, link_to
from paramedic.engine.matching import choose_playbook
from paramedic.engine.readiness.needs import Needs, needs_of
from paramedic.engine.readiness.validation import read_playbook
from paramedic.engine.run import Decision, Happening, Run, Sleep, Store
from paramedic.model.conditions import is_reason
from paramedic.model.names import NO_PLAYBOOK_ANNOTATION
from paramedic.model.objects import Object
from paramedic.model.permissions import granting
from paramedic.model.references import PLAYBOOK, RESOURCES, SERVICE_ACCOUNT, WORKLOADS, ObjectRef
from paramedic.model.text import listing, shorten

_AGAIN = timedelta(seconds=30)


def plan_incident(run: Run, seen: Seen) -> Decision | None:
    """Freezes the plan. None where it stands now and the first step may begin."""
    if decision := follow_link(run, seen):
        return decision
    try:
        playbook = _playbook(run, seen)
        run.status.severity = run.incident.spec.severity or playbook.spec.severity
        run.account = playbook.spec.service_account_name
        seen.prefetch(_first_questions(run, playbook))
        _find_account(run, seen)
        target, pod = _target(run, seen)
        run.status.target = str(target)
        guard.check_protected(target)
        if not run.dry and (holder := guard.holder_of(run, seen, str(target))):
            return link_to(run, holder) if run.incident.spec.alert else _wait_for(run, holder)
        if not run.dry and (paused := seen.pause()):
            raise NoPlan("Paused", f"{paused}; nothing is begun", lasting=False)
        if hold := guard.hold_back(run, seen, playbook, str(target)):
            return _hold(run, hold)
        _check_kinds(playbook, target)
        _check_permissions(run, seen, playbook, target.kind)
        freeze_plan(run, playbook, target, pod)
    except guard.Refused as refused:
        return _no_plan(run, NoPlan("Refused", str(refused)))
    except Denied as denied:
        return _no_plan(run, NoPlan("Forbidden", str(denied)))
    except NoPlan as none:
        return _no_plan(run, none)
    return None


def _first_questions(run: Run, playbook: Playbook) -> Iterator[Read]:
    """What will be asked anyway, asked side by side: between an alert and its first effect, each round counts."""
    wanted = _wanted_ref(run)
    yield GetObject(ObjectRef.to(SERVICE_ACCOUNT, run.namespace, run.account), own=True, recent=True)
    yield GetObject(wanted, own=wanted.kind in CLUSTER_KINDS)
    if not run.dry:
        yield AskPause()
    if wanted.kind in {item.kind for item in WORKLOADS}:
        if not run.dry:
            yield from _questions_about_others(run, playbook, f"{wanted.kind}/{wanted.name}")
        yield from (MayI(permission, run.namespace) for permission in _needed(run, playbook, wanted.kind))
        for step in playbook.spec.all_steps[:1]:
            yield from ACTIONS[step.action].foreseen(step.parameters, run.namespace)


def _questions_about_others(run: Run, playbook: Playbook, target: str) -> Iterator[Read]:
    yield CountActive(run.namespace, playbook.metadata.name)
    yield guard.question_about(run, target)
    if playbook.spec.all_steps[0].action in guard.RESTARTS:
        yield guard.question_about_failed(run, target)


def _no_plan(run: Run, none: NoPlan) -> Decision:
    run.observe("Planned", "False", none.reason, str(none))
    if none.lasting:
        return end_now(run, "Failed", none.reason, str(none))
    if run.status.message != str(none):
        run.say(str(none))
        run.tell(Happening("NotPlanned", str(none), warning=True))
    return Store() if run.changed else Sleep(_AGAIN)


def _wait_for(run: Run, holder: str) -> Decision:
    message = f"waiting for incident {holder}, which works on {run.status.target}; two at once could undo each other"
    if run.status.message != message:
        run.say(message)
        run.observe("Planned", "False", "TargetInUse", message)
        run.tell(Happening("TargetInUse", message))
    return Store() if run.changed else Sleep(timedelta(seconds=5))


def _hold(run: Run, hold: guard.Hold) -> Decision:
    if run.status.message != hold.message:
        told = is_reason(run.status.conditions, "Planned", hold.reason)
        run.say(hold.message)
        run.observe("Planned", "False", hold.reason, hold.message)
        if not told:
            run.tell(Happening(hold.reason, hold.message, warning=True))
            return Store()
    return Sleep(min(hold.again, _AGAIN))


def _playbook(run: Run, seen: Seen) -> Playbook:
    if run.incident.spec.playbook_ref is None:
        return _matched(run, seen)
    name = run.incident.spec.playbook_ref.name
    obj = seen.get(ObjectRef.to(PLAYBOOK, run.namespace, name), own=True)
    if obj is None:
        raise NoPlan(
            "PlaybookNotFound",
            f"there is no playbook {name} in namespace {run.namespace}; create it and the incident goes on, or see which"
            f" there are: kubectl get playbooks -n {run.namespace}",
            lasting=False,
        )
    playbook, problems = read_playbook(obj)
    if playbook is None or problems:
        raise NoPlan(
            "PlaybookInvalid", f"playbook {name} cannot be used: {'; '.join(problems[:5])}; mend it and the incident goes on",
            lasting=False,
        )  # fmt: skip
    return playbook


def _matched(run: Run, seen: Seen) -> Playbook:
    """The playbook whose spec.match answers the incident."""
    if refused := run.incident.metadata.annotations.get(NO_PLAYBOOK_ANNOTATION):
        raise NoPlan(
            "NoPlaybook", f"no playbook may answer this incident: {refused}; a person must look", lasting=False
        )
    listed = seen.items(ListObjects(PLAYBOOK, run.namespace, limit=1_000, own=True, recent=True))
    choice = choose_playbook(run, listed)
    if choice.playbook is None:
        run.status.playbook = None
        alert = f"alert {run.incident.spec.alert.name}" if run.incident.spec.alert else "this incident"
        raise NoPlan(
            "NoPlaybook", f"no playbook answers {alert} in namespace {run.namespace}: {choice.reason}; a person must look",
            lasting=False,
        )  # fmt: skip
    run.status.playbook = PlaybookSeen(name=choice.playbook.metadata.name, reason=shorten(choice.reason, 1000))
    return choice.playbook


def _check_kinds(playbook: Playbook, target: ObjectRef) -> None:
    """Raises NoPlan where a step cannot work on a target of this kind at all."""
    for step in playbook.spec.all_steps:
        kinds = ACTIONS[step.action].works_on(step.parameters)
        if kinds and target.kind not in kinds:
            text = f"step {step.name} ({step.action}) works on {listing(list(kinds))}, not on {target}"
            raise NoPlan("WrongKind", f"{text}; use a playbook that is for a {target.kind}")


def _find_account(run: Run, seen: Seen) -> None:
    # A ServiceAccount that does not exist can be impersonated all the same, so it is looked for first.
    if seen.get(ObjectRef.to(SERVICE_ACCOUNT, run.namespace, run.account), own=True, recent=True) is None:
        raise NoPlan(
            "AccountNotFound",
            f"there is no ServiceAccount {run.account} in namespace {run.namespace}, which playbook"
            f" {run.status.playbook.name if run.status.playbook else '?'} names in spec.serviceAccountName; create it, with a Role for what the"
            " steps do, then open a new incident",
        )


def _wanted_ref(run: Run) -> ObjectRef:
    """What the incident names. The CRD lets only kinds of the table through."""
    wanted = run.incident.spec.target_ref
    if wanted is None:
        raise NoPlan(
            "NoTarget",
            "the incident names no target, so no step can run; open one that does in spec.targetRef, or cancel it",
            lasting=False,
        )
    namespace = "" if wanted.kind in CLUSTER_KINDS else run.namespace
    return ObjectRef(TARGET_KINDS[wanted.kind], wanted.kind, namespace, wanted.name)


def _target(run: Run, seen: Seen) -> tuple[ObjectRef, ObjectRef | None]:
    """The workload to act on, with its uid, and the Pod that the incident names, if it names one."""
    ref = _wanted_ref(run)
    obj = seen.get(ref, own=ref.kind in CLUSTER_KINDS)
    if obj is None:
        raise NoPlan(
            "TargetNotFound",
            f"there is no {ref} in namespace {run.namespace}; see what there is with: kubectl get"
            f" {ref.resource.plural} -n {run.namespace}, then open a new incident for the right one",
        )
    if ref.kind in CLUSTER_KINDS:
        return _with_uid(obj, ref), None
    guard.check_not_self(ref, obj)
    pod = _with_uid(obj, ref) if ref.kind == "Pod" else None
    owner = _top_owner(obj, ref, run.namespace, seen)
    if owner.kind not in {item.kind for item in WORKLOADS}:
        to = f"belongs to {owner} ({owner.api_version})" if owner.name != ref.name else "belongs to nothing"
        raise NoPlan(
            "TargetUnowned",
            f"{ref} {to}, not to a Deployment, StatefulSet or DaemonSet, which are what steps work on",
        )
    return owner, pod


def _top_owner(obj: Object, ref: ObjectRef, namespace: str, seen: Seen) -> ObjectRef:
    found = _with_uid(obj, ref)
    while found.kind not in {item.kind for item in WORKLOADS}:
        owner = ref_of_owner(obj, namespace)
        if owner is None or (owner.api_version, owner.kind) not in RESOURCES:
            return owner or found
        owner_obj = seen.get(owner)
        if owner_obj is None:
            break
        obj, found = owner_obj, _with_uid(owner_obj, owner)
    return found


def _with_uid(obj: Object, ref: ObjectRef) -> ObjectRef:
    return ObjectRef(ref.api_version, ref.kind, ref.namespace, ref.name, obj["metadata"]["uid"])


def _needed(run: Run, playbook: Playbook, kind: str) -> Needs:
    return needs_of(playbook.spec, kind, pod=_wanted_ref(run).kind == "Pod")


def _check_permissions(run: Run, seen: Seen, playbook: Playbook, kind: str) -> None:
    wanted = _needed(run, playbook, kind)
    questions = {MayI(permission, run.namespace): permission for permission in sorted(wanted)}
    seen.prefetch(questions)
    missing = [permission for question, permission in questions.items() if not seen.may(question)]
    if missing:
        named = "; ".join(f'"{item}" (needed by {listing(wanted[item])})' for item in missing[:6])
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        raise NoPlan(
            "MissingPermission",
            f"ServiceAccount {run.account} in namespace {run.namespace} may not {named}{more}; grant it with"
            f" {granting(missing)}, then open a new incident. Nothing was changed",
        )
