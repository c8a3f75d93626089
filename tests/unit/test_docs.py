"""The documents: every page is linked, and every link resolves."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
START = (ROOT / "README.md", ROOT / "docs" / "README.md")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Yield the local targets of a page with their fragments."""
    for target in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
        if not re.match(r"[a-z]+:", target):
            path, _, fragment = target.partition("#")
            yield ((page.parent / path).resolve() if path else page), fragment


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _CODE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def pages() -> list[Path]:
    found = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), ROOT / "supabase" / "README.md"]
    return [page for page in found if page.exists()]


def test_every_link_leads_to_a_file_and_a_heading_that_exist() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}#{fragment}"
        for page in pages()
        for target, fragment in links(page)
        if not target.exists() or (fragment and fragment not in anchors(target))
    ]
    assert broken == []


def test_every_document_can_be_reached_from_the_start_pages() -> None:
    reached: set[Path] = set()
    waiting = [page.resolve() for page in START]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        waiting += [target for target, _ in links(page) if target.suffix == ".md"]
    documents = {page.resolve() for page in (ROOT / "docs").rglob("*.md")}
    assert sorted(str(page.relative_to(ROOT)) for page in documents - reached) == []


def test_every_path_that_a_document_names_exists() -> None:
    tops = {path.name for path in ROOT.iterdir() if path.is_dir()}
    named = {
        f"{page.relative_to(ROOT)}: {path}"
        for page in pages()
        if page.name != "CHANGELOG.md"
        for path in re.findall(r"`([\w.-]+/[\w./-]*)`", _CODE.sub("", page.read_text("utf-8")))
        if path.partition("/")[0] in tops and not (ROOT / path).exists()
    }

    assert sorted(named) == []


def test_examples_of_commands_name_tools_that_the_example_of_tools_has() -> None:
    source = (ROOT / "examples" / "tools" / "orders.py").read_text("utf-8")
    there = {"all", "none", *re.findall(r"^@tool.*\ndef (\w+)", source, re.MULTILINE)}
    named = {
        name
        for page in pages()
        for name in re.findall(r"--tool ([a-z_]+)\b(?![.:/])", page.read_text("utf-8"))
    }
    assert "find_orders" in named
    assert named - there == set()


def options() -> dict[tuple[str, ...], set[str]]:
    """Return the options of each command by the reference, which is made from the program."""
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    found: dict[tuple[str, ...], set[str]] = {}
    defaults = {}
    for section in re.split(r"^##+ cogo ", reference, flags=re.MULTILINE)[1:]:
        path = tuple(section.partition("\n")[0].split())
        rows = re.findall(r"^\| (`-.*?) \|", section, re.MULTILINE)
        known = {
            each for row in rows for each in re.findall(r"--?[a-z0-9-]+", row.partition("<")[0])
        }
        found[path] = known | {"--help", "-h"}
        if default := re.search(r"alone runs `(.+?)`", section):
            defaults[path] = (*path, *default[1].split())
    found["supabase", "psql"] |= {"-c", "-f", "-1"}  # options of psql
    return found | {path: found[default] for path, default in defaults.items()}


def lex(line: str) -> list[str]:
    """Return the words of a line of a shell, and what stands between commands."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command of COGO that a page's shell blocks type."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for line in "\n".join(blocks).replace("\\\n", " ").splitlines():
        try:
            words = lex(line)
        except ValueError:
            continue  # a text of several lines
        while words:
            word = words.pop(0)
            if word.rpartition("/")[2] == "cogo":
                end = next((n for n, each in enumerate(words) if set(each) <= set("();<>|&")), None)
                yield words[:end]


def test_every_command_that_a_page_types_exists_with_its_options() -> None:
    known = options()
    wrong, count = [], 0
    for page in pages():
        for words in commands(page):
            count += 1
            path = next(
                (tuple(words[:n]) for n in (3, 2, 1) if tuple(words[:n]) in known), ("unknown",)
            )
            asked = {word.partition("=")[0] for word in words if word.startswith("-")} - {"-"}
            if path not in known or asked - known[path]:
                wrong.append(f"{page.relative_to(ROOT)}: cogo {' '.join(words)}")
    assert count > 100
    assert wrong == []
