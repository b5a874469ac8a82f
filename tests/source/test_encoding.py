"""How a file's encoding is decided, and what bytes cost that are none of it."""

from pathlib import Path

import pytest

from jobs.errors import SourceError
from jobs.source import InputShape
from tests.source.reading import good, read_bytes, rejected

JAPANESE = "id,text\n1,ご予約の表示を確認してください。\n2,宿泊の料金はいくらですか\n3,plain\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def named(encoding: str) -> InputShape:
    return InputShape(id="id", text="text", encoding=encoding)


@pytest.mark.parametrize(
    ("written_as", "read_as"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
        ("cp932", "cp932"),
        ("euc_jp", "euc_jp"),
    ],
)
def test_encodings_that_are_found(file: Path, written_as: str, read_as: str) -> None:
    """Byte order marks, UTF-8, CP932 and EUC-JP are told apart from the bytes alone."""
    records = read_bytes(file, JAPANESE.encode(written_as))
    assert records.encoding == read_as
    assert good(records)[0] == ("1", "ご予約の表示を確認してください。")


def test_euc_jp_that_cp932_accepts(file: Path) -> None:
    """A short EUC-JP file that CP932 decodes to half-width kana is still EUC-JP."""
    content = "id,text\n1,あいうえお\n".encode("euc_jp")
    assert content.decode("cp932")
    assert good(read_bytes(file, content)) == [("1", "あいうえお")]


def test_half_width_kana_is_cp932(file: Path) -> None:
    """Half-width kana, as bank files have it, is not taken for EUC-JP."""
    content = "id,text\n1,ｶ)ﾔﾏﾀﾞｼﾖｳﾃﾝ\n2,ﾄﾗﾝｼﾞｽﾀ･ﾗｼﾞｵ\n".encode("cp932")
    assert good(read_bytes(file, content))[0] == ("1", "ｶ)ﾔﾏﾀﾞｼﾖｳﾃﾝ")


def test_mostly_utf8_keeps_its_good_rows(file: Path) -> None:
    """Rows in another encoding inside a UTF-8 file are rejected one by one."""
    good_rows = ["1,宿泊の料金", "3,予約の確認"]
    bad = "2,表示".encode("cp932")
    content = b"\n".join([b"id,text", good_rows[0].encode(), bad, good_rows[1].encode()])
    records = read_bytes(file, content)
    assert records.encoding == "utf-8"
    assert good(records) == [("1", "宿泊の料金"), ("3", "予約の確認")]
    assert rejected(records) == [(2, "2", "decode_error")]


@pytest.mark.parametrize("bad", [b"\xff", b"caf\xe9", b"\xed\xa0\x80", b"\xe3"])
def test_one_bad_row_in_an_ascii_file(file: Path, bad: bytes) -> None:
    """A broken byte in an ASCII file costs its own record, a quoted line end included."""
    records = read_bytes(file, b'id,text\n1,a\n2,"x\n' + bad + b'"\n3,c\n4,d\n')
    assert good(records) == [("1", "a"), ("3", "c"), ("4", "d")]
    assert rejected(records) == [(2, "2", "decode_error")]


def test_damaged_cp932(file: Path) -> None:
    """A CP932 file with one damaged record keeps the others."""
    lines = [f"{n},宿泊の料金は表の通りです" for n in range(30)]
    content = "\n".join(["id,text", *lines]).encode("cp932") + b"\n30,\x82\x01\n"
    records = read_bytes(file, content)
    assert records.encoding == "cp932"
    assert len(good(records)) == 30
    assert rejected(records) == [(31, "30", "decode_error")]


@pytest.mark.parametrize(
    "content",
    [
        "id,text\n1,Müller près\n2,Café Ärger\n3,größer Übung\n".encode("latin-1"),
        JAPANESE.encode("utf-16-le"),
        bytes(range(128, 256)) * 20,
    ],
)
def test_refused_rather_than_guessed(file: Path, content: bytes) -> None:
    """A file no encoding of the ladder fits is refused whole, not read as mojibake."""
    with pytest.raises(SourceError) as caught:
        read_bytes(file, content)
    assert caught.value.code == "encoding_not_recognised"


@pytest.mark.parametrize(
    ("encoding", "written_as"),
    [
        ("latin-1", "latin-1"),
        ("utf-16-le", "utf-16-le"),
        ("UTF-8", "utf-8-sig"),
        ("iso2022_jp", "iso2022_jp"),
    ],
)
def test_a_named_encoding_is_used(file: Path, encoding: str, written_as: str) -> None:
    """The spec's encoding goes before every guess; a byte order mark is never text."""
    text = "größer" if written_as == "latin-1" else "表示"
    content = f"id,text\n1,{text}\n".encode(written_as)
    assert good(read_bytes(file, content, named(encoding))) == [("1", text)]


def test_shift_jis_means_cp932(file: Path) -> None:
    """Who names Shift_JIS gets the Windows code page, whose characters Excel writes."""
    records = read_bytes(file, "id,text\n1,①～髙\n".encode("cp932"), named("Shift_JIS"))
    assert good(records) == [("1", "①～髙")]
    assert records.encoding == "cp932"


def test_bad_bytes_in_utf16(file: Path) -> None:
    """A lone surrogate in UTF-16 rejects its record only."""
    content = "id,text\n1,a\n2,".encode("utf-16") + b"\x00\xd8" + "x\n3,c\n".encode("utf-16-le")
    records = read_bytes(file, content)
    assert rejected(records) == [(2, "2", "decode_error")]
    assert [source_id for source_id, _ in good(records)] == ["1", "3"]


@pytest.mark.parametrize(
    "encoding", ["klingon", "base64", "", "x\0y", "undefined", "idna", "unicode_escape"]
)
def test_unknown_encoding(file: Path, encoding: str) -> None:
    """A name that is no text encoding is refused."""
    with pytest.raises(SourceError) as caught:
        read_bytes(file, b"id,text\n1,a\n", named(encoding))
    assert caught.value.code == "unknown_encoding"
    assert caught.value.params["encoding"] == encoding
