"""What `paramedic run` can be told, and how it refuses."""

import ipaddress
from pathlib import Path

import pytest
from click.testing import CliRunner

from paramedic import settings as module
from paramedic.main import main
from paramedic.settings import Settings, split_address


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"PARAMEDIC_{name.upper()}", raising=False)
    monkeypatch.setattr(module, "_NAMESPACE_FILE", tmp_path / "none")


def test_each_setting_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARAMEDIC_NAMESPACE", "shop")
    monkeypatch.setenv("PARAMEDIC_HTTP_ALLOW", "10.0.0.0/8, 192.168.0.0/16")
    found = Settings()
    assert found.namespace == "shop"
    assert found.http_allow == (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("192.168.0.0/16"))


def test_a_flag_goes_before_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARAMEDIC_NAMESPACE", "shop")
    assert Settings(namespace="bank").namespace == "bank"


def test_an_empty_namespace_is_none() -> None:
    assert Settings(namespace="").namespace is None


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::]:80", ("::", 80)), (":9090", ("", 9090)), ("host:0", ("host", 0))],
)
def test_an_address_has_a_host_and_a_port(text: str, address: tuple[str, int]) -> None:
    assert split_address(text) == address


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--ops", "8080", "--ops: '8080' is not ADDR:PORT; write one such as 127.0.0.1:8080"),
        ("--ops", "host:99999", "--ops: 'host:99999' is not ADDR:PORT"),
        ("--workers", "none", "--workers: Input should be a valid integer"),
        ("--workers", "0", "--workers: Input should be greater than or equal to 1"),
        ("--lease-duration", "0", "--lease-duration: Input should be greater than or equal to 1"),
        ("--http-allow", "everything", "--http-allow: "),
        ("--receiver", "9095", "--receiver: '9095' is not ADDR:PORT"),
        ("--receiver-body-limit", "1", "--receiver-body-limit: Input should be greater than or equal to 1024"),
        ("--log-format", "xml", "--log-format: Input should be 'auto', 'json' or 'text'"),
    ],
)
def test_a_wrong_option_is_refused_by_name_with_exit_code_2(option: str, value: str, told: str) -> None:
    done = CliRunner().invoke(main, ["run", option, value])
    assert (done.exit_code, told in done.output) == (2, True), done.output


@pytest.mark.parametrize(
    ("given", "home"),
    [({}, "default"), ({"namespace": "shop"}, "shop"), ({"namespace": "shop", "lease_namespace": "ops"}, "ops")],
)
def test_the_lease_lives_where_it_is_told_or_where_the_work_is(given: dict[str, str], home: str) -> None:
    assert Settings(**given).home_namespace == home


def test_in_a_pod_the_lease_lives_in_its_namespace(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("paramedic-system\n")
    monkeypatch.setattr(module, "_NAMESPACE_FILE", tmp_path / "namespace")
    assert Settings(namespace="shop").home_namespace == "paramedic-system"


def test_a_lease_keeps_its_proportions() -> None:
    times = Settings(lease_duration=15).lease_times
    assert (times.duration, times.renew, times.retry) == (15, 10, 2)
    assert times.request_timeout * 3 == times.renew


# --- the alert receiver


@pytest.mark.parametrize("address", ["0.0.0.0:9095", "[::]:9095", ":9095", "10.0.0.1:9095", "localhost.example:9095"])
def test_a_receiver_that_others_reach_needs_a_token_file(address: str) -> None:
    done = CliRunner().invoke(main, ["run", "--receiver", address])
    assert done.exit_code == 2
    assert f"--receiver-token-file: is needed, since others can reach {address}" in done.output
    assert Settings(receiver=address, receiver_token_file="tokens").receiver == address


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.0.1.1:9095", "[::1]:9095", "localhost:9095"])
def test_a_receiver_on_loopback_needs_none(address: str) -> None:
    assert Settings(receiver=address).receiver_token_file is None


@pytest.mark.parametrize("given", [{"receiver_cert": "tls.crt"}, {"receiver_key": "tls.key"}])
def test_a_certificate_and_its_key_are_given_together(given: dict[str, str]) -> None:
    options = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", value)]
    done = CliRunner().invoke(main, ["run", *options])
    assert (done.exit_code, "--receiver-key: a certificate and its key are given together" in done.output) == (2, True)


@pytest.mark.parametrize(
    ("given", "namespace"),
    [
        ({}, "default"),
        ({"namespace": "shop", "lease_namespace": "ops"}, "shop"),
        ({"lease_namespace": "ops"}, "ops"),
        ({"default_namespace": "alerts", "lease_namespace": "ops"}, "alerts"),
    ],
)
def test_alerts_without_a_namespace_go_where_they_are_told_or_where_the_work_is(
    given: dict[str, str], namespace: str
) -> None:
    assert Settings(**given).alerts_namespace == namespace


def test_an_operator_of_one_namespace_has_no_other_default() -> None:
    done = CliRunner().invoke(main, ["run", "--namespace", "shop", "--default-namespace", "ops"])
    assert done.exit_code == 2
    assert "--default-namespace: is ops, but this operator works in shop alone (--namespace)" in done.output
