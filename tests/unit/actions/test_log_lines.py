"""What a log says again and again up to now, and whom an error of the network is about."""

from datetime import timedelta

import pytest

from paramedic.actions.diagnosis.addresses import unreached
from paramedic.actions.diagnosis.log_lines import complaints_in, is_error, repeated_line, telling_line
from unit.ailing import log
from unit.builders import NOW


def standing(content: bytes) -> list[str]:
    return [found.text for found in complaints_in(content) if found.stands(NOW)]


ERROR = "ERROR cannot reach db"


def test_an_error_that_is_repeated_up_to_now_stands() -> None:
    assert standing(log("listening", ERROR, ERROR, ERROR)) == [ERROR]


def test_one_that_differs_in_numbers_alone_is_the_same_one() -> None:
    lines = [f"ERROR request {number} took 0x{number:x}" for number in range(101, 106)]
    assert standing(log(*lines)) == [lines[-1]]


@pytest.mark.parametrize(
    "content",
    [log(ERROR, ERROR), log(ERROR, ERROR, ERROR, ended=60), log(ERROR, ERROR, ERROR, "database is back", ended=40)],
    ids=["twice", "a minute ago", "over"],
)
def test_a_hiccup_does_not_stand(content: bytes) -> None:
    assert standing(content) == []


def test_what_is_said_once_a_minute_stands_for_two() -> None:
    assert standing(log(*[ERROR] * 5, every=60, ended=90)) == [ERROR]
    assert standing(log(*[ERROR] * 5, every=60, ended=150)) == []


def test_the_last_line_before_the_first_complaint_is_known() -> None:
    (found,) = complaints_in(log("listening", "changed", ERROR, ERROR, ERROR, every=10))
    assert found.before == NOW - timedelta(seconds=30)
    assert complaints_in(log(ERROR, "quiet", ERROR))[0].before is None


@pytest.mark.parametrize(
    "line",
    [
        "12:00:01 ERROR GET / 500: failRate",
        'level=error msg="no upstream"',
        '{"level":"error","msg":"x"}',
        '10.1.2.3 - - [x] "GET / HTTP/1.1" 503 17',
        "java.lang.NullPointerException: null",
        'configmaps "a" is forbidden: User "x" cannot patch resource "configmaps"',
    ],
)
def test_errors_are_recognised(line: str) -> None:
    assert is_error(line)


@pytest.mark.parametrize(
    "line",
    [
        "listening on :8080",
        "GET /missing 404 not found",
        "done, errors=0 failed=0",
        'level=info msg="error budget is full"',
        '{"level":"info","error":null}',
        "INFO no error",
        "finished without errors",
        "INFO retrying after error",
        "GET /error-pages.css 200",
    ],
)
def test_harmless_lines_are_none(line: str) -> None:
    assert not is_error(line)


def test_the_telling_line_of_a_run_that_ended_is_its_last_error_else_its_last() -> None:
    assert telling_line(log("panic: no LISTEN", "bye")) == "panic: no LISTEN"
    assert telling_line(log("a", "b")) == "b"
    assert telling_line(b"") == ""


def test_what_a_kubelet_says_of_a_log_that_is_gone_is_no_line_of_it() -> None:
    assert telling_line(b"unable to retrieve container logs for containerd://8993\n") == ""
    assert telling_line(log("unable to retrieve container logs for me")) == "unable to retrieve container logs for me"


def test_what_waits_says_the_same_again() -> None:
    assert repeated_line(log("start", "waiting 1", "waiting 2", "waiting 3")) == "waiting 3"
    assert repeated_line(log("step 1: create", "step 2: copy", "step 3: drop")) == ""


def test_a_hostile_log_is_read_within_bounds() -> None:
    hostile = b"2026-11-24T02:59:59Z error " + b"a." * 500_000 + b":1\n"
    assert len(complaints_in(hostile * 3)) == 1
    assert unreached("connection refused " + "a" * 100_000 + ":80") is None
    assert complaints_in(b"2026-99-99T99:99:99Z error: no such day\n") == []


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("ERROR dial db:5433: Connection refused", "db:5433"),
        ("dial tcp 10.96.3.2:5432: connect: connection refused", "10.96.3.2:5432"),
        ("dial tcp: lookup db.shop.svc on 10.96.0.10:53: no such host", "db.shop.svc"),
        ("read tcp 10.0.0.5:43210->10.96.3.2:5432: read: connection reset by peer", "10.96.3.2:5432"),
        ('connection to server at "db" (10.96.1.2), port 5433 failed: Connection refused', "db:5433"),
        ('could not translate host name "db" to address: Name or service not known', "db"),
        ("Error: connect ECONNREFUSED 10.96.3.2:6379", "10.96.3.2:6379"),
        ("Error: getaddrinfo ENOTFOUND cache", "cache"),
        ("java.net.ConnectException: Connection refused: db/10.96.3.2:5432", "db:5432"),
        ("java.net.UnknownHostException: db", "db"),
        ("Error 111 connecting to cache:6379. Connection refused.", "cache:6379"),
        ("HTTPConnectionPool(host='pay', port=8080): Max retries exceeded with url: /", "pay:8080"),
        ('Post "http://pay:8080/charge": context deadline exceeded (Client.Timeout: timed out)', "pay:8080"),
        ("main.go:123: 12:30:45 dial db:5432: i/o timeout", "db:5432"),
    ],
)
def test_whom_an_error_is_about_is_read_as_programs_write_it(line: str, place: str) -> None:
    assert str(unreached(line)) == place


@pytest.mark.parametrize(
    "line",
    [
        "GET http://pay:8080 200",
        "ERROR main.go:123: nil map",
        "listen tcp 0.0.0.0:8080: bind: address already in use",
        "dial tcp 127.0.0.1:9000: connect: connection refused",
        "password authentication failed for user web at db:5432",
    ],
)
def test_other_errors_are_about_nobody(line: str) -> None:
    assert unreached(line) is None


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("FATAL: bad login password=hunter2 user=web", "FATAL: bad login password=*** user=web"),
        ('error {"password": "hunter2", "user": "web"}', 'error {"password": "***", "user": "web"}'),
        ("cannot open postgres://web:hunter2@db:5432/shop", "cannot open postgres://web:***@db:5432/shop"),
        ("error: Authorization: Bearer eyJhbGciOiJIUzI1NiJ9", "error: Authorization: Bearer ***"),
        ("FATAL: password authentication failed for user web", "FATAL: password authentication failed for user web"),
        ("SyntaxError: unexpected token: } in line 3", "SyntaxError: unexpected token: } in line 3"),
    ],
)
def test_credentials_are_not_quoted(line: str, shown: str) -> None:
    assert telling_line(log(line)) == shown
