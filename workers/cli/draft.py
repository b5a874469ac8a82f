"""Beginning: `init`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from jobs.draft import KINDS, Kind, guess_columns, name_spec, write_draft
from jobs.errors import SettingError
from jobs.source.look import look_at
from workers.cli.options import Config, Db, Json, Redis, print_json, words
from workers.settings import read_settings

CONFIG_NAME = "sekisho.toml"


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("init", help=words("help_init"))(init)


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=words("help_files"))],
    task: Annotated[
        str, typer.Option("--task", metavar="KIND", help=words("help_init_task"))
    ] = "classify",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="SPEC", help=words("help_init_out"))
    ] = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    kind = _choose_kind(task)
    language = read_settings(database_url=db, redis_url=redis, config=config).language
    look = look_at(file)
    guess = replace(guess_columns(look.columns), records=look.records)
    target = _choose_target(file) if out is None else out
    _write_new(target, write_draft(name_spec(file.stem), guess, kind, language))
    if as_data:
        told = {"text": guess.text, "id": guess.id, "labels": list(guess.labels)}
        print_json({"spec": str(target), "task": kind, **told})
        return
    shown = guess.id or words("record_numbers")
    typer.echo(words("spec_written", file=target, text=guess.text, id=shown))
    if kind == "extract" or (kind == "classify" and not guess.labels):
        typer.echo(words("spec_to_fill"))


def _choose_kind(task: str) -> Kind:
    for kind in KINDS:
        if kind == task:
            return kind
    raise SettingError("task_unknown", task=task, known=", ".join(KINDS))


def _choose_target(file: Path) -> Path:
    """Return FILE.toml in this folder; never the name that would be read as settings."""
    target = Path(f"{file.stem}.toml")
    return target if target.name.lower() != CONFIG_NAME else Path(f"{file.stem}-spec.toml")


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise SettingError("spec_exists", file=str(path)) from error
    except OSError as error:
        raise SettingError("spec_not_writable", file=str(path), problem=error.strerror) from error
