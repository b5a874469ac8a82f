"""Taking a local file: copied or linked, whole or not at all, with its hash written down."""

import hashlib
import shutil
from pathlib import Path

import pytest

from jobs.errors import ModelError, SettingError
from tests.pull.conftest import GGUF, OTHER, Heard
from workers.catalogue import Entry
from workers.origin import read_origin
from workers.pull import Order, take_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A GGUF somewhere else."""
    path = tmp_path / "downloads" / "Some-Model.Q4_1.gguf"
    path.parent.mkdir()
    path.write_bytes(GGUF)
    return path


def order(tmp_path: Path, *, force: bool = False, entry: Entry | None = None) -> Order:
    """An order for the name `mine`."""
    return Order("mine", tmp_path / "models", entry, force=force)


def said(sha256: str) -> Entry:
    """An entry that gives the hash of its file."""
    facts = {"repository": "a/b", "file": "c.gguf", "sha256": sha256, "commercial": "free"}
    return Entry.model_validate({"title": "Mine", "family": "Mine", **facts})


def test_a_file_is_copied_and_recorded(tmp_path: Path, file: Path, heard: Heard) -> None:
    """The folder is made; the file stays where it is; the second time nothing is done."""
    taken = take_file(order(tmp_path), file, heard.say)
    assert (taken.made, taken.path) == (True, tmp_path / "models" / "mine.gguf")
    assert (taken.path.read_bytes(), file.read_bytes()) == (GGUF, GGUF)
    origin = read_origin(taken.path)
    assert origin is not None
    assert (origin.source, origin.checked, origin.repository) == (str(file), "nothing", None)
    assert origin.sha256 == hashlib.sha256(GGUF).hexdigest()
    assert not take_file(order(tmp_path), file, heard.say).made


def test_a_file_is_linked(tmp_path: Path, file: Path, heard: Heard) -> None:
    """No second copy of many gigabytes; the hash is recorded all the same."""
    taken = take_file(order(tmp_path), file, heard.say, link=True)
    assert (taken.path.is_symlink(), taken.path.resolve()) == (True, file.resolve())
    assert read_origin(taken.path) == taken.origin


def test_another_file_is_replaced_by_force_only(tmp_path: Path, file: Path, heard: Heard) -> None:
    """What lies there under the name stays; the same bytes without a record get one."""
    there = tmp_path / "models" / "mine.gguf"
    there.parent.mkdir()
    there.write_bytes(OTHER)
    with pytest.raises(ModelError, match="pull_other_file"):
        take_file(order(tmp_path), file, heard.say)
    assert there.read_bytes() == OTHER
    assert take_file(order(tmp_path, force=True), file, heard.say).made
    assert there.read_bytes() == GGUF


def test_a_file_that_is_there_is_not_taken_from_itself(tmp_path: Path, heard: Heard) -> None:
    """A link to itself would lose it; --force records what it is now, and nothing else does."""
    there = tmp_path / "models" / "mine.gguf"
    there.parent.mkdir()
    there.write_bytes(GGUF)
    assert not take_file(order(tmp_path), there, heard.say, link=True).made
    there.write_bytes(OTHER)
    with pytest.raises(ModelError, match="model_hash_differs"):
        take_file(order(tmp_path), there, heard.say)
    again = take_file(order(tmp_path, force=True), there, heard.say, link=True)
    assert (there.is_symlink(), there.read_bytes()) == (False, OTHER)
    assert read_origin(there) == again.origin
    assert again.origin.sha256 == hashlib.sha256(OTHER).hexdigest()


def test_all_parts_are_taken(tmp_path: Path, file: Path, heard: Heard) -> None:
    """A model in parts replaces one in a single file, which is gone then with its record."""
    take_file(order(tmp_path), file, heard.say)
    parts = [file.with_name(f"big-{number:05}-of-00002.gguf") for number in (1, 2)]
    for path, content in zip(parts, (GGUF, OTHER), strict=True):
        path.write_bytes(content)
    taken = take_file(order(tmp_path, force=True), parts[0], heard.say)
    names = sorted(path.name for path in taken.path.parent.glob("mine*"))
    first, second = "mine-00001-of-00002.gguf", "mine-00002-of-00002.gguf"
    assert names == [first, f"{first}.json", second]
    assert [part.sha256 for part in taken.origin.parts] == [
        hashlib.sha256(content).hexdigest() for content in (GGUF, OTHER)
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"only words", "model_not_gguf"), (GGUF[:-4], "model_truncated"), (None, "model_missing")],
)
def test_what_is_no_model_is_refused(
    tmp_path: Path, file: Path, heard: Heard, content: bytes | None, code: str
) -> None:
    """Before anything is copied."""
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        take_file(order(tmp_path), file, heard.say)
    assert caught.value.code == code
    assert not (tmp_path / "models").exists()


def test_it_is_compared_with_the_catalogue(tmp_path: Path, file: Path, heard: Heard) -> None:
    """Another quantisation may go by the name, and that is said."""
    known = said(hashlib.sha256(GGUF).hexdigest())
    assert take_file(order(tmp_path, entry=known), file, heard.say).origin.checked == "catalogue"
    other = order(tmp_path, entry=said("a" * 64), force=True)
    assert take_file(other, file, heard.say).origin.checked == "nothing"
    assert heard.codes == ["pull_not_the_catalogues"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x.prepared-y", "名前"])
def test_a_name_must_be_a_files(tmp_path: Path, file: Path, heard: Heard, name: str) -> None:
    """Nothing is written outside of the folder."""
    with pytest.raises(SettingError, match="pull_name_wrong"):
        take_file(Order(name, tmp_path / "models"), file, heard.say)


def test_a_full_disk_leaves_nothing(
    tmp_path: Path, file: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room is looked for before, and a copy that fails is deleted."""

    def fail(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(ModelError, match="pull_not_written"):
        take_file(order(tmp_path), file, heard.say)
    assert sorted(path.name for path in (tmp_path / "models").rglob("*")) == [".pull", "mine.lock"]
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ModelError, match="pull_no_space"):
        take_file(order(tmp_path), file, heard.say)
    linked = take_file(order(tmp_path), file, heard.say, link=True)
    assert linked.made


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, file: Path, heard: Heard) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "models").write_text("in the way")
    with pytest.raises(ModelError, match="pull_not_written"):
        take_file(order(tmp_path), file, heard.say)
