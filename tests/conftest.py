"""Fixtures for every kind of test."""

pytest_plugins = [
    "tests.support.databases",
    "tests.support.supabase_server",
    "tests.support.project",
    "tests.support.contract",
    "tests.support.node",
]
