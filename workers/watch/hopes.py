"""What `--once` waits for: the files of the first look, as long as they stay as they were."""

from collections.abc import Mapping

from workers.watch.seen import Mark


class Hopes:
    """Files that are still to be taken before a watch is over."""

    def __init__(self) -> None:
        self._marks: dict[str, Mark] | None = None

    @property
    def are_over(self) -> bool:
        """Whether nothing is left to be taken; never before the first look."""
        return self._marks is not None and not self._marks

    def look(self, marks: Mapping[str, Mark]) -> list[str]:
        """Learn what is there now; return the files that are given up since they were written to.

        A file that is gone is given up, too, without a word.
        """
        if self._marks is None:
            self._marks = dict(marks)
        changed = [path for path, mark in self._marks.items() if marks.get(path) != mark]
        for path in changed:
            del self._marks[path]
        return [path for path in changed if path in marks]

    def has(self, path: str, mark: Mark) -> bool:
        """Say whether a file is one of them."""
        return self._marks is not None and self._marks.get(path) == mark

    def drop(self, path: str) -> None:
        """A file was taken, or cannot be."""
        if self._marks is not None:
            self._marks.pop(path, None)
