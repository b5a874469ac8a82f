"""Reads a JSON file: a list of records, or one with such a list at a dotted path."""

from collections.abc import Iterator
from pathlib import Path

from jobs.errors import SourceError
from jobs.source.content import open_text
from jobs.source.encoding import MARKING
from jobs.source.json_file import JsonFile
from jobs.source.json_scan import BrokenJson, Scanner, enter, leave, read_elements
from jobs.source.opening import unreadable
from jobs.source.record import InputShape, Reject, Row


class JsonArray(JsonFile):
    """The records of one JSON file, elements of its list from 1."""

    def __init__(self, path: Path, shape: InputShape) -> None:
        """Decide how the file is read, and look for the list.

        Raises SourceError: records_needed, records_missing, json_truncated, json_broken.
        """
        super().__init__(path, shape)
        self._keys = tuple(shape.records.split(".")) if shape.records else ()
        try:
            with open_text(path, self._encoding, MARKING, softly=True) as text:
                self._go_to_list(Scanner(text))
        except OSError as error:
            raise unreadable(path, error) from error
        except BrokenJson as error:
            raise SourceError(error.code, file=str(path), record=0) from error

    def _read(self) -> Iterator[Row | Reject]:
        self._judge.start_pass()
        number = 0
        judge = self._judge
        try:
            with open_text(self._path, self._encoding, MARKING) as text:
                scanner = Scanner(text)
                self._go_to_list(scanner)
                for number, element in enumerate(read_elements(scanner, judge.max_chars), 1):
                    yield judge.judge(number, element.text, element.chars, {})
                leave(scanner, self._keys)
        except BrokenJson as error:
            self._fault = SourceError(error.code, file=str(self._path), record=number)

    def _go_to_list(self, scanner: Scanner) -> None:
        found = all(enter(scanner, key) for key in self._keys)
        if found and scanner.peek() == "[":
            scanner.step()
            return
        if self._keys:
            path = ".".join(self._keys)
            raise SourceError("records_missing", file=str(self._path), records=path)
        raise SourceError("records_needed", file=str(self._path))
