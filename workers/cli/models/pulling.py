"""`sekisho models pull`: a model of the catalogue, or a local file, into the models folder."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from jobs.errors import SettingError
from workers.catalogue import Entry, read_catalogue
from workers.cli.models.describing import HASH_CHARS, MEGABYTE, Name
from workers.cli.options import Config, Db, Json, Redis, print_json, words
from workers.hub import Hub
from workers.models import BUILT_IN, find_model
from workers.pull import Order, Pulled, fetch_model, take_file
from workers.settings import Settings, read_settings
from workers.view import View, make_view

LINE_SECONDS: Final = 5.0


def pull(
    name: Name,
    file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help=words("help_models_from"))
    ] = None,
    link: Annotated[bool, typer.Option("--link", help=words("help_models_link"))] = False,
    revision: Annotated[
        str | None, typer.Option(metavar="REV", help=words("help_models_revision"))
    ] = None,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", "--accept-license", help=words("help_models_accept")),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help=words("help_models_replace"))] = False,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    _check_options(file, link, revision)
    entry = _choose(settings, name, local=file is not None)
    if file is None and entry is not None and entry.package is not None:
        _show_package(settings, name, as_data)
        return
    _check_settings(settings, name)
    view = make_view(settings.language)
    order = Order(name, settings.models_dir, entry, revision, accept_licence, force)
    if file is not None:
        pulled = take_file(order, file, view.say, link=link)
    else:
        hub = Hub(os.environ)
        pulled = fetch_model(order, hub, view.say, Meter(view).show)
    _tell(name, pulled, as_data)


def _check_options(file: Path | None, link: bool, revision: str | None) -> None:
    if link and file is None:
        raise SettingError("pull_link_alone")
    if revision is not None and file is not None:
        raise SettingError("pull_revision_unused")


def _choose(settings: Settings, name: str, *, local: bool) -> Entry | None:
    """Return the catalogue's entry; a local file may be one that no catalogue knows.

    Raises ModelError for a name that would be known if it were there: with its suggestions.
    """
    entry = read_catalogue(settings).get(name)
    if entry is None and not local and name not in BUILT_IN:
        find_model(settings, name)
    return entry


def _check_settings(settings: Settings, name: str) -> None:
    """Refuse a name whose file sekisho.toml says is elsewhere: the pulled one would not be used."""
    section = settings.models.get(name)
    if section is not None and (section.path is not None or section.engine != "llama"):
        raise SettingError("pull_path_set", model=name)


def _show_package(settings: Settings, name: str, as_data: bool) -> None:
    """Say where the file of a package is; pip installs it, not we: raises ModelError without it."""
    model = find_model(settings, name)
    if as_data:
        print_json({"model": name, "file": str(model.path), "made": False, "origin": None})
    else:
        typer.echo(words("pull_here", model=name, file=str(model.path)))


def _tell(name: str, pulled: Pulled, as_data: bool) -> None:
    origin = pulled.origin
    if as_data:
        told = {"model": name, "file": str(pulled.path), "made": pulled.made}
        print_json({**told, "sha256": origin.sha256, "origin": origin.model_dump(mode="json")})
    elif not pulled.made:
        typer.echo(words("pull_here", model=name, file=str(pulled.path)))
    else:
        size = f"{origin.bytes / MEGABYTE:.0f}"
        short = origin.sha256[:HASH_CHARS]
        typer.echo(
            words("pull_done", model=name, file=str(pulled.path), megabytes=size, sha256=short)
        )


class Meter:
    """Says every few seconds how much of a file has come."""

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._clock = clock
        self._next = 0.0
        self._began: tuple[str, float, int] | None = None

    def show(self, name: str, have: int, total: int | None) -> None:
        """Hear how far a file is, in bytes."""
        now = self._clock()
        if self._began is None or self._began[0] != name:
            self._began = (name, now, have)
            if have:
                self._view.say("pull_goes_on", file=name, megabytes=have // MEGABYTE)
            self._next = now
        if now < self._next and have != total:
            return
        self._next = now + LINE_SECONDS
        passed = now - self._began[1]
        rate = f"{(have - self._began[2]) / MEGABYTE / passed:.1f}" if passed > 0 else "-"
        whole = "?" if total is None else total // MEGABYTE
        percent = "?" if not total else 100 * have // total
        params = {"file": name, "have": have // MEGABYTE, "whole": whole}
        self._view.say("pull_progress", **params, percent=percent, rate=rate)
