"""What the readers of JSON and JSONL share: the encoding, and paths that lead nowhere."""

from pathlib import Path

from jobs.source.json_encoding import choose_json_encoding
from jobs.source.json_record import JsonJudge
from jobs.source.reading import FileRecords, warn_of_unseen
from jobs.source.record import InputShape, SourceWarning


class JsonFile(FileRecords):
    """The records of one file of JSON text; see `Records`."""

    def __init__(self, path: Path, shape: InputShape) -> None:
        """Decide how the file is read. Raises SourceError before any record is read."""
        super().__init__(path)
        self._encoding = choose_json_encoding(path, shape.encoding)
        self._judge = JsonJudge(shape)

    @property
    def encoding(self) -> str:
        """The codec the file is read with."""
        return self._encoding

    @property
    def warnings(self) -> tuple[SourceWarning, ...]:
        """Paths that led nowhere in every record."""
        return warn_of_unseen(self._path, self._judge.list_unseen())
