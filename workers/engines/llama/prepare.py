"""Measures which weight format and how many threads this processor reads a model fastest with.

The original is measured first; each format that keeps its precision is written, measured, asked
the probe, and kept only while it is the best. What is used is written whole or not at all.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from jobs.errors import ModelError
from workers.engines.host import count_cores
from workers.engines.llama.formats import (
    Agreement,
    choose,
    choose_formats,
    compare,
    list_thread_counts,
    measure_noise,
    name_type,
)
from workers.engines.llama.gguf import count_weights, hash_file
from workers.engines.llama.measure import Shares, Speed, answer_probe, measure_speed
from workers.engines.llama.quantize import quantize
from workers.engines.llama.workshop import (
    MEGABYTE,
    Say,
    Workshop,
    choose_folder,
    is_too_large,
    locked,
)
from workers.engines.prepared import (
    Figures,
    FileRecord,
    Record,
    Request,
    find_prepared,
    is_current,
    read_build,
    read_processor,
    read_version,
    take_mark,
)
from workers.models import ModelFile

PART_OF_SEVERAL: Final = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
"""A hash of the first part says nothing of the others, so such a model cannot be prepared."""

QUIET_SHARE: Final = 0.85
"""Threads that got less of the processor say nothing of how many are best."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a preparation is done with; tests put others in their place."""

    quantize: Callable[..., bool] = quantize
    measure: Callable[[Path, Sequence[int]], Speed] = measure_speed
    answer: Callable[..., list[Shares]] = answer_probe


def prepare(
    model: ModelFile,
    request: Request,
    say: Say,
    *,
    force: bool = False,
    tools: Tools | None = None,
    hold: Callable[[], object] = lambda: None,
) -> tuple[Record, bool]:
    """Return the record of a model on this processor, and whether it was made now.

    `hold` is called before anything is measured. Raises `ModelError` for a model that cannot be
    loaded or a disk without room, and `SettingError` for a format that is lower than the original.
    """
    if model.path is None:
        raise ModelError("prepare_no_file", model=model.name)
    if PART_OF_SEVERAL.search(model.path.name):
        raise ModelError("prepare_split", path=str(model.path))
    weights = count_weights(model.path)
    forms = choose_formats(weights, request)
    folder = choose_folder(model)
    with locked(folder, model, say):
        done = find_prepared(model).record
        if done is not None and not force and is_current(done, request):
            return done, False
        hold()
        with Workshop(folder, model.path) as workshop:
            return _make(model, model.path, request, forms, workshop, say, tools or Tools()), True


@dataclass(slots=True)
class _Contest:
    """The original with its answers, what was tried against it, and what could not be."""

    original: Figures
    answers: Sequence[Shares]
    noise: float
    shares: list[float] = field(default_factory=list)
    tried: list[Figures] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def best(self) -> Figures:
        return choose(self.original, self.tried)


def _try(
    form: str,
    weights: Mapping[str, int],
    counts: Sequence[int],
    contest: _Contest,
    workshop: Workshop,
    say: Say,
    tools: Tools,
) -> str | None:
    """Write and measure a format; return the code of what keeps it out, None if nothing does.

    What reads slower than a good one is not asked the probe.
    """
    if is_too_large(form, weights, workshop.folder):
        return "prepare_no_memory"
    say("prepare_writes", format=form)
    part = workshop.write(form, counts[0], tools.quantize)
    if part is None:
        return "prepare_not_written"
    try:
        speed = tools.measure(part, counts)
        agreement = None
        if speed.reading > contest.best.reading_tokens_per_second:
            found = tools.answer(part, speed.threads)
            agreement = compare(contest.answers, found, contest.noise)
    except ModelError:
        return "prepare_not_loaded"
    contest.shares.append(speed.share)
    contest.tried.append(_figures(form, part.stat().st_size, speed, agreement))
    return None


def _make(
    model: ModelFile,
    path: Path,
    request: Request,
    forms: Sequence[str],
    workshop: Workshop,
    say: Say,
    tools: Tools,
) -> Record:
    started = time.monotonic()
    weights = count_weights(path)
    counts = list_thread_counts(count_cores())
    mark = take_mark(path)
    original_hash = hash_file(path)
    if model.expected_sha256 not in (None, original_hash):
        raise ModelError("model_hash_differs", path=str(path), model=model.name)
    for form in forms:
        is_too_large(form, weights, workshop.folder)  # raises before minutes are spent
    own = name_type(weights)
    say("prepare_begins", model=model.name, format=own, megabytes=mark[0] // MEGABYTE)
    speed = tools.measure(path, counts)
    answers = tools.answer(path, speed.threads)
    noise = measure_noise(answers, tools.answer(path, speed.threads, shuffled=True))
    contest = _Contest(_figures(own, mark[0], speed, Agreement(1.0, 1.0)), answers, noise)
    contest.shares.append(speed.share)
    say("prepare_original", **_told(contest.original))
    for form in forms:
        problem = _try(form, weights, counts, contest, workshop, say, tools)
        if problem is None:
            say("prepare_measured", **_told(contest.tried[-1]))
            workshop.keep_only(contest.best.format)
        else:
            contest.left_out[form] = problem
            say(problem, format=form)
    best = contest.best
    if take_mark(path) != mark:
        raise ModelError("prepared_original_changed")
    prepared = None if best is contest.original else workshop.publish(best.format)
    quiet = min(contest.shares) >= QUIET_SHARE
    if not quiet:
        say("prepare_busy")
    signature, name = read_processor()
    record = Record(
        original=FileRecord(
            name=path.name, sha256=original_hash, bytes=mark[0], format=own, mark=mark
        ),
        prepared=prepared,
        threads=best.threads if quiet else None,
        cores=count_cores(),
        processor=signature,
        processor_name=name,
        build=read_build(),
        llama_cpp=read_version(),
        request=request,
        questions=len(answers),
        noise=round(noise, 4),
        measured=(contest.original, *contest.tried),
        left_out=contest.left_out,
        seconds=round(time.monotonic() - started, 1),
        prepared_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    workshop.sign(record)
    return record


def _figures(form: str, size: int, speed: Speed, agreement: Agreement | None) -> Figures:
    return Figures(
        format=form,
        bytes=size,
        threads=speed.threads,
        reading_by_threads={count: round(rate, 1) for count, rate in speed.by_threads.items()},
        reading_tokens_per_second=round(speed.reading, 1),
        writing_tokens_per_second=round(speed.writing, 1),
        raw_agreement=None if agreement is None else round(agreement.raw, 4),
        agreement=None if agreement is None else round(agreement.beyond_noise, 4),
    )


def _told(figures: Figures) -> dict[str, object]:
    return {
        "format": figures.format,
        "reading": f"{figures.reading_tokens_per_second:.0f}",
        "writing": f"{figures.writing_tokens_per_second:.0f}",
        "threads": figures.threads,
        "agreement": _show(figures.agreement),
        "raw": _show(figures.raw_agreement),
    }


def _show(share: float | None) -> str:
    """Return a share as a percentage, `-` where none is known."""
    return "-" if share is None else f"{share:.1%}"
