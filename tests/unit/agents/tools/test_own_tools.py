"""Our own tools: files of the task, pages of allowed hosts."""

import gzip
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from agents.fetching import AllowList, Fetcher
from agents.tools.host import ToolFailed
from agents.tools.own import OwnTools, build_own_tools
from agents.tools.own.repository import list_task_files
from agents.tools.own.text_process import extract_text
from agents.tools.params import CALL_NAME
from agents.tools.toolbox import OWN_NAMES, ToolContext, ToolOutput
from protocol.json_schema import check_schema
from tests.support.files.pictures import draw_png
from tests.support.servers.raw_http import RawHttpServer, build_answer, serve_raw

FILES = {
    "src/a.py": "import os\n\ndef add(a, b):\n    return a + b\n",
    "src/b.py": "from a import ADD\n",
    "notes.md": "Add nothing.\n",
}
TASK = {"files": FILES, "target_file": "src/main.py", "code_context": "add(1, 2)\n"}


def build_context(params: Mapping[str, Any] = TASK) -> ToolContext:
    return ToolContext(
        task_id=uuid4(), subtask_id=uuid4(), attempt=1, key="main", owner=None, params=params
    )


TOOLS = build_own_tools(checks=None, fetcher=Fetcher(AllowList()))


async def run(name: str, tools: OwnTools = TOOLS, **arguments: Any) -> ToolOutput:
    return await tools.run_tool(f"cogo:{name}", arguments, build_context())


async def read(name: str, **arguments: Any) -> Any:
    output = await run(name, **arguments)
    assert not output.is_error, output.content
    return output.content


async def test_what_cannot_be_used_is_not_offered() -> None:
    assert TOOLS.names == [
        "cogo:ask_person", "cogo:list_files", "cogo:read_file", "cogo:search_files"
    ]  # fmt: skip
    with pytest.raises(ToolFailed, match="no tool is named cogo:run_code"):
        await run("run_code", language="python", code="1")


def test_the_names_of_all_own_tools_are_known() -> None:
    assert {*TOOLS.names, *TOOLS.missing} == OWN_NAMES


async def test_every_tool_can_be_offered_to_every_vendor() -> None:
    tools = build_own_tools(checks=None, fetcher=Fetcher(AllowList.parse(["example.com"])))
    for each in await tools.list_tools():
        assert CALL_NAME.fullmatch(each.call_name)
        assert check_schema(each.parameters) is None
        assert each.parameters["type"] == "object"
        assert "title" not in str(each.parameters)
        assert each.is_idempotent
        assert each.description


async def test_models_read_what_is_said_of_arguments() -> None:
    tools = build_own_tools(checks=None, fetcher=Fetcher(AllowList.parse(["example.com"])))
    offered = {each.call_name: each.parameters["properties"] for each in await tools.list_tools()}

    assert "complete in itself" in offered["ask_person"]["question"]["description"]
    assert "to read a long page in parts" in offered["fetch_url"]["offset"]["description"]
    assert "`*` crosses folders" in offered["search_files"]["pattern"]["description"]


async def test_files_are_listed() -> None:
    listed = await read("list_files", pattern="./src/*.py")

    assert [each["path"] for each in listed["files"]] == ["src/a.py", "src/b.py", "src/main.py"]
    assert listed["files"][0] == {"path": "src/a.py", "characters": 43, "lines": 5}
    empty = await TOOLS.run_tool("cogo:list_files", {}, build_context({}))
    assert empty.content == {"files": [], "note": "The task has no files."}


async def test_files_are_read_in_parts() -> None:
    whole = await read("read_file", path="./src/a.py")
    part = await read("read_file", path="src/a.py", first_line=3, last_line=3)

    assert whole == {"lines": 4, "first_line": 1, "text": FILES["src/a.py"]}
    assert part["text"] == "def add(a, b):\n"


async def test_long_files_are_cut() -> None:
    long = "".join(f"line {number}\n" for number in range(1, 10_001))
    context = build_context({"files": {"long.txt": long}})
    parts, first = "", 1
    while True:
        arguments = {"path": "long.txt", "first_line": first}
        output = await TOOLS.run_tool("cogo:read_file", arguments, context)
        content: Any = output.content
        if "cut" not in content:
            break
        first = int(content["cut"].split()[5].rstrip(";"))
        parts += content["text"].rpartition("\n")[0] + "\n"
    assert parts + content["text"] == long


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("src/A.py", "there are, for example, src/"),
        ("../../etc/passwd", "must be inside the repository"),
        ("/etc/passwd", "must be inside the repository"),
        ("src/../../x", "must be inside the repository"),
        (".git/config", "must be inside the repository"),
        ("nowhere", "there is no file 'nowhere'"),
    ],
)
async def test_only_files_of_the_task_are_read(path: str, problem: str) -> None:
    output = await run("read_file", path=path)

    assert output.is_error
    assert problem in str(output.content)


def test_files_outside_are_no_files_of_a_task() -> None:
    params = {
        "files": {"../x": "x", "/etc/passwd": "x", "ok": "x", "no text": 5, 7: "x"},
        "tests": "text",
        "target_file": "../main.py",
        "code_context": "the context",
    }
    assert list_task_files(params) == {"code_context.txt": "the context", "ok": "x"}
    assert list_task_files({"files": ["x"], "code_context": 5}) == {}


async def test_texts_and_regular_expressions_are_found() -> None:
    text = await read("search_files", query="add(")
    pattern = await read("search_files", query=r"\badd\b", is_regex=True, ignore_case=True)
    narrow = await read("search_files", query="ADD", ignore_case=True, pattern="*.md")

    assert text == {
        "matches": [
            {"path": "src/a.py", "line": 3, "text": "def add(a, b):"},
            {"path": "src/main.py", "line": 1, "text": "add(1, 2)"},
        ]
    }
    assert [each["path"] for each in pattern["matches"]] == [
        "notes.md", "src/a.py", "src/b.py", "src/main.py",
    ]  # fmt: skip
    assert [each["path"] for each in narrow["matches"]] == ["notes.md"]


async def test_a_search_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.tools.own.text_process._SECONDS", 0.5)
    context = build_context({"files": {"a": "a" * 60 + "!"}})
    arguments = {"query": "(a+)+$", "is_regex": True}

    output = await TOOLS.run_tool("cogo:search_files", arguments, context)

    assert (output.is_error, output.content) == (True, "the regular expression takes too long")


async def test_many_matches_are_cut_and_a_wrong_expression_is_explained() -> None:
    context = build_context({"files": {"a": "x\n" * 1_000}})
    for is_regex in (True, False):
        arguments = {"query": "x", "is_regex": is_regex}
        output = await TOOLS.run_tool("cogo:search_files", arguments, context)
        content: Any = output.content
        assert len(content["matches"]) == 100
        assert "there are more" in content["cut"]
    wrong = await run("search_files", query="(", is_regex=True)
    assert wrong.is_error
    assert "cannot be used: missing )" in str(wrong.content)


@pytest.mark.parametrize(
    "arguments", [{}, {"path": 5}, {"path": "a", "first_line": 0}, {"path": "a", "mode": "w"}]
)
async def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolFailed) as refused:
        await run("read_file", **arguments)
    assert refused.value.error_class == "invalid_arguments"


@pytest.fixture
async def server() -> AsyncIterator[RawHttpServer]:
    async with serve_raw() as it:
        yield it


async def fetch(server: RawHttpServer, path: str = "/", **arguments: Any) -> ToolOutput:
    fetcher = Fetcher(AllowList.parse([server.entry]))
    tools = build_own_tools(checks=None, fetcher=fetcher)
    return await run("fetch_url", tools, url=server.url(path), **arguments)


PAGE = """<html><head><title>The &amp; title</title><style>b{}</style></head>
<body><h1>Head</h1><script>alert(1)</script><p>One   <b>two</b><br>three</p>
<ul><li><a href="/next?a=1&amp;b=2">Next</a></li><li><a href="javascript:x()">Bad</a></li></ul>
</body></html>"""


async def test_a_page_is_read_as_text(server: RawHttpServer) -> None:
    server.answers["/"] = build_answer(PAGE.encode(), "Content-Type: text/html")

    output = await fetch(server)

    text = f"Head\nOne two\nthree\n\nNext <{server.url('/next?a=1&b=2')}>\nBad"
    assert output.content == {
        "url": server.url("/"), "type": "text/html", "title": "The & title",
        "characters": len(text), "text": text,
    }  # fmt: skip


async def test_the_encoding_of_a_page_is_found() -> None:
    html = "<p>Grüße</p>".encode("iso-8859-1")

    assert await extract_text(html, charset="iso-8859-1", url="https://x") == ("", "Grüße")
    assert (await extract_text("<p>Grüße</p>".encode(), charset=None, url="https://x"))[
        1
    ] == "Grüße"
    assert (await extract_text(html, charset="no-such-thing", url="https://x"))[1].startswith("Gr")


async def test_a_long_text_is_read_in_parts(server: RawHttpServer) -> None:
    text = "0123456789" * 2_500
    server.answers["/"] = build_answer(text.encode(), "Content-Type: text/plain; charset=nonsense")

    first: Any = (await fetch(server)).content
    rest: Any = (await fetch(server, offset=20_000)).content

    assert first["cut"] == "it goes on at offset 20000"
    assert "cut" not in rest
    assert first["text"] + rest["text"] == text


async def test_an_image_is_shown(server: RawHttpServer) -> None:
    server.answers["/"] = build_answer(draw_png(), "Content-Type: image/png")

    output = await fetch(server)

    assert [each.media_type for each in output.attachments] == ["image/png"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (build_answer(b"<svg>", "Content-Type: image/png"), "something else, not image/png"),
        (build_answer(b"%PDF-1", "Content-Type: application/pdf"), "does not read"),
        (build_answer(b"x", "Content-Type: application/zip"), "does not read"),
        (build_answer(b"", status="404 Not Found"), "HTTP 404"),
        (build_answer(b"", "Location: http://169.254.169.254/", status="302 Found"), "only https"),
        (build_answer(gzip.compress(b"x"), "Content-Encoding: gzip"), "compressed"),
        (build_answer(b"x" * 6_000_000, "Content-Type: text/html"), "larger than"),
    ],
)
async def test_what_cannot_be_read_is_explained(
    server: RawHttpServer, answer: bytes, problem: str
) -> None:
    server.answers["/"] = answer

    output = await fetch(server)

    assert output.is_error
    assert problem in str(output.content)


async def test_a_hostile_page_ends(server: RawHttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.tools.own.text_process._SECONDS", 0.5)
    server.answers["/"] = build_answer(b"<div>" * 50_000, "Content-Type: text/html")

    output = await fetch(server)

    assert (output.is_error, output.content) == (True, "the page takes too long")


async def test_a_host_that_is_not_allowed_is_refused(server: RawHttpServer) -> None:
    tools = build_own_tools(checks=None, fetcher=Fetcher(AllowList.parse(["example.com"])))

    output = await run("fetch_url", tools, url=server.url("/"))

    assert output.is_error
    assert "[fetch] allow" in str(output.content)
    assert server.requests == []
