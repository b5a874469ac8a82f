"""A batch's cloud money: the budget, and what became of the reservations taken from it."""

from dataclasses import dataclass

from sqlalchemy import case, func, select

from jobs.job import ReservationStatus
from jobs.store.database import Database
from jobs.tables import batches, reservations


@dataclass(frozen=True, slots=True)
class CloudMoney:
    """A batch's cloud money in nano-USD."""

    budget_nano_usd: int
    settled_nano_usd: int
    maybe_paid_nano_usd: int
    held_nano_usd: int


def money(database: Database, batch_id: str) -> CloudMoney:
    """Sum a batch's reservations by what became of them."""

    def total(status: ReservationStatus, column: str) -> object:
        amount = case((reservations.c.status == status, reservations.c[column]), else_=0)
        return func.coalesce(func.sum(amount), 0)

    with database.read() as connection:
        budget = connection.execute(
            select(batches.c.budget_nano_usd).where(batches.c.batch_id == batch_id)
        ).scalar_one()
        row = connection.execute(
            select(
                total(ReservationStatus.SETTLED, "settled_nano_usd"),  # type: ignore[call-overload]
                total(ReservationStatus.MAYBE_PAID, "reserved_nano_usd"),
                total(ReservationStatus.HELD, "reserved_nano_usd"),
            ).where(reservations.c.batch_id == batch_id)
        ).one()
    return CloudMoney(int(budget), int(row[0]), int(row[1]), int(row[2]))
