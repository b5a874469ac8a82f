"""A device that writes what it can read in its own memory, for tests of written answers."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from jobs.prompt import Constraint, Frame, FreeText, LabelChoice
from tests.engines.conformance import ask, make_prompts
from tests.engines.test_engine import ScriptedModel
from workers.engines.llama.engine import LlamaEngine
from workers.engines.llama.labels import Tokens
from workers.engines.llama.model import ContextSize, Piece
from workers.engines.llama.step import Budget

BUDGET = Budget(step_tokens=400, context_tokens=400, cells=800, sequences=16, outputs=32)
FRAME = Frame("", before="<", after=">")
OTHER = Frame("other words", before="{<", after=">")
UPPER = FreeText(max_tokens=30)
LABELS = LabelChoice(("aa", "ab", "b"))
END = 261  # llguidance's tokenizer of plain bytes ends with it
TEXTS = tuple(f"row {number} of many" for number in range(11))

Fail = Callable[[Sequence[Piece], "WritingModel"], None]
Make = Callable[..., tuple[LlamaEngine, "WritingModel"]]


class WritingModel(ScriptedModel):
    """Writes a row's text in capitals, by looking at what its sequence really holds.

    A text that contains "~" never ends; one that contains "?" gives logits that are no numbers,
    and one that contains "%" likes every small letter nearly as much as the next capital.
    """

    def __init__(self, fail: Fail, budget: Budget = BUDGET) -> None:
        super().__init__(lambda pieces: fail(pieces, self))
        steps = budget.step_tokens
        self.size = ContextSize(steps, steps, budget.cells, 16, budget.outputs)
        self.vocabulary_size = 262
        self.held: list[list[int]] = [[] for _ in range(16)]
        self.decodes: list[set[str]] = []

    def choose_end(self, candidates: Tokens) -> int:
        return END

    def is_end(self, token: int) -> bool:
        return token == END

    def token_bytes(self, token: int) -> bytes:
        return bytes([token])

    def copy(self, source: int, target: int) -> None:
        super().copy(source, target)
        self.held[target] = list(self.held[source])

    def forget(self, sequence: int) -> None:
        super().forget(sequence)
        self.held[sequence] = []

    def clear(self) -> None:
        super().clear()
        self.held = [[] for _ in range(16)]

    def decode(self, pieces: Sequence[Piece]) -> NDArray[np.float32]:
        logits = super().decode(pieces)
        at = 0
        self.decodes.append(set())
        for piece in pieces:
            for number in piece.sequences:
                self.held[number] += piece.tokens
            held = self.held[piece.sequences[0]]
            for behind in reversed(range(piece.outputs)):
                self._look(logits[at], held[: len(held) - behind])
                at += 1
        return logits

    def _look(self, values: NDArray[np.float32], held: list[int]) -> None:
        text, answer = self.split(held)
        self.decodes[-1].add(text)
        values[_next(text, answer)] = 5.0
        if "%" in text:
            values[ord("a") : ord("z") + 1] = 4.0
        if "?" in text:
            values[3] = np.nan

    def split(self, held: Sequence[int]) -> tuple[str, str]:
        """Return the row's text and its answer that stand in a sequence."""
        words = bytes(token for token in held if token < 256).decode()
        text, _, answer = words.rpartition("<")[2].partition(">\n")
        return text, answer


def _next(text: str, answer: str) -> int:
    if "~" in text:
        return ord("~")
    return ord(text[len(answer)].upper()) if len(answer) < len(text) else END


def write(
    engine: LlamaEngine,
    texts: Sequence[str],
    *,
    choice: Constraint = UPPER,
    frame: Frame = FRAME,
    alone: bool = False,
) -> list[str | None]:
    """Return each row's text, or its error."""
    answers = ask(engine, make_prompts(texts, frame=frame, choice=choice), alone=alone)
    return [answers[key].error or answers[key].text for key in range(len(texts))]


def capitals(texts: Sequence[str]) -> list[str]:
    return [text.upper() for text in texts]
