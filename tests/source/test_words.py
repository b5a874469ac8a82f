"""Every code of the reader has words that its parameters fill, in both languages."""

import re
import string
from pathlib import Path

import pytest

import jobs.source
from jobs.source import InputShape, Reject
from jobs.words import LANGUAGES, Language, catalogue, say
from tests.source.reading import read_bytes

CODES = {
    code
    for file in Path(jobs.source.__file__).parent.glob("*.py")
    for code in re.findall(
        r'"((?:file|column|columns|header|unknown|empty|missing|too|text|cell|nul|decode'
        r"|unclosed|stray|bad|duplicate|trailing|encoding|not|source|gzip|format|option|extra"
        r'|parquet|xlsx|sheet|records|json|glob|spool|record|lone|id|path|formula|merged)_[a-z_]+)"',
        file.read_text(encoding="utf-8"),
    )
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: Language) -> None:
    """No code of the reader is shown bare."""
    assert len(CODES) >= 55
    assert catalogue(language).keys() >= CODES


def test_languages_fill_the_same_parameters() -> None:
    """Both languages name the same parameters."""
    for code in CODES:
        named = [
            {name for _, name, _, _ in string.Formatter().parse(catalogue(language)[code]) if name}
            for language in LANGUAGES
        ]
        assert named[0] == named[1], code


@pytest.mark.parametrize("language", LANGUAGES)
def test_parameters_fill_the_words(tmp_path: Path, language: Language) -> None:
    """Rejects, warnings and file errors carry all that their words name."""
    content = b"id,text,x,x\n1,\n2,a,b,c,d\n3,abcdef,,\n4,\0,,\n5,,,\n,a,,\n7,a,,,\n8,\xff,,\n"
    content += b'9,"a"b"c",,\n0,"'
    shape = InputShape(id="id", text="text", max_text_chars=5, encoding="utf-8")
    records = read_bytes(tmp_path / "a.csv", content, shape)
    rejects = [record for record in records if isinstance(record, Reject)]
    assert len({reject.reason_code for reject in rejects}) == 9
    for reject in rejects:
        assert say(
            reject.reason_code,
            language,
            file="a.csv",
            record=reject.record_number,
            **reject.params,
        )
    assert records.file_error is not None
    assert str(tmp_path) in say(records.file_error, language, **records.file_error_params)
    assert len(records.warnings) == 2
    for warning in records.warnings:
        assert str(tmp_path) in say(warning.code, language, **warning.params)
