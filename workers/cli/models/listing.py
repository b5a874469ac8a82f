"""`sekisho models list`: the models there are, and those of the catalogue that fit."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from jobs.errors import SettingError, SpecError
from jobs.spec.language import base_language, find_language
from jobs.spec.task import TASKS
from workers.catalogue import Entry, Wanted, parse_size, read_catalogue
from workers.cli.models.describing import describe, name_use, show_value, tell_entry
from workers.cli.options import Config, Db, Json, Redis, print_json, print_table, words
from workers.models import list_models
from workers.settings import read_settings

COLUMNS = ("name", "memory", "licence", "commercial", "japanese", "context", "tasks", "here")


def list_all(
    catalogue: Annotated[
        bool, typer.Option("--catalogue", "--all", help=words("help_models_catalogue"))
    ] = False,
    max_memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help=words("help_models_max_memory"))
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--licence", "--license", metavar="NAME", help=words("help_models_licence")),
    ] = None,
    commercial: Annotated[
        bool, typer.Option("--commercial", help=words("help_models_commercial"))
    ] = False,
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help=words("help_models_language"))
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar="KIND", help=words("help_models_task"))
    ] = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    spoken = base_language(find_language(language) or language) if language else None
    wanted = Wanted(_read_size(max_memory), licence, commercial, spoken, _read_task(task))
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    told = [describe(settings, name) for name in list_models(settings)]
    fitting: Mapping[str, Entry] | None = None
    unknown: list[str] = []
    if catalogue or wanted.has_wishes:
        known = read_catalogue(settings)
        fitting = {name: entry for name, entry in known.items() if wanted.fits(entry)}
        unknown = [name for name, entry in known.items() if wanted.may_fit(entry)]
    here = {one["name"] for one in told if one["problem"] is None}
    if as_data:
        data: dict[str, Any] = {"models": told}
        if fitting is not None:
            data["catalogue"] = [
                {**tell_entry(name, entry), "installed": name in here}
                for name, entry in fitting.items()
            ]
            data["unknown"] = unknown
        print_json(data)
    elif fitting is None:
        names = ("name", "format", "size", "prepared", "file")
        print_table([words(f"models_{name}") for name in names], map(_as_cells, told))
    else:
        _print_catalogue(fitting, here, unknown)


def _print_catalogue(fitting: Mapping[str, Entry], here: set[str], unknown: list[str]) -> None:
    """Print what is known to fit, and name what may fit."""
    if fitting:
        lines = [_as_line(name, entry, name in here) for name, entry in fitting.items()]
        print_table([words(f"catalogue_{name}") for name in COLUMNS], lines)
    else:
        typer.echo(words("catalogue_none"))
    if unknown:
        typer.echo(words("catalogue_unknown", names=", ".join(unknown)))
    if any(entry.memory_gb is None and entry.file_gb for entry in fitting.values()):
        typer.echo(words("catalogue_memory_note"))


def _read_size(text: str | None) -> int | None:
    size = None if text is None else parse_size(text)
    if text is not None and size is None:
        raise SettingError("size_wrong", option="--max-memory")
    return size


def _read_task(task: str | None) -> str | None:
    if task is not None and task not in TASKS:
        raise SpecError("task_wrong", option="--task", known=", ".join(TASKS))
    return task


def _as_cells(told: dict[str, Any]) -> tuple[str, ...]:
    shown = words(told["problem"]).split(".")[0] if told["problem"] else told["file"]
    first = [show_value(told[key]) for key in ("name", "format", "size", "prepared")]
    return (*first, show_value(None if told["problem"] else shown))


def _as_line(name: str, entry: Entry, installed: bool) -> tuple[str, ...]:
    """Return the cells of a catalogue's model; `>` stands before memory nobody measured."""
    more = "" if entry.memory_gb else ">"
    memory = None if entry.least_gb is None else f"{more}{entry.least_gb:g} GB"
    context = None if entry.context_tokens is None else f"{entry.context_tokens:,}"
    japanese = None if not entry.languages else words("yes" if "ja" in entry.languages else "no")
    values = (memory, entry.licence, name_use(entry), japanese, context)
    tasks = ", ".join(entry.tasks) or None
    here = words("yes") if installed else None
    return (name, *map(show_value, (*values, tasks, here)))
