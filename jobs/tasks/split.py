"""One row's answer, from one completion or, if its text is too long, from those of its parts.

Pure: an `Assembly` says what to ask, takes what comes back, and in the end has the row's answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from jobs.job import Job
from jobs.prompt import Asked, Completion, Prompt, Question, Usage
from jobs.tasks.parts import cut, halve
from jobs.tasks.protocol import Part, Reading, Task, nothing

TOO_LONG: Final = "input_too_long"
WITHDRAWN: Final = "withdrawn"
BYTES_PER_TOKEN: Final = 4
"""Few texts have more; parts of this size are tried first, and halved if they are too long."""
MAX_ROUNDS: Final = 4
"""How often a row is asked about, counting the first time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one row at one tier: how its task reads it, and all that it took.

    `error` is the completion's, or that of the first part that failed. `cached`: nothing was
    computed for it, and `usage` is what its answer took when it was computed.
    """

    job_id: int
    reading: Reading
    usage: Usage
    error: str | None = None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """A part to be asked about; its completion comes back under its number."""

    number: int
    prompt: Prompt | Question


@dataclass(frozen=True, slots=True)
class Piece:
    """A part that is out."""

    text: str
    start: int


def read_whole(task: Task, job: Job, completion: Completion) -> Answer:
    """Return the answer of a row that was asked about as a whole."""
    reading = task.read(completion, job)
    return Answer(job.job_id, reading, completion.usage, completion.error)


class Assembly:
    """A row whose whole text was refused as too long; not for several threads at once."""

    def __init__(
        self,
        task: Task,
        job: Job,
        refused: Completion,
        context_tokens: int,
        asks: Asked = "prompt",
    ) -> None:
        self._render = task.render_part if asks == "prompt" else task.question_part
        self._task = task
        self._job = job
        self._most_bytes = context_tokens * BYTES_PER_TOKEN
        self._usage = refused.usage
        self._error: str | None = None
        self._number = 0
        self._out: dict[int, Piece] = {}
        self._parts: list[Part] = []
        self._asked_text = job.text
        self._readings: list[Reading] = []
        self._signals: dict[str, int] = {}

    @property
    def failed(self) -> bool:
        """Whether the row has no answer, whatever its other parts say."""
        return self._error is not None

    @property
    def waits(self) -> bool:
        """Whether parts are out."""
        return bool(self._out)

    def begin(self) -> list[Ask]:
        """Return the first parts to ask about; none if the text is too short to be cut."""
        return self._cut(self._job.text, 0)

    def stop(self) -> None:
        """Ask nothing more: the row is taken back."""
        self._error = self._error or WITHDRAWN

    def take(self, number: int, completion: Completion) -> list[Ask]:
        """Take what came back for a part; return what else is to be asked.

        A part that is too long is cut again. After the last one the parts' answers are merged,
        and where they are too long together they are asked about once more.
        """
        piece = self._out.pop(number)
        self._usage += completion.usage
        if completion.error is None:
            self._parts.append(Part(piece.text, piece.start, completion))
        elif self._error is None and completion.error == TOO_LONG:
            asks = self._cut(piece.text, piece.start)
            if asks:
                return asks
        else:
            self._error = self._error or completion.error
        return [] if self._out or self._error else self._end_round()

    def answer(self) -> Answer:
        """Return the row's answer, when no part is out any more."""
        reading = self._sum_up() if self._error is None else nothing(self._error)
        return Answer(self._job.job_id, reading, self._usage, self._error)

    def _cut(self, text: str, start: int) -> list[Ask]:
        """Cut a text that was refused; blank pieces are not asked about."""
        halves = halve(text)
        if halves is None:
            self._error = self._error or TOO_LONG
            return []
        return self._ask(start, [part for half in halves for part in cut(half, self._most_bytes)])

    def _ask(self, start: int, texts: Iterable[str]) -> list[Ask]:
        asks: list[Ask] = []
        for text in texts:
            core = text.strip()
            if core:
                piece = Piece(core, start + text.index(core))
                self._out[self._number] = piece
                asks.append(Ask(self._number, self._render(self._job, core)))
                self._number += 1
            start += len(text)
        return asks

    def _end_round(self) -> list[Ask]:
        parts = sorted(self._parts, key=lambda part: part.start)
        reading = self._task.merge(parts, self._job)
        if not self._readings:
            self._signals["parts"] = len(parts)
        self._readings.append(reading)
        again = reading.again
        if again is None or len(again) >= len(self._asked_text):
            return []
        if len(self._readings) >= MAX_ROUNDS:
            return []
        self._asked_text, self._parts = again, []
        return self._ask(0, [again])

    def _sum_up(self) -> Reading:
        """Return the last round's reading, as sure as the least sure round.

        If that has no answer it says why, and the round before shows what there is.
        """
        last = self._readings[-1]
        shown = next((one for one in reversed(self._readings) if one.output is not None), last)
        signals = {**shown.signals, **self._signals}
        if len(self._readings) > 1:
            signals["rounds"] = len(self._readings)
        whole = replace(shown, signals=signals, problem=last.problem, again=None)
        known = [one.confidence for one in self._readings if one.confidence is not None]
        if len(known) < len(self._readings):
            return replace(whole, confidence=None, confidence_source="none")
        if len(known) > 1:
            signals["round_confidences"] = [round(number, 6) for number in known]
        return replace(whole, confidence=min(known))
