"""What the answer to an eviction means: gone already, not now, or never."""

import pytest

from paramedic.actions.effects import Evict, Outcome, Result
from paramedic.cluster.api import Api
from paramedic.cluster.fake_http import FakeHttp
from paramedic.cluster.transport import ApiError, Request, Unavailable
from paramedic.model.references import POD, ObjectRef

EVICT = Evict(ObjectRef.to(POD, "shop", "web-1", "uid-1"))


class Answering:
    """An API server that answers in one way, and remembers what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error
        self.requests: list[Request] = []

    async def send(self, request: Request) -> object:
        self.requests.append(request)
        if self._error is not None:
            raise self._error
        return {"status": "Success"}

    async def close(self) -> None:
        """There is nothing to close."""


async def outcome(error: Exception | None) -> Outcome:
    return await Api(Answering(error), FakeHttp()).perform(EVICT, "shop", "responder")


async def test_an_eviction_is_bound_to_the_uid_and_names_no_grace_period() -> None:
    server = Answering()
    await Api(server, FakeHttp()).perform(EVICT, "shop", "responder")
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/api/v1/namespaces/shop/pods/web-1/eviction")
    assert request.account == "system:serviceaccount:shop:responder"
    assert request.body["deleteOptions"] == {"preconditions": {"uid": "uid-1"}}


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, Result.DONE),
        (ApiError(404, "NotFound", 'pods "web-1" not found'), Result.DONE),
        (ApiError(409, "Conflict", "the UID in the precondition does not match"), Result.DONE),
        (Unavailable("POST: 429 Cannot evict pod as it would violate the pod's disruption budget."), Result.UNKNOWN),
        (ApiError(403, "Forbidden", "an admission webhook says no"), Result.REFUSED),
    ],
    ids=["done", "gone", "another one", "the budget", "refused"],
)
async def test_a_pod_that_is_gone_is_evicted_and_a_budget_means_look_again(
    error: Exception | None, result: Result
) -> None:
    assert (await outcome(error)).result is result


def test_an_eviction_without_a_uid_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="needs its uid"):
        Evict(ObjectRef.to(POD, "shop", "web-1"))
