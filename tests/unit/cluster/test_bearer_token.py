import pytest
from kubernetes.aio.client.configuration import Configuration

from paramedic.cluster.rest import bearer_token


@pytest.mark.parametrize("value", ["Bearer t0ken", "bearer t0ken", "t0ken"])
async def test_the_token_is_given_without_its_scheme_however_that_is_spelt(value: str) -> None:
    configuration = Configuration()
    configuration.api_key["BearerToken"] = value
    assert await bearer_token(configuration) == "t0ken"


async def test_there_is_no_token_where_certificates_are_used() -> None:
    assert await bearer_token(Configuration()) is None
