import json
import subprocess
import sys

HEAVY = ("anthropic", "fireworks", "openai", "genai_prices", "httpx2", "aiohttp")


def test_no_sdk_is_imported_before_its_first_call() -> None:
    program = f"import sys, providers.router; print([n for n in {HEAVY} if n in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_a_warm_router_has_imported_what_its_lanes_are_called_through_and_no_more() -> None:
    program = f"""
import asyncio, json, sys
from pydantic import SecretStr
from providers.catalogue import Catalogue
from providers.router import Credential, Router

async def main():
    opened = {{"anthropic": Credential(key=SecretStr("a-key"))}}
    async with Router(Catalogue.load(), opened) as router:
        before = [n for n in {HEAVY} if n in sys.modules]
        await router.warm()
        print(json.dumps([before, [n for n in {HEAVY} if n in sys.modules]]))

asyncio.run(main())
"""

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    before, after = json.loads(done.stdout)
    assert before == []
    assert {"anthropic", "genai_prices"} <= set(after)
    assert not {"fireworks", "openai"} & set(after)
