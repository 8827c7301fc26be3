"""How new a list is asked to be."""

from typing import Any

import pytest

from paramedic.actions.reads import ListObjects
from paramedic.cluster.api import Api
from paramedic.cluster.fake_http import FakeHttp
from paramedic.cluster.transport import Request, Unavailable
from paramedic.model.objects import Object
from paramedic.model.references import INCIDENT, PLAYBOOK, ObjectRef

RECENT = ListObjects(INCIDENT, "shop", recent=True)
AS_OF_NOW = ListObjects(INCIDENT, "shop")


def at(version: str) -> Object:
    return {"metadata": {"name": "one", "namespace": "shop", "resourceVersion": version}}


class Recording:
    """An API server that answers each request with the next of these, and a list of nothing once they are used up."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[Request] = []

    async def send(self, request: Request) -> Any:
        self.asked.append(request)
        answer = self._answers.pop(0) if self._answers else {"items": [], "metadata": {"resourceVersion": "1"}}
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        """There is nothing to close."""


def floor_of(request: Request) -> str | None:
    """The version that a list must hold at least; None where it is one as of now."""
    query = request.query or {}
    assert ("resourceVersion" in query) == (query.get("resourceVersionMatch") == "NotOlderThan")
    return query.get("resourceVersion")


async def test_a_list_is_as_of_now_unless_it_is_asked_for_otherwise() -> None:
    server = Recording(at("7"))
    api = Api(server, FakeHttp())
    await api.get(ObjectRef.to(INCIDENT, "shop", "one"))
    await api.list(AS_OF_NOW)
    assert floor_of(server.asked[-1]) is None


async def test_a_recent_list_holds_what_was_read_written_created_listed_and_shown() -> None:
    listed = {"items": [], "metadata": {"resourceVersion": "60"}}
    server = Recording(at("10"), at("20"), at("30"), at("40"), listed)
    api = Api(server, FakeHttp())
    floors = []
    for know in (
        api.get(ObjectRef.to(INCIDENT, "shop", "one")),
        api.create(INCIDENT, "shop", {}),
        api.put_status(INCIDENT, at("20")),
        api.merge_status(ObjectRef.to(INCIDENT, "shop", "one"), {}, "30"),
        api.list(AS_OF_NOW),
    ):
        await know
        floors.append(api.known.at_least(INCIDENT)["resourceVersion"])
    api.known.note(INCIDENT, at("70"))
    await api.list(RECENT)
    assert floors == ["10", "20", "30", "40", "60"]
    assert floor_of(server.asked[-1]) == "70"


async def test_what_is_known_does_not_grow_old_by_an_old_answer() -> None:
    api = Api(Recording(at("9")), FakeHttp())
    api.known.note(INCIDENT, at("10"))
    await api.get(ObjectRef.to(INCIDENT, "shop", "one"))
    assert api.known.at_least(INCIDENT)["resourceVersion"] == "10"


async def test_each_resource_has_its_own() -> None:
    api = Api(Recording(), FakeHttp())
    api.known.note(INCIDENT, at("10"))
    assert api.known.at_least(PLAYBOOK)["resourceVersion"] == "0"


async def test_after_a_write_without_an_answer_lists_are_as_of_now_until_one_was_answered() -> None:
    server = Recording(Unavailable("no answer"))
    api = Api(server, FakeHttp())
    with pytest.raises(Unavailable):
        await api.put_status(INCIDENT, at("20"))

    await api.list(RECENT)
    await api.list(RECENT)

    assert [floor_of(request) for request in server.asked[1:]] == [None, "1"]


async def test_where_versions_are_no_numbers_lists_are_as_of_now() -> None:
    server = Recording(at("opaque"))
    api = Api(server, FakeHttp())
    await api.get(ObjectRef.to(INCIDENT, "shop", "one"))
    await api.list(RECENT)
    assert floor_of(server.asked[-1]) is None


async def test_the_pages_of_a_recent_list_are_of_one_version() -> None:
    page = {"items": [at("5")], "metadata": {"resourceVersion": "50", "continue": "token"}}
    server = Recording(page)
    await Api(server, FakeHttp()).list(RECENT)
    first, second = server.asked
    assert floor_of(first) == "0"
    assert floor_of(second) is None
    assert (second.query or {})["continue"] == "token"
