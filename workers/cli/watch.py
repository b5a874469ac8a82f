"""`sekisho watch`: a folder whose files are answered as they come."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.errors import ServiceError, SettingError
from jobs.export import Export, Wish
from jobs.spec import Spec
from jobs.store import Database, batches
from workers.cli.options import (
    Config,
    Db,
    Json,
    Redis,
    Terminated,
    open_settled,
    words,
)
from workers.cli.results import choose_style
from workers.device import parse_device
from workers.run import check_cloud, check_models, warn_of_cloud
from workers.settings import Settings, read_settings
from workers.view import View, make_view
from workers.watch import Rules, WatchOptions, read_rules, watch_folder
from workers.watch.folder import Folder, name_private
from workers.watch.owning import check_results
from workers.watch.rules import RULES_NAME
from workers.watch.specs import Specs


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("watch", help=words("help_watch"))(watch)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help=words("help_watch_folder"))],
    rules: Annotated[
        Path | None, typer.Option("--rules", metavar="FILE", help=words("help_watch_rules"))
    ] = None,
    once: Annotated[bool, typer.Option("--once", help=words("help_watch_once"))] = False,
    device: Annotated[str, typer.Option(help=words("help_device"))] = "cpu",
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    device = parse_device(device).name
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    watched = Folder(folder, name_private(settings.state_folder, folder))
    view = make_view(settings.language)
    try:
        read = read_rules(watched.path / RULES_NAME if rules is None else rules)
        check_results(watched, read)
        specs = Specs(lambda spec: _check(settings, spec, view))
        specs.read_all(read.spec_path(rule) for rule in read.file.rules)
        _make_results_folders(read)
        options = WatchOptions(
            write_results=_write_results,
            on_filed=_print if as_data else lambda _: None,
            once=once,
            device=device,
        )
        with watched.lock(), open_settled(settings, create=True) as room:
            good = watch_folder(settings, room.database, watched, read, specs, view, options)
    except KeyboardInterrupt as stop:
        view.say("watch_stops")
        if isinstance(stop, Terminated):  # the ordinary way for a service to end
            raise typer.Exit(0) from None
        raise
    finally:
        watched.close()
    raise typer.Exit(0 if good else 1)


def _check(settings: Settings, spec: Spec, view: View) -> None:
    check_cloud(settings, spec)
    check_models(settings, spec)
    warn_of_cloud(settings, spec, view, from_here=True)


def _make_results_folders(rules: Rules) -> None:
    for rule in rules.file.rules:
        into = rules.results_folder(rule)
        if into is None:
            continue
        try:
            into.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = error.strerror or type(error).__name__
            raise SettingError(
                "watch_folder_unusable", folder=str(into), problem=problem
            ) from error


def _write_results(database: Database, batch_id: str, path: Path) -> None:
    found = batches.get(database, batch_id)
    Export(database, found, Wish()).write_file(path, choose_style("csv", path))


def _print(sidecar: Mapping[str, Any]) -> None:
    """Print a line; raises ServiceError when nobody reads: the file is filed all the same."""
    try:
        typer.echo(json.dumps(sidecar, ensure_ascii=False))
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise ServiceError("output_fails", problem=problem) from error
