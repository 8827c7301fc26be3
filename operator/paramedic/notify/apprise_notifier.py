"""Sends by Apprise: one URL names the service and how to reach it."""

import asyncio

import apprise

from paramedic.model.deliveries import Delivery
from paramedic.notify.contract import Notice


class AppriseNotifier:
    """Each send has a deadline, in seconds; Apprise itself is synchronous, so it runs in a thread."""

    def __init__(self, timeout: float = 10.0) -> None:
        self._timeout = timeout

    async def send(self, url: str, notice: Notice) -> Delivery:
        sink = apprise.Apprise()
        if not sink.add(url):
            return Delivery("Failed", "the Secret holds no Apprise URL, such as slack://… or mailtos://…", final=True)
        try:
            sent = await asyncio.wait_for(
                asyncio.to_thread(sink.notify, body=notice.text, title=notice.title), self._timeout
            )
        except TimeoutError:
            return Delivery("Unknown", f"no answer within {self._timeout:g} s")
        return Delivery("Sent") if sent else Delivery("Failed", "the service refused it or could not be reached")
