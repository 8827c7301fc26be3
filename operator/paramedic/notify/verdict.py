"""What became of a message, read from what happened on the wire.

A service's own yes or no is not enough: whether a message may be sent again depends on how far the request came.
"""

from collections.abc import Callable, Sequence

from paramedic.model.deliveries import Delivery
from paramedic.notify.wire import TOO_MANY, Exchange

#: Answers that another attempt may change: no time, too early, too many.
_PASSING = frozenset({408, 425, TOO_MANY})
_GATEWAY_TIMEOUT = 504
Quote = Callable[[str], str]


def judge(service: str, accepted: bool, exchanges: Sequence[Exchange], recipients: int, quote: Quote) -> Delivery:
    """``accepted``: what the plugin said. ``quote`` makes foreign text fit to be shown."""
    if not exchanges:
        return Delivery("Failed", f"{service}: nothing was sent; check the recipients in the channel's URL", final=True)
    last = exchanges[-1]
    if accepted:
        return Delivery("Sent", f"{service} accepted it")
    delivered = sum(200 <= exchange.status < 300 for exchange in exchanges)
    delivery = _of_last(service, last, quote)
    if recipients > 1 and delivered and delivery.state == "Failed":
        return Delivery(
            "Unknown", f"{service}: at least one of its {recipients} recipients may have it; {delivery.message}"
        )
    return delivery


def judge_error(service: str, error: Exception, exchanges: Sequence[Exchange], quote: Quote) -> Delivery:
    """The plugin did not come to an end, so it said neither yes nor no."""
    delivery = judge(service, False, exchanges, 1, quote)
    if exchanges and 200 <= exchanges[-1].status < 300:
        what = f"an answer that was not understood ({exchanges[-1].status}, {type(error).__name__})"
        return Delivery("Unknown", f"{service}: {what}; the message may have arrived")
    return delivery


def judge_silence(service: str, exchanges: Sequence[Exchange], seconds: float) -> Delivery:
    """No end in the given time, and given up since."""
    if not exchanges or not any(exchange.exposed for exchange in exchanges):
        what = f"answer from {exchanges[-1].where}" if exchanges and exchanges[-1].connected else "connection"
        return Delivery("Failed", f"{service}: no {what} within {seconds:g} s; nothing was sent")
    where = exchanges[-1].where
    return Delivery("Unknown", f"{service}: no answer from {where} within {seconds:g} s; the message may have arrived")


def _of_last(service: str, last: Exchange, quote: Quote) -> Delivery:
    if last.status:
        return _of_answer(service, last, quote)
    if last.forbidden:
        return Delivery("Failed", f"{service}: {last.where} is refused: {last.error}", final=True)
    if not last.exposed:
        return Delivery("Failed", f"{service}: cannot connect to {last.where}: {last.error}")
    return Delivery("Unknown", f"{service}: no answer from {last.where} ({last.error}); the message may have arrived")


def _of_answer(service: str, last: Exchange, quote: Quote) -> Delivery:
    status, said = last.status, quote(last.body)
    answer = f"{service} answered {status}" + (f": {said}" if said else "")
    if 300 <= status < 400:
        return Delivery(
            "Failed",
            f"{service} answered {status}, a redirect, which is not followed; use the URL it leads to",
            final=True,
        )
    if status == _GATEWAY_TIMEOUT:
        return Delivery("Unknown", f"{answer}; the message may have arrived")
    if status in _PASSING or status >= 500:
        pause = f" (try again after {quote(last.retry_after)})" if last.retry_after else ""
        return Delivery("Failed", answer + pause)
    return Delivery("Failed", f"{answer}; check the channel's URL", final=True)
