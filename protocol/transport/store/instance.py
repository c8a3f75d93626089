"""The adoption of a database over the official client."""

from protocol.records.agents import Adopted, Instance, Verdict
from protocol.transport.rpc_client import RpcClient


class SupabaseInstanceStore(RpcClient):
    """Implementation of `protocol.store.instance.InstanceStore`."""

    async def verify_instance(self, *, agent_id: str, host: str, is_start: bool = False) -> Verdict:
        return await self._call_row(
            Verdict, "verify_instance", agent_id=agent_id, host=host, is_start=is_start
        )

    async def fetch_instance(self, *, host: str | None = None) -> Instance:
        return await self._call_row(Instance, "instance", host=host)

    async def adopt_instance(self, *, host: str) -> Adopted:
        return await self._call_row(Adopted, "adopt_instance", host=host)
