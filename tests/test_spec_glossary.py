"""Glossaries: read from a file into the spec, refused with the lines that do not agree."""

import json
from pathlib import Path

import pytest

from jobs.errors import SpecError
from jobs.spec import Spec, Term, TranslateTask, read_spec, restore_spec
from jobs.spec.glossary import read_glossary

SPEC = """name = "demo"
[task]
kind = "translate"
target_language = "ja"
glossary = {glossary}
[input]
text = "text"
"""


def read(folder: Path, content: str) -> Spec:
    (folder / "terms.csv").write_text(content, encoding="utf-8")
    path = folder / "spec.toml"
    path.write_text(SPEC.format(glossary='"terms.csv"'), encoding="utf-8")
    return read_spec(path)


def terms_of(spec: Spec) -> tuple[Term, ...]:
    assert isinstance(spec.task, TranslateTask)
    return spec.task.glossary


@pytest.mark.parametrize(
    "content",
    [
        "invoice,請求書\nbranch office,支店\n",
        "\ufeffsource,target\r\ninvoice,請求書\r\n\r\nbranch office,支店\r\n",
        '原語,訳語\n invoice , 請求書\n"branch office",支店',
        "invoice,請求書\nbranch office,支店\nInvoice,請求書\nＩＮＶＯＩＣＥ,請求書\n",
    ],
)
def test_a_file_of_pairs_is_read_into_the_spec(tmp_path: Path, content: str) -> None:
    """With a header or without; terms that agree are one; the stored spec holds them."""
    spec = read(tmp_path, content)
    assert terms_of(spec) == (
        Term(source="invoice", target="請求書"),
        Term(source="branch office", target="支店"),
    )
    assert restore_spec(json.loads(json.dumps(spec.canonical()))) == spec
    assert spec.hash() != read(tmp_path, "invoice,インボイス\nbranch office,支店\n").hash()


def test_a_column_for_each_language(tmp_path: Path) -> None:
    """A header of languages, by code or name; an empty cell is no term in that language."""
    spec = read(tmp_path, "source,Japanese,de\ninvoice,請求書,Rechnung\nbranch,,Filiale\n")
    assert [(one.source, one.language, one.target) for one in terms_of(spec)] == [
        ("invoice", "ja", "請求書"),
        ("invoice", "de", "Rechnung"),
        ("branch", "de", "Filiale"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\nｃ,d\nＡ,c\n", "line 1 and line 3 translate the same term differently"),
        ('source,target\n"a\nb",c\nA  B,d\n', "line 2 and line 4 translate"),
        ("source,de,fr\na,b,c\nA,b,d\n", "line 2 and line 3 translate"),
        ("a,b\nc\n", "line 2 has 1 cells, not 2"),
        ("a,b,c\n", "line 1 has 3 cells, not 2"),
        ("a,\n", "line 1 has an empty term"),
        (",b\n", "line 1 has an empty term"),
        ("source,target\n", "it has no terms"),
        ("\n \n", "it has no terms"),
        ("source,Klingonn\na,b\n", "column 2 of its header"),
        ("source,de,German\na,b,c\n", "two columns of its header are the same"),
        ('a,"b\n', "line 1: "),
    ],
)
def test_a_file_that_is_no_glossary_is_refused(tmp_path: Path, content: str, words: str) -> None:
    """What does not agree or cannot be read is said with its lines, at the line of the key."""
    with pytest.raises(SpecError) as caught:
        read(tmp_path, content)
    assert caught.value.code == "spec_attachment_wrong"
    assert caught.value.params["line"] == 5
    assert words in str(caught.value.params["problem"])


def test_a_tsv_has_tabs() -> None:
    """A file named .tsv is parted by tabs, so that terms may hold commas."""
    assert read_glossary("a, b\tc\n", "terms.tsv") == [{"source": "a, b", "target": "c"}]


def test_terms_in_the_spec_itself(tmp_path: Path) -> None:
    """Terms may stand in the spec; a conflict names their numbers."""
    path = tmp_path / "spec.toml"
    inside = '[{ source = "a", target = "b" }, { source = "A", target = "%s" }]'
    path.write_text(SPEC.format(glossary=inside % "b"), encoding="utf-8")
    assert terms_of(read_spec(path)) == (Term(source="a", target="b"),)
    path.write_text(SPEC.format(glossary=inside % "c"), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert (caught.value.code, caught.value.params["key"]) == ("spec_value_wrong", "task.glossary")
    assert "term 1 and term 2" in str(caught.value.params["problem"])


def test_a_glossary_belongs_to_translations(tmp_path: Path) -> None:
    """Another kind of task has no such key, and is not told that it was misspelt."""
    (tmp_path / "terms.csv").write_text("a,b\n", encoding="utf-8")
    path = tmp_path / "spec.toml"
    summarize = SPEC.replace("translate", "summarize").replace('target_language = "ja"\n', "")
    path.write_text(summarize.format(glossary='"terms.csv"'), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert (caught.value.code, caught.value.params["key"]) == ("spec_key_unknown", "task.glossary")
    assert "glossary" not in str(caught.value.params["known"])
