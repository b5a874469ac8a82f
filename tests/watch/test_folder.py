"""A folder is looked at and read by descriptors: no link, no other folder, no other file."""

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobs.errors import BusyError, ServiceError, SettingError
from workers.watch.folder import Folder
from workers.watch.seen import Kind, Seen

Drop = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder that is watched."""
    path = tmp_path / "drop"
    path.mkdir()
    return path


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Iterator[Folder]:
    """It, opened and locked."""
    opened = Folder(root, tmp_path / "private")
    with opened.lock():
        yield opened
    opened.close()


def drop(root: Path, name: str, text: str = "id,text\n") -> Path:
    """Put a file there."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def look(folder: Folder, *left_out: str) -> dict[str, Seen]:
    """What is seen, by path."""
    return {seen.path: seen for seen in folder.look(left_out).files}


def read(folder: Folder, seen: Seen) -> str | None:
    """What a pinned file holds; None if it is not that file any more."""
    with folder.pinned(seen) as path:
        return None if path is None else path.read_text()


def test_files_below_are_seen(root: Path, folder: Folder) -> None:
    """Not those of processed/ and failed/, hidden or partial ones, nor what is left out."""
    for name in ("a.csv", "s/t/b.csv", "s/processed/c.csv", "夜間.csv"):
        drop(root, name)
    hidden = ("processed/x.csv", "failed/x.csv", ".git/x.csv", "a.tmp", "watch.toml", "out/r.csv")
    for name in hidden:
        drop(root, name)
    found = folder.look(("watch.toml", "out"))
    paths = [seen.path for seen in found.files]
    assert sorted(paths) == ["a.csv", "s/processed/c.csv", "s/t/b.csv", "夜間.csv"]
    assert found.folders == ("", "s", "s/processed", "s/t")


def test_a_marker_belongs_to_its_file(root: Path, folder: Folder) -> None:
    """It is no file to take itself, and a link is no marker."""
    for name in ("a.csv", "a.csv.done", "b.csv", "c.csv.done"):
        drop(root, name)
    (root / "b.csv.done").symlink_to("a.csv")
    found = look(folder)
    assert {path: seen.marked_done for path, seen in found.items()} == {
        "a.csv": True,
        "b.csv": False,
    }


def test_what_is_no_plain_file_is_told_apart(root: Path, folder: Folder) -> None:
    """Links, pipes, sockets, second names and names that are no text; a linked folder is a link."""
    outside = drop(root.parent, "outside/secret.csv")
    (root / "link.csv").symlink_to(outside)
    (root / "linked").symlink_to(outside.parent)
    os.mkfifo(root / "pipe.csv")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(root / "s.csv"))
    os.link(outside, root / "hard.csv")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.csv")).write_text("x")
    found = look(folder)
    assert {path: seen.kind for path, seen in found.items()} == {
        "link.csv": Kind.LINK,
        "linked": Kind.LINK,
        "pipe.csv": Kind.SPECIAL,
        "s.csv": Kind.SPECIAL,
        "hard.csv": Kind.FILE,
        "\udcff.csv": Kind.UNNAMED,
    }
    assert found["hard.csv"].links == 2


def test_a_folder_whose_name_is_no_text_is_told_and_not_entered(root: Path, folder: Folder) -> None:
    """No database could hold the paths of the files in it."""
    odd = Path(os.fsdecode(os.fsencode(root) + b"/s\xff"))
    odd.mkdir()
    (odd / "a.csv").write_text("id,text\n")
    drop(root, "b.csv")
    assert {path: seen.kind for path, seen in look(folder).items()} == {
        "b.csv": Kind.FILE,
        "s\udcff": Kind.UNNAMED,
    }


def test_a_pinned_file_keeps_its_name_and_bytes(root: Path, folder: Folder) -> None:
    """What is put in its place, or over its name, while it is read changes nothing."""
    path = drop(root, "a.csv", "first")
    with folder.pinned(look(folder)["a.csv"]) as pinned:
        assert pinned is not None
        assert pinned.name == "a.csv"
        path.unlink()
        path.symlink_to("/etc/passwd")
        assert pinned.read_text() == "first"
    assert list((root.parent / "private").iterdir()) == []


@pytest.mark.parametrize("trick", ["link", "pipe", "other", "longer", "gone", "hard", "folder"])
def test_a_file_swapped_after_the_look_is_not_read(trick: str, root: Path, folder: Folder) -> None:
    """Between the look and the opening somebody may have put anything there."""
    path = drop(root, "s/a.csv", "first")
    secret = drop(root.parent, "outside/a.csv", "first")
    seen = look(folder)["s/a.csv"]
    if trick in ("link", "pipe", "other", "gone"):
        path.unlink()
    match trick:
        case "link":
            path.symlink_to(secret)
        case "pipe":
            os.mkfifo(path)
        case "other":
            path.write_text("other")
        case "longer":
            path.write_text("first and more")
        case "hard":
            os.link(path, root / "second")
        case "folder":
            (root / "s").rename(root / "t")
            (root / "s").symlink_to(secret.parent)
    assert read(folder, seen) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_raises(root: Path, folder: Folder) -> None:
    """That may change, so it is no other file."""
    path = drop(root, "a.csv")
    path.chmod(0)
    with pytest.raises(PermissionError):
        read(folder, look(folder)["a.csv"])


def test_the_second_watcher_is_refused(root: Path, folder: Folder, tmp_path: Path) -> None:
    """It is told which process holds the folder, also by another name of the folder."""
    assert folder
    (tmp_path / "again").symlink_to(root)
    other = Folder(tmp_path / "again", tmp_path / "private")
    with pytest.raises(BusyError) as raised, other.lock():
        pass
    other.close()
    assert (raised.value.code, raised.value.params["pid"]) == ("watch_locked", str(os.getpid()))


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path, root: Path) -> None:
    """Nobody has the watch write elsewhere."""
    (root / ".sekisho-watch.lock").symlink_to(tmp_path / "elsewhere")
    opened = Folder(root, tmp_path / "private")
    with pytest.raises(SettingError), opened.lock():
        pass
    opened.close()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("section", ["processed", "failed"])
def test_sections_that_are_links_are_refused(tmp_path: Path, root: Path, section: str) -> None:
    """Files must not leave the folder through them."""
    (root / section).symlink_to(tmp_path)
    opened = Folder(root, tmp_path / "private")
    with pytest.raises(SettingError) as raised, opened.lock():
        pass
    opened.close()
    assert section in str(raised.value.params["folder"])


def test_a_section_on_another_file_system_is_refused(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A volume of its own for processed/, say: no file could ever be moved there."""
    (root / "processed").mkdir()
    opened = Folder(root, tmp_path / "private")
    with opened.lock():
        assert {path.name for path in root.rglob("*")} == {"processed", ".sekisho-watch.lock"}

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr("workers.watch.folder.os.rename", refuse)
    with pytest.raises(SettingError) as raised, opened.lock():
        pass
    opened.close()
    assert raised.value.params["folder"] == str(root / "processed")
    assert not list(root.rglob("*.probe"))


def test_a_folder_that_was_replaced_is_noticed(root: Path, folder: Folder) -> None:
    """Files that come into the new one would never be seen."""
    folder.require_in_place()
    root.rename(root.parent / "away")
    with pytest.raises(ServiceError):
        folder.require_in_place()
    root.mkdir()
    with pytest.raises(ServiceError):
        folder.require_in_place()


def test_a_file_in_the_place_of_a_folder_above_is_noticed(tmp_path: Path) -> None:
    """The folder is gone with the one it stood in."""
    root = tmp_path / "above" / "drop"
    root.mkdir(parents=True)
    opened = Folder(root, tmp_path / "private")
    (tmp_path / "above").rename(tmp_path / "away")
    (tmp_path / "above").touch()
    with pytest.raises(ServiceError):
        opened.require_in_place()
    opened.close()


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """A file, or nothing."""
    for name in ("none", "file"):
        if name == "file":
            (tmp_path / name).touch()
        with pytest.raises(SettingError) as raised:
            Folder(tmp_path / name, tmp_path / "private")
        assert raised.value.code == "watch_no_folder"


def test_without_names_of_open_files_the_own_one_is_read(
    root: Path, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every system has /proc."""
    path = drop(root, "a.csv", "rows")
    seen = look(folder)["a.csv"]
    monkeypatch.setattr("workers.watch.folder.os.getpid", lambda: "none")
    with folder.pinned(seen) as pinned:
        assert pinned == path
