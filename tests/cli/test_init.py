"""`init`: a spec from a file's columns, commented, never over another file."""

from pathlib import Path

import pytest

from jobs.draft import KINDS
from tests.cli.conftest import Call

LONG = "a rather long sentence about an order that has not come yet"


def write_rows(folder: Path, header: str = "ticket_id,category,text") -> None:
    """Forty rows of three columns."""
    rows = "".join(f'T{n},{"billing" if n % 2 else "delivery"},"{LONG} {n}"\n' for n in range(40))
    (folder / "tickets.csv").write_text(f"{header}\n{rows}", encoding="utf-8")


def test_a_spec_is_proposed(call: Call, folder: Path) -> None:
    """Id, text and labels are found; the spec is good and takes every row of the file."""
    write_rows(folder)
    told = call("init", "tickets.csv", "--json")
    assert told.data == {
        "spec": "tickets.toml",
        "task": "classify",
        "text": "text",
        "id": "ticket_id",
        "labels": ["billing", "delivery"],
    }
    checked = call("spec", "check", "tickets.toml", "--json").data["spec"]
    assert checked["name"] == "tickets"
    assert [label["name"] for label in checked["task"]["labels"]] == ["billing", "delivery"]
    assert checked["input"]["keep"] == ["category"]
    assert checked["policy"]["data_class"] == "local_only"
    handed = call("submit", "tickets.csv", "--spec", "tickets.toml", "--json").data
    assert (handed["rows"], handed["rejected"]) == (40, 0)


def test_labels_are_left_to_the_user(call: Call, folder: Path) -> None:
    """Without a column like labels the list is empty, and the spec is good once it is filled."""
    told = call("init", "rows.csv", "--out", "new.toml")
    assert "Fill in" in told.out
    assert call("spec", "check", "new.toml").status == 2
    text = (folder / "new.toml").read_text(encoding="utf-8")
    (folder / "new.toml").write_text(text.replace("labels = []", 'labels = ["a", "b"]'))
    assert call("spec", "check", "new.toml").status == 0


@pytest.mark.parametrize("task", KINDS)
@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_task_in_both_languages(
    call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch, task: str, language: str
) -> None:
    """Comments are in the user's language; what needs no filling is good as it is."""
    monkeypatch.setenv("SEKISHO_LANG", language)
    write_rows(folder, "番号,分類,本文")
    assert call("init", "tickets.csv", "--task", task).status == 0
    text = (folder / "tickets.toml").read_text(encoding="utf-8")
    assert ("モデルが読む列" in text) == (language == "ja")
    assert 'text = "本文"' in text
    assert 'id = "番号"' in text
    assert call("spec", "check", "tickets.toml").status == (2 if task == "extract" else 0)


def test_odd_columns(call: Call, folder: Path) -> None:
    """Quotes in names are kept, columns without a name of their own are left out."""
    (folder / "odd.csv").write_text('"a ""b"",c",x,x,\n1,2,3,4\n1,5,6,7\n', encoding="utf-8")
    told = call("init", "odd.csv", "--task", "summarize", "--json")
    assert (told.data["text"], told.data["id"]) == ('a "b",c', None)
    assert call("spec", "check", "odd.toml").status == 0


def test_lines_in_cells(call: Call, folder: Path) -> None:
    """The delimiter is found though rows go over lines and the looked-at part ends inside one."""
    rows = "".join(f'{n};"first, line\n\nlast, line";x\n' for n in range(300))
    (folder / "long.csv").write_text(f"key;note;group\n{rows}", encoding="utf-8")
    told = call("init", "long.csv", "--json")
    assert (told.data["text"], told.data["id"]) == ("note", "key")


def test_a_column_named_like_an_id(call: Call, folder: Path) -> None:
    """Its name makes it the id though a value repeats, or there is no row at all."""
    for name, rows in (("twice", "a,x y z\na,y\n"), ("none", "")):
        (folder / f"{name}.csv").write_text(f"id,body\n{rows}", encoding="utf-8")
        told = call("init", f"{name}.csv", "--json")
        assert (told.data["text"], told.data["id"]) == ("body", "id")


def test_nothing_is_overwritten(call: Call, folder: Path) -> None:
    """A file that is there stays; settings are never taken for the place of a spec."""
    called = call("init", "rows.csv", "--out", "spec.toml", "--json")
    assert (called.status, called.code) == (2, "spec_exists")
    assert 'name = "small"' in (folder / "spec.toml").read_text()
    (folder / "sekisho.csv").write_text("id,text\nr1,a b\n")
    assert call("init", "sekisho.csv", "--json").data["spec"] == "sekisho-spec.toml"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("none.csv",), "file_missing"),
        (("words.csv",), "header_missing"),
        (("rows.csv", "--task", "guess"), "task_unknown"),
        (("rows.csv", "--out", "no/such/spec.toml"), "spec_not_writable"),
    ],
)
def test_what_cannot_be_begun(
    call: Call, folder: Path, arguments: tuple[str, ...], code: str
) -> None:
    """A missing file, a file without names, an unknown task and no folder are refused."""
    (folder / "words.csv").write_text("1,where is my order\n2,money back\n")
    called = call("init", *arguments, "--json")
    assert (called.status, called.code) == (2, code)
    assert not list(folder.glob("words.toml"))
