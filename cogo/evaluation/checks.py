"""Checks of an evaluation: each is run once, however many configurations need it."""

import json
from typing import Any

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.report import Report


class RememberedChecks:
    """Runs checks in the sandbox, and keeps their reports.

    Configurations share answers: what a model achieves alone, it also does in a chain.
    """

    def __init__(self, runner: CheckRunner) -> None:
        self.runner = runner
        self._reports: dict[str, Report] = {}

    async def run(self, params: Any) -> Report:
        """Run a check, or return the report of an equal one."""
        key = json.dumps(params, sort_keys=True)
        if key not in self._reports:
            self._reports[key] = await self.runner.run(params)
        return self._reports[key]
