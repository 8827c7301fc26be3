"""What an action may ask to see, and how it is handed the answers.

An action is plain code that calls :meth:`Seen.get` as if the answer were there. Where it is not, `Missing` carries the
question out to whoever can answer (the reconciler, a test, a simulation); it answers and calls the action again. The
same action thus runs against a cluster, a fake one, or a recording, and stays free of input and output.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from paramedic.model.objects import Object
from paramedic.model.permissions import Permission
from paramedic.model.references import ObjectRef, Resource


@dataclass(frozen=True, slots=True)
class GetObject:
    """One object by its name; the answer is the object, or None where there is none. ``own``: read as the operator
    itself. `Seen` asks without the uid, so that an object is asked for once, whoever knows its uid.

    ``recent``: it may be what it was some moments ago, which costs the API server less. None is as of now.
    """

    ref: ObjectRef
    own: bool = False
    recent: bool = False


@dataclass(frozen=True, slots=True)
class ListObjects:
    """Objects of one namespace; the answer is a list. An empty selector is a question for all of them.

    ``recent``: everything that this process has read, written or been shown of them is in it, and it is answered at
    once. Else it is as of now, for which the API server may have to wait for some 50 ms.
    """

    resource: Resource
    namespace: str
    label_selector: str = ""
    field_selector: str = ""
    limit: int = 500
    own: bool = False
    recent: bool = False


@dataclass(frozen=True, slots=True)
class MayI:
    """Whether the playbook's account has a permission; the answer is a bool (SelfSubjectAccessReview). ``own``: whether
    the operator itself has it."""

    permission: Permission
    namespace: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class ReadLog:
    """The log of one container; the answer is bytes, or None where there is none (yet, or any more)."""

    pod: ObjectRef
    container: str
    previous: bool = False
    tail_lines: int = 500
    limit_bytes: int = 262_144


@dataclass(frozen=True, slots=True)
class HttpGet:
    """One HTTP request; the answer is an :class:`HttpAnswer`."""

    url: str
    method: str = "GET"
    timeout: float = 5.0  # seconds
    body_limit: int = 65_536  # bytes


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """``status`` is 0 where no answer came; ``error`` then says why, and ``arrived`` whether the request may have been
    received all the same. ``seconds`` is how long it took.
    """

    status: int
    seconds: float
    body: bytes = b""
    error: str = ""
    arrived: bool = True


@dataclass(frozen=True, slots=True)
class MaySend:
    """Whether the operator may send requests to a URL; the answer is the reason why not, empty if it may, and None where
    that is not known, as outside the operator."""

    url: str


@dataclass(frozen=True, slots=True)
class TcpConnect:
    """One TCP connection, opened and closed; the answer is a :class:`TcpAnswer`."""

    host: str
    port: int
    timeout: float = 5.0  # seconds


#: Why there is no connection; empty where there is one.
TcpProblem = Literal["", "Refused", "TimedOut", "Unresolved", "Forbidden", "Unreachable"]


@dataclass(frozen=True, slots=True)
class TcpAnswer:
    """``address`` is the one that accepted; without one, ``problem`` and ``error`` say why."""

    seconds: float
    address: str = ""
    problem: TcpProblem = ""
    error: str = ""

    @property
    def connected(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class CountActive:
    """How many incidents of a playbook are at work in a namespace; the answer is a number."""

    namespace: str
    playbook: str


@dataclass(frozen=True, slots=True)
class AskPause:
    """Whether the operator is paused; the answer says by whom, since when and why, and is empty while it is not."""


#: The answer to a `TryCreate` of an object whose name is taken.
EXISTS = "it exists already"


@dataclass(frozen=True)
class TryCreate:
    """A server-side dry run of a create; the answer is an empty string, `EXISTS`, or the reason of the refusal."""

    key: str
    namespace: str
    resource: Resource
    body: Object = field(hash=False, compare=False)


@dataclass(frozen=True)
class TryPatch:
    """A server-side dry run of a patch: a JSON patch where it is a list, else a merge patch. The answer is an empty
    string, or the reason of the refusal.
    """

    key: str
    ref: ObjectRef
    patch: Object | list[Object] = field(hash=False, compare=False)


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """The user name of the operator itself, as the API server knows it."""


Read = (
    GetObject | ListObjects | MayI | ReadLog | HttpGet | TcpConnect | TryCreate | TryPatch | CountActive | AskPause
    | MaySend | WhoAmI
)  # fmt: skip


class Missing(Exception):
    """Reads whose answers are not known yet. Not an error: the question of an action to its performer."""

    def __init__(self, reads: tuple[Read, ...]) -> None:
        super().__init__(f"{len(reads)} reads wanted")
        self.reads = reads


class Denied(Exception):
    """The playbook's account may not do this read. The text names verb, resource and account."""


class NotServed(Denied):
    """The API server does not serve this kind: its API is not installed, or not in this version."""


class Seen:
    """Answers by question. An answer may be an exception, which is then raised where the action asks."""

    def __init__(self, answers: Mapping[Read, Any] | None = None) -> None:
        self.answers: dict[Read, Any] = dict(answers or {})

    def get(self, ref: ObjectRef, *, own: bool = False, recent: bool = False) -> Object | None:
        answer: Object | None = self._answer(GetObject(ref.named, own, recent))
        return answer

    def may(self, question: MayI) -> bool:
        answer: bool = self._answer(question)
        return answer

    def items(self, question: ListObjects) -> list[Object]:
        answer: list[Object] = self._answer(question)
        return answer

    def log(self, question: ReadLog) -> bytes | None:
        answer: bytes | None = self._answer(question)
        return answer

    def http(self, question: HttpGet) -> HttpAnswer:
        answer: HttpAnswer = self._answer(question)
        return answer

    def tcp(self, question: TcpConnect) -> TcpAnswer:
        answer: TcpAnswer = self._answer(question)
        return answer

    def try_create(self, question: TryCreate) -> str:
        answer: str = self._answer(question)
        return answer

    def try_patch(self, question: TryPatch) -> str:
        answer: str = self._answer(question)
        return answer

    def may_send(self, url: str) -> str | None:
        answer: str | None = self._answer(MaySend(url))
        return answer

    def operator(self) -> str:
        answer: str = self._answer(WhoAmI())
        return answer

    def count_active(self, question: CountActive) -> int:
        answer: int = self._answer(question)
        return answer

    def pause(self) -> str:
        answer: str = self._answer(AskPause())
        return answer

    def prefetch(self, questions: Iterable[Read]) -> None:
        """Asks for several at once, so that they are answered side by side."""
        missing = tuple(question for question in questions if question not in self.answers)
        if missing:
            raise Missing(missing)

    def _answer(self, question: Read) -> Any:
        if question not in self.answers:
            raise Missing((question,))
        answer = self.answers[question]
        if isinstance(answer, Exception):
            raise answer
        return answer
