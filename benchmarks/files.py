"""Measure files on their way in and out: `python -m benchmarks.files --rows N --works load,export`.

Whole commands are compared, each a process of its own, the sides in turn: `sekisho submit` with
`sqlite-utils insert --csv` of the same file, `sekisho results` with `sqlite3 -csv` of one view.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.invented import write_rows
from benchmarks.machine import describe_machine
from benchmarks.sides import ExportSides, PostgresSides, SqliteSides, find_shell
from benchmarks.table import Entry, Finding, Pair, Run, Side, describe, format_table, take_turns
from tests.servers import postgres_server

MEGABYTE: Final = 1_000_000
ALLOWED_MB: Final = 300


def measure_load(given: argparse.Namespace, folder: Path) -> list[Entry]:
    """Load one file into SQLite and PostgreSQL, and by sqlite-utils and plain COPY."""
    path = folder / "rows.csv"
    write_rows(path, given.rows, given.ids)
    sides = SqliteSides(path, given.rows, folder)
    others: dict[str, Side] = {"sqlite-utils": sides.load_by_sqlite_utils}
    with ExitStack() as stack:
        if not given.no_postgres:
            server = stack.enter_context(postgres_server())
            of_server = PostgresSides(path, given.rows, folder, server)
            others |= {"postgresql": of_server.load, "copy": of_server.load_by_copy}
        runs = take_turns(sides.load_sqlite, others, given.repeats)
    case = f"{given.rows:,} rows, {path.stat().st_size / MEGABYTE:.0f} MB, {given.ids} ids"
    peer = ("sqlite-utils", runs["sqlite-utils"])
    entries: list[Entry] = [Pair("load into SQLite", case, "rows/s", runs[""], *peer)]
    own = {"SQLite": runs[""]}
    if "postgresql" in runs:
        own["PostgreSQL"] = runs["postgresql"]
        note = "the server keeps nothing safe from a power cut (fsync off), for both sides"
        entries += [
            Pair("load into PostgreSQL", case, "rows/s", runs["postgresql"], *peer),
            Pair(
                "load into PostgreSQL", case, "rows/s", runs["postgresql"],
                "COPY, no index", runs["copy"], (note,),
            ),
        ]  # fmt: skip
    entries += [_tell_memory(f"load into {name}", case, of) for name, of in own.items()]
    return [*entries, _tell_memory("load by sqlite-utils", case, peer[1], limited=False)]


def measure_export(given: argparse.Namespace, folder: Path) -> list[Entry]:
    """Write the results of a batch, all of them done, to a CSV file."""
    path = folder / "rows.csv"
    write_rows(path, given.rows, given.ids)
    sides = ExportSides(path, given.rows, folder)
    shell = find_shell()
    runs = take_turns(sides.export, {shell.name: sides.export_by(shell)}, given.repeats)
    case = f"{given.rows:,} results"
    pair = Pair("export to CSV", case, "rows/s", runs[""], shell.name, runs[shell.name])
    return [pair, _tell_memory("export to CSV", case, runs[""])]


def _tell_memory(work: str, case: str, runs: Sequence[Run], *, limited: bool = True) -> Finding:
    peaks = tuple(run.facts["resident_bytes"] / MEGABYTE for run in runs)
    word = "kept" if max(peaks) <= ALLOWED_MB else "EXCEEDED"
    notes = (f"allowed {ALLOWED_MB} MB: {word}",) if limited else ()
    return Finding(work, case, "MB resident at most", peaks, notes)


WORKS: Final[Mapping[str, Callable[[argparse.Namespace, Path], list[Entry]]]] = {
    "load": measure_load,
    "export": measure_export,
}


def parse(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.files", description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, default=1_000_000)
    add("--works", default=",".join(WORKS), help="which, by comma; default all")
    add("--repeats", type=int, default=5, help="measured repetitions of each side, after one more")
    add("--ids", choices=("ascending", "scattered"), default="ascending", help="order of the ids")
    add("--no-postgres", action="store_true", help="SQLite alone")
    add("--json", type=Path, help="write every number to this file")
    return parser.parse_args(words)


def main() -> int:
    """Run the works and print their table."""
    given = parse()
    names = [name.strip() for name in given.works.split(",")]
    unknown = [name for name in names if name not in WORKS]
    if unknown:
        sys.stderr.write(f"no such work: {', '.join(unknown)}; there are {', '.join(WORKS)}\n")
        return 2
    machine = describe_machine()
    entries: list[Entry] = []
    for name in names:
        sys.stderr.write(f"{name} ...\n")
        with tempfile.TemporaryDirectory(prefix="sekisho-files-") as folder:
            found = WORKS[name](given, Path(folder))
        entries += found
        sys.stderr.write(format_table(found) + "\n\n")
        if given.json is not None:
            given.json.write_text(json.dumps(_report(machine, given, entries), indent=1) + "\n")
    head = _report(machine, given, [])
    head.pop("works")
    print("\n".join(f"{key}: {json.dumps(value)}" for key, value in head.items()))
    print("\n" + format_table(entries))
    return 0


def _report(
    machine: dict[str, Any], given: argparse.Namespace, entries: Sequence[Entry]
) -> dict[str, Any]:
    """Return everything that is known about a measurement; no path of this machine."""
    return {
        "machine": machine,
        "rows": given.rows,
        "repeats": given.repeats,
        "works": [describe(entry) for entry in entries],
    }


if __name__ == "__main__":
    raise SystemExit(main())
