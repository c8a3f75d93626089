"""An executor's router in a process of its own, which a test can kill.

Its first line is JSON with url, key, simulator and model; every other one is a prompt. To each
prompt it says how the call ended: `answered`, or the code of the error.
"""

import asyncio
import json
import sys

from pydantic import SecretStr

from agents.middleware.stack import open_call_limits
from protocol.transport.supabase_store import open_store
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Message
from providers.chat_response import collect_response
from providers.errors import CallFailed
from providers.router import Router


async def main() -> None:
    told = json.loads(sys.stdin.readline())
    opened = {
        "anthropic": Credential(key=SecretStr("a-key"), base_url=f"{told['simulator']}/anthropic")
    }
    async with (
        open_store(told["url"], told["key"]) as store,
        open_call_limits(agent_id="doomed", store=store) as safety,
        Router(Catalogue.load(), opened, middleware=safety.middleware) as router,
    ):
        while prompt := await asyncio.to_thread(sys.stdin.readline):
            request = ChatRequest(model="", messages=(Message(role="user", content=prompt),))
            try:
                await collect_response(router.stream(told["model"], request))
            except CallFailed as error:
                said = error.code
            else:
                said = "answered"
            sys.stdout.write(f"{said}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
