"""Prices that the user has set; the built-in ones come with the program."""

from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import delete, insert, select

from jobs.errors import SettingError
from jobs.prices import Price
from jobs.store.database import Database, now, open_database, sqlite_file
from jobs.tables import prices

KEYS: Final = ("provider", "model", "valid_from", "source")


def stored(database: Database) -> tuple[Price, ...]:
    """Return every price the user has set, oldest first."""
    with database.read() as connection:
        rows = connection.execute(select(prices).order_by(prices.c.valid_from)).all()
    return tuple(_as_price(row._mapping) for row in rows)


def find_stored(address: str) -> tuple[Price, ...]:
    """Return the same for a database that may not be there yet."""
    path = sqlite_file(address)
    if path is not None and not path.exists():
        return ()
    database = open_database(address)
    try:
        return stored(database)
    except SettingError as error:  # another process is just making its tables
        if error.code != "database_not_upgraded":
            raise
        return ()
    finally:
        database.close()


def put(database: Database, price: Price) -> None:
    """Set a price; the same model and day again replaces it."""
    rates = {
        field.name: _plain(getattr(price, field.name))
        for field in fields(price)
        if field.name not in KEYS
    }
    same = (
        (prices.c.provider == price.provider)
        & (prices.c.model == price.model)
        & (prices.c.valid_from == price.valid_from)
    )
    with database.write() as connection:
        connection.execute(delete(prices).where(same))
        connection.execute(
            insert(prices).values(
                provider=price.provider,
                model=price.model,
                valid_from=price.valid_from,
                rates=rates,
                source=price.source,
                created_at=now(),
            )
        )


def _plain(value: Decimal | int | None) -> str | int | None:
    return str(value) if isinstance(value, Decimal) else value


def _as_price(row: Any) -> Price:
    rates: dict[str, Any] = {
        name: Decimal(value) if isinstance(value, str) else value
        for name, value in row["rates"].items()
    }
    valid_from: date = row["valid_from"]
    return Price(
        provider=row["provider"],
        model=row["model"],
        valid_from=valid_from,
        source=row["source"],
        **rates,
    )
