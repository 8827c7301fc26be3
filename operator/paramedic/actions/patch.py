"""`patch`: sets single fields of one object, keeps what they held, and puts it back where it does not help."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import Field as Described
from pydantic import StringConstraints, field_validator, model_validator

from paramedic.actions.contract import (
    Action,
    Context,
    Failed,
    Finished,
    Intent,
    Observation,
    Parameters,
    Pending,
    Preparation,
    Skipped,
    Waiting,
)
from paramedic.actions.patching import writes as patch_writes
from paramedic.actions.patching.fields import KINDS, Value, allowed_paths, field_of
from paramedic.actions.patching.paths import is_path
from paramedic.actions.patching.writes import Change, Unfit
from paramedic.actions.reads import Denied, ListObjects, Seen, TryPatch
from paramedic.actions.targets import carries, find_target, last_writer, look_permissions, refuse_managed
from paramedic.actions.workloads import admission, rollouts
from paramedic.model.names import canonical
from paramedic.model.objects import Object, dig, selector_query
from paramedic.model.permissions import Permission
from paramedic.model.references import CLAIM, POD, SERVICE, WORKLOADS, ObjectRef, Resource
from paramedic.model.text import listing, plural, shorten
from paramedic.model.workloads import Workload, most_unavailable, pod_ready

_RECORD_BYTES = 6_000
_TEMPLATE = "spec.template."


class Setting(Parameters):
    """One field and the value that it is to hold."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=300)] = Described(
        description="The field, such as spec.template.spec.containers[web].image: an element of a list by its name, a"
        " port by its name or number, a rule by its host, a key that holds dots in brackets."
    )
    value: Any = Described(description="A text, a number, or true or false. Templates are substituted in texts.")

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, text: str) -> str:
        if "${" not in text and not is_path(text):
            raise ValueError(f"{text!r} is no path; write such as spec.template.spec.containers[web].image")
        return text

    @field_validator("value")
    @classmethod
    def _is_plain(cls, value: Any) -> Any:
        if not isinstance(value, Value) or len(str(value)) > 1024:
            raise ValueError("it is no text of at most 1024 characters, whole number, true or false; put it in quotes")
        return value


class PatchParameters(Parameters):
    """Sets fields of one object of the playbook's namespace: images, plain environment variables, resources, probes'
    timings and a few more of a workload; selector and ports of a Service; bounds of a HorizontalPodAutoscaler; backends
    of an Ingress; a PodDisruptionBudget; whether a CronJob is suspended. How many Pods there are is for `scale`. Looked
    at first: the API server takes the change, and a Pod of the new template would be admitted (server-side dry runs). A
    rollout that it sets off is followed, and put back when its first Pod does not come up. Refused for other fields,
    for what another controller manages, and for a Service whose new selector finds no ready Pod. Skipped where the
    fields hold the values already. What they held stands in the incident's status. Can be undone, where nobody else has
    set the fields since. Outputs: object, changed.
    """

    api_version: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Described(
        None, description="Of the object, such as apps/v1; follows from its kind."
    )
    kind: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Described(
        None, description="Its kind, such as Service; else that of the target."
    )
    name: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Described(
        None, description="Its name; else that of the target."
    )
    set: list[Setting] = Described(min_length=1, max_length=10, description="The fields to set, all in one write.")
    allow_preemption: bool = Described(
        False,
        description="Go on without asking although new Pods have a higher priority than others in the namespace, which"
        " the scheduler would push off a full node.",
    )

    @model_validator(mode="after")
    def _is_allowed(self) -> Self:
        if self.kind is None or "${" in self.kind:
            return self
        resource = _resource(self.kind, self.api_version)
        if isinstance(resource, str):
            raise ValueError(resource)
        for item in self.set:
            if "${" not in item.path and field_of(resource, item.path) is None:
                raise ValueError(_not_allowed(resource, item.path))
        return self


class Patch(Action[PatchParameters]):
    name = "patch"
    phase = "Remediate"
    parameters = PatchParameters
    remedy = True
    can_undo = True
    example = 'patch: {set: [{path: "spec.template.spec.containers[web].resources.limits.memory", value: 512Mi}]}'

    def works_on(self, params: PatchParameters) -> tuple[str, ...]:
        return () if params.kind else tuple(item.kind for item in WORKLOADS)

    def permissions(self, params: PatchParameters, kind: str) -> frozenset[Permission]:
        resource = KINDS.get(params.kind or kind)
        if resource is None:
            return frozenset()
        found = {Permission.to("get", resource), Permission.to("patch", resource)}
        if resource == SERVICE:
            found.add(Permission.to("list", POD))
        return look_permissions(resource.kind) | found

    def optional_permissions(self, params: PatchParameters, kind: str) -> frozenset[Permission]:
        if (params.kind or kind) not in {item.kind for item in WORKLOADS}:
            return frozenset()
        return frozenset({Permission.to("create", POD), Permission.to("get", CLAIM)})

    def prepare(self, params: PatchParameters, ctx: Context, seen: Seen) -> Preparation:
        ref = _wanted(params, ctx)
        if isinstance(ref, Failed):
            return ref
        found = find_target(ctx, seen) if ref == ctx.target.named else seen.get(ref)
        if found is None:
            return Failed(
                f"there is no {ref} in namespace {ctx.namespace}; write another name, or create it", final=True
            )
        if isinstance(found, Failed):
            return found
        if refused := refuse_managed(found):
            return refused
        try:
            changes = patch_writes.changes_of(found, [(item.path, item.value) for item in params.set])
            changed, operations = patch_writes.applied(found, changes)
        except Unfit as error:
            return Failed(str(error), final=True)
        if not changes:
            return Skipped(f"{ref} holds {'these values' if len(params.set) > 1 else 'this value'} already")
        record = {"object": ObjectRef.of(found).dump(), "changes": [vars(item) for item in changes]}
        if len(canonical(record).encode()) > _RECORD_BYTES:
            text = f"what is changed takes more than the {_RECORD_BYTES} bytes that can be kept for an undo"
            return Failed(f"{text}; set fewer fields at once", final=True)
        ctx = replace(ctx, target=ObjectRef.of(found))
        if waiting := _for_others(found, changes, ctx, seen):
            return waiting
        if refusal := _refusal(found, changed, changes, operations, ctx, seen):
            return refusal
        return _intent(params, ctx, found, changed, changes, record, seen)

    def observe(self, params: PatchParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        ref, changes = ObjectRef.load(record["object"]), [Change(**item) for item in record["changes"]]
        found = seen.get(ref)
        if found is None or found["metadata"]["uid"] != ref.uid:
            return Failed(f"{ref} is gone since it was looked at; open a new incident", final=True)
        set_now, as_before = patch_writes.standing(found, changes)
        if len(set_now) == len(changes):
            return self._follow(replace(ctx, target=ref), found, changes, seen)
        if carries(found, *ctx.operations):
            other = next(item for item in changes if item not in set_now)
            return Failed(f"{ref} was patched, but {_writer(found, other)} has set {other.path} since", final=True)
        if len(as_before) < len(changes):
            other = next(item for item in changes if item not in as_before)
            text = f"{other.path} of {ref} was changed by {_writer(found, other)} before it was patched"
            return Failed(f"{text}; nothing was changed", untouched=True)
        return Pending((patch_writes.write(ref, found, changes, ctx.operation_id),))

    def _follow(self, ctx: Context, found: Object, changes: list[Change], seen: Seen) -> Observation:
        outputs = {"object": str(ctx.target), "changed": [item.path for item in changes]}
        text = f"{ctx.target} is patched: {_told(changes)}"
        if not _touches_template(changes):
            return Finished(text, outputs)
        followed = rollouts.follow(found, ctx, seen)
        if isinstance(followed, Finished):
            return Finished(f"{text}; {Workload.of(found).describe()}", outputs)
        return followed

    def undo(self, params: PatchParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        return patch_writes.put_back(ctx, record, seen)


def _resource(kind: str, api_version: str | None) -> Resource | str:
    """The resource of a kind that may be patched, or why there is none."""
    found = KINDS.get(kind)
    if found is None:
        return f"a {kind} cannot be patched; what can: {', '.join(KINDS)}"
    if api_version and "${" not in api_version and api_version != found.api_version:
        return f"a {kind} has the apiVersion {found.api_version}, not {api_version}"
    return found


def _not_allowed(resource: Resource, path: str) -> str:
    hint = " (use scale)" if path == "spec.replicas" else ""
    return f"{path} of a {resource.kind} cannot be patched{hint}; what can: {allowed_paths(resource)}"


def _wanted(params: PatchParameters, ctx: Context) -> ObjectRef | Failed:
    resource = _resource(params.kind or ctx.target.kind, params.api_version)
    if isinstance(resource, str):
        return Failed(resource, final=True)
    for item in params.set:
        if field_of(resource, item.path) is None:
            return Failed(_not_allowed(resource, item.path), final=True)
    return ObjectRef.to(resource, ctx.namespace, params.name or ctx.target.name)


def _touches_template(changes: list[Change]) -> bool:
    return any(item.path.startswith(_TEMPLATE) for item in changes)


def _for_others(found: Object, changes: list[Change], ctx: Context, seen: Seen) -> Waiting | None:
    """Somebody else's rollout that goes well is waited for; one that fails may be what the patch mends."""
    if not _touches_template(changes) or not _rolls_out(found):
        return None
    other = rollouts.rollout_by_others(found, ctx, seen)
    return other if isinstance(other, Waiting) else None


def _rolls_out(found: Object) -> bool:
    return not Workload.of(found).paused


def _refusal(
    found: Object, changed: Object, changes: list[Change], operations: list[Object], ctx: Context, seen: Seen
) -> Failed | None:
    """Why this change would do harm, or would not be taken at all."""
    if _touches_template(changes) and (refused := rollouts.refusal(changed, ctx)):
        return refused
    try:
        refusal = seen.try_patch(TryPatch(f"{ctx.operation_id}/patch", ctx.target.named, operations))
    except Denied:
        refusal = ""  # somebody looks at a plan who may not write; the account's own right is asked for elsewhere
    if refusal:
        return Failed(f"the API server does not take the change of {ctx.target}: {refusal}", final=True)
    if _touches_template(changes):
        template = changed["spec"]["template"]
        if refusal := admission.refusal(found, template, ctx, seen):
            return Failed(f"a Pod of the new template of {ctx.target} would not be admitted: {refusal}", final=True)
    if found["kind"] == "Service" and dig(found, "spec", "selector") != dig(changed, "spec", "selector"):
        return _finds_no_pod(changed, ctx, seen)
    return None


def _finds_no_pod(service: Object, ctx: Context, seen: Seen) -> Failed | None:
    query = selector_query({"matchLabels": dig(service, "spec", "selector", default={})})
    if query and any(map(pod_ready, seen.items(ListObjects(POD, ctx.namespace, query)))):
        return None
    return Failed(f"no ready Pod has the labels {query}: {ctx.target} would send its traffic nowhere", final=True)


def _intent(
    params: PatchParameters, ctx: Context, found: Object, changed: Object, changes: list[Change],
    record: Mapping[str, Any], seen: Seen,
) -> Intent:  # fmt: skip
    text = f"patching {ctx.target}: {_told(changes)}"
    if not _touches_template(changes):
        lowered = [item.path for item in changes if found["kind"] == "HorizontalPodAutoscaler" and _lowers(item)]
        ask = f"{text}; it lowers {listing(lowered)}, which may take Pods away while an incident is open"
        return Intent(record, text, ctx.target, ask=ask if lowered else "")
    down = most_unavailable(changed)
    text += f"; {plural(Workload.of(found).desired, 'Pod')} replaced, at most {down} down at a time"
    text += rollouts.deadline_warning(found, ctx)
    reasons = rollouts.approval_reasons(changed, ctx, seen)
    if not params.allow_preemption and (pushed := admission.preemption(found, ctx, seen)):
        reasons.append(pushed)
    return Intent(record, text, ctx.target, ask=f"{text}; it {'; it '.join(reasons)}" if reasons else "")


def _lowers(item: Change) -> bool:
    return isinstance(item.before, int) and isinstance(item.wanted, int) and item.wanted < item.before


def _told(changes: list[Change]) -> str:
    return listing([f"{item.path} from {_shown(item.before)} to {_shown(item.wanted)}" for item in changes], 3)


def _shown(value: Value | None) -> str:
    return "nothing" if value is None else shorten(str(value), 80) or '""'


def _writer(found: Object, item: Change) -> str:
    return last_writer(found, f"f:{item.path.split('.')[1].partition('[')[0]}")[0]
