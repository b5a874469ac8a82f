"""A batch's cloud money: the budget, its changes, and what became of what was taken from it."""

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, insert, select, update

from jobs.cost import format_usd
from jobs.errors import SettingError
from jobs.job import ReservationStatus
from jobs.store.database import Database, now
from jobs.tables import batches, budget_changes, reservations


@dataclass(frozen=True, slots=True)
class CloudMoney:
    """A batch's cloud money in nano-USD."""

    budget_nano_usd: int
    settled_nano_usd: int
    maybe_paid_nano_usd: int
    held_nano_usd: int

    @property
    def taken_nano_usd(self) -> int:
        """What is no longer there for further calls."""
        return self.settled_nano_usd + self.maybe_paid_nano_usd + self.held_nano_usd


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


@dataclass(frozen=True, slots=True)
class NewBudget:
    """What a person wants a batch's budget to be from now on."""

    nano_usd: int
    actor: str


def change(connection: Connection, batch_id: str, new: NewBudget) -> None:
    """Give a batch another budget and write down who did; the same again is no change.

    Raises SettingError `budget_below_taken` for less than what is settled, held or maybe paid.
    """
    this = batches.c.batch_id == batch_id
    before, taken = connection.execute(
        select(batches.c.budget_nano_usd, batches.c.cloud_nano_usd).where(this).with_for_update()
    ).one()
    if new.nano_usd < taken:
        raise SettingError(
            "budget_below_taken",
            batch=batch_id,
            usd=format_usd(new.nano_usd),
            taken=format_usd(taken),
        )
    if new.nano_usd == before:
        return
    connection.execute(
        update(batches).where(this).values(budget_nano_usd=new.nano_usd, updated_at=now())
    )
    connection.execute(
        insert(budget_changes).values(
            batch_id=batch_id,
            before_nano_usd=before,
            after_nano_usd=new.nano_usd,
            actor=new.actor,
            created_at=now(),
        )
    )
