"""Messages that tests send."""

from dataclasses import replace
from typing import Any

from paramedic.notify.contract import Notice

NOTICE = Notice(
    title="Checkout answers 502",
    text="Waiting for approval of rollback.",
    severity="Critical",
    key="0b1c2d3e-0000-5000-8000-000000000001",
    thread="9a8b7c6d-0000-4000-8000-000000000002",
    moment="Open",
    incident="shop/checkout-down",
)
#: What a log line or a label may hold, and no service may act upon.
HOSTILE = "a *b* _c_ `d` ~e~ ||f|| <b>g</b> & [h](http://evil.example/) <!channel> <@U123> @here @everyone <@&9> <at>i</at> <users/all>\n# j\n> k"


def notice(**changes: Any) -> Notice:
    return replace(NOTICE, **changes)
