"""Fixtures for every kind of test, and what holds for all properties."""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.support.databases",
    "tests.support.supabase_server",
    "tests.support.project",
    "tests.support.contract",
    "tests.support.node",
]

# By default an example that takes 0.2 s fails, and so do examples that are slow to make: that says
# something about the machine, not about us. The examples are the same for everybody, as the order
# of tests is; `scripts/test --hypothesis-profile=default` tries others.
settings.register_profile(
    "any machine",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")
