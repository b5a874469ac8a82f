"""Fetches a model of the catalogue from the hub: looked up, compared, gone on with, checked."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from jobs.errors import ModelError
from workers.catalogue import Entry
from workers.engines.llama.gguf import hash_file, hash_model, list_parts
from workers.hub import HOME, Hub, RemoteFile
from workers.origin import read_origin
from workers.pull.order import (
    SPARE_BYTES,
    UNDER_WAY,
    Order,
    Pulled,
    Say,
    Show,
    check_order,
    hold,
    no_space,
    not_written,
)
from workers.pull.place import Checked, Piece, put_in_place, read_piece, sign, write_origin


def fetch_model(order: Order, hub: Hub, say: Say, show: Show) -> Pulled:
    """Fetch a model; a second pull of it waits for the first and finds it done.

    Raises ModelError (not there, another file, no room), SettingError (licence, account) or
    ServiceError (the hub does not answer); what has come is kept for the next time.
    """
    check_order(order, say)
    entry = order.entry
    if entry is None or entry.repository is None:
        raise ModelError("pull_no_source", model=order.name)
    with hold(order, say):
        here = order.here
        asks = order.force or order.revision is not None
        if here is not None and not asks and read_origin(here) is not None:
            return _recognise(order, here)
        remotes = _look_up(order, entry, entry.repository, hub)
        if here is not None:
            same = _compare(order, here, remotes)
            if same is not None:
                return same
            if not order.force:
                raise ModelError("pull_other_file", model=order.name, file=str(here))
        _check_space(order, remotes)
        pieces = [_fetch(order, hub, remote, show) for remote in remotes]
        checked: Checked = "hub" if all(remote.sha256 for remote in remotes) else "nothing"
        source = f"{HOME}/{entry.repository}"
        origin = sign(order, source, pieces, checked, remotes[0])
        return put_in_place(order, pieces, origin)


def _look_up(order: Order, entry: Entry, repository: str, hub: Hub) -> list[RemoteFile]:
    """Return all parts at one revision.

    Raises ModelError where one is not the file whose hash the catalogue gives; with `--revision`
    another one was asked for by name.
    """
    remotes: list[RemoteFile] = []
    for file in entry.files:
        revision = remotes[0].revision if remotes else order.revision
        remotes.append(hub.look_up(repository, file, revision))
    if entry.sha256 and order.revision is None:
        for known, remote in zip(entry.sha256, remotes, strict=True):
            if remote.sha256 is not None and remote.sha256 != known:
                named = {"file": remote.name, "revision": remote.revision}
                raise ModelError("pull_changed", model=order.name, **named)
    return remotes


def _recognise(order: Order, here: Path) -> Pulled:
    """Look whether the file that is here is still the one that was pulled."""
    origin = read_origin(here)
    if origin is None or hash_model(here) != origin.sha256:
        raise ModelError("model_hash_differs", path=str(here), model=order.name)
    return Pulled(here, origin, made=False)


def _compare(order: Order, here: Path, remotes: Sequence[RemoteFile]) -> Pulled | None:
    """Return the file that is here if it is the hub's; that is written down then."""
    files = list_parts(here)
    sizes = [file.stat().st_size for file in files]
    if sizes != [remote.bytes for remote in remotes] or not all(one.sha256 for one in remotes):
        return None
    pieces = [read_piece(file, one.name) for file, one in zip(files, remotes, strict=True)]
    if [piece.sha256 for piece in pieces] != [remote.sha256 for remote in remotes]:
        return None
    origin = sign(order, f"{HOME}/{remotes[0].repository}", pieces, "hub", remotes[0])
    write_origin(here, origin)
    return Pulled(here, origin, made=False)


def _part_path(order: Order, remote: RemoteFile) -> Path:
    """Return where a file grows: the name holds its content, so it never goes on with another."""
    mark = hashlib.sha256(f"{remote.name}\n{remote.tag}".encode()).hexdigest()[:16]
    return order.folder / UNDER_WAY / f"{order.name}.{mark}.part"


def _check_space(order: Order, remotes: Sequence[RemoteFile]) -> None:
    """Refuse what does not fit beside what has come already; leftovers of other files go first."""
    parts = {_part_path(order, remote): remote.bytes or 0 for remote in remotes}
    for path in (order.folder / UNDER_WAY).glob("*.part"):
        name, _, _ = path.name.removesuffix(".part").rpartition(".")
        if name == order.name and path not in parts:
            path.unlink(missing_ok=True)
    have = {path: path.stat().st_size if path.exists() else 0 for path in parts}
    missing = sum(max(size - have[path], 0) for path, size in parts.items())
    free = shutil.disk_usage(order.folder).free
    if missing and missing + SPARE_BYTES > free:
        raise no_space(order.folder, missing, free)


def _fetch(order: Order, hub: Hub, remote: RemoteFile, show: Show) -> Piece:
    """Fetch one file; what an earlier time left is thrown away if it spoils the hash."""
    path = _part_path(order, remote)
    for resumed in (path.exists(), False):
        have = 0

        def count(more: int) -> None:
            nonlocal have
            have += more
            show(remote.name, have, remote.bytes)

        try:
            hub.fetch(remote, path, count)
            found = hash_file(path)
        except OSError as error:
            raise not_written(error) from error
        if remote.sha256 in (None, found):
            return Piece(path, remote.name, found)
        path.unlink()
        if not resumed:
            break
    raise ModelError("pull_hash_differs", file=remote.name, repository=remote.repository)
