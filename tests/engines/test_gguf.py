"""The cheap look at a GGUF file."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jobs.errors import ModelError
from workers.engines.llama.gguf import MappedFiles, check_gguf, hash_file


def pack_text(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def make_gguf(*, data_bytes: int = 256, alignment: int = 64) -> bytes:
    """A GGUF with every kind of header value and one F32 tensor of 8 x 8."""
    keys = [
        pack_text(b"general.alignment") + struct.pack("<II", 4, alignment),
        pack_text(b"general.name") + struct.pack("<I", 8) + pack_text(b"tiny"),
        pack_text(b"flag") + struct.pack("<IB", 7, 1),
        pack_text(b"words") + struct.pack("<IIQ", 9, 8, 2) + pack_text(b"a") + pack_text(b"bc"),
        pack_text(b"numbers") + struct.pack("<IIQ3f", 9, 6, 3, 1.0, 2.0, 3.0),
    ]
    tensor = pack_text(b"weight") + struct.pack("<IQQIQ", 2, 8, 8, 0, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, len(keys)) + b"".join(keys) + tensor
    return header + b"\0" * (-len(header) % alignment) + b"\1" * data_bytes


def find_code(path: Path) -> str | None:
    try:
        check_gguf(path)
    except ModelError as error:
        return error.code
    return None


def test_whole_file_passes(tmp_path: Path) -> None:
    """A well-formed file is accepted to its last byte."""
    path = tmp_path / "a.gguf"
    path.write_bytes(make_gguf())
    assert find_code(path) is None


@pytest.mark.heavy
def test_every_shorter_file_is_truncated(tmp_path: Path) -> None:
    """A file cut anywhere behind its magic is named as truncated."""
    path = tmp_path / "a.gguf"
    whole = make_gguf()
    codes = set()
    for size in range(4, len(whole)):
        path.write_bytes(whole[:size])
        codes.add(find_code(path))
    assert codes == {"model_truncated"}


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\x03\x04 a zip file", b"<html>not found"])
def test_other_files_are_not_gguf(tmp_path: Path, content: bytes) -> None:
    """An empty file, a zip or an error page is not a GGUF."""
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    assert find_code(path) == "model_not_gguf"


def test_missing_file_and_folder(tmp_path: Path) -> None:
    """A path without a readable file is a missing model."""
    assert find_code(tmp_path / "none.gguf") == "model_missing"
    assert find_code(tmp_path) == "model_missing"


@given(at=st.integers(4, 300), value=st.binary(min_size=1, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_damaged_headers_are_errors_of_ours(tmp_path: Path, at: int, value: bytes) -> None:
    """Overwritten bytes lead to acceptance or a `ModelError`, never to another exception."""
    whole = bytearray(make_gguf())
    whole[at : at + len(value)] = value
    path = tmp_path / "a.gguf"
    path.write_bytes(whole)
    assert find_code(path) in {None, "model_not_gguf", "model_truncated"}


def test_hash_is_sha256(tmp_path: Path) -> None:
    """The file's hash is the one that sha256sum prints."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert hash_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_mapped_file_is_touched_by_writing_alone(tmp_path: Path) -> None:
    """Another file under its name leaves what is mapped as it was; bytes written into it do not."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    first = MappedFiles([path])
    path.rename(tmp_path / "old")
    path.write_bytes(b"other")
    second = MappedFiles([path])
    assert first.are_untouched()
    with path.open("r+b") as file:
        file.write(b"O")
    os.utime(path, ns=(0, 0))  # a clock may be too coarse for a test
    assert not second.are_untouched()
    assert first.are_untouched()
    first.close()
    second.close()


def test_engines_import_without_llama_cpp() -> None:
    """Importing the engines or the check loads no native library."""
    program = (
        "import sys, workers.engines, workers.engines.llama, workers.engines.llama.gguf, "
        "workers.engines.stub; sys.exit('llama_cpp' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == 0


@pytest.mark.integration
def test_real_model_passes_and_its_half_does_not(model_path: Path, tmp_path: Path) -> None:
    """The installed model is whole; a copy that lacks one byte is truncated."""
    assert find_code(model_path) is None
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(model_path.read_bytes()[:-1])
    assert find_code(cut) == "model_truncated"
