"""A create that is answered 409: the object is there already, or something else got in between."""

import pytest

from paramedic.actions.effects import Create, Result
from paramedic.actions.reads import EXISTS, TryCreate
from paramedic.cluster.api import Api
from paramedic.cluster.fake_http import FakeHttp
from paramedic.cluster.transport import ApiError, Request, Unavailable
from paramedic.model.references import POD

POD_BODY = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": "shop"}, "spec": {}}
TAKEN = ApiError(409, "AlreadyExists", 'pods "one" already exists')
#: What the quota's admission plugin answers while others create in the same namespace.
QUOTA_CONFLICT = ApiError(
    409, "Conflict", 'Operation cannot be fulfilled on resourcequotas "few": the object has been modified'
)
DRY_RUN = TryCreate("key", "shop", POD, POD_BODY)


class Refusing:
    """An API server that refuses everything in one way."""

    def __init__(self, error: ApiError) -> None:
        self._error = error

    async def send(self, request: Request) -> None:
        raise self._error

    async def close(self) -> None:
        """There is nothing to close."""


def api(error: ApiError) -> Api:
    return Api(Refusing(error), FakeHttp())


async def test_a_create_whose_name_is_taken_has_happened_before() -> None:
    outcome = await api(TAKEN).perform(Create(POD_BODY), "shop", "responder")
    assert outcome.result is Result.EXISTED


async def test_a_create_that_met_another_conflict_is_looked_at_again() -> None:
    outcome = await api(QUOTA_CONFLICT).perform(Create(POD_BODY), "shop", "responder")
    assert (outcome.result, "resourcequotas" in outcome.message) == (Result.CONFLICT, True)


async def test_a_dry_run_whose_name_is_taken_got_past_admission() -> None:
    assert await api(TAKEN).answer([DRY_RUN], "shop", "responder") == {DRY_RUN: EXISTS}


async def test_a_dry_run_that_met_another_conflict_is_asked_again() -> None:
    with pytest.raises(Unavailable, match="resourcequotas"):
        await api(QUOTA_CONFLICT).answer([DRY_RUN], "shop", "responder")
