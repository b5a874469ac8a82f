"""`db views`: typed views of extract specs."""

from typing import Annotated

import typer

from jobs.store import schema, typed_views
from jobs.typed_views import views_named
from workers.cli.options import (
    Config,
    Db,
    Json,
    Redis,
    Room,
    open_room,
    print_json,
    print_pairs,
    words,
)


def make_views(
    drop: Annotated[bool, typer.Option("--drop", help=words("help_db_views_drop"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    with open_room(db, redis, config) as room:
        schema.require_current(room.database)
        if drop:
            _drop(room, as_data=as_data)
            return
        made = views_named(typed_views.remake(room.database))
        if as_data:
            print_json({"views": made})
            return
        if not made:
            typer.echo(room.say("db_views_none", database=room.database.shown))
        for view in made:
            typer.echo(room.say("db_views_made", view=view["view"], spec=view["spec_name"]))
            print_pairs(list(view["columns"].items()))


def _drop(room: Room, *, as_data: bool) -> None:
    dropped = typed_views.drop(room.database)
    if as_data:
        print_json({"dropped": dropped})
    else:
        shown = ", ".join(dropped) or "-"
        typer.echo(room.say("db_views_dropped", count=len(dropped), views=shown))
