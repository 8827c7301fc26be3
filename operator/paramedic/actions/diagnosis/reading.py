"""A reader that goes on where it may not read, and takes that down."""

from paramedic.actions.reads import Denied, GetObject, ListObjects, ReadLog, Seen
from paramedic.model.objects import Object


class Reader:
    """``unseen`` names each source that could not be read whole, and why."""

    def __init__(self, seen: Seen, unseen: dict[str, str]) -> None:
        self._seen, self.unseen = seen, dict(unseen)

    def items(self, source: str, question: ListObjects) -> list[Object]:
        try:
            found = self._seen.items(question)
        except Denied as denied:
            self.unseen[source] = str(denied)
            return []
        if len(found) >= question.limit > 1:
            self.unseen[source] = f"there are {question.limit} or more in namespace {question.namespace}"
        return found

    def object(self, source: str, question: GetObject) -> Object | None:
        try:
            return self._seen.get(question.ref, own=question.own)
        except Denied as denied:
            self.unseen[source] = str(denied)
            return None

    def log(self, question: ReadLog) -> bytes:
        try:
            return self._seen.log(question) or b""
        except Denied as denied:
            self.unseen["logs"] = str(denied)
            return b""
