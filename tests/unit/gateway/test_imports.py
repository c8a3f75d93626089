"""What a gateway imports only when it is first asked for."""

import subprocess
import sys


def test_a_gateway_starts_without_the_protocol_of_mcp_and_without_the_sandbox() -> None:
    later = {"mcp", "mcp_types", "agents.sandbox", "agents.tools.own"}
    program = f"import sys, cogo.process.gateway; print({later} & sys.modules.keys())"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ended.stdout == "set()\n"
