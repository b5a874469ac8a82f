"""`sekisho models show`: a model's file, where it came from, and what the catalogue says of it."""

from typing import Any

import typer

from jobs.errors import ModelError
from workers.catalogue import Entry, read_catalogue
from workers.cli.models.describing import (
    HASH_CHARS,
    MEGABYTE,
    Name,
    describe,
    facts_of,
    look,
    name_problem,
    show_value,
    tell_entry,
)
from workers.cli.options import (
    LANGUAGE,
    Config,
    Db,
    Json,
    Redis,
    print_json,
    print_pairs,
    print_table,
    words,
)
from workers.engines.load import check_model
from workers.engines.prepared import Record
from workers.models import ModelFile, find_model
from workers.origin import Origin, read_origin
from workers.servers import describe_server, look_at_servers
from workers.settings import Settings, read_settings

NOT_HERE = ("model_not_pulled", "model_not_installed")


def show(
    name: Name, db: Db = None, redis: Redis = None, config: Config = None, as_data: Json = False
) -> None:
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    entry = read_catalogue(settings).get(name)
    try:
        model = find_model(settings, name)
        check_model(model)
    except ModelError as error:
        if entry is None or error.code not in NOT_HERE:
            raise
        _show_missing(name, entry, error, as_data)
        return
    _show_here(settings, model, entry, as_data)


def _show_missing(name: str, entry: Entry, error: ModelError, as_data: bool) -> None:
    if as_data:
        told = dict.fromkeys(("file", "format", "bytes", "prepared", "size", "record", "origin"))
        problem = {"name": name, "problem": error.code}
        print_json({**told, **problem, "catalogue": tell_entry(name, entry)})
        return
    _print_entry(entry)
    typer.echo(words(error.code, **error.params))
    if not entry.files and entry.package is None:
        typer.echo(words("pull_no_source", model=name))


def _show_here(settings: Settings, model: ModelFile, entry: Entry | None, as_data: bool) -> None:
    told = describe(settings, model.name)
    if model.server_device is not None:
        _show_servers(model, told, as_data)
        return
    found = look(model)
    origin = None if model.path is None else read_origin(model.path)
    if as_data:
        told["record"] = found.record.model_dump(mode="json") if found.record else None
        told["origin"] = origin.model_dump(mode="json") if origin else None
        told["catalogue"] = tell_entry(model.name, entry) if entry else None
        print_json(told)
        return
    told["prepared"] = found.path
    keys = ("name", "format", "size", "file", "prepared")
    print_pairs([(words(f"models_{key}"), show_value(told[key])) for key in keys])
    if origin is not None:
        _print_origin(origin)
    if found.record is None:
        typer.echo(words(name_problem(model, found)))
    else:
        _print_record(found.record)
    if entry is not None:
        _print_entry(entry)


def _show_servers(model: ModelFile, told: dict[str, Any], as_data: bool) -> None:
    """Print what the servers of a model say now."""
    states = look_at_servers(model, LANGUAGE)
    if as_data:
        print_json(told | {"servers": [state.data for state in states]})
    else:
        print_pairs([(state.server, describe_server(state, LANGUAGE)) for state in states])
    raise typer.Exit(1 if any(state.problem for state in states) else 0)


def _print_origin(origin: Origin) -> None:
    pairs = {
        "source": origin.source,
        "revision": origin.revision,
        "sha256": f"{origin.sha256[:HASH_CHARS]}...",
        "checked": words(f"checked_{origin.checked}"),
        "taken": origin.taken_at,
    }
    print_pairs([(words(f"origin_{key}"), show_value(one)) for key, one in pairs.items()])


def _print_entry(entry: Entry) -> None:
    """Print every fact with the pages it was read on."""
    typer.echo(words("catalogue_says", title=entry.title))
    pairs: list[tuple[str, object]] = []
    for code, value, sources in facts_of(entry):
        pairs.append((words(code), value))
        pairs += [("", f"<- {source}") for source in sources]
    print_pairs(pairs)
    for condition in entry.conditions:
        typer.echo(f"  * {condition}")
    if entry.note is not None:
        typer.echo(f"  {entry.note}")


def _print_record(record: Record) -> None:
    """Print every figure that led to what is used."""
    names = ("format", "size", "reading", "writing", "threads", "agreement", "raw")
    lines = [
        (
            one.format,
            f"{one.bytes / MEGABYTE:.0f} MB",
            f"{one.reading_tokens_per_second:.0f}",
            f"{one.writing_tokens_per_second:.0f}",
            str(one.threads),
            _share(one.agreement),
            _share(one.raw_agreement),
        )
        for one in record.measured
    ]
    print_table([words(f"models_{name}") for name in names], lines)
    typer.echo(
        words(
            "models_measured",
            processor=record.processor_name,
            cores=record.cores,
            version=record.llama_cpp,
            at=record.prepared_at,
            questions=record.questions,
            noise=record.noise,
        )
    )


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
