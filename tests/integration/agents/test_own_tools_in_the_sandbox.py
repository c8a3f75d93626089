"""Our tools that run in the real sandbox: code and images."""

import io
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from agents.fetching import AllowList, Fetcher
from agents.tools.host import ToolFailed
from agents.tools.own import OwnTools, build_own_tools
from agents.tools.toolbox import ToolContext, ToolOutput
from providers.chat import Attachment
from tests.support.agents.checks import open_real_runner
from tests.support.files.pictures import GIF, draw_png


@pytest.fixture
async def tools(tmp_path_factory: pytest.TempPathFactory) -> OwnTools:
    folder = tmp_path_factory.getbasetemp() / "toolchain-of-own-tools"
    runner = await open_real_runner(folder)
    return build_own_tools(checks=runner, fetcher=Fetcher(AllowList()))


async def run(tools: OwnTools, name: str, *images: bytes, **arguments: Any) -> ToolOutput:
    context = ToolContext(
        task_id=uuid4(), subtask_id=uuid4(), attempt=1, key="main", owner=None,
        params={"files": {"data/numbers.txt": "1\n2\n3\n"}},
        attachments=tuple(Attachment(media_type="image/png", data=each) for each in images),
    )  # fmt: skip
    return await tools.run_tool(f"cogo:{name}", arguments, context)


async def test_code_is_run_with_its_files(tools: OwnTools) -> None:
    code = "import sys, pathlib\nprint(sum(map(int, open('data/numbers.txt'))), sys.stdin.read())"
    code += "\nprint(pathlib.Path('more.txt').read_text(), file=sys.stderr)\nsys.exit(3)"
    files = {"more.txt": "more"}

    output = await run(tools, "run_code", language="python", code=code, stdin="in", files=files)

    content: Any = output.content
    assert (content["exit_code"], content["stdout"], content["stderr"]) == (3, "6 in\n", "more\n")
    assert not output.is_error
    shell: Any = (await run(tools, "run_code", language="shell", code="echo $((6*7))")).content
    assert shell["stdout"] == "42\n"


async def test_code_has_limits_and_no_network(tools: OwnTools) -> None:
    late: Any = (
        await run(tools, "run_code", language="python", code="while True: pass", seconds=0.5)
    ).content
    long: Any = (
        await run(tools, "run_code", language="python", code="print('x' * 50_000)")
    ).content
    code = "import socket\nsocket.create_connection(('1.1.1.1', 53), 1)"
    closed: Any = (await run(tools, "run_code", language="python", code=code)).content

    assert "its limit of 0.5 s" in late["ended"]
    assert long["cut"] is True
    assert len(long["stdout"]) < 13_000
    assert closed["exit_code"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"language": "cobol", "code": "x"},
        {"language": "python", "code": "1", "files": {"../x": "y"}},
        {"language": "python", "code": "1", "files": {".cogo-stdin": "y"}},
        {"language": "python"},
    ],
)
async def test_what_cannot_be_run_is_refused(tools: OwnTools, arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolFailed) as refused:
        await run(tools, "run_code", **arguments)
    assert refused.value.error_class == "invalid_arguments"


async def test_a_part_of_an_image_is_shown(tools: OwnTools) -> None:
    picture = Image.new("RGB", (400, 200), "red")
    picture.paste((0, 0, 255), (100, 50, 200, 100))
    file = io.BytesIO()
    picture.save(file, "PNG")
    crop = {"left": 90, "top": 40, "width": 20, "height": 20}

    whole = await run(tools, "view_image", GIF, file.getvalue(), image=2)
    part = await run(tools, "view_image", file.getvalue(), crop=crop, max_side=100)

    content: Any = whole.content
    assert (content["width"], content["height"], content["format"]) == (400, 200, "PNG")
    shown: Any = part.content
    assert shown["shown"] == {"width": 100, "height": 100}
    with Image.open(io.BytesIO(part.attachments[0].data or b"")) as seen:
        assert seen.convert("RGB").getpixel((10, 10)) == (255, 0, 0)
        assert seen.convert("RGB").getpixel((90, 90)) == (0, 0, 255)


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (b"nonsense", "UnidentifiedImageError"),
        (draw_png(claims=(30_000, 30_000)), "DecompressionBomb"),
        (draw_png(claims=(9_000, 9_000)), "9000 x 9000 pixels"),
        (draw_png(20, 20, claims=(5_000, 5_000)), "cannot be shown"),
        (draw_png()[:50], "cannot be shown"),
    ],
)
async def test_hostile_images_are_errors(tools: OwnTools, image: bytes, problem: str) -> None:
    output = await run(tools, "view_image", image)

    assert output.is_error
    assert problem in str(output.content)


async def test_an_image_that_is_not_there_is_explained(tools: OwnTools) -> None:
    none = await run(tools, "view_image")
    few = await run(tools, "view_image", GIF, image=2)
    outside = await run(
        tools, "view_image", GIF, crop={"left": 5, "top": 5, "width": 1, "height": 1}
    )

    assert none.content == "no image came with the task"
    assert "there are 1 images" in str(few.content)
    assert "the part is outside" in str(outside.content)
    assert none.is_error
    assert few.is_error
    assert outside.is_error


async def test_nothing_of_this_machine_is_seen(tools: OwnTools, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    code = f"print(open({str(secret)!r}).read())"

    content: Any = (await run(tools, "run_code", language="python", code=code)).content

    assert content["exit_code"] == 1
    assert content["stdout"] == ""
