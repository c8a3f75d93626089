"""Two tools for models: one that reads orders, and one that waits for a person before it writes."""

import json
from datetime import date
from pathlib import Path

from pydantic import BaseModel

from cogo.workflows import tool

FILE = Path(__file__).with_name("orders.json")


class Order(BaseModel):
    """An order."""

    number: str
    customer: str
    due: date
    is_cancelled: bool = False


@tool(idempotent=True)
def find_orders(customer: str) -> list[Order]:
    """Return the orders of a customer, by first name."""
    return [each for each in _load() if each.customer.casefold() == customer.casefold()]


@tool(approval=True)
def cancel_order(number: str) -> str:
    """Cancel an order. It cannot be undone."""
    orders = _load()
    for each in orders:
        if each.number == number:
            each.is_cancelled = True
            FILE.write_text(json.dumps([each.model_dump(mode="json") for each in orders]))
            return f"order {number} is cancelled"
    raise ValueError(f"there is no order {number}")


def _load() -> list[Order]:
    if not FILE.exists():  # the first time
        return [
            Order(number="17", customer="Ada", due=date(2026, 11, 2)),
            Order(number="18", customer="Ada", due=date(2030, 1, 15)),
            Order(number="19", customer="Grace", due=date(2026, 10, 30)),
        ]
    return [Order.model_validate(each) for each in json.loads(FILE.read_text())]
