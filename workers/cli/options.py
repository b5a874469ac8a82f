"""What all commands share: the four common options, the opened room, the printing of data."""

import getpass
import json
import os
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from jobs.errors import SettingError
from jobs.export import show_number
from jobs.store import Database, open_database, schema, sqlite_file
from jobs.words import choose_language, say
from workers.settings import Settings, read_settings

LANGUAGE = choose_language()
AMOUNT: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?|\.[0-9]{1,9}")


def words(code: str, **params: object) -> str:
    """Return words in the user's language, e.g. a help text."""
    return say(code, LANGUAGE, **params)


Db = Annotated[str | None, typer.Option("--db", metavar="URL", help=words("help_db"))]
Redis = Annotated[str | None, typer.Option("--redis", metavar="URL", help=words("help_redis"))]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help=words("help_config"))]
Json = Annotated[bool, typer.Option("--json", help=words("help_json"))]
BatchId = Annotated[str, typer.Argument(metavar="BATCH", help=words("help_batch"))]
SpecFile = Annotated[Path, typer.Option("--spec", metavar="SPEC", help=words("help_spec"))]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help=words("help_inputs"))]


class Terminated(KeyboardInterrupt):
    """SIGTERM: for a service the ordinary way to end, for everything else an interruption."""


@dataclass(frozen=True, slots=True)
class Room:
    """Settings and the database a command works in."""

    settings: Settings
    database: Database

    def say(self, code: str, **params: object) -> str:
        """Return words in the user's language."""
        return say(code, self.settings.language, **params)


@contextmanager
def open_room(
    db: str | None, redis: str | None, config: Path | None, *, create: bool = False
) -> Iterator[Room]:
    """Open the database. With `create` an embedded one is made or brought to the current schema;
    others never are.

    Raises SettingError (among them an embedded database that is not there), ServiceError.
    """
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    with open_settled(settings, create=create) as room:
        yield room


@contextmanager
def open_settled(settings: Settings, *, create: bool) -> Iterator[Room]:
    """The same for settings that are read already."""
    path = sqlite_file(settings.database_url)
    if path is None and settings.database_url.startswith("sqlite"):
        raise SettingError("database_in_memory", database=settings.database_url)
    if path is not None and not create and not path.exists():
        raise SettingError("database_missing", file=str(path))
    database = open_database(settings.database_url)
    try:
        if create and path is not None:
            schema.upgrade(database)
        yield Room(settings, database)
    finally:
        database.close()


def parse_amount(text: str, most: Decimal) -> Decimal | None:
    """Read a decimal from 0 on, with at most nine places: what is stored is what was said.

    Returns None for anything else.
    """
    if not AMOUNT.fullmatch(text):
        return None
    amount = Decimal(text)
    return None if amount > most else amount


def who() -> str:
    """Return user@host; a container's user may have no name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def print_json(data: Any) -> None:
    """Print one JSON document on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=_as_json))


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value).__name__)


def print_pairs(pairs: list[tuple[str, object]]) -> None:
    """Print names and values in two columns; full-width characters count double."""
    width = max((_width(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        typer.echo(f"  {name}{' ' * (width - _width(name))}  {_show(value)}")


def print_table(header: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print aligned columns under their names; full-width characters count double."""
    rows = [header, *lines]
    widths = [max(_width(row[at]) for row in rows) for at in range(len(header))]
    for row in rows:
        cells = [
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())


def _show(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_as_json)
    return show_number(value) if isinstance(value, float | Decimal) else str(value)


def _width(text: str) -> int:
    return sum(2 if ord(character) > 0x1100 else 1 for character in text)
