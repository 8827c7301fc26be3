"""The end-to-end fixtures, for the crash tests too."""

from e2e.conftest import health, operator, shop, start_operator

__all__ = ["health", "operator", "shop", "start_operator"]
