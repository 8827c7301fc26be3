"""`tcpCheck`: does a port accept connections?"""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from paramedic.actions.contract import Action, Context, Failed, Finished, Parameters
from paramedic.actions.reads import Seen, TcpAnswer, TcpConnect
from paramedic.model.durations import Duration, parse_duration
from paramedic.model.text import shorten

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_LONGEST = timedelta(seconds=60)
#: What to look at, by why there is no connection.
_ADVICE = {
    "Refused": "is the process running, and does it listen on this port?",
    "TimedOut": "look for a NetworkPolicy or firewall on the way, a node that is down, or a Service without ready Pods",
    "Unresolved": "check the spelling, that the Service exists, and cluster DNS",
    "Forbidden": "name the service itself, or have the operator's administrator allow its network",
    "Unreachable": "look at the network between the operator and the host",
}


class TcpCheckParameters(Parameters):
    """Opens one TCP connection from the operator and closes it; nothing is sent. Succeeds when the port accepts it;
    fails otherwise, and says whether it was refused, timed out, or the name cannot be resolved. Outputs: connected,
    milliseconds, address (the one that was connected to; empty without a connection).
    """

    host: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="A host name or an address, such as db.shop. Templates ${parameters.NAME} are substituted."
    )
    port: int = Field(ge=1, le=65535, description="The port that must accept connections.")
    timeout: Duration = Field("5s", description="How long to wait for the connection, 1s to 60s.")

    @field_validator("timeout")
    @classmethod
    def _bounded(cls, text: str) -> str:
        if not timedelta(seconds=1) <= parse_duration(text) <= _LONGEST:
            raise ValueError(f"{text} is not between 1s and 60s; write such as 5s")
        return text


class TcpCheck(Action[TcpCheckParameters]):
    name = "tcpCheck"
    phase = "Assess"
    check = True
    parameters = TcpCheckParameters
    timeout = timedelta(minutes=1)
    example = 'tcpCheck: {host: "${parameters.database}", port: 5432}'

    def prepare(self, params: TcpCheckParameters, ctx: Context, seen: Seen) -> Finished | Failed:
        if refusal := host_refusal(params.host):
            return Failed(refusal, final=True)
        answer = seen.tcp(TcpConnect(params.host, params.port, parse_duration(params.timeout).total_seconds()))
        outputs = {
            "connected": answer.connected,
            "milliseconds": round(answer.seconds * 1000),
            "address": answer.address,
        }
        where = _where(params)
        if answer.connected:
            return Finished(f"{where} accepted a connection in {outputs['milliseconds']} ms", outputs)
        return Failed(f"{where} {_complaint(answer, params)}; {_ADVICE[answer.problem]}", outputs)


def _where(params: TcpCheckParameters) -> str:
    host = f"[{params.host}]" if ":" in params.host else params.host
    return f"{host}:{params.port}"


def _complaint(answer: TcpAnswer, params: TcpCheckParameters) -> str:
    if answer.problem == "Refused":
        return "refused the connection"
    if answer.problem == "TimedOut":
        return f"did not answer: the connection timed out after {params.timeout}"
    if answer.problem == "Unresolved":
        return f"cannot be asked: the name cannot be resolved ({shorten(answer.error, 200)})"
    return f"cannot be connected to: {shorten(answer.error, 200)}"


def host_refusal(host: str) -> str:
    """What is wrong with a host, and what to write instead; empty if nothing is."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host):
            return f"host {host!r} is no host name or address; write one alone, such as db.shop, the port in port"
    return ""
