"""Python code that tries to pass its tests in other ways than by being right."""

import pytest

from tests.support.agents.python_checks import ADD, TESTS, Check, check, toolchain

__all__ = ["check", "toolchain"]

UNITTEST = """
    import unittest
    from solution import add
    class AddCase(unittest.TestCase):
        def test_one(self):
            self.assertEqual(add(1, 2), 3)
        def test_two(self):
            self.assertEqual(add(0, 0), 0)
    """

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
        tests = UNITTEST

    report = check(CHEATS[name], tests, wall_seconds=10)

    assert report.verdict in {"failed", "crashed"}, report
    assert report.reason
