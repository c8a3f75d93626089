"""Names in the params of a subtask, which orchestrators write and executors read."""

from typing import Final

NOTES: Final = "notes"
"""Notes about the task's params, for the result."""
DRAFT: Final = "draft"
"""Whether its answer is for the workflow only, not part of a conversation."""
WITH_HISTORY: Final = "with_history"
"""Whether it gets the earlier messages of the session; false: no."""
RESPONSE_SCHEMA: Final = "response_schema"
"""JSON Schema that the answer must follow."""
CODE_TYPES: Final = frozenset({"GENERATE_CODE", "OPTIMIZE_CODE"})
"""Types of tasks whose answers are code."""
EXTRACT_CODE: Final = "extract_code"
"""Whether the code of the answer is extracted, whatever the type of the task."""
UNVERIFIED: Final = "unverified_reason"
"""Why the code of the answer is not run, for the result."""
FOR_STATISTICS: Final = ("after", "judges", "tests_by")
"""Names in the request of a step that say what its end shows of models; no params of the work."""
PROBLEM: Final = "problem"
"""Name in the request of a call that nobody can do: why it has failed before it began."""
