"""`report batch`: the morning page of one batch, as text, JSON, or one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.report import compose_page, page_as_data, render_html, render_text
from jobs.store.facts import read_facts
from workers.cli.options import BatchId, Config, Db, Json, Redis, open_room, print_json, words
from workers.cli.out import check_out, write_whole

HtmlFile = Annotated[Path | None, typer.Option("--html", metavar="PATH", help=words("help_html"))]


def show_page(
    batch: BatchId,
    html: HtmlFile = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    with open_room(db, redis, config) as room:
        facts = read_facts(room.database, batch)
        language = room.settings.language
        page = compose_page(facts, language)
        if html is not None:
            needed = [Path(facts.batch.file_path)]
            target = check_out(html, room.settings, needed, "--html")
            write_whole(render_html(page), target)
        if as_data:
            print_json(page_as_data(facts, language))
        elif html is None:
            typer.echo(render_text(page), nl=False)
        else:
            typer.echo(room.say("page_written", file=str(html)), err=True)
