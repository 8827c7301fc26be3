"""Channels that lead to services on loopback."""

from collections.abc import AsyncIterator

import pytest

from paramedic.notify.apprise_notifier import AppriseNotifier
from support.sinks import Authority, Sinks, authority, started


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def sinks(trusted: Authority) -> AsyncIterator[Sinks]:
    services, stop = await started(trusted)
    yield services
    await stop()


@pytest.fixture
def notifier(sinks: Sinks) -> AppriseNotifier:
    """One that reaches them; its deadline is long, so that only a hang meets it."""
    return AppriseNotifier(resolver=sinks.resolver, ca_file=sinks.ca_file, seconds=20)


@pytest.fixture
def hasty(sinks: Sinks) -> AppriseNotifier:
    """One that does not wait long."""
    return AppriseNotifier(resolver=sinks.resolver, ca_file=sinks.ca_file, seconds=0.4)
