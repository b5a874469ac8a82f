"""What readers of all formats share: a pass, its end and its warnings."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from jobs.errors import SourceError
from jobs.source.opening import unreadable
from jobs.source.record import Params, Reject, Row, SourceWarning


class FileRecords(ABC):
    """The records of one file; see `Records`."""

    def __init__(self, path: Path) -> None:
        """Remember the file; nothing is read yet."""
        self._path = path
        self._fault: SourceError | None = None

    @property
    def encoding(self) -> str | None:
        """The codec the file is read with; None for formats without one."""
        return None

    @property
    def delimiter(self) -> str | None:
        """The character between cells; None where they are not separated by one."""
        return None

    @property
    def file_error(self) -> str | None:
        """The code of what ended the latest pass before the end of the file."""
        return self._fault.code if self._fault else None

    @property
    def file_error_params(self) -> Params:
        """What fills the words of `file_error`."""
        return self._fault.params if self._fault else {}

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """What was odd so far."""
        return ()

    def __iter__(self) -> Iterator[Row | Reject]:
        """Read the file from its start; a damaged end is told by `file_error`."""
        self._fault = None
        try:
            yield from self._read()
        except OSError as error:
            self._fault = unreadable(self._path, error)

    @abstractmethod
    def _read(self) -> Iterator[Row | Reject]:
        """Yield the records; what ends the file early is put in `_fault` or raised as OSError."""


def warn_of_unseen(path: Path, unseen: Sequence[str]) -> tuple[SourceWarning, ...]:
    """Return a warning for each dotted path that no record has, perhaps for a slip of the pen."""
    file = str(path)
    return tuple(SourceWarning("path_not_found", {"file": file, "column": name}) for name in unseen)
