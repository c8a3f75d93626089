"""Tools of a shop: functions that a workflow calls, with the network and the keys of the shop."""

import os

import httpx
from pydantic import BaseModel

from cogo.workflows import tool


class Order(BaseModel):
    """An order, as the shop knows it."""

    number: str
    email: str
    cents: int


@tool(idempotent=True, retries=3, timeout=20)
async def find_order(number: str) -> Order:
    """Return an order of the shop."""
    async with _open_shop() as shop:
        answer = await shop.get(f"/orders/{number}")
        return Order.model_validate(answer.raise_for_status().json())


@tool
async def refund_order(number: str, cents: int) -> str:
    """Pay back what an order has cost, and return the number of the payment."""
    async with _open_shop() as shop:
        answer = await shop.post(f"/orders/{number}/refunds", json={"cents": cents})
        return str(answer.raise_for_status().json()["payment"])


def _open_shop() -> httpx.AsyncClient:
    # Variables are read when a tool runs: workflows import this file where there are none.
    return httpx.AsyncClient(
        base_url=os.environ["SHOP_URL"],
        headers={"Authorization": f"Bearer {os.environ['SHOP_KEY']}"},
    )
