"""`runJob`: runs a Job once, waits for its end, and keeps what it said."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

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
    Waiting,
    Working,
)
from paramedic.actions.effects import Create, Delete
from paramedic.actions.evidence import keeping as evidence_keeping
from paramedic.actions.evidence.secret import Pieces
from paramedic.actions.jobs import outcome as job_outcome
from paramedic.actions.jobs.spec import FIELDS, MOST_FAILING_PODS, Source, build_job, refusals
from paramedic.actions.reads import Denied, Seen, TryCreate
from paramedic.actions.targets import carries
from paramedic.actions.workloads import admission
from paramedic.model.durations import Duration, format_duration, parse_duration
from paramedic.model.names import child_name, digest
from paramedic.model.objects import Object, dig, labels
from paramedic.model.permissions import Permission
from paramedic.model.references import CRON_JOB, JOB, POD, SECRET, ObjectRef
from paramedic.model.text import listing, plural, shorten
from paramedic.model.times import parse_time

_LONGEST = timedelta(hours=6)
_TEMPLATE_BYTES = 10_000


class RunJobParameters(Parameters):
    """Runs a Job, once, and waits for its end: that of a CronJob, as `kubectl create job --from=cronjob/NAME` does, or
    one from a template, to restore a backup or run a script. At most three of its Pods can fail, it is stopped at its
    deadline, and deleted a day after its end. Its logs are kept as evidence, with their sha256, and their end stands in
    the message. It is not deleted with the incident, so that nothing stops half-way. Refused when the API server would
    not take the Job or its Pod, and put off while a CronJob that forbids two at once runs. A retry is another Job. Undo
    stops it while it runs; what it has done stays. Outputs: job, succeeded and failed (numbers of Pods), exitCode,
    logTail, secret.
    """

    cron_job: Annotated[str, StringConstraints(min_length=1, max_length=253)] | None = Field(
        None, description="The CronJob of the playbook's namespace whose Job is run."
    )
    template: dict[str, Any] | None = Field(
        None,
        description="The spec of a Job: template, and parallelism (at most 3), completions (at most 10) and"
        " completionMode where wanted. Templates ${...} are substituted, but not in command and args, where a value could"
        " become a command: give it to the container in env.",
    )
    deadline: Duration = Field("10m", description="How long it may run, 1s to 6h.")
    tail_lines: int = Field(500, ge=1, le=5000, description="How many last lines of each log are kept.")

    @field_validator("deadline")
    @classmethod
    def _bounded(cls, text: str) -> str:
        if not timedelta(seconds=1) <= parse_duration(text) <= _LONGEST:
            raise ValueError(f"{text} is not between 1s and 6h; write such as 10m")
        return text

    @field_validator("template")
    @classmethod
    def _is_a_job(cls, spec: dict[str, Any] | None) -> dict[str, Any] | None:
        if spec is None:
            return None
        if others := [name for name in spec if name not in FIELDS]:
            raise ValueError(f"{listing(others)} cannot be set; what can: {', '.join(FIELDS)}")
        if len(json.dumps(spec)) > _TEMPLATE_BYTES:
            raise ValueError(f"it takes more than {_TEMPLATE_BYTES} bytes; keep scripts in a ConfigMap and mount it")
        if problems := [*refusals(spec), *_templates_in_commands(spec)]:
            raise ValueError("; ".join(problems[:3]))
        return spec

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.cron_job is None) == (self.template is None):
            raise ValueError("write either cronJob or template")
        return self


def _templates_in_commands(spec: Mapping[str, Any]) -> list[str]:
    """Values come from alerts and people. In a command line they would be run."""
    pod = dig(spec, "template", "spec", default={})
    return [
        f"template.spec.{part}[{item.get('name')}].{field}: it holds ${{...}}; give the value in env and write $NAME"
        for part in ("initContainers", "containers")
        for item in pod.get(part) or []
        for field in ("command", "args")
        if "${" in json.dumps(item.get(field) or [])
    ]


class RunJob(Action[RunJobParameters]):
    name = "runJob"
    phase = "Remediate"
    parameters = RunJobParameters
    timeout = timedelta(hours=7)  # the Job's own deadline ends it sooner
    remedy = True
    can_undo = True
    example = "runJob: {cronJob: restore-backup, deadline: 15m}"

    def permissions(self, params: RunJobParameters, kind: str) -> frozenset[Permission]:
        found = {Permission.to(verb, JOB) for verb in ("get", "create", "delete")}
        found |= {Permission.to("list", POD), Permission.to("get", POD, "log"), Permission.to("create", SECRET)}
        return frozenset(found | ({Permission.to("get", CRON_JOB)} if params.cron_job else set()))

    def optional_permissions(self, params: RunJobParameters, kind: str) -> frozenset[Permission]:
        return frozenset({Permission.to("create", POD)})

    def prepare(self, params: RunJobParameters, ctx: Context, seen: Seen) -> Preparation:
        source = _source(params, ctx, seen)
        if isinstance(source, Failed | Waiting):
            return source
        name = child_name(ctx.incident, ctx.step, ctx.operation_id)
        job = build_job(ctx, name, source, parse_duration(params.deadline))
        if refusal := _refusal(job, ctx, seen):
            return Failed(f"no Job can be made of {source.origin}: {refusal}", final=True)
        record = {"job": name, "uid": "", "operation": ctx.operation_id, "spec": digest(source.spec)}
        text = f"running Job/{name} of {source.origin}, for {params.deadline} at most; up to {MOST_FAILING_PODS} Pods may fail; its logs are kept"
        change = {"origin": source.origin, "spec": digest(job["spec"])}
        return Intent(record, text, ObjectRef.to(JOB, ctx.namespace, name), change=change)

    def observe(self, params: RunJobParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        ref = ObjectRef.to(JOB, ctx.namespace, record["job"])
        job = seen.get(ref)
        if record["uid"] and (job is None or job["metadata"]["uid"] != record["uid"]):
            text = f"{ref} was deleted before its end was seen; what it has done is not known"
            return Failed(f"{text}: look, and open a new incident if it is to run again", final=True)
        if job is None:
            return self._begin(params, ctx, record, seen)
        if not carries(job, record["operation"]):
            return Failed(f"{ref} is not of this step; delete it if nobody needs it", final=True)
        if not job_outcome.is_over(job):
            return _running(ref, job, record, seen)
        pods = job_outcome.pods_of_job(job, seen)
        pieces = job_outcome.logs_of(pods, seen, params.tail_lines)
        verdict = _verdict(ref, job, pods, pieces, record)
        if "secret" not in record:
            return _keeping(ref, job, record, pieces, ctx) if pieces else verdict
        left = evidence_keeping.left_to_do(ctx, record, pieces, seen)
        if left == "WriteDownAnew":
            return _keeping(ref, job, record, pieces, ctx)
        return Pending((left,), done=verdict, existed=verdict, begun=True) if isinstance(left, Create) else verdict

    def _begin(self, params: RunJobParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        source = _source(params, ctx, seen)
        if isinstance(source, Waiting):
            return Working(source.message, progressing=True)
        if isinstance(source, Failed):
            return source
        if digest(source.spec) != record["spec"]:
            return Failed(f"{source.origin} was changed before its Job was run; nothing was run", untouched=True)
        # The first attempt's operation, which the name is of: a later attempt goes on with the same Job.
        own = replace(ctx, operation_id=record["operation"])
        return Pending((Create(build_job(own, record["job"], source, parse_duration(params.deadline))),))

    def undo(self, params: RunJobParameters, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        ref = ObjectRef.to(JOB, ctx.namespace, record["job"])
        job = seen.get(ref)
        if job is None or not carries(job, record["operation"]) or dig(job, "metadata", "deletionTimestamp"):
            return Finished(f"{ref} is gone")
        if job_outcome.is_over(job):
            return Finished(f"nothing to undo: {ref} has ended, and what it did stays")
        done = Finished(f"{ref} was stopped before its end; what it had done by then stays")
        return Pending((Delete(ObjectRef.of(job)),), done=done)


def _source(params: RunJobParameters, ctx: Context, seen: Seen) -> Source | Failed | Waiting:
    if params.template is not None:
        return Source("the playbook's template", params.template)
    found = seen.get(ObjectRef.to(CRON_JOB, ctx.namespace, params.cron_job or ""))
    if found is None:
        text = f"there is no CronJob {params.cron_job} in namespace {ctx.namespace}"
        return Failed(f"{text}; write the name of one that is there", final=True)
    ref = ObjectRef.of(found)
    running = [item["name"] for item in dig(found, "status", "active", default=[])]
    if running and dig(found, "spec", "concurrencyPolicy") == "Forbid":
        return Waiting(f"{ref} forbids two Jobs at once, and {listing(running)} is running; waiting for its end")
    spec = found["spec"]["jobTemplate"]["spec"]
    if problems := list(refusals(spec)):
        return Failed(f"no bounded Job can be made of {ref}: {'; '.join(problems[:3])}", final=True)
    return Source(str(ref), spec, labels(found["spec"]["jobTemplate"]))


def _refusal(job: Object, ctx: Context, seen: Seen) -> str:
    """Why the API server would not take the Job, or its Pod, which the Job's controller would try for in vain."""
    try:
        if answer := seen.try_create(TryCreate(f"{ctx.operation_id}/job", ctx.namespace, JOB, job)):
            return answer
    except Denied:
        pass  # somebody looks at a plan who may not create Jobs
    owner = {**job, "metadata": {**job["metadata"], "uid": ctx.operation_id}}
    return admission.refusal_now(owner, job["spec"]["template"], ctx, seen)


def _running(ref: ObjectRef, job: Object, record: Mapping[str, Any], seen: Seen) -> Observation:
    failed = dig(job, "status", "failed", default=0)
    text = f"{ref} is running" + (f", {plural(failed, 'Pod')} failed so far" if failed else "")
    if not record["uid"]:
        # From now on it is known that it has run: whoever deletes it, it is not run again.
        return Intent({**record, "uid": job["metadata"]["uid"]}, text, ref, begun=True)
    hindrance = job_outcome.hindrance(job_outcome.pods_of_job(job, seen))
    return Working(f"{text}; {hindrance}" if hindrance else text, stuck=bool(hindrance))


def _keeping(ref: ObjectRef, job: Object, record: Mapping[str, Any], pieces: Pieces, ctx: Context) -> Intent:
    known = {"uid": job["metadata"]["uid"]} | evidence_keeping.record_of(ctx, pieces)
    return Intent({**record, **known}, f"{ref} has ended; keeping {plural(len(pieces), 'log')}", ref, begun=True)


def _verdict(
    ref: ObjectRef, job: Object, pods: list[Object], pieces: Pieces, record: Mapping[str, Any]
) -> Finished | Failed:
    piece, code = job_outcome.telling_container(pods)
    words = job_outcome.last_words(pieces[piece][1]) if piece in pieces else ""
    outputs = {
        "job": ref.name,
        "succeeded": dig(job, "status", "succeeded", default=0),
        "failed": dig(job, "status", "failed", default=0),
        "exitCode": code,
        "logTail": words,
        "secret": record.get("secret", ""),
    }
    evidence = evidence_keeping.recorded(record)
    said = f": {shorten(words.splitlines()[-1], 200)}" if words else ""
    if job_outcome.has_succeeded(job):
        return Finished(f"{ref} succeeded{_took(job)}{said}", outputs, evidence)
    ended = f"{ref} failed ({job_outcome.failure_of(job)})" + (f" with exit code {code}" if code else "")
    # The Job is over: a retry runs another one.
    return Failed(f"{ended}{said}", outputs, untouched=True, evidence=evidence)


def _took(job: Object) -> str:
    began, ended = dig(job, "status", "startTime"), dig(job, "status", "completionTime")
    return f" in {format_duration(parse_time(ended) - parse_time(began))}" if began and ended else ""
