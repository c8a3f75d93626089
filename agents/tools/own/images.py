"""The tool that shows a part of an attached image, opened in the sandbox."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.job import Job, RunLimits, SandboxBroken
from agents.tools.host import ToolFailed
from agents.tools.own import image_program
from agents.tools.own.offer import (
    ToolArguments,
    build_error_output,
    describe_own_tool,
    parse_tool_arguments,
)
from agents.tools.toolbox import OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import TOOL_FAILED
from providers.chat import Attachment

_LIMITS: Final = RunLimits(wall_seconds=30, cpu_seconds=30, memory_mb=1024, disk_mb=64)
_MAX_BYTES: Final = 400_000
"""Of the part that is shown, so that it can be stored with the transcript."""
_RESULT: Final = "result.json"
_PART: Final = "part"


class _Crop(ToolArguments):
    left: int = Field(ge=0, le=1_000_000)
    top: int = Field(ge=0, le=1_000_000)
    width: int = Field(ge=1, le=1_000_000)
    height: int = Field(ge=1, le=1_000_000)


class _Arguments(ToolArguments):
    image: int = Field(default=1, ge=1, le=100, description="Which of the attached images, from 1.")
    crop: _Crop | None = Field(
        default=None,
        description="The part to show, in pixels of the original; without it the whole image.",
    )
    max_side: int = Field(
        default=1_024,
        ge=16,
        le=2_048,
        description="The longer side of what is shown, in pixels; smaller parts are not enlarged "
        "beyond it.",
    )


class ViewImage:
    """Measures an attached image, and shows it or a part of it."""

    def __init__(self, checks: CheckRunner, library: Path) -> None:
        self._checks = checks
        self._library = library
        """The folder of Pillow, which the sandbox sees."""

    @property
    def offer(self) -> OfferedTool:
        """How models get to know it."""
        text = (
            "Look closer at an image that came with the task: returns its width, height and "
            "format, and shows it or a part of it, enlarged. Use it to read small text or to "
            "measure positions."
        )
        return describe_own_tool("view_image", _Arguments, text, seconds=_LIMITS.wall_seconds + 30)

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Return the measures and the part of an image. Raises ToolFailed."""
        asked = parse_tool_arguments(_Arguments, arguments)
        images = [each for each in context.attachments if each.is_image and each.data is not None]
        if not images:
            return build_error_output("no image came with the task")
        if asked.image > len(images):
            return build_error_output(
                f"there are {len(images)} images: image is 1 to {len(images)}"
            )
        image = images[asked.image - 1]
        crop = asked.crop.model_dump() if asked.crop else None
        request = {"crop": crop, "max_side": asked.max_side, "most": _MAX_BYTES}
        return await self._open(image, request)

    async def _open(self, image: Attachment, request: Mapping[str, Any]) -> ToolOutput:
        try:
            outcome = await self._checks.sandbox.run(self._build_job(image, request))
        except (SandboxBroken, OSError) as error:
            raise ToolFailed(TOOL_FAILED, f"the sandbox could not open it: {error}") from error
        try:
            result = dict(json.loads(outcome.files[_RESULT]))
        except (KeyError, TypeError, ValueError):
            return build_error_output("the image cannot be opened: it is damaged, or too large")
        part = outcome.files.get(_PART)
        if part is None or "problem" in result:
            return build_error_output(
                f"the image cannot be shown: {str(result.get('problem'))[:300]}"
            )
        kind = "image/png" if part.startswith(b"\x89PNG") else "image/jpeg"
        shown = Attachment(media_type=kind, data=part, name=image.name)
        return ToolOutput(content=result, attachments=(shown,))

    def _build_job(self, image: Attachment, request: Mapping[str, Any]) -> Job:
        python = self._checks.python
        if python is None:
            raise ToolFailed(TOOL_FAILED, self._checks.why_not_python)
        folder = self._library.parent
        libraries = (self._library, folder / "pillow.libs")  # the second is on Linux only
        return Job(
            files={
                "image": image.data or b"",
                "request.json": json.dumps({**request, "folder": str(folder)}).encode(),
                "view.py": Path(image_program.__file__).read_bytes(),
            },
            command=[str(python.interpreter), "-I", "-S", "-B", "view.py"],
            limits=_LIMITS,
            readable=(*python.readable, *(each for each in libraries if each.is_dir())),
            collect=[_RESULT, _PART],
        )
