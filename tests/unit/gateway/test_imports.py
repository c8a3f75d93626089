"""What a gateway imports only when it is asked for it."""

import subprocess
import sys


def test_a_gateway_starts_without_the_protocol_of_mcp() -> None:
    program = "import sys, cogo.process.gateway; print({'mcp', 'mcp_types'} & sys.modules.keys())"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ended.stdout == "set()\n"
