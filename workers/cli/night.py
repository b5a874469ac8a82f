"""What a nightly `run` has besides: a deadline, a lock, a page, a report of every ending."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.errors import SekishoError, SettingError
from jobs.report import compose_page, render_html, render_text
from jobs.spec import Spec
from jobs.store import batches
from jobs.store.facts import read_facts
from jobs.submit import Handed
from workers.cli.endings import as_error, complain, exit_status_of, print_error
from workers.cli.options import Room, print_json, words
from workers.cli.out import check_out, write_whole
from workers.report import Report, report_on
from workers.run_lock import check_name, hold_run_lock
from workers.settings import Settings

DeadlineAt = Annotated[
    str | None, typer.Option("--deadline", metavar="T", help=words("help_deadline"))
]
LockName = Annotated[str | None, typer.Option("--lock", metavar="NAME", help=words("help_lock"))]
NoOverlap = Annotated[bool, typer.Option("--no-overlap", help=words("help_no_overlap"))]
PageFile = Annotated[
    Path | None, typer.Option("--page", metavar="PATH", help=words("help_run_page"))
]


def choose_lock(lock: str | None, spec: Spec, *, no_overlap: bool) -> str | None:
    """Return the name of the lock to hold: the one named, else the spec's, else none."""
    if lock is not None:
        return check_name(lock)
    return spec.name if no_overlap else None


@contextmanager
def hold_if_named(room: Room, name: str | None) -> Iterator[tuple[Callable[[], None], ...]]:
    """Hold the lock, if one is named; yields the checks that a run asks while it works."""
    if name is None:
        yield ()
        return
    with hold_run_lock(room.database, name) as check:
        yield (check,)


def choose_page(
    page: Path, files: Sequence[Path], needed: Sequence[Path], settings: Settings
) -> Path:
    """Return where the page goes; refused before anything is done if it cannot go there."""
    if len(files) > 1:
        raise SettingError("page_needs_one_file")
    return check_out(page, settings, [*files, *needed], "--page")


def write_page(room: Room, batch_id: str, path: Path) -> None:
    """Write a batch's page: HTML, or text where the name ends in .txt."""
    page = compose_page(read_facts(room.database, batch_id), room.settings.language)
    render = render_text if path.suffix.lower() == ".txt" else render_html
    write_whole(render(page), path)


def report_standing(room: Room, handed: Sequence[Handed], seconds: float) -> list[Report]:
    """Return reports of those batches that are there, as they stand; none if SQL is away."""
    with suppress(SekishoError):
        found = [batches.find(room.database, item.identity) for item in handed]
        return [report_on(room.database, batch, seconds) for batch in found if batch is not None]
    return []


def end_early(
    error: SekishoError | KeyboardInterrupt,
    room: Room,
    handed: Sequence[Handed],
    seconds: float,
    *,
    as_data: bool,
    page: Path | None,
) -> int:
    """Tell of a run that was ended from outside or by an error; return its exit status.

    With `--json` every batch that is there is reported as it stands, beside the error; the page
    says what is left.
    """
    reports = report_standing(room, handed, seconds)
    if page is not None and reports:
        with suppress(SekishoError, OSError):
            write_page(room, reports[0].batch_id, page)
    code: str = "interrupted"
    params: Mapping[str, object] = {}
    if isinstance(error, SekishoError):
        code, params = error.code, error.params
        complain(code, params)
    if as_data:
        print_json({**_as_data(reports, len(handed)), **as_error(code, params)})
    return exit_status_of(error)


def _as_data(reports: Sequence[Report], files: int) -> dict[str, Any]:
    if files == 1:
        return asdict(reports[0]) if reports else {}
    return {"batches": [asdict(report) for report in reports]}


def tell_interrupted(*, as_data: bool) -> typer.Exit:
    """Tell of a run that was interrupted before it had a batch."""
    if as_data:
        print_error("interrupted", {})
    return typer.Exit(exit_status_of(KeyboardInterrupt()))
