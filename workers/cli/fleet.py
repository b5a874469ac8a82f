"""Who works: `workers`."""

from dataclasses import asdict
from typing import Annotated, Final

import typer

from jobs.store import workers as store
from workers.cli.options import Config, Db, Json, Redis, open_room, print_json, print_table, words

HASH_CHARS: Final = 12


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("workers", help=words("help_workers"))(list_workers)


def list_workers(
    everyone: Annotated[bool, typer.Option("--all", help=words("help_workers_all"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    with open_room(db, redis, config) as room:
        alive = store.list_live(room.database)
        living = {worker.worker_id for worker in alive}
        found = store.list_all(room.database) if everyone else alive
        if as_data:
            told = [
                {
                    **asdict(worker),
                    "rows_per_second": worker.rows_per_second,
                    "alive": worker.worker_id in living,
                }
                for worker in found
            ]
            print_json({"workers": told})
            return
        if not found:
            typer.echo(room.say("no_workers", database=room.database.shown))
            return
        names = ("host", "device", "model", "file", "rows", "rate", "seen")
        print_table([room.say(f"worker_{name}") for name in names], map(_as_cells, found))


def _as_cells(worker: store.LiveWorker) -> tuple[str, ...]:
    rate = worker.rows_per_second
    return (
        worker.host,
        worker.device,
        worker.model_name,
        worker.model_hash[:HASH_CHARS],
        str(worker.rows_done),
        "-" if rate is None else f"{rate:.2f}",
        f"{worker.heartbeat_at:%Y-%m-%d %H:%M:%S}",
    )
