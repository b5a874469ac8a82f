"""How the delimiter is found and the columns are matched."""

from pathlib import Path

import pytest

from jobs.errors import SourceError
from jobs.source import InputShape
from tests.source.reading import PLAIN, good, read_bytes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def refusal(file: Path, content: bytes, shape: InputShape = PLAIN) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_bytes(file, content, shape)
    assert caught.value.params["file"] == str(file)
    return caught.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_delimiter_is_found(file: Path, delimiter: str, quote: str) -> None:
    """Each of the four delimiters is found, whatever others the texts are full of."""
    others = ",;\t|".replace(delimiter, "")
    header, first, second = (
        delimiter.join(f"{quote}{cell}{quote}" for cell in cells)
        for cells in (("id", "text"), ("1", f"a{others}"), ("2", others * 3))
    )
    records = read_bytes(file, f"{header}\n{first}\n{second}\n".encode())
    assert records.delimiter == delimiter
    assert good(records) == [("1", f"a{others}"), ("2", others * 3)]


def test_delimiter_without_a_header(file: Path) -> None:
    """Without a header the delimiter is the one that gives the named columns."""
    shape = InputShape(id="id", text="text", header=False, columns=("id", "text"))
    records = read_bytes(file, b"1;a, b, c\n2;d\n", shape)
    assert good(records) == [("1", "a, b, c"), ("2", "d")]


def test_single_column(file: Path) -> None:
    """A file of one column may hold commas in its texts."""
    shape = InputShape(id=None, text="text")
    assert good(read_bytes(file, b"text\nwell, hello\nbye\n", shape)) == [
        ("1", "well, hello"),
        ("2", "bye"),
    ]


def test_given_delimiter(file: Path) -> None:
    """The spec's delimiter goes before the hint in the file and before every guess."""
    shape = InputShape(id="id", text="text", delimiter="^")
    records = read_bytes(file, b"sep=;\nid^text\n1^a;b\n", shape)
    assert records.delimiter == "^"
    assert good(records) == [("1", "a;b")]


@pytest.mark.parametrize("hint", [b"sep=|\n", b'"SEP=|"\r\n', b"\xef\xbb\xbfsep=|\r\n"])
def test_excel_hint(file: Path, hint: bytes) -> None:
    """The first line sep=| is neither header nor row, but counts as a physical line."""
    records = read_bytes(file, hint + b'id|text\n1|a\n2|"b')
    assert good(records) == [("1", "a")]
    assert records.file_error_params["line"] == 4


def test_tsv_suffix_and_format(tmp_path: Path) -> None:
    """A .tsv file, and the format tsv, are separated by TAB without a guess."""
    content = b"id\ttext,with;marks\n1\ta\n"
    shape = InputShape(id="id", text="text,with;marks")
    assert read_bytes(tmp_path / "a.tsv", content, shape).delimiter == "\t"
    named = InputShape(id="id", text="text,with;marks", format="tsv")
    assert read_bytes(tmp_path / "a.txt", content, named).delimiter == "\t"


@pytest.mark.parametrize("delimiter", ["", ",,", "\n", "\r", '"', "\0"])
def test_bad_delimiter(file: Path, delimiter: str) -> None:
    """A delimiter is one character that is no quote, line end or NUL."""
    shape = InputShape(id="id", text="text", delimiter=delimiter)
    assert refusal(file, b"id,text\n", shape).code == "bad_delimiter"


@pytest.mark.parametrize("header", [" ID ,Ｔｅｘｔ", '"Id"," TEXT"', "ＩＤ,text\u3000"])
def test_header_variants(file: Path, header: str) -> None:
    """Names are compared after NFKC, stripping and case folding."""
    assert good(read_bytes(file, f"{header}\n1,a\n".encode())) == [("1", "a")]


def test_exact_name_first(file: Path) -> None:
    """A column named exactly as asked for is taken before one that only compares equal."""
    records = read_bytes(file, b"id,Text,text\n1,a,b\n")
    assert good(records) == [("1", "b")]
    assert [(w.code, w.params["column"]) for w in records.warnings] == [
        ("duplicate_header", "Text")
    ]


def test_ambiguous_column(file: Path) -> None:
    """Two columns of the name asked for are refused; taking either would be a guess."""
    error = refusal(file, b"id,text,text\n1,a,b\n")
    assert (error.code, error.params["column"], error.params["count"]) == (
        "column_ambiguous",
        "text",
        2,
    )


def test_missing_column(file: Path) -> None:
    """A missing column is named, with those there are and the closest one."""
    error = refusal(file, b"id,body,texts,Store\n1,a,b,c\n")
    assert error.code == "column_missing"
    assert error.params == {
        "file": str(file),
        "column": "text",
        "available": "id, body, texts, Store",
        "suggestion": "texts",
    }


def test_missing_kept_column(file: Path) -> None:
    """Kept columns must be there too; without a close name none is suggested."""
    shape = InputShape(id="id", text="text", keep=("warehouse",))
    error = refusal(file, b"id,text\n1,a\n", shape)
    assert (error.params["column"], error.params["suggestion"]) == ("warehouse", "-")


@pytest.mark.parametrize(
    "content",
    [
        b"\n\r\n",
        b"\xef\xbb\xbf",
        b"sep=,\n",
        b"17,hello\n18,bye\n",
        b"a-1,this is a whole sentence of some customer,x\n",
    ],
)
def test_missing_header(file: Path, content: bytes) -> None:
    """Without a header line the file is refused, and no cell of it is shown."""
    error = refusal(file, content)
    assert error.code == "header_missing"
    assert set(error.params) == {"file"}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b'id,"text\n1,a\n', "header_broken"),
        (b'id,"te"xt"\n1,a\n', "header_broken"),
        (b'id,"te"x"t"\n1,a\n', "header_broken"),
        (b"id,text" + b",x" * 600_000, "header_too_long"),
        (b'id,"text' + b"x" * 1_200_000, "header_too_long"),
    ],
)
def test_broken_header(file: Path, header: bytes, code: str) -> None:
    """A header that cannot be cut into names is refused."""
    assert refusal(file, header).code == code


def test_columns_and_header(file: Path) -> None:
    """Names are given exactly when the file has no header line."""
    no_names = InputShape(id="id", text="text", header=False)
    assert refusal(file, b"1,a\n", no_names).code == "columns_needed"
    both = InputShape(id="id", text="text", columns=("id", "text"))
    assert refusal(file, b"id,text\n", both).code == "columns_with_header"
    other = InputShape(id="id", text="text", header=False, columns=("id", "body"))
    assert refusal(file, b"1,a\n", other).code == "column_missing"


def test_header_alone(file: Path) -> None:
    """A header without rows is a sound file of no records."""
    records = read_bytes(file, b"id,text")
    assert list(records) == []
    assert records.file_error is None
