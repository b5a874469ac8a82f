"""Events are hints: they wake the watch, and it works without them."""

from pathlib import Path

import pytest
import watchfiles

from workers.watch.stirring import Stirring

PATIENCE_SECONDS = 10


def test_a_new_file_stirs(tmp_path: Path) -> None:
    """In each of the folders named, until it is closed."""
    below = tmp_path / "s"
    below.mkdir()
    stirring = Stirring()
    stirring.listen([tmp_path, below])
    number = 0
    while not stirring.stirred.wait(0.1):  # the system begins to tell a moment after the call
        number += 1
        assert number < PATIENCE_SECONDS * 10
        (below / f"{number}.csv").touch()
    stirring.listen([tmp_path, below])
    stirring.close()
    stirring.close()


def test_a_system_without_events_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next look at the folder comes anyway."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "no more watches")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    stirring = Stirring()
    stirring.listen([tmp_path])
    stirring.close()
    assert not stirring.stirred.is_set()
