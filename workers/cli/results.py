"""`sekisho results` and `sekisho rejects`: how results leave by the command line."""

import gc
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from jobs.errors import SettingError
from jobs.export import (
    BINARY,
    FORMATS,
    Export,
    Style,
    Wish,
    choose_encoding,
    require,
)
from jobs.job import BatchStatus
from jobs.source import SourceWarning
from jobs.store import batches
from jobs.store.batches import Batch
from workers.cli.options import BatchId, Config, Db, Json, Redis, Room, open_room, words
from workers.cli.out import check_out

TABBED: Final = ("tsv", "tab")
"""Formats and suffixes of a CSV whose delimiter is TAB."""
DELIMITERS: Final = {"tab": "\t", "\\t": "\t"}
UNFINISHED: Final = (BatchStatus.LOADING, BatchStatus.OPEN, BatchStatus.DECIDING)
OutFormat = Annotated[
    str | None,
    typer.Option("--format", metavar="csv|tsv|jsonl|parquet|xlsx", help=words("help_format")),
]
OutFile = Annotated[Path | None, typer.Option("--out", metavar="PATH", help=words("help_out"))]
OutEncoding = Annotated[
    str | None,
    typer.Option("--encoding", metavar="utf-8-sig|utf-8|cp932", help=words("help_encoding")),
]
OutDelimiter = Annotated[
    str | None, typer.Option("--delimiter", metavar="CHAR", help=words("help_delimiter"))
]
OutColumns = Annotated[
    str | None, typer.Option("--columns", metavar="NAME,...", help=words("help_columns"))
]
WithInput = Annotated[bool, typer.Option("--with-input", help=words("help_with_input"))]
InputPath = Annotated[
    Path | None, typer.Option("--input", metavar="FILE", help=words("help_input"))
]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("results", help=words("help_results"))(show_results)
    app.command("rejects", help=words("help_rejects"))(show_rejects)


def show_results(
    batch: BatchId,
    kind: OutFormat = None,
    out: OutFile = None,
    encoding: OutEncoding = None,
    delimiter: OutDelimiter = None,
    columns: OutColumns = None,
    with_input: WithInput = False,
    original: InputPath = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    style = choose_style(kind, out, encoding, delimiter, as_data=as_data)
    with open_room(db, redis, config) as room:
        found = batches.get(room.database, batch)
        if with_input or original is not None:
            original = _find_original(found, original)
        _send(room, found, Wish("results", _split(columns), original), style, out)
        if found.status in UNFINISHED:
            unfinished = room.say("results_unfinished", batch=found.batch_id, status=found.status)
            typer.echo(unfinished, err=True)


def show_rejects(
    batch: BatchId,
    kind: OutFormat = None,
    out: OutFile = None,
    encoding: OutEncoding = None,
    delimiter: OutDelimiter = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    style = choose_style(kind, out, encoding, delimiter, as_data=as_data)
    with open_room(db, redis, config) as room:
        _send(room, batches.get(room.database, batch), Wish("rejects"), style, out)


def choose_style(
    kind: str | None,
    out: Path | None,
    encoding: str | None = None,
    delimiter: str | None = None,
    *,
    as_data: bool = False,
) -> Style:
    """Return how to write: the format asked for, else by the file's suffix, else CSV; with
    `--json` JSON lines where no suffix says otherwise.

    A CSV file has a byte order mark, since Excel takes it for CP932 or CP1252 without; a
    stream has none. Raises SettingError for what is unknown, does not go together, or needs a
    library that is not installed.
    """
    suffix = out.suffix.removeprefix(".").lower() if out is not None else ""
    if as_data and suffix not in (*FORMATS, *TABBED):
        suffix = "jsonl"
    wanted = kind or suffix or "csv"
    tabbed = wanted in TABBED
    if not tabbed and wanted not in FORMATS:
        raise SettingError("format_unknown", format=wanted, known=", ".join(FORMATS))
    chosen = "csv" if tabbed else FORMATS[wanted]
    if chosen != "csv" and not (encoding is None and delimiter is None):
        option = "--delimiter" if encoding is None else "--encoding"
        raise SettingError("export_only_csv", option=option, format=chosen)
    require(chosen)
    if chosen in BINARY and out is None and sys.stdout.isatty():
        raise SettingError("format_not_for_terminal", format=chosen)
    usual = "utf-8" if out is None else "utf-8-sig"
    return Style(
        chosen,
        choose_encoding(encoding or usual),
        "\t" if tabbed and delimiter is None else _choose_delimiter(delimiter),
    )


def _choose_delimiter(named: str | None) -> str:
    if named is None:
        return ","
    delimiter = DELIMITERS.get(named, named)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter in "\r\n\0\"' ":
        raise SettingError("export_delimiter_wrong", delimiter=named)
    return delimiter


def _split(columns: str | None) -> Sequence[str] | None:
    if columns is None:
        return None
    return [name.strip() for name in columns.split(",") if name.strip()]


def _find_original(batch: Batch, named: Path | None) -> Path:
    """Return the file that a batch was read from, or the one that is said to be it."""
    if named is not None:
        return named
    path = Path(batch.file_path)
    if not path.exists():
        raise SettingError("original_missing", file=str(path), batch=batch.batch_id)
    return path


def _send(room: Room, batch: Batch, wish: Wish, style: Style, out: Path | None) -> None:
    """Write a batch's lines to stdout, or to a file that nothing else needs."""
    if out is not None:
        needed = [Path(batch.file_path), *([wish.original] if wish.original else [])]
        out = check_out(out, room.settings, needed)
    send(room, batch, wish, style, out)


def send(room: Room, batch: Batch, wish: Wish, style: Style, out: Path | None) -> None:
    """Write lines to a file as a whole, or to stdout as a stream; say what is to be said."""
    export = Export(room.database, batch, wish)
    with _no_collector():
        said = _to_stdout(export, style) if out is None else export.write_file(out, style)
    for warning in said:
        typer.echo(room.say(warning.code, **warning.params), err=True)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Blocks of lines have no cycles: looking for some takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _to_stdout(export: Export, style: Style) -> tuple[SourceWarning, ...]:
    stdout = sys.stdout.buffer
    if not style.needs_seeking:
        return export.write(stdout, style)
    with tempfile.TemporaryFile() as spool:
        said = export.write(spool, style)
        spool.seek(0)
        shutil.copyfileobj(spool, stdout)
    return said
