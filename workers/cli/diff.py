"""Comparing: `diff`."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

import typer

from jobs.differences import LINE_COLUMNS, Difference, Sum
from jobs.errors import SettingError
from jobs.export.cells import escape
from jobs.store import batches, comparison
from workers.cli.options import (
    BatchId,
    Config,
    Db,
    Json,
    Redis,
    Room,
    open_room,
    print_json,
    print_pairs,
    print_table,
    words,
)

KINDS: Final = ("answer", "status", "only_left", "only_right")
LINE_FORMATS: Final = ("csv", "jsonl")
LineFormat = Annotated[
    str | None, typer.Option("--format", metavar="csv|jsonl", help=words("help_diff_format"))
]


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("diff", help=words("help_diff"))(diff)


def diff(
    left: BatchId,
    right: BatchId,
    kind: LineFormat = None,
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    if kind is not None and kind not in LINE_FORMATS:
        raise SettingError("format_unknown", format=kind, known=", ".join(LINE_FORMATS))
    with open_room(db, redis, config) as room:
        one, other = (batches.get(room.database, name).batch_id for name in (left, right))
        counted = Sum()
        found = counted.watch(comparison.stream_differences(room.database, one, other))
        if kind is not None:
            _print_lines(found, kind)
        else:
            for _ in found:
                pass  # counted only: no answer is shown unless it is asked for
            facts = _facts(room, one, other, counted)
            if as_data:
                print_json(facts)
            else:
                _print_facts(room, facts)
    raise typer.Exit(1 if counted.differing else 0)


def _print_lines(found: Iterable[Difference], kind: str) -> None:
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    if kind == "jsonl":
        for one in found:
            sys.stdout.write(json.dumps(one.as_line(), ensure_ascii=False) + "\n")
        return
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    writer.writerow(LINE_COLUMNS)
    for one in found:
        writer.writerow([_cell(value) for value in one.as_line().values()])


def _cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return escape(value) if isinstance(value, str) else value


def _facts(room: Room, left: str, right: str, counted: Sum) -> dict[str, Any]:
    in_both = comparison.count_jobs(room.database, left) - counted.kinds["only_left"]
    return {
        "left": left,
        "right": right,
        "in_both": in_both,
        "same": in_both - counted.kinds["answer"] - counted.kinds["status"],
        **{kind: counted.kinds[kind] for kind in KINDS},
        "other_text": counted.other_text,
        "label_changes": [
            {"from": before, "to": after, "rows": rows}
            for before, after, rows in counted.label_changes()
        ],
    }


def _print_facts(room: Room, facts: Mapping[str, Any]) -> None:
    typer.echo(room.say("diff_title", left=facts["left"], right=facts["right"]))
    shown = ("in_both", "same", *KINDS, "other_text")
    print_pairs([(room.say(f"diff_{name}"), facts[name]) for name in shown])
    changes = facts["label_changes"]
    if changes:
        typer.echo(room.say("diff_label_changes"))
        header = [room.say(f"diff_label_{name}") for name in ("from", "to", "rows")]
        print_table(header, [(one["from"], one["to"], str(one["rows"])) for one in changes])
