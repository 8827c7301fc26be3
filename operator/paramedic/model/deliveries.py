"""What became of a message that was sent."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Delivery:
    """``Sent``: the receiver has taken it. ``Failed``: it surely has not; ``final`` where another try would meet the same
    refusal. ``Unknown``: it may have arrived, so it is not sent again.
    """

    state: Literal["Sent", "Failed", "Unknown"]
    message: str = ""
    final: bool = False
