"""Measures which weight format and how many threads this processor reads a model fastest with.

The original is measured first; each format that keeps its precision is written, measured, asked
the probe, and kept only while it is the best. What is used is written whole or not at all.
"""

import errno
import fcntl
import glob
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from jobs.errors import ModelError, SettingError
from workers.engines.host import count_cores, total_memory
from workers.engines.llama.gguf import BITS, count_weights, hash_file
from workers.engines.llama.measure import Shares, Speed, answer_probe, measure_speed
from workers.engines.llama.quantize import FILE_TYPES, quantize
from workers.engines.prepared import (
    DEFAULT_FORMATS,
    Figures,
    FileRecord,
    Record,
    Request,
    find_prepared,
    is_current,
    list_folders,
    name_record,
    name_stem,
    read_build,
    read_processor,
    read_version,
    take_mark,
)
from workers.models import ModelFile

FORMATS: Final = tuple(FILE_TYPES)
MIN_AGREEMENT: Final = 0.99
NOISE_MAX: Final = 0.25
"""However much the original's answers move: a flip from a clearer lead than this counts."""

MIN_GAIN: Final = 1.1
"""A format that reads less than a tenth faster is not worth a second file."""

PART_OF_SEVERAL: Final = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
"""A hash of the first part says nothing of the others, so such a model cannot be prepared."""

SHARE_MIN: Final = 0.01
"""A type that fewer of the weights have (norms, routers) says nothing of a file's precision."""

QUIET_SHARE: Final = 0.85
"""Threads that got less of the processor say nothing of how many are best."""

MEMORY_SHARE: Final = 0.6
SMALLEST_FREE: Final = 16 << 20
LOCK_SECONDS: Final = 0.5
MEGABYTE: Final = 1_000_000


class Say(Protocol):
    """Tells one fact of the progress."""

    def __call__(self, code: str, **params: object) -> None: ...


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
    folder = _choose_folder(model)
    with _locked(folder, model, say):
        done = find_prepared(model).record
        if done is not None and not force and is_current(done, request):
            return done, False
        hold()
        with _Workshop(folder, model.path) as workshop:
            return _make(model, model.path, request, forms, workshop, say, tools or Tools()), True


def choose_formats(weights: Mapping[str, int], request: Request) -> list[str]:
    """Return the formats to try for a file with these weights.

    The default formats below the original's precision are left out; one that was named raises
    `SettingError`, unless a lower precision was asked for.
    """
    own = name_type(weights)
    unknown = [form for form in request.formats if form not in FILE_TYPES]
    if unknown:
        raise SettingError("prepare_format_unknown", format=unknown[0], known=", ".join(FORMATS))
    chosen = []
    for form in dict.fromkeys(request.formats):
        if set(_counting(weights)) == {form}:
            continue  # the original itself
        if request.allow_lower_precision or keeps_precision(form, weights):
            chosen.append(form)
        elif tuple(request.formats) != DEFAULT_FORMATS:
            raise SettingError("prepare_format_lower", format=form, original=own)
    return chosen


def keeps_precision(form: str, weights: Mapping[str, int]) -> bool:
    """Tell whether a format is never below the types that a file's weights have.

    Bits a weight are compared. Of 16 bits only the same type or F32 will do: F16 has three bits
    of mantissa more than BF16, BF16 three of exponent more than F16.
    """
    for own in _counting(weights):
        bits = BITS.get(own, 32.0)  # of a type nobody knows all bits are kept
        if bits >= 16 and form not in (own, "f32"):
            return False
        if BITS[form] < bits:
            return False
    return True


def name_type(weights: Mapping[str, int]) -> str:
    """Return the type that most weights of a file have."""
    return max(weights, key=lambda name: weights[name], default="f32")


def _counting(weights: Mapping[str, int]) -> list[str]:
    total = sum(weights.values())
    return [name for name, count in weights.items() if count >= total * SHARE_MIN]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Shares of the questions with the same answer: all told, and beyond the original's noise."""

    raw: float
    beyond_noise: float


def measure_noise(first: Sequence[Shares], second: Sequence[Shares]) -> float:
    """Return by how much the lead of one label over another moved most between two orders, at
    most `NOISE_MAX`."""
    moves = [
        [one - two for one, two in zip(before, after, strict=True)]
        for before, after in zip(first, second, strict=True)
    ]
    return min(max((max(move) - min(move) for move in moves), default=0.0), NOISE_MAX)


def compare(original: Sequence[Shares], other: Sequence[Shares], noise: float) -> Agreement:
    """Compare the answers of two files.

    A flip between labels that the original itself holds apart by no more than its noise is the
    arithmetic's, not the format's.
    """
    flips = beyond = 0
    for shares, others in zip(original, other, strict=True):
        best, picked = _first(shares), _first(others)
        flips += best != picked
        beyond += shares[best] - shares[picked] > noise
    count = len(original)
    return Agreement(1 - flips / count, 1 - beyond / count)


def _first(shares: Shares) -> int:
    return max(range(len(shares)), key=shares.__getitem__)


def choose(original: Figures, candidates: Sequence[Figures]) -> Figures:
    """Return the fastest reader of those that answer as the original does, or the original."""
    good = [one for one in candidates if (one.agreement or 0.0) >= MIN_AGREEMENT]
    fastest = max(good, key=lambda one: one.reading_tokens_per_second, default=original)
    worth = original.reading_tokens_per_second * MIN_GAIN
    return fastest if fastest.reading_tokens_per_second >= worth else original


def list_thread_counts(cores: int) -> list[int]:
    """Return the numbers of threads to try, most first: all, all but one, and halves of them."""
    if cores <= 4:
        return list(range(cores, 0, -1))
    counts = {cores, cores - 1}
    while cores > 1:
        cores //= 2
        counts.add(cores)
    return sorted(counts, reverse=True)


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
    workshop: "_Workshop",
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
    workshop: "_Workshop",
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


def is_too_large(form: str, weights: Mapping[str, int], folder: Path) -> bool:
    """Tell whether a format is too large for this machine's memory.

    Raises `ModelError` when the disk has no room for it.
    """
    size = int(sum(weights.values()) * BITS[form] / 8) + SMALLEST_FREE
    if size > total_memory() * MEMORY_SHARE:
        return True
    if size > shutil.disk_usage(folder).free:
        raise _no_room(folder, size)
    return False


def _no_room(folder: Path, size: int) -> ModelError:
    return ModelError("prepare_no_space", folder=str(folder), megabytes=size // MEGABYTE)


def _choose_folder(model: ModelFile) -> Path:
    """Return the folder to write into: beside the model if it can be, else the user's cache."""
    folders = list_folders(model)
    for folder in folders:
        with suppress(OSError):
            if model.packaged or folder != folders[0]:
                folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    raise ModelError("prepare_no_folder", folder=", ".join(map(str, folders)), problem="EACCES")


@contextmanager
def _locked(folder: Path, model: ModelFile, say: Say) -> Iterator[None]:
    """Let one process prepare a model in a folder at a time; the next one finds it done."""
    stem = "" if model.path is None else model.path.stem
    lock = folder / f".{stem}.prepare.lock"
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        problem = error.strerror
        raise ModelError("prepare_no_folder", folder=str(folder), problem=problem) from error
    try:
        said = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not said:
                    say("prepare_waits", model=model.name)
                    said = True
                time.sleep(LOCK_SECONDS)
        yield
    finally:
        os.close(descriptor)


class _Workshop:
    """The unfinished files of one preparation; none of them outlives it."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self._source = source
        self._stem = name_stem(source)
        self._parts: dict[str, Path] = {}

    def __enter__(self) -> "_Workshop":
        self._sweep()  # what a killed one left
        return self

    def __exit__(self, *_: object) -> None:
        self._sweep()

    def write(self, form: str, threads: int, make: Callable[..., bool]) -> Path | None:
        """Write the model in a format; returns None if the quantiser does not take it.

        Raises `ModelError` when the disk ran full.
        """
        part = self.folder / f".{self._stem}-{form}.partial"
        if not make(self._source, part, form, threads=threads):
            part.unlink(missing_ok=True)
            if shutil.disk_usage(self.folder).free < SMALLEST_FREE:
                raise _no_room(self.folder, SMALLEST_FREE)
            return None
        self._parts[form] = part
        return part

    def keep_only(self, form: str) -> None:
        """Give back the room of all formats but one."""
        for other in [name for name in self._parts if name != form]:
            self._parts.pop(other).unlink()

    def publish(self, form: str) -> FileRecord:
        """Put a written file under its name, whole."""
        part = self._parts.pop(form)
        target = self.folder / f"{self._stem}-{form}.gguf"
        found = hash_file(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)
        mark = take_mark(target)
        return FileRecord(name=target.name, sha256=found, bytes=mark[0], format=form, mark=mark)

    def sign(self, record: Record) -> None:
        """Write the record, whole, and remove what an earlier one named."""
        target = self.folder / name_record(self._source)
        part = self.folder / f".{self._stem}-record.partial"
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(record.model_dump_json(indent=1) + "\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        except BaseException as error:
            if record.prepared is not None:
                (self.folder / record.prepared.name).unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _no_room(self.folder, SMALLEST_FREE) from error
            raise
        used = record.prepared.name if record.prepared else ""
        for old in self.folder.glob(f"{glob.escape(self._stem)}-*.gguf"):
            if old.name != used:
                old.unlink(missing_ok=True)

    def _sweep(self) -> None:
        for part in self.folder.glob(f".{glob.escape(self._stem)}-*.partial"):
            part.unlink(missing_ok=True)
