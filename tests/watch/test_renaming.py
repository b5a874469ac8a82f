"""Renames never replace anything, with or without the kernel's help."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from workers.watch import renaming
from workers.watch.renaming import exists, rename_new


class OldLibrary:
    """A C library without renameat2."""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[int]:
    """A folder's descriptor."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("old", [False, True])
def test_what_is_there_stays(
    old: bool, held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, and a link that leads nowhere, keep their name; both stay as they are."""
    if old:
        monkeypatch.setattr(renaming, "_libc", OldLibrary())
    (tmp_path / "new").write_text("new")
    (tmp_path / "old").write_text("old")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("old", "link"):
        assert exists(held, name)
        with pytest.raises(FileExistsError):
            rename_new(held, "new", held, name)
    assert [(tmp_path / name).read_text() for name in ("new", "old")] == ["new", "old"]
    rename_new(held, "new", held, "free")
    assert (tmp_path / "free").read_text() == "new"
    with pytest.raises(FileNotFoundError):
        rename_new(held, "new", held, "none")
