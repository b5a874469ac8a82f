"""Puts what has come in its place, and writes down where it came from."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from jobs.errors import ModelError
from workers.engines.llama.gguf import check_gguf, hash_file, list_parts
from workers.hub import RemoteFile
from workers.origin import FilePart, Origin, origin_path
from workers.pull.order import Order, Pulled, not_written

Checked = Literal["hub", "catalogue", "nothing"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One file that has come: where it lies, its name at the source, the hash of its bytes."""

    path: Path
    source_name: str
    sha256: str


def read_piece(path: Path, source_name: str) -> Piece:
    """Return a file with its hash; reads it whole."""
    return Piece(path, source_name, hash_file(path))


def sign(
    order: Order,
    source: str,
    pieces: Sequence[Piece],
    checked: Checked,
    remote: RemoteFile | None = None,
) -> Origin:
    """Return what is written down of a model's files."""
    parts = [
        FilePart(source_name=one.source_name, sha256=one.sha256, bytes=one.path.stat().st_size)
        for one in pieces
    ]
    return Origin(
        model=order.name,
        source=source,
        repository=remote.repository if remote else None,
        revision=remote.revision if remote else None,
        parts=tuple(parts),
        checked=checked,
        licence=order.entry.licence if order.entry else None,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def put_in_place(order: Order, pieces: Sequence[Piece], origin: Origin) -> Pulled:
    """Give every part its name, the first one last: only with it there is a model.

    Raises ModelError for what is no GGUF, which is deleted, and where nothing can be written.
    """
    for piece in pieces:
        try:
            check_gguf(piece.path)
        except ModelError as error:
            piece.path.unlink(missing_ok=True)
            named = {"file": piece.source_name, "source": origin.source}
            raise ModelError("pull_no_gguf", **named) from error
    count = len(pieces)
    names = [f"{order.name}-{at:05}-of-{count:05}.gguf" for at in range(1, count + 1)]
    paths = [order.folder / name for name in (names if count > 1 else [f"{order.name}.gguf"])]
    try:
        old = order.here
        if old is not None and old != paths[0]:
            _remove(old)
        write_origin(paths[0], origin)
        for piece, path in reversed(list(zip(pieces, paths, strict=True))):
            _sync(piece.path)
            piece.path.replace(path)
    except OSError as error:
        raise not_written(error) from error
    return Pulled(paths[0], origin, made=True)


def write_origin(path: Path, origin: Origin) -> None:
    """Write down where a model's (first) file came from; raises ModelError."""
    target = origin_path(path)
    draft = target.with_name(f".{target.name}.new")
    try:
        draft.write_text(origin.model_dump_json(indent=2) + "\n", encoding="utf-8")
        _sync(draft)
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise not_written(error) from error


def _remove(first: Path) -> None:
    for path in list_parts(first):
        path.unlink(missing_ok=True)
    origin_path(first).unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
