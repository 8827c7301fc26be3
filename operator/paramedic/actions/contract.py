"""What an action is: the contract that every file in this folder fills.

An action has up to three moments, each a pure function of its parameters, its context and what it has seen:

`prepare`  looks before anything is changed, and answers with a verdict: an `Intent` to change something, or that the
           step is `Finished`, `Failed`, `Skipped` or must be `Waiting`. A check only has this moment.
`observe`  is asked once the intent is stored, and again until it is settled: effects still to be done (`Pending`),
           `Working`, `Finished` or `Failed`. It is told nothing about what was already tried; it looks. That is what
           makes a crash between any two lines harmless.
`undo`     answers like `observe`, about the way back.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from paramedic.actions.effects import Effect
from paramedic.actions.reads import HttpAnswer, Read, Seen
from paramedic.model.names import digest
from paramedic.model.permissions import Permission
from paramedic.model.references import ObjectRef


class Parameters(BaseModel):
    """Base of an action's parameters. The docstring and the field descriptions are the manual (kubectl explain)."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


ResponsePhase = Literal["Assess", "Contain", "Communicate", "Diagnose", "Remediate", "Verify", "Review"]
#: What a step does when nobody can know whether its change was made.
OnUnknown = Literal["Retry", "Fail", "Ask"]
P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answered to a waiting step."""

    decision: str  # Approve | Reject | Done
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything an action knows apart from its parameters and what it has seen."""

    incident: str
    incident_uid: str
    namespace: str
    account: str
    step: str
    attempt: int
    operation_id: str
    target: ObjectRef
    pod: ObjectRef | None
    now: datetime
    started_at: datetime
    deadline: datetime
    #: Operation IDs of earlier attempts of this step, whose change may be there already.
    earlier: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    #: Whether nothing of the change can have been begun yet: this process has just written the intent down. What leaves
    #: no trace to look for, such as a request, may be sent only then; else it may have been sent already.
    fresh: bool = False
    #: Who answers for the incident: who opened it, has taken it, leads, or has approved a step.
    people: frozenset[str] = frozenset()
    failed_checks: tuple[str, ...] = ()
    #: Whether an undo was begun because the time of the change is over (ttl), not because it is to go back.
    expired: bool = False
    #: When the impact began, as far as it is known.
    began_at: datetime | None = None
    fruitless_restarts: int = 0
    #: Whether it is asked as a proof of recovery: again and again, for its verdict alone.
    proving: bool = False
    #: Whether it is asked what it would do, for a dry run or a preview: it answers at once.
    foreseeing: bool = False

    @property
    def operations(self) -> tuple[str, ...]:
        """Every operation of this step: what carries one of them was changed by it."""
        return (self.operation_id, *self.earlier)


@dataclass(frozen=True)
class Evidence:
    """One piece of evidence: where it is kept, and the sha256 of its content before compression."""

    name: str
    kind: str
    sha256: str
    bytes: int
    ref: str


@dataclass(frozen=True)
class Intent:
    """What is about to be changed. ``record`` is stored before the change and handed back to `observe` and `undo`.

    ``ask`` says why a person must approve it first, whatever the playbook says; empty where nobody must. ``change`` is
    the part of the record that makes it this change and no other, times left out: an approval is bound to it.
    ``begun``: the change has been made already, and only what is known of it is written down anew.
    """

    record: Mapping[str, Any]
    message: str
    target: ObjectRef
    expires_at: datetime | None = None
    ask: str = ""
    change: Mapping[str, Any] | None = None
    begun: bool = False

    @property
    def identity(self) -> str:
        """A digest that is the same for the same change."""
        return digest(dict(self.record if self.change is None else self.change))


@dataclass(frozen=True)
class Notice:
    """Something to be told over a channel of the playbook; without one, where those are who answer first. ``raise_to`` is
    the incident's severity from then on.
    """

    channel: str
    text: str
    raise_to: str = ""
    escalation: bool = False


@dataclass(frozen=True)
class Finished:
    """The step has succeeded. ``notices`` are written down with that, and sent afterwards."""

    message: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    evidence: tuple[Evidence, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The step has failed. ``final``: a retry would meet the same refusal. ``undo``: its own change must go back.
    ``untouched``: nothing was changed, or what was changed is over, so a retry looks anew instead of going on with the
    change of this attempt. ``notices`` are written down with that, and sent afterwards.
    """

    message: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    final: bool = False
    undo: bool = False
    untouched: bool = False
    evidence: tuple[Evidence, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True)
class Unknown:
    """Nobody can know whether the change was made: a request was sent, or perhaps not, and no answer came. What happens
    now is the step's `onUnknown`.
    """

    message: str


@dataclass(frozen=True)
class Skipped:
    """There is nothing to do, and that is well."""

    message: str


@dataclass(frozen=True)
class Reminder:
    """Tells whoever a step waits for, again and again. Without a channel, where those are who answer first."""

    every: timedelta
    channel: str = ""


@dataclass(frozen=True)
class Waiting:
    """Not now. ``person`` tells that somebody must answer: Approve a change, or report a manual step Done.

    ``proposal`` is the identity of the change that waits for approval. ``channel`` is where it is told that somebody is
    waited for; without one, where those are who answer first.
    """

    message: str
    person: str = ""  # "" | "Approve" | "Done"
    proposal: str = ""
    channel: str = ""
    reminder: Reminder | None = None


@dataclass(frozen=True)
class Pending:
    """Effects still to be done. ``done`` settles the step at once when they succeed, else it is observed on.

    ``existed`` is the verdict where a create found its object there already, from before a crash. ``begun``: the step
    has changed something before these, which must go back where one of them is refused or comes too late. ``read`` makes a
    verdict of the answer to a request; an undo has nobody to ask, so what it cannot know it calls failed, or sends again.
    """

    effects: tuple[Effect, ...]
    done: Finished | Failed | None = None
    existed: Finished | Failed | None = None
    begun: bool = False
    read: Callable[[HttpAnswer], "Finished | Failed | Unknown"] | None = None


@dataclass(frozen=True)
class Working:
    """Under way; look again. ``progressing`` tells that it still moves: too early to call it a failure. ``stuck`` that it
    waits for what a person can do now, so that the message must not wait.
    """

    message: str
    progressing: bool = False
    stuck: bool = False


Preparation = Intent | Finished | Failed | Skipped | Waiting
#: An intent, where it must be written anew before anything is done; skipped, where the need passed before anything was.
Observation = Pending | Working | Finished | Failed | Skipped | Unknown | Intent


class Action(Generic[P]):
    """Base of all actions. `prepare` must be filled in; the others where the action changes something."""

    name: ClassVar[str]
    parameters: type[P]
    #: How long a step may take where the playbook does not say.
    timeout: ClassVar[timedelta] = timedelta(minutes=10)
    #: Which part of the response it usually belongs to.
    phase: ClassVar[ResponsePhase] = "Assess"
    #: Whether it only looks, answers at once, and so can prove recovery.
    check: ClassVar[bool] = False
    #: Whether it changes the service, and so counts as a remediation.
    remedy: ClassVar[bool] = False
    #: Whether there is a way back.
    can_undo: ClassVar[bool] = False
    #: Whether it destroys what evidence could be collected from, so that the evidence is collected before it.
    destroys_evidence: ClassVar[bool] = False
    #: Whether it is the way back that ends at the intent's ``expires_at``; the change itself stays.
    keeps_way_back: ClassVar[bool] = False
    #: Whether a change that failed half-way is taken back, although a finished one cannot be undone.
    reverts: ClassVar[bool] = False
    #: Parameters that are texts for people: filled in when the step runs, and never refused for what is not known.
    prose: ClassVar[frozenset[str]] = frozenset()
    #: The kinds it works on; empty where it does not matter.
    kinds: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = ""

    def works_on(self, params: P) -> tuple[str, ...]:
        """The kinds it works on with these parameters; empty where it does not matter."""
        return self.kinds

    def permissions(self, params: P, kind: str) -> frozenset[Permission]:
        """What the playbook's account must be allowed before the first effect, for a target of this kind."""
        return frozenset()

    def pod_permissions(self, params: P) -> frozenset[Permission]:
        """What it needs in addition where the incident names a Pod."""
        return frozenset()

    def optional_permissions(self, params: P, kind: str) -> frozenset[Permission]:
        """What lets it look closer before it acts. Without one of these it still acts, and says what it did not see."""
        return frozenset()

    def foreseen(self, params: P, namespace: str) -> Iterable[Read]:
        """What `prepare` asks in any case, apart from the target: of the first step of a run it is asked side by side
        with the plan's own questions, since between an alert and its first effect each round counts.
        """
        return ()

    def channels(self, params: P) -> Iterable[str]:
        """The playbook's channels that it uses."""
        return ()

    def endpoints(self, params: P) -> Mapping[str, str]:
        """Where it sends requests, which an admin must have allowed: URLs by the path of their parameter."""
        return {}

    def on_unknown(self, params: P) -> OnUnknown | None:
        """What happens where nobody can know whether its change was made, unless the step says otherwise; None where
        looking always tells."""
        return None

    def prepare(self, params: P, ctx: Context, seen: Seen) -> Preparation:
        raise NotImplementedError(f"{self.name} cannot be prepared")

    def observe(self, params: P, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        raise TypeError(f"{self.name} only looks: there is nothing to observe")

    def undo(self, params: P, ctx: Context, record: Mapping[str, Any], seen: Seen) -> Observation:
        raise TypeError(f"{self.name} cannot be undone")
