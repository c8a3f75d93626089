"""A refund: an order is looked up, a person decides, and money is paid back exactly once."""

from pydantic import BaseModel
from shop_tools import find_order, refund_order

from cogo.workflows import OutcomeUnknown, Result, Run, workflow


class RefundParams(BaseModel):
    """What a person asks for."""

    order: str


@workflow("REFUND", params=RefundParams)
async def refund(run: Run) -> Result:
    """Pay back an order if a person agrees."""
    order = await run.call(find_order, run.params_as(RefundParams).order)
    question = f"Pay back {order.cents / 100:.2f} to {order.email}?"
    if not (await run.approve("refund", question, show=run.prompt)).approved:
        return Result("Nothing was paid back.")
    try:
        payment = await run.call(refund_order, order.number, cents=order.cents)
    except OutcomeUnknown:  # whoever paid has died before the payment was recorded
        return Result(f"Look into the shop: order {order.number} may have been paid back.")
    return Result(f"Paid back as {payment}.", output={"payment": payment})
