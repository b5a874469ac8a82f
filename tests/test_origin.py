"""Where a model came from: what is written is read again, and its hash is that of the engine."""

from pathlib import Path

import pytest

from jobs.errors import ModelError
from workers.engines.llama.gguf import hash_file, hash_model
from workers.origin import FilePart, Origin, origin_path, read_origin


def make(*paths: Path) -> Origin:
    """What is recorded of these files."""
    parts = [
        FilePart(source_name=path.name, sha256=hash_file(path), bytes=path.stat().st_size)
        for path in paths
    ]
    return Origin(
        model="mine", source="https://x.org/y", parts=tuple(parts), checked="hub", taken_at="now"
    )


@pytest.mark.parametrize("count", [1, 2, 3])
def test_its_hash_is_the_one_that_loading_computes(tmp_path: Path, count: int) -> None:
    """For one file and for several parts: otherwise no pulled model could ever be loaded."""
    names = [f"m-{at:05}-of-{count:05}.gguf" for at in range(1, count + 1)]
    paths = [tmp_path / name for name in (names if count > 1 else ["m.gguf"])]
    for at, path in enumerate(paths):
        path.write_bytes(bytes([at]) * (at + 5))
    origin = make(*paths)
    assert origin.sha256 == hash_model(paths[0])
    assert origin.bytes == sum(path.stat().st_size for path in paths)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Beside the file; without a record nothing is known, and a damaged one is refused."""
    path = tmp_path / "m.gguf"
    path.write_bytes(b"x")
    assert read_origin(path) is None
    origin = make(path)
    origin_path(path).write_text(origin.model_dump_json())
    assert read_origin(path) == origin
    for text in ("", "{}", origin.model_dump_json().replace('"version":1', '"version":2'), "[]"):
        origin_path(path).write_text(text)
        with pytest.raises(ModelError, match="model_record_unreadable"):
            read_origin(path)
