"""The operator's own endpoints."""

import pytest
from aiohttp.test_utils import TestClient, TestServer

from paramedic.metrics import Figures, Metrics, resource_in
from paramedic.ops import ops_app


async def answer(path: str, metrics: Metrics | None = None, unhealthy: str = "", unready: str = "") -> tuple[int, str]:
    app = ops_app(metrics or Metrics(), lambda: unhealthy, lambda: unready)
    async with TestClient(TestServer(app)) as client, client.get(path) as found:
        return found.status, await found.text()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_a_probe_says_ok(path: str) -> None:
    assert await answer(path) == (200, "ok\n")


async def test_a_probe_says_what_is_wrong() -> None:
    assert await answer("/readyz", unready="the watch has not begun yet") == (503, "the watch has not begun yet\n")
    assert await answer("/healthz", unhealthy="hung") == (503, "hung\n")


async def test_metrics_are_served_in_prometheus_text_format() -> None:
    metrics = Metrics()
    metrics.watch(lambda: Figures({"Running": 2}, {"Waiting": 40.0}, 3, 1.5, watch_silent=False))
    metrics.count_request("PUT", "/apis/paramedic.dev/v1alpha1/namespaces/shop/incidents/one/status", 200)
    status, text = await answer("/metrics", metrics)
    assert status == 200
    assert 'paramedic_incidents{phase="Running"} 2.0' in text
    assert "paramedic_queue_depth 3.0" in text and "paramedic_queue_oldest_seconds 1.5" in text
    assert 'paramedic_api_requests_total{code="200",method="PUT",resource="incidents/status"} 1.0' in text


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/namespaces/shop/pods", "pods"),
        ("/api/v1/namespaces/shop/pods/web-1/log", "pods/log"),
        ("/api/v1/namespaces/shop", "namespaces"),
        ("/apis/apps/v1/namespaces/shop/deployments/web", "deployments"),
        ("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "selfsubjectaccessreviews"),
        ("/apis/paramedic.dev/v1alpha1/incidents", "incidents"),
        ("/version", "other"),
    ],
)
def test_requests_are_counted_by_resource_never_by_name(path: str, resource: str) -> None:
    assert resource_in(path) == resource
