"""Areas of attack, each with the laws of the suite that must hold. Paths are below tests/."""

from typing import Final

HOSTILE_ROWS: Final = "hostile rows"
"""Not a list of laws: `hostile_rows.run` at full size, against agents that work."""

AREAS: Final[dict[str, tuple[str, ...]]] = {
    HOSTILE_ROWS: (),
    "row level security": ("contract/test_rls_matrix.py", "db/test_access.py"),
    "fairness": ("db/test_order.py", "db/test_budgets.py", "db/test_limits.py"),
    "keys and tokens": (
        "integration/gateway/test_admission.py",
        "integration/gateway/test_ending.py",
        "db/test_api_keys.py",
        "unit/gateway/test_tokens.py",
    ),
    "slow clients": ("unit/gateway/test_slow_clients.py",),
    "requests": ("integration/gateway/test_bad_requests.py", "integration/gateway/test_walls.py"),
    "folders": ("unit/cogo/test_trust.py",),
    "terminal escapes": ("unit/cogo/test_terminal.py", "integration/cli/test_escapes.py"),
    "secrets": ("unit/cogo/test_redaction.py", "unit/providers/test_secrets.py"),
    "sandbox": ("integration/sandbox/test_escapes.py", "integration/sandbox/test_ends.py"),
    "workflows": (
        "unit/agents/workflows/test_host.py",
        "unit/agents/orchestrator/test_flows.py",
        "db/test_flow_limits.py",
        "db/test_sent_events.py",
        "db/test_approvals.py",
        "db/test_child_limits.py",
    ),
    "tests that judge": (
        "unit/agents/workflows/test_judging_files.py",
        "unit/agents/sandbox/test_command_checks.py",
        "integration/agents/test_python_checks.py",
        "integration/agents/test_node_checks.py",
    ),
    "models' output": ("unit/agents/executor/test_output_checks.py",),
}
