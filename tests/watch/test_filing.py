"""Filing never overwrites, never leaves the folder, and moves only the file that was taken."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.watch import filing
from workers.watch.filing import (
    Slot,
    free_names,
    move,
    number_name,
    place_results,
    put_sidecar,
    survey,
)
from workers.watch.folder import Folder
from workers.watch.outcome import Taken
from workers.watch.renaming import rename_new
from workers.watch.seen import mark_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is watched."""
    path = tmp_path / "drop"
    path.mkdir()
    return path


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Iterator[Folder]:
    """It, opened."""
    opened = Folder(root, tmp_path / "private")
    yield opened
    opened.close()


def drop(root: Path, name: str = "a.csv", text: str = "rows") -> Taken:
    """A file that was taken; its content is its identity here."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return Taken(name, mark_of(path.stat()), None, text * 16, None, {}, NOW)


def slot_of(taken: Taken, name: str, section: str = "processed", **said: Any) -> Slot:
    """A place with a small sidecar."""
    sidecar = {
        "identity": taken.identity,
        "path": taken.path,
        "status": "closed",
        "batch_id": None,
        **said,
    }
    return Slot(section, name, sidecar, has_file=False)


def file_away(folder: Folder, taken: Taken, **said: Any) -> Slot:
    """File it as it should be."""
    found = survey(folder, taken.path, taken.identity, None)
    slot = slot_of(taken, next(free_names(folder, taken.path, found.number)), **said)
    put_sidecar(folder, taken, slot)
    assert move(folder, taken, slot)
    return slot


def tree(root: Path) -> dict[str, str]:
    """Every file and what it holds."""
    return {
        str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()
    }


def test_files_of_one_name_get_numbers(root: Path, folder: Folder) -> None:
    """None overwrites another; each has one sidecar; sub-folders stay apart."""
    for text in ("one", "two", "three"):
        file_away(folder, drop(root, "a.csv", text))
    file_away(folder, drop(root, "s/a.csv", "four"))
    found = {name: text for name, text in tree(root).items() if not name.endswith(".json")}
    assert found == {
        "processed/a.csv": "one",
        "processed/a-2.csv": "two",
        "processed/a-3.csv": "three",
        "processed/s/a.csv": "four",
    }
    for name, text in found.items():
        assert json.loads((root / f"{name}.json").read_text())["identity"] == text * 16


def test_a_name_is_free_in_both_sections_and_for_its_sidecar(root: Path, folder: Folder) -> None:
    """A file named like another one's sidecar, or that stands in the other section, collides."""
    drop(root, "failed/a.csv")
    drop(root, "processed/a-2.csv.json")
    assert next(free_names(folder, "a.csv", 1)) == "a-3.csv"
    assert next(free_names(folder, "a-2.csv.json", 1)) == "a-2.csv-2.json"


def test_a_begun_filing_is_found_again(root: Path, folder: Folder) -> None:
    """A sidecar whose file has not come is finished under its own name."""
    taken = drop(root)
    put_sidecar(folder, taken, slot_of(taken, "a.csv", "failed"))
    found = survey(folder, taken.path, taken.identity, None)
    assert found.begun is not None
    assert move(folder, taken, found.begun)
    assert sorted(tree(root)) == ["failed/a.csv", "failed/a.csv.json"]
    again = survey(folder, taken.path, taken.identity, None)
    assert (again.begun, again.filed, again.number) == (None, True, 2)


def test_sidecars_of_others_are_no_sign(root: Path, folder: Folder) -> None:
    """Another content, another path, and files that are no sidecars at all."""
    taken = drop(root, "a.csv", "mine")
    file_away(folder, drop(root, "a.csv", "other"))
    drop(root, "processed/a-2.csv.json", "not json")
    drop(root, "processed/a-3.csv.json", "[]")
    (root / "processed" / "a-4.csv.json").symlink_to("/etc/passwd")
    drop(root, "failed/a-5.csv.json", "[" * 100_000)
    found = survey(folder, taken.path, taken.identity, None)
    assert (found.begun, found.filed, found.number) == (None, False, 6)


def test_the_marker_goes_with_its_file(root: Path, folder: Folder) -> None:
    """Left behind it would declare the next file complete."""
    taken = drop(root)
    (root / "a.csv.done").touch()
    file_away(folder, taken)
    assert sorted(tree(root)) == ["processed/a.csv", "processed/a.csv.json"]


@pytest.mark.parametrize("trick", ["written", "replaced", "link", "gone"])
def test_another_file_in_its_place_is_not_moved(trick: str, root: Path, folder: Folder) -> None:
    """Whatever stands there now stays, and no sidecar is left."""
    taken = drop(root)
    slot = slot_of(taken, "a.csv")
    put_sidecar(folder, taken, slot)
    path = root / "a.csv"
    if trick != "written":
        path.unlink()
    if trick in ("written", "replaced"):
        path.write_text("another content")
    if trick == "link":
        path.symlink_to("/etc/passwd")
    assert not move(folder, taken, slot)
    assert list((root / "processed").iterdir()) == []
    assert path.is_symlink() == (trick == "link")
    assert path.exists() == (trick != "gone")


def test_a_file_swapped_at_the_last_moment_is_given_back(
    root: Path, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last check and the move another file may take the name; a third one, too."""
    taken = drop(root)
    slot = slot_of(taken, "a.csv")
    put_sidecar(folder, taken, slot)
    rename = rename_new
    calls: list[str] = []

    def swap(source: int, name: str, target: int, new_name: str) -> None:
        if not calls:
            (root / "a.csv").write_text("swapped in")
        rename(source, name, target, new_name)
        if not calls:
            (root / "a.csv").write_text("third")
        calls.append(new_name)

    monkeypatch.setattr(filing, "rename_new", swap)
    assert not move(folder, taken, slot)
    assert tree(root) == {"a.csv": "third", "a-2.csv": "swapped in"}


def test_a_section_that_became_a_link_is_not_entered(
    root: Path, folder: Folder, tmp_path: Path
) -> None:
    """Neither the sidecar nor the file leaves the folder."""
    taken = drop(root, "s/a.csv")
    (tmp_path / "outside").mkdir()
    (root / "processed").mkdir()
    (root / "processed" / "s").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="s"):
        put_sidecar(folder, taken, slot_of(taken, "a.csv"))
    with pytest.raises(OSError, match="s"):
        survey(folder, taken.path, taken.identity, None)
    assert list((tmp_path / "outside").iterdir()) == []
    assert (root / "s" / "a.csv").exists()


def test_a_name_taken_meanwhile_is_not_overwritten(root: Path, folder: Folder) -> None:
    """The sidecar is withdrawn, so that another name can be found."""
    taken = drop(root)
    slot = slot_of(taken, "a.csv")
    put_sidecar(folder, taken, slot)
    drop(root, "processed/a.csv", "somebody's")
    with pytest.raises(FileExistsError):
        move(folder, taken, slot)
    assert tree(root) == {"a.csv": "rows", "processed/a.csv": "somebody's"}
    file_away(folder, drop(root, "b.csv"))
    with pytest.raises(FileExistsError):
        put_sidecar(folder, taken, slot_of(taken, "b.csv"))


def test_a_full_disk_leaves_nothing_half_written(
    root: Path, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sidecar that cannot be written leaves no part of itself."""
    taken = drop(root)

    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        put_sidecar(folder, taken, slot_of(taken, "a.csv"))
    assert list((root / "processed").iterdir()) == []


def test_results_are_written_beside_others(tmp_path: Path) -> None:
    """The same results keep their name, others get the next one; nothing is left aside."""

    def place(text: str) -> tuple[str, Path]:
        names = iter(["a.csv", "a-2.csv", "a-3.csv"])
        return place_results(tmp_path, names, lambda path: path.write_text(text), "i" * 64)

    assert [place(text)[0] for text in ("one", "one", "two", "two", "one")] == [
        "a.csv",
        "a.csv",
        "a-2.csv",
        "a-2.csv",
        "a.csv",
    ]
    assert sorted(tree(tmp_path)) == ["a-2.csv.results.csv", "a.csv.results.csv"]


@pytest.mark.parametrize(
    ("name", "second"),
    [
        ("a.csv", "a-2.csv"),
        ("a.b.csv", "a.b-2.csv"),
        ("a.csv.gz", "a-2.csv.gz"),
        ("a.gz", "a-2.gz"),
        ("noend", "noend-2"),
        ("夜間.csv", "夜間-2.csv"),
    ],
)
def test_a_number_stands_before_the_ending(name: str, second: str) -> None:
    """So that the format is still told by the name."""
    assert number_name(name, 1) == name
    assert number_name(name, 2) == second


@given(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1),
    st.integers(1, 10_000),
)
def test_a_numbered_name_leaves_room_for_what_stands_beside_it(name: str, number: int) -> None:
    """Whatever the name, sidecar and results of the file have names a folder takes."""
    numbered = number_name(name.encode()[:255].decode(errors="ignore") or "x", number)
    assert len(numbered.encode()) + len(".results.csv") <= 255
