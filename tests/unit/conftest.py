"""Hypothesis for the unit tests: a busy machine is no failure, and nothing is remembered between runs."""

from hypothesis import HealthCheck, settings

settings.register_profile("unit", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
