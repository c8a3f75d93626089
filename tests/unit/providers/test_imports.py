import json
import subprocess
import sys

HEAVY = ("anthropic", "fireworks", "openai", "genai_prices", "httpx2", "aiohttp")


def test_no_sdk_is_imported_before_its_first_call() -> None:
    program = f"import sys, providers.router; print([n for n in {HEAVY} if n in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )

    assert done.stdout.strip() == "[]"


def test_opening_a_lane_imports_what_it_is_called_through_and_no_more() -> None:
    program = f"""
import asyncio, json, sys
from pydantic import SecretStr
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.router import Router

async def main():
    opened = {{"anthropic": Credential(key=SecretStr("a-key"))}}
    async with Router(Catalogue.load(), opened) as router:
        before = [n for n in {HEAVY} if n in sys.modules]
        lane = router.list_lanes()[0]
        was_open = router.is_open(lane)
        await router.open(lane)
        after = [n for n in {HEAVY} if n in sys.modules]
        print(json.dumps([before, after, was_open, router.is_open(lane)]))

asyncio.run(main())
"""

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )

    before, after, was_open, is_open = json.loads(done.stdout)
    assert before == []
    assert (was_open, is_open) == (False, True)
    assert {"anthropic", "genai_prices"} <= set(after)
    assert not {"fireworks", "openai"} & set(after)


def test_public_names_are_imported_on_first_use() -> None:
    program = """
import sys, providers
loaded = [name for name in sys.modules if name.startswith("providers.")]
print(loaded, [name for name in providers.__all__ if getattr(providers, name).__name__ != name])
"""

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )

    assert done.stdout.strip() == "[] []"
