"""The journal: the rows inside a native call, and nobody else, whatever was written before."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.journal import Journal, read_suspects


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that all steps of a test rewrite."""
    return tmp_path_factory.mktemp("journal") / "deep" / "journal.json"


@given(st.lists(st.sets(st.integers(1, 2**62), max_size=20), min_size=1, max_size=5))
def test_the_last_step_is_what_is_read(path: Path, steps: list[set[int]]) -> None:
    """After any number of steps the journal names exactly the last one's rows."""
    journal = Journal(path)
    for keys in steps:
        journal.write(keys)
        assert read_suspects(path) == tuple(sorted(keys))
    journal.close()
    assert read_suspects(path) == tuple(sorted(steps[-1]))


def test_between_steps_nobody_is_suspect(tmp_path: Path) -> None:
    """A step that ended leaves nothing, nor does a journal that was only opened."""
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.write([3, 1])
    journal.clear()
    assert read_suspects(path) == ()
    journal.write([5])
    Journal(path).close()
    assert read_suspects(path) == ()
    journal.close()


@pytest.mark.parametrize("content", [None, b"", b"[1, 2", b"[1, 2]"])
def test_a_journal_without_an_end_accuses_nobody(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing, empty or cut off names no rows."""
    path = tmp_path / "journal"
    if content is not None:
        path.write_bytes(content)
    assert read_suspects(path) == ()
