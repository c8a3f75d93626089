"""The code and the files inside an answer."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.extraction.answer import extract_code
from tests.support.eventually import fail_on_hang

CODE = st.text(st.sampled_from("ab(): \n\t#\"'`~"), max_size=80).map(lambda text: text + "\n")
NAMES = st.sampled_from(["src/a.py", "b.py", "web/page.tsx", "Dockerfile", "conf/x.unknown"])


def render(code: str, mark: str, info: str) -> str:
    """Put code into a fence that is longer than every fence in it."""
    fence = mark * 3
    while fence in code:
        fence += mark
    return f"{fence}{info}\n{code}{fence}\n"


@given(code=CODE, mark=st.sampled_from("`~"), language=st.sampled_from(["", "py", "rust"]))
def test_code_comes_out_of_its_fence_as_it_went_in(code: str, mark: str, language: str) -> None:
    answer = f"Here it is:\n\n{render(code, mark, language)}\nHave fun."

    assert extract_code(answer).code == code


@given(
    files=st.dictionaries(NAMES, CODE, min_size=2),
    info=st.sampled_from(["text title={}", "text:{}", 'text file="{}"']),
)
def test_several_files_come_out_of_their_fences_as_they_went_in(
    files: dict[str, str], info: str
) -> None:
    answer = "And:\n".join(render(code, "`", info.format(path)) for path, code in files.items())

    assert extract_code(answer).files == files


@given(code=CODE, depth=st.integers(1, 8))
def test_code_in_a_list_loses_the_indent_of_its_fence(code: str, depth: int) -> None:
    indent = " " * depth
    answer = render(code, "`", "py")
    indented = "\n".join(indent + line for line in answer.split("\n"))

    assert extract_code(f"1. Do this:\n{indented}").code == code


@given(answer=st.text().filter(lambda text: "```" not in text and "~~~" not in text))
def test_an_answer_without_a_fence_is_all_code(answer: str) -> None:
    assert extract_code(answer, language="rust").code == answer


@given(answer=st.text(st.sampled_from("`~ \n{}<>&\"'ab:/.#@+-\0"), max_size=300))
def test_no_answer_is_too_strange(answer: str) -> None:
    extracted = extract_code(answer, language="python", target_file="a.py")

    assert all(not path.startswith(("/", "..")) for path in extracted.files)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("```py\nlong program\n```\nUse it:\n```py\nrun()\n```\n", "long program\n"),
        ("```sh\nls and some more\n```\n```py\nprogram\n```", "program\n"),
        ("```py\nthe answer was cut", "the answer was cut"),
        ("```sh\nls\n```\nNow:\n```py\nthe longer answer was cut", "the longer answer was cut"),
        ("````md\n```py\ninner\n```\n````", "```py\ninner\n```\n"),
        ("```md\n# Use\n```sh\nls\n```\nthe end\n```\n", "# Use\n```sh\nls\n```\nthe end\n"),
        ('```py\n"""\n    ```\n    x\n    ```\n"""\n```\n', '"""\n    ```\n    x\n    ```\n"""\n'),
        ("```py\none = '''\n```sh\n'''\n```\nand so on", "one = '''\n```sh\n'''\n"),
        ("~~~\n```\ninner\n```\n~~~", "```\ninner\n```\n"),
        ("  ```py\n  indented\n  ```\n", "indented\n"),
        ("```py\r\nx = 1\r\n```\r\n", "x = 1\r\n"),
        ("```py\nx = 1\n`````\nthe end", "x = 1\n"),
        ("```x = 1``` is all", "```x = 1``` is all"),
        ("Call ``` never", "Call ``` never"),
        ("", ""),
        ("```py\n```\n", ""),
        ("<think>Perhaps:\n```py\nwrong = 0, and long\n```\n</think>\n```py\nx\n```", "x\n"),
        ("Perhaps:\n```py\nlong and wrong\n```\n</think>\n```py\nx\n```", "x\n"),
        ("<think>\n```py\nnever closed\n```", "never closed\n"),
        ("```c\nif (a &lt; b &amp;&amp; c) {}\n```", "if (a < b && c) {}\n"),
        ("```py\nif a &lt; b:\n    c(&quot;d&quot;)\n```", 'if a < b:\n    c("d")\n'),
        ('```py\nx = "&lt; &amp; &gt;"\n```', 'x = "&lt; &amp; &gt;"\n'),
        ("```html\n1 &lt; 2\n```", "1 &lt; 2\n"),
        (json.dumps({"code": "x = 1\n", "language": "python"}), "x = 1\n"),
        (json.dumps({"answer": "Here:\n```py\nx = 1\n```\n"}), "x = 1\n"),
        ('```json\n{"code": "x = 1"}\n```\n', "x = 1"),
        ('{"name": "a package", "files": ["dist"]}', '{"name": "a package", "files": ["dist"]}'),
    ],
)
def test_answers_as_models_write_them(answer: str, code: str) -> None:
    assert extract_code(answer).code == code


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Here is the function:\n\nx = 1\n\nIt sets the x.", "x = 1\n"),
        ("Here is the function:\n\nx = 1", "x = 1\n"),
        ("x = 1\n", "x = 1\n"),
        ("Here is the function:\n\nx = = 1", "Here is the function:\n\nx = = 1"),
        ("def f():\n    return 1\n    retur", "def f():\n    return 1\n    retur"),
        ("I cannot do that for you.", "I cannot do that for you."),
    ],
)
def test_sentences_around_unfenced_code_are_left_out_if_it_parses(answer: str, code: str) -> None:
    assert extract_code(answer, language="python").code == code


@pytest.mark.parametrize(
    "before",
    [
        "File: src/a.py",
        "**File: `src/a.py`**",
        "### src/a.py",
        "### 2. `src/a.py`\n",
        "`src/a.py`:\n",
        "**src/a.py**",
        "src/a.py",
        "Create `src/a.py`:",
        "Filename: `src/a.py`",
    ],
)
def test_the_line_before_a_fence_names_the_file(before: str) -> None:
    answer = f"{before}\n```python\nx = 1\n```\n### Dockerfile\n```\nFROM x\n```\n"

    assert extract_code(answer).files == {"src/a.py": "x = 1\n", "Dockerfile": "FROM x\n"}


@pytest.mark.parametrize(
    "info",
    [
        "python title=src/a.py",
        'python title="src/a.py"',
        "python filename='src/a.py' linenos",
        "python:src/a.py",
        "python src/a.py",
        "python (src/a.py)",
        "src/a.py",
        "12:15:src/a.py",
        "{.python file=src/a.py}",
    ],
)
def test_the_fence_names_the_file(info: str) -> None:
    extracted = extract_code(f"```{info}\nx = 1\n```")

    assert extracted.files == {"src/a.py": "x = 1\n"}
    assert extracted.language == "python"


@pytest.mark.parametrize(
    "comment",
    [
        "# src/a.ts",
        "// file: src/a.ts",
        "/* src/a.ts */",
        "#!/usr/bin/env node\n// src/a.ts",
        "// Path: src/a.ts",
        "<!-- src/a.ts -->",
    ],
)
def test_the_first_comment_names_the_file(comment: str) -> None:
    code = f"{comment}\nx\n"

    assert extract_code(f"```ts\n{code}```").files == {"src/a.ts": code}


@pytest.mark.parametrize(
    "answer",
    [
        "Run `src/a.py`:\n```bash\npython src/a.py\n```\n",
        "This is better than `src/a.py`.\n```python\nx\n```\n",
        "Move `a.py` to `b.py`:\n```python\nx\n```\n",
        "With node.js:\n```js\nx\n```\n",
        "```py\n# Read the docs, e.g. a.py for more\nx\n```\n",
    ],
)
def test_a_file_that_is_only_mentioned_names_nothing(answer: str) -> None:
    (path,) = extract_code(answer).files

    assert path.startswith("solution.")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x.py",
        "a/../../x.py",
        ".git/hooks/pre-commit",
        "a/.GIT/config",
        "C:/x.py",
        "~/x.py",
        "a\\b.py",
        "a\0.py",
        "a/",
    ],
)
def test_hostile_paths_are_refused_and_named(path: str) -> None:
    answer = f"```python title={path}\nevil = 1\n```\n```python title=ok.py\nx\n```\n"
    as_json = json.dumps({"files": {path: "evil = 1", "ok.py": "x\n"}})

    for each in (answer, as_json):
        extracted = extract_code(each)
        assert extracted.files == {"ok.py": "x\n"}
        (problem,) = extracted.problems
        assert "repository" in problem


def test_files_of_json_answers() -> None:
    files = [{"path": "a.py", "content": "x = 1"}, {"file": "b.py", "code": "y = 2"}]

    assert extract_code(json.dumps({"files": files})).files == {"a.py": "x = 1", "b.py": "y = 2"}


def test_the_program_is_the_file_that_was_asked_for() -> None:
    answer = "```py title=b.py\nmuch longer\n```\n```py title=src/a.py\nx\n```\n"

    extracted = extract_code(answer, target_file="src/a.py")
    assert (extracted.code, set(extracted.files)) == ("x\n", {"b.py", "src/a.py"})
    # A model that shortens the path means the same file.
    extracted = extract_code(answer, target_file="lib/src/a.py")
    assert (extracted.code, set(extracted.files)) == ("x\n", {"b.py", "lib/src/a.py"})
    # Without it, no other file takes its place silently.
    extracted = extract_code(answer, target_file="c.py")
    assert extracted.problems == ("the answer has no file c.py",)


def test_tests_beside_a_program_are_not_the_program() -> None:
    answer = "```py title=a.py\nx\n```\n```py title=test_a.py\nmuch longer\n```\n"

    extracted = extract_code(answer, target_file="src/b.py")

    assert extracted.files == {"src/b.py": "x\n", "test_a.py": "much longer\n"}


def test_the_last_version_of_a_file_counts() -> None:
    answer = "```py title=a.py\nwrong\n```\nBetter:\n```py title=a.py\nright\n```\n"

    assert extract_code(answer).files == {"a.py": "right\n"}


@pytest.mark.parametrize("fence", ["```diff\n{}```\n", "Here is the change.\n\n{}\nThat is all.\n"])
def test_a_diff_is_named_one(fence: str) -> None:
    diff = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"

    extracted = extract_code(fence.format(diff), language="python", target_file="x.py")

    assert extracted.is_diff
    assert extracted.code == diff
    assert not extracted.files


HEAVY: dict[str, Callable[[int], str]] = {
    "tildes": lambda n: "~" * n,
    "backticks": lambda n: "`" * n,
    "backticks that cannot open": lambda n: "`" * n + "x`\n",
    "fences that do not close": lambda n: "```\n" + "``` x\n" * n,
    "fences that are not balanced": lambda n: "```a\n```b\n```\n" * n,
    "fences of two kinds": lambda n: "```a\n~~~b\n" * n,
    "closings with more behind": lambda n: "~~~\n" + "~" * n + "x\n",
    "spaces behind a closing": lambda n: "~~~\nx\n~~~" + " " * n + "x\n",
    "many blocks": lambda n: "```\n```\n" * n,
    "labels": lambda n: ("file " + " " * 490 + "\n```\n#" + " " * 490 + "\n```\n") * (n // 100),
    "thinking": lambda n: "<think>" * n,
    "sentences": lambda n: "A b" + " c" * n,
    "entities": lambda n: "a&lt;" * n,
    "json": lambda n: '{"code":' * n,
    "headers of diffs": lambda n: "--- a\n+++ b\n" * n,
}


@pytest.mark.parametrize("name", HEAVY)
def test_each_character_is_read_a_few_times_only(name: str) -> None:
    size = 500_000 * 1_000 // len(HEAVY[name](1_000))

    with fail_on_hang():
        extract_code(HEAVY[name](size), language="python")


@pytest.mark.parametrize(
    ("answer", "language"),
    [
        ("```Python\nx = 1\n```", "python"),
        ("Look:\n```js\nlet x\n```\nand\n~~~ rust ignore\nfn main() {}\n~~~", "rust"),
        ("```rust,ignore\nfn main() {}\n```", "rust"),
        ("```{.python .numberLines}\nx\n```", "python"),
        ("```\nx\n```", None),
        ("x = 1", None),
    ],
)
def test_the_fence_of_the_program_names_its_language(answer: str, language: str | None) -> None:
    assert extract_code(answer).language == language


def test_code_of_the_language_that_was_asked_for_comes_first() -> None:
    answer = "```js\nmuch longer\n```\n```ts\nx\n```\n```python\ny\n```\n"

    assert extract_code(answer, language="py").code == "y\n"
    assert extract_code(answer, language="typescript").code == "much longer\n"
