"""Takes a model from a local file: copied or linked, and its hash written down."""

import shutil
from pathlib import Path

from jobs.errors import ModelError
from workers.engines.llama.gguf import check_gguf, hash_file, list_parts
from workers.origin import read_origin
from workers.pull.order import (
    SPARE_BYTES,
    Order,
    Pulled,
    Say,
    check_order,
    hold,
    no_space,
    not_written,
)
from workers.pull.place import Checked, put_in_place, read_piece, sign, write_origin


def take_file(order: Order, file: Path, say: Say, *, link: bool = False) -> Pulled:
    """Copy a local GGUF, all its parts, into the folder, or link to it.

    Raises ModelError (no GGUF, another file has the name, no room) and SettingError (the licence
    of the catalogue's model of that name is not accepted).
    """
    check_order(order, say)
    sources = list_parts(file)
    for one in sources:
        check_gguf(one)
    with hold(order, say) as folder:
        here = order.here
        if here is not None and (not order.force or here.resolve() == file.resolve()):
            return _recognise(order, here, sources, file)
        copies = _bring(order, sources, folder, link=link)
        pieces = [
            read_piece(path, source.name) for path, source in zip(copies, sources, strict=True)
        ]
        known = order.entry.sha256 if order.entry else ()
        same = bool(known) and tuple(piece.sha256 for piece in pieces) == known
        if known and not same:
            say("pull_not_the_catalogues", model=order.name)
        checked: Checked = "catalogue" if same else "nothing"
        origin = sign(order, str(file.absolute()), pieces, checked)
        return put_in_place(order, pieces, origin)


def _recognise(order: Order, here: Path, sources: list[Path], file: Path) -> Pulled:
    """Write down where the file came from that is here already, if it is the same one.

    A file that is not what was recorded of it is recorded anew only with `force`.
    """
    pieces = [read_piece(one, one.name) for one in sources]
    hashes = [piece.sha256 for piece in pieces]
    if hashes != [hash_file(one) for one in list_parts(here)]:
        raise ModelError("pull_other_file", model=order.name, file=str(here))
    origin = None if order.force else read_origin(here)
    if origin is None:
        origin = sign(order, str(file.absolute()), pieces, "nothing")
        write_origin(here, origin)
    elif [part.sha256 for part in origin.parts] != hashes:
        raise ModelError("model_hash_differs", path=str(here), model=order.name)
    return Pulled(here, origin, made=False)


def _bring(order: Order, sources: list[Path], folder: Path, *, link: bool) -> list[Path]:
    copies = [folder / f"{order.name}-{at}.copy" for at in range(1, len(sources) + 1)]
    try:
        size, free = sum(one.stat().st_size for one in sources), shutil.disk_usage(folder).free
        if not link and size + SPARE_BYTES > free:
            raise no_space(order.folder, size, free)
        for source, path in zip(sources, copies, strict=True):
            path.unlink(missing_ok=True)
            if link:
                path.symlink_to(source.absolute())
            else:
                shutil.copyfile(source, path)
    except OSError as error:
        for path in copies:
            path.unlink(missing_ok=True)
        raise not_written(error) from error
    return copies
