"""Checks of Python: every form of tests, and every verdict."""

import pytest

from tests.support.agents.python_checks import ADD, TESTS, WRONG, Check, check, toolchain

__all__ = ["check", "toolchain"]


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
