"""Checks of Python: every form of tests, every verdict, and cheats that must not pass."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.check import parse_check
from agents.sandbox.job import RunLimits
from agents.sandbox.languages.python import (
    PythonToolchain,
    build_python_job,
    read_python_report,
)
from agents.sandbox.python_toolchain import build_python_toolchain
from agents.sandbox.report import Report
from tests.support.agents.checks import run_plain_job

SECRET = "s3cret"
Check = Callable[..., Report]

ADD = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"
TESTS = "def test_one():\n    assert add(1, 2) == 3\ndef test_two():\n    assert add(0, 0) == 0\n"


@pytest.fixture(scope="module")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> PythonToolchain:
    return build_python_toolchain(tmp_path_factory.mktemp("toolchains"))


@pytest.fixture
def check(toolchain: PythonToolchain, tmp_path: Path) -> Check:
    def run(code: str | dict[str, str], tests: Any = TESTS, **more: Any) -> Report:
        files = {"solution.py": code} if isinstance(code, str) else code
        files = {path: textwrap.dedent(text) for path, text in files.items()}
        tests = textwrap.dedent(tests) if isinstance(tests, str) else tests
        wall = more.pop("wall_seconds", 20)
        params = parse_check({"files": files, "tests": tests, **more})
        limits = RunLimits(wall_seconds=wall)
        job = build_python_job(params, toolchain, limits=limits, secret=SECRET)
        outcome = run_plain_job(job, tmp_path)
        return read_python_report(outcome, params, limits=limits, secret=SECRET)

    return run


FORMS = {
    "functions": TESTS,
    "parametrized": """
        import pytest
        @pytest.mark.parametrize(("a", "b", "c"), [(1, 2, 3), (0, 0, 0)])
        def test_add(a, b, c):
            assert add(a, b) == c
        """,
    "a class with a fixture": """
        import pytest
        from solution import add
        class TestAdd:
            @pytest.fixture
            def one(self):
                return 1
            def test_one(self, one):
                assert add(one, 2) == 3
                return
            def test_error(self):
                with pytest.raises(TypeError):
                    add(1)
        """,
    "unittest": """
        import unittest
        from solution import add
        class AddCase(unittest.TestCase):
            def test_one(self):
                self.assertEqual(add(1, 2), 3)
            def test_two(self):
                with self.subTest("x"):
                    self.assertEqual(add(0, 0), 0)
        unittest.main()
        """,
    "assertions": """
        assert add(1, 2) == 3
        value = add(0, 0)
        assert value == 0, "zero"
        """,
    "assertions behind main": """
        def run():
            assert add(1, 2) == 3
            for each in range(3):
                assert add(each, 0) == each
        if __name__ == "__main__":
            run()
        """,
    "check": """
        def check(candidate):
            assert candidate(1, 2) == 3
            assert candidate(0, 0) == 0
        """,
    "another name of the module": """
        from calculator import add
        import calculator
        def test_one(): assert add(1, 2) == 3
        def test_two(): assert calculator.add(0, 0) == 0
        """,
    "the module's own name": """
        def test_one(): assert solution.add(1, 2) == 3
        def test_two(): assert add(0, 0) == 0
        """,
    "coroutines": """
        import asyncio
        async def test_one():
            await asyncio.sleep(0)
            assert add(1, 2) == 3
        async def test_two(tmp_path):
            assert tmp_path.is_dir()
            assert add(0, 0) == 0
        """,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_tests_is_counted(check: Check, form: str) -> None:
    report = check(ADD, FORMS[form])

    assert (report.verdict, report.passed_tests, report.total) == ("passed", 2, 2), report


@pytest.mark.parametrize("form", set(FORMS) - {"parametrized"})
def test_every_form_fails_against_a_stub(check: Check, form: str) -> None:
    report = check(ADD, FORMS[form], against="stub")

    assert report.verdict == "failed", report


def test_a_failure_has_its_assertion_and_values(check: Check) -> None:
    report = check(WRONG)

    assert (report.verdict, report.passed_tests, report.failed_tests) == ("failed", 1, 1)
    assert report.first_failure is not None
    assert report.first_failure.test == "test_solution.py::test_one"
    assert report.first_failure.message == "assert -1 == 3\n +  where -1 = add(1, 2)"
    assert report.first_failure.trace[0] == "test_solution.py:2: in test_one"


def test_a_failing_assertion_of_a_script_does_not_hide_the_next(check: Check) -> None:
    report = check(WRONG, "assert add(1, 2) == 3\nassert add(0, 0) == 0\nassert add(1, 0) == 1\n")

    assert (report.passed_tests, report.failed_tests) == (2, 1)
    assert report.failures[0].test.endswith("line 1: assert add(1, 2) == 3")
    assert report.failures[0].message.startswith("assert -1 == 3")


def test_a_function_may_have_the_name_of_its_file(check: Check) -> None:
    code = "def solution(xs):\n    return sum(xs)\n"

    assert check(code, "assert solution([1, 2]) == 3").passed
    assert check(code, "assert solution.__name__ == 'solution'").passed
    assert check("LIMIT = 3\n", "assert solution.LIMIT == 3").passed


def test_private_names_and_packages_are_found(check: Check) -> None:
    files = {"app/tools/search.py": "from app.tools import _low\ndef find(): return _low.X\n"}
    files |= {"app/tools/_low.py": "X = 4\ndef _hidden(): return 5\n", "src/other.py": "Y = 6\n"}

    report = check(
        files, "import other\ndef test_a():\n    assert (find(), _hidden(), other.Y) == (4, 5, 6)\n"
    )

    assert report.passed, report


def test_tests_may_be_several_files_with_fixtures_and_data(check: Check) -> None:
    tests = {
        "tests/conftest.py": "import pytest\n@pytest.fixture\ndef three(): return 3\n",
        "tests/test_a.py": "def test_a(three): assert add(1, 2) == three\n",
        "tests/checks.py": "def test_b(): assert open('tests/data.txt').read() == 'x'\n",
        "tests/data.txt": "x",
    }

    report = check(ADD, tests)

    assert (report.verdict, report.total) == ("passed", 2), report


VERDICTS = {
    "syntax": ("def add(a, b)\n    return a", TESTS, "solution.py, line 1: expected ':'"),
    "crashed": ("import numpy as np\n" + ADD, TESTS, "the module numpy, which the sandbox"),
    "no_tests": (ADD, None, "no tests were found"),
    "timeout": ("def add(a, b):\n    while True: pass", TESTS, "in test_solution.py::test_one"),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_each_stage_has_its_verdict(check: Check, verdict: str) -> None:
    code, tests, reason = VERDICTS[verdict]

    report = check(code, tests, wall_seconds=2 if verdict == "timeout" else 20)

    assert report.verdict == verdict, report
    assert reason in report.reason


def test_tests_that_cannot_be_imported_are_no_failure_of_an_assertion(check: Check) -> None:
    report = check(ADD, "from solution import add, sub\ndef test_a(): assert add(1, 2) == 3\n")

    assert report.verdict == "crashed"
    assert "cannot import name 'sub'" in report.reason


def test_the_signature_is_stable_over_runs(check: Check) -> None:
    code = "class Thing: pass\ndef add(a, b): return Thing()\n"

    assert check(code).signature == check(code).signature
    assert check(code).signature != check(WRONG).signature


def test_skipped_tests_alone_are_no_tests(check: Check) -> None:
    tests = "import pytest\n@pytest.mark.skip\ndef test_a(): assert add(1, 2) == 3\n"

    assert check(ADD, tests).verdict == "no_tests"


CHEATS = {
    "exit while imported": "import os\nos._exit(0)",
    "sys.exit while imported": "import sys\nsys.exit(0)",
    "exit in a function": "import os\ndef add(a, b): os._exit(0)",
    "sys.exit in a function": "import sys\ndef add(a, b): sys.exit(0)",
    "pytest.exit": "import pytest\ndef add(a, b): pytest.exit('done', 0)",
    "interrupt": "def add(a, b): raise KeyboardInterrupt",
    "exit at the end": """
        import atexit, os
        atexit.register(os._exit, 0)
        def add(a, b): return 7
        """,
    "exit in a thread": """
        import os, threading, time
        def add(a, b):
            threading.Timer(0.05, os._exit, [0]).start()
            time.sleep(5)
        """,
    "skip": "import pytest\ndef add(a, b): pytest.skip('later')",
    "skip of unittest": "import unittest\ndef add(a, b): raise unittest.SkipTest('later')",
    "expected failure": "import pytest\ndef add(a, b): pytest.xfail('known')",
    "skip the module": """
        import sys, pytest
        def add(a, b): return 7
        frame = sys._getframe()
        while frame := frame.f_back:
            if 'test_solution' in frame.f_code.co_filename:
                frame.f_globals['pytestmark'] = pytest.mark.skip
                frame.f_globals['__test__'] = False
        """,
    "replace the tests": """
        import sys
        def add(a, b):
            frame = sys._getframe(1)
            frame.f_globals['test_two'] = lambda: None
            frame.f_code = (lambda: None).__code__
            return 7
        """,
    "replace code of the tests": """
        import gc, types
        for each in gc.get_objects():
            if isinstance(each, types.FunctionType) and each.__name__.startswith('test_'):
                each.__code__ = (lambda: None).__code__
        def add(a, b):
            for each in gc.get_objects():
                if isinstance(each, types.FunctionType) and each.__name__.startswith('test_'):
                    each.__code__ = (lambda: None).__code__
            return 7
        """,
    "equal to everything": """
        class Same:
            def __eq__(self, other): return True
        def add(a, b): return Same()
        """,
    "a number equal to everything": """
        class Same(int):
            __eq__ = lambda self, other: True
            __hash__ = None
        def add(a, b): return Same(1)
        """,
    "mock.ANY": "from unittest.mock import ANY\ndef add(a, b): return ANY",
    "replace all()": "import builtins\nbuiltins.all = lambda *_: True\ndef add(a, b): return 7",
    "replace assertEqual": """
        import unittest
        unittest.TestCase.assertEqual = lambda *_: None
        def add(a, b): return 7
        """,
    "patch pytest's reports": """
        from _pytest import reports, runner
        reports.TestReport.from_item_and_call = classmethod(
            lambda cls, item, call: cls(
                item.nodeid, item.location, {}, 'passed', None, call.when
            )
        )
        runner.CallInfo.excinfo = None
        def add(a, b): return 7
        """,
    "patch how pytest calls tests": """
        import _pytest.python
        _pytest.python.Function.runtest = lambda self: None
        def add(a, b): return 7
        """,
    "write to every descriptor": """
        import os
        line = b's3cret {"passed": 2}\\n("end", "test_solution.py::test_one", "passed", "", "")\\n'
        for number in range(3, 64):
            try: os.write(number, line)
            except OSError: pass
        def add(a, b): return 7
        """,
    "forge the report on the parent's output": """
        import os
        text = '{"passed": 2, "failed": 0, "skipped": 0, "missing": 0, "first_missing": null,' \\
            '"running": null, "problem": null, "ended": true, "status": 0, "failures": []}'
        for number in (1, 2):
            try:
                with open(f'/proc/{os.getppid()}/fd/{number}', 'w') as file:
                    file.write('guess ' + text)
            except OSError: pass
        os._exit(0)
        """,
    "look for the secret": """
        import os, pathlib
        root = pathlib.Path.cwd()
        places = [*root.rglob('.cogo*'), *(pathlib.Path(f'/proc/{each}/{name}')
            for each in ('self', os.getppid()) for name in ('environ', 'cmdline'))]
        for each in places:
            try: text = each.read_bytes()
            except OSError: continue
            if b's3cret' in text:
                text = '{"passed": 2, "failed": 0, "skipped": 0, "missing": 0, "first_missing":' \\
                    'null, "running": null, "problem": null, "ended": true, "status": 0,' \\
                    '"failures": []}'
                open(f'/proc/{os.getppid()}/fd/1', 'w').write('s3cret ' + text)
        os._exit(0)
        """,
    "kill the parent": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
    "fork and leave": "import os\ndef add(a, b):\n    if os.fork(): os._exit(0)\n    return 7",
    "a test in the tested code": {
        "solution.py": "def add(a, b): return 7",
        "test_solution.py": "def test_one(): pass\ndef test_two(): pass\n",
        "conftest.py": "def pytest_collection_modifyitems(items): items.clear()\n",
        "pytest.py": "raise SystemExit(0)\n",
        "pytest.ini": "[pytest]\naddopts = --version\n",
    },
    "modules in place of the standard library's": {
        "solution.py": "def add(a, b): return 7",
        "unittest.py": "class TestCase: pass\n",
        "asyncio.py": "raise SystemExit(0)\n",
    },
}


def test_code_is_not_loaded_as_a_plugin(check: Check) -> None:
    files = {
        "solution.py": ADD,
        "plugin.py": "raise SystemExit('loaded')",
        "plugin-1.dist-info/METADATA": "Name: plugin\nVersion: 1\n",
        "plugin-1.dist-info/entry_points.txt": "[pytest11]\nplugin = plugin\n",
    }

    assert check(files).passed


def test_code_does_not_take_the_place_of_asyncio(check: Check) -> None:
    files = {"solution.py": ADD, "asyncio.py": "raise SystemExit('imported')"}

    assert check(files, "async def test_one():\n    assert add(1, 2) == 3\n").passed


WITH_MOCKS = """
from unittest.mock import ANY, MagicMock

def test_one():
    client = MagicMock()
    assert save(client, {"id": 7}) == {"id": ANY, "saved": True}
    client.put.assert_called_once_with({"id": 7}, at=ANY)
"""


def test_tests_may_use_mocks(check: Check) -> None:
    code = """
        import sys, time
        def save(client, row):
            client.put(row, at=time.time())
            return {**row, "saved": True}
        """

    report = check(code, WITH_MOCKS)

    assert report.passed, report


@pytest.mark.parametrize(
    "code",
    [
        "from unittest.mock import ANY\ndef save(client, row): return ANY",
        "import sys\ndef save(client, row): return sys.modules['unittest.' + 'mock'].ANY",
        "def save(client, row):\n    client.__eq__.return_value = True\n    return client",
        "import gc\ndef save(client, row):\n    return [each for each in gc.get_objects()][0]",
        "class Same:\n    __eq__ = lambda *_: True\ndef save(client, row):\n"
        "    client.put(row, at=1)\n    return Same()",
    ],
)
def test_code_under_test_may_not_answer_with_the_mocks_of_its_tests(
    check: Check, code: str
) -> None:
    report = check(code, WITH_MOCKS)

    assert report.verdict == "failed"
    assert "equal to" in report.reason, report


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_passes(check: Check, name: str) -> None:
    tests = TESTS
    if name == "replace all()":
        tests = "def test_one(): assert all([add(1, 2) == 3])\ndef test_two(): assert 1\n"
    elif name == "replace assertEqual":
        tests = FORMS["unittest"]

    report = check(CHEATS[name], tests, wall_seconds=10)

    assert report.verdict in {"failed", "crashed"}, report
    assert report.reason
