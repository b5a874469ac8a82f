"""Files that a spec names are read into it; what cannot be used is said with the key's line."""

import json
from pathlib import Path

import pytest

from jobs.errors import SpecError
from jobs.spec import ClassifyTask, Spec, read_spec

SPEC = """name = "demo"
[task]
kind = "classify"
{key}
[input]
text = "text"
"""


def read(folder: Path, content: bytes, name: str = "labels.csv", also: str = "") -> Spec:
    (folder / name).write_bytes(content)
    path = folder / "spec.toml"
    path.write_text(SPEC.format(key=f"labels_file = {json.dumps(name)}\n{also}"), encoding="utf-8")
    return read_spec(path)


def labels_of(spec: Spec) -> list[tuple[str, str]]:
    assert isinstance(spec.task, ClassifyTask)
    return [(label.name, label.description) for label in spec.task.labels]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv", b"\xef\xbb\xbfname,description\r\nrefund,money back\r\ndelivery,\r\n"),
        ("l.csv", b"description,name\nmoney back,refund\n,delivery\n"),
        ("l.json", b'[{"name": "refund", "description": "money back"}, "delivery"]'),
    ],
)
def test_labels_come_from_a_file(tmp_path: Path, name: str, content: bytes) -> None:
    """The labels of a file are the spec's as if they stood in it, and so is its hash."""
    spec = read(tmp_path, content, name)
    assert labels_of(spec) == [("refund", "money back"), ("delivery", "")]
    other = read(tmp_path, content.replace(b"delivery", b"damage"), name)
    assert spec.hash() != other.hash()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("l.csv", b"refund\ndelivery\n", "spec_attachment_wrong"),
        ("l.csv", b"\xff\xfe", "spec_attachment_unreadable"),
        ("l.csv", b'name\n"refund\n', "spec_attachment_wrong"),
        ("l.json", b'{"a": 1}', "spec_attachment_wrong"),
        ("l.json", b'["a",', "spec_attachment_wrong"),
        ("l.csv", b"name\nrefund\n", "spec_value_wrong"),
    ],
)
def test_file_that_is_no_list_of_labels_is_refused(
    tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    """What cannot be used is an error of the spec, with the line of the key."""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, content, name)
    assert caught.value.code == code
    assert caught.value.params["line"] in (2, 4)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that is not there is named with the reason."""
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.format(key='labels_file = "nowhere.csv"'), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert caught.value.code == "spec_attachment_unreadable"
    assert caught.value.params["path"] == str(tmp_path / "nowhere.csv")


def test_labels_given_twice_are_refused(tmp_path: Path) -> None:
    """Which of two lists is meant is not ours to choose."""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, b"name\na\nb\n", also='labels = ["a", "b"]')
    assert caught.value.code == "spec_attachment_twice"
