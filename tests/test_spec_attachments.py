"""Files that a spec names are read into it; what cannot be used is said with the key's line."""

import json
from pathlib import Path

import pytest

from jobs.errors import SpecError
from jobs.spec import ClassifyTask, Spec, read_spec
from jobs.spec.attachments import MAX_BYTES

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
        ("l.csv", b"name\nrefund\n", "spec_attachment_wrong"),
        ("l.csv", b"", "spec_attachment_wrong"),
        ("l.json", b"[" * 100_000, "spec_attachment_wrong"),
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


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    """No path holds a NUL."""
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.format(key='labels_file = "a\\u0000"'), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert caught.value.code == "spec_attachment_unreadable"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """What stands in a spec is kept with every batch; most likely another file was meant."""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, b"name\n" + b"a\n" * MAX_BYTES)
    assert caught.value.code == "spec_attachment_wrong"
    assert "larger than" in str(caught.value.params["problem"])


def test_what_is_no_name_of_a_file_is_refused(tmp_path: Path) -> None:
    """The key is a known one; its value is not."""
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.format(key="labels_file = 3"), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert (caught.value.code, caught.value.params["key"]) == (
        "spec_value_wrong",
        "task.labels_file",
    )


def test_labels_given_twice_are_refused(tmp_path: Path) -> None:
    """Which of two lists is meant is not ours to choose."""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, b"name\na\nb\n", also='labels = ["a", "b"]')
    assert caught.value.code == "spec_attachment_twice"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("l.csv", "name\na\n\nb,c\n", "line 4 has more cells than the first; quote its commas"),
        ("l.csv", "name,price\na,1\nb,2\n", "unknown column 'price'; known: name, description"),
        ("l.csv", 'name,description\n"a",x\n,y\n', "line 3: the name is empty"),
        ("l.csv", "name\na\nb\n\uff42\n", "line 4: the label '\uff42' stands at line 3 already"),
        (
            "l.csv",
            'name,description\na,"two\nlines"\n"b\n,",x\nc,y\n',
            "line 4: the name holds a line break or another control character",
        ),
        ("l.csv", 'name\na\n"b\n', "line 3: unexpected end of data"),
        ("l.csv", "name\n" + "".join(f"l{n}\n" for n in range(501)), "it has 501 labels; 500 are"),
        ("l.csv", "name\nalone\n", "it has 1 labels; 2 are the least"),
        ("l.json", '["a", " a "]', "label 2: the label ' a ' stands at label 1 already"),
        ("l.json", '["a", 1]', "label 2 should be a name, or a table with one"),
        (
            "l.json",
            '["a", {"name": "b", "text": "c"}]',
            "label 2: unknown key 'text'; known: name,",
        ),
        ("l.json", '["a", {"name": "b", "examples": [1]}]', "label 2: examples should be a list"),
        ("l.json", '["a", {"name": "b", "description": null}]', "label 2: description should be"),
        ("l.json", '["a", {"name": "b", "name": "c"}]', "a table has a key twice"),
        ("l.json", '["a", "\\ud800"]', "label 2: the name holds a line break or another control"),
        ("l.json", '["a",\n]', "line 2"),
    ],
)
def test_what_is_wrong_in_a_list_of_labels_is_said_with_its_place(
    tmp_path: Path, name: str, content: str, problem: str
) -> None:
    """The line of the file, or the number of the label in it."""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, content.encode(), name)
    assert caught.value.code == "spec_attachment_wrong"
    assert problem in str(caught.value.params["problem"])


def test_a_list_of_labels_may_be_as_long_as_the_specs(tmp_path: Path) -> None:
    """Five hundred labels, with descriptions that hold commas and ends of lines, and examples."""
    lines = [f'label {n},"about {n},\nand more"' for n in range(500)]
    spec = read(tmp_path, "\n".join(["name,description", *lines]).encode())
    assert len(labels_of(spec)) == 500
    assert labels_of(spec)[3] == ("label 3", "about 3,\nand more")
    written = json.dumps([{"name": "a", "examples": ["x", "y"]}, "b"]).encode()
    spec = read(tmp_path, written, "labels.json")
    assert isinstance(spec.task, ClassifyTask)
    assert spec.task.labels[0].examples == ("x", "y")
