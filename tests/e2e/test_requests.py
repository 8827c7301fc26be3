"""http on a real API server, against an endpoint on loopback that counts; and manual's reminders beside it."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.kube import Kube
from support.objects import deployment, incident, playbook, step
from support.operator_process import Operator

pytestmark = pytest.mark.e2e

TOKEN = "Bearer s3cr3t-t0ken"


class Endpoint:
    """Counts what it receives. ``strike`` is called with each request before it is answered."""

    def __init__(self) -> None:
        endpoint = self
        self.status = 200
        self.received: list[tuple[str, str, dict[str, str], str]] = []
        self.strike: Callable[[], None] | None = None

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                endpoint.received.append((self.command, self.path, dict(self.headers), body))
                if endpoint.strike is not None:
                    strike, endpoint.strike = endpoint.strike, None
                    strike()
                answer = json.dumps({"seen": self.headers.get("Authorization")}).encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_POST

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing."""

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # whoever asked was killed
                    super().handle()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for _, _, headers, _ in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()
    yield found
    found.close()


@pytest.fixture
def web(shop: Kube) -> Kube:
    shop.apply(deployment("web"))
    shop.rolled_out("deployment/web")
    return shop


@pytest.fixture
def operator(web: Kube, endpoint: Endpoint, start_operator: Callable[..., Operator]) -> Operator:
    return start_operator(web, f"--http-allow={endpoint.url}/v1")


def sending(endpoint: Endpoint, path: str = "/v1/lock", options: dict | None = None, **more: object) -> dict:
    return step("call", "http", {"url": endpoint.url + path} | more, **(options or {}))


def ended(web: Kube, operator: Operator) -> dict:
    """The status once the incident has ended; the operator is started again where it was killed."""

    def over(obj: dict) -> bool:
        if operator.exit_code is not None:
            operator.start()
        return obj.get("status", {}).get("phase") in ("Resolved", "Failed")

    found: dict = web.wait_for("incident", "slow", over, seconds=60)["status"]
    return found


def test_a_request_is_sent_once_with_its_secret_and_the_secret_stands_nowhere_else(
    web: Kube, operator: Operator, endpoint: Endpoint
) -> None:
    web.run("create", "secret", "generic", "idp", f"--from-literal=token={TOKEN}")
    web.run("create", "role", "idp", "--verb=get", "--resource=secrets", "--resource-name=idp")
    web.run("create", "rolebinding", "idp", "--role=idp", f"--serviceaccount={web.namespace}:responder")
    header = {"name": "Authorization", "secretRef": {"name": "idp", "key": "token"}}
    body = {"user": "${incident.name}", "reason": '"quoted"'}
    web.apply(playbook("call", sending(endpoint, body=body, secretHeaders=[header])), incident("slow", "web", "call"))
    found = ended(web, operator)
    assert found["phase"] == "Resolved", found["message"]
    ((method, path, headers, sent),) = endpoint.received
    assert (method, path, headers["Authorization"]) == ("POST", "/v1/lock", TOKEN)
    assert json.loads(sent) == {"user": "slow", "reason": '"quoted"'}
    assert headers["Idempotency-Key"] == found["steps"][0]["operationID"]
    assert found["steps"][0]["outputs"]["json"] == {"seen": "[hidden]"}
    assert "s3cr3t" not in json.dumps(web.get("incident", "slow")) + operator.log
    assert "s3cr3t" not in json.dumps(web.list("events"))


def test_an_endpoint_that_nobody_allowed_is_told_before_the_night_and_nothing_is_sent(
    web: Kube, operator: Operator, endpoint: Endpoint
) -> None:
    web.apply(playbook("call", sending(endpoint, "/v2/lock")))
    found = web.wait_for("playbook", "call", lambda obj: obj.get("status", {}).get("conditions"))
    ready = next(item for item in found["status"]["conditions"] if item["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "EndpointNotAllowed")
    assert f"spec.steps[0].http.url: the operator may not send to {endpoint.url}/v2/lock" in ready["message"]
    web.apply(incident("slow", "web", "call"))
    status = ended(web, operator)
    assert f"--http-allow {endpoint.url}/v2/lock" in status["message"]
    assert endpoint.received == []


def test_an_answer_that_was_not_expected_fails_the_step_and_is_not_repeated(
    web: Kube, operator: Operator, endpoint: Endpoint
) -> None:
    endpoint.status = 403
    retry = {"retry": {"attempts": 3, "backoff": "1s"}}
    web.apply(playbook("call", sending(endpoint, options=retry)), incident("slow", "web", "call"))
    status = ended(web, operator)
    assert status["phase"] == "Failed"
    assert "answered 403, expected 200, 201, 202, 204" in status["message"]
    assert len(endpoint.received) == 1


def test_an_operator_that_is_killed_while_it_sends_asks_a_person_and_sends_nothing_twice(
    web: Kube, operator: Operator, endpoint: Endpoint
) -> None:
    endpoint.strike = operator.kill
    web.apply(playbook("call", sending(endpoint)), incident("slow", "web", "call"))
    web.wait_for("incident", "slow", lambda obj: operator.exit_code is not None)
    operator.start()
    status = web.incident_in("slow", "Waiting")["status"]
    assert status["steps"][0]["waitsFor"] == "Outcome"
    assert "may or may not have been sent when the operator was interrupted" in status["message"]
    assert len(endpoint.received) == 1

    answer = [{"step": "call", "decision": "Done", "by": "alice", "note": "it is in their log"}]
    web.patch("incident", "slow", {"spec": {"approvals": answer}})
    status = ended(web, operator)
    assert status["phase"] == "Resolved", status["message"]
    assert status["steps"][0]["message"] == "done, says alice: it is in their log"
    assert len(endpoint.received) == 1


def test_an_operator_that_is_killed_while_it_sends_sends_it_again_under_the_same_key_where_the_step_says_so(
    web: Kube, operator: Operator, endpoint: Endpoint
) -> None:
    endpoint.strike = operator.kill
    options = {"onUnknown": "Retry", "retry": {"backoff": "1s"}}
    web.apply(playbook("call", sending(endpoint, options=options)), incident("slow", "web", "call"))
    web.wait_for("incident", "slow", lambda obj: operator.exit_code is not None)
    status = ended(web, operator)
    assert status["phase"] == "Resolved", status["message"]
    assert len(endpoint.received) == 2
    assert len(set(endpoint.keys)) == 1


def test_a_body_may_be_a_text_or_an_object_and_nothing_else(web: Kube, operator: Operator, endpoint: Endpoint) -> None:
    web.apply(playbook("text", sending(endpoint, body="locked")))
    web.apply(playbook("number", sending(endpoint, body=7)))
    ready = {
        name: web.wait_for("playbook", name, lambda obj: obj.get("status", {}).get("conditions"))["status"][
            "conditions"
        ]
        for name in ("text", "number")
    }
    assert [item["status"] for item in ready["text"] if item["type"] == "Ready"] == ["True"]
    (refused,) = [item for item in ready["number"] if item["type"] == "Ready"]
    assert "spec.steps[0].http.body: must be a text, a JSON object or a list" in refused["message"]
