"""Prompts of an exact number of tokens, rendered once: text for us, the same tokens for a peer."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from llama_cpp import Llama

from jobs.prompt import Constraint, Frame, LabelChoice, Prompt
from workers.engines.llama.template import Template

Tokens = tuple[int, ...]

NOUNS: Final = """
time year people way day man thing woman life child world school state family student group
country problem hand part place case week company system program question work number night
point home water room mother area money story fact month lot right study book eye job word
business issue side kind head house service friend father power hour game line end member law
car city name team minute idea body back parent face level office door health person art war
history party result change morning reason research girl guy moment air teacher force order
paper garden river stone winter summer bread table window letter music road horse field forest
ship market price train animal color sound light king queen north south
"""


class CannotFitError(Exception):
    """No text of this many tokens was found."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row for both sides: our prompt, and the very tokens a peer is sent."""

    prompt: Prompt
    tokens: Tokens


class Words:
    """A model's vocabulary and chat template, without its weights."""

    def __init__(self, path: Path) -> None:
        self._llama = Llama(str(path), vocab_only=True, verbose=False)
        bos, eos = (
            self._spell(token) for token in (self._llama.token_bos(), self._llama.token_eos())
        )
        source = self._llama.metadata.get("tokenizer.chat_template")
        self._template = Template(path.name, source, bos=bos, eos=eos)
        self._adds_bos = bool(self._llama._model.add_bos_token())
        self._plain = tuple(word for word in NOUNS.split() if len(self.tokenise(f"a {word}")) == 2)

    def close(self) -> None:
        self._llama.close()

    @property
    def metadata(self) -> dict[str, str]:
        """The header of the file."""
        return dict(self._llama.metadata)

    def tokenise(self, text: str, *, special: bool = False) -> Tokens:
        """Return the tokens of a text, none added; `special` reads "<|im_end|>" as one."""
        content = text.encode("utf-8", "replace")
        return tuple(self._llama.tokenize(content, add_bos=False, special=special))

    def split(self, frame: Frame) -> tuple[Tokens, Tokens]:
        """Return the tokens before and after a row's text."""
        before, after = self._template.split(frame)
        head = self.tokenise(before, special=True)
        bos = self._llama.token_bos()
        if self._adds_bos and head[:1] != (bos,):
            head = (bos, *head)
        return head, self.tokenise(after, special=True)

    def continue_with(self, frame: Frame, labels: Sequence[str]) -> list[Tokens]:
        """Return each label's tokens where the answer stands."""
        stem, continued = self._find_stem(frame, labels)
        return [tokens[len(stem) :] for tokens in continued]

    def make_text(self, tokens: int, seed: object) -> str:
        """Return random words that are exactly `tokens` tokens; raises `CannotFitError`."""
        if tokens < 1:
            raise CannotFitError(tokens)
        chance = random.Random(repr(seed))  # noqa: S311 - no secret, the same words every time
        for _ in range(100):
            words = chance.choices(self._plain, k=tokens)
            while len(self.tokenise(" ".join(words))) > tokens:
                words.pop()
            if len(self.tokenise(" ".join(words))) == tokens:
                return " ".join(words)
        raise CannotFitError(tokens)

    def cut(self, text: str, tokens: int) -> str:
        """Return the beginning of a text, at most `tokens` long, whole words."""
        words = text.split()[:tokens]
        while words and (over := len(self.tokenise(" ".join(words))) - tokens) > 0:
            words = words[: -max(1, over // 3)]
        return " ".join(words)

    def make_item(self, key: int, frame: Frame, text: str, constraint: Constraint) -> Item:
        """Return one row for both sides."""
        head, tail = self.split(frame)
        if isinstance(constraint, LabelChoice):
            tail = self._find_stem(frame, constraint.labels)[0]
        prompt = Prompt(key, frame, text, constraint)
        return Item(prompt, head + self.tokenise(text) + tail)

    def make_items(
        self, number: int, frame: Frame, tokens: int, constraint: Constraint, seed: object
    ) -> list[Item]:
        """Return rows of random words, `tokens` of them each."""
        texts = [self.make_text(tokens, (seed, row)) for row in range(number)]
        return [self.make_item(row, frame, text, constraint) for row, text in enumerate(texts)]

    def make_frame(self, tokens: int, labels: Sequence[str], answer_start: str = "") -> Frame:
        """Return a frame whose part before a row is exactly `tokens` long (or its shortest).

        It asks for one of `labels`; the rest are random words as examples.
        """
        asked = f"Choose one of: {', '.join(labels)}." if labels else "Answer the message."
        bare = Frame(asked, before="Message: ", answer_start=answer_start)
        wanted = tokens - len(self.split(bare)[0])
        for less in range(max(wanted, 0)):
            words = self.make_text(wanted - less, "frame")
            frame = Frame(f"{asked} {words}", before=bare.before, answer_start=answer_start)
            if len(self.split(frame)[0]) <= tokens:
                return frame
        return bare

    def _find_stem(self, frame: Frame, labels: Sequence[str]) -> tuple[Tokens, list[Tokens]]:
        """Return what all labels share behind a row, and each with it.

        A label is tokenised where it stands: it may melt with what is before it.
        """
        _, after = self._template.split(frame)
        continued = [self.tokenise(after + label, special=True) for label in labels]
        shared, shortest = 0, min(len(tokens) for tokens in continued)
        while shared < shortest and len({tokens[shared] for tokens in continued}) == 1:
            shared += 1
        return continued[0][:shared], continued

    def _spell(self, token: int) -> str:
        if token < 0:
            return ""
        return self._llama.detokenize([token], special=True).decode("utf-8", "replace")


def choose_labels(words: Words, frame: Frame, candidates: Sequence[str], number: int) -> list[str]:
    """Return labels whose first tokens differ; raises `CannotFitError` if there are too few."""
    firsts: dict[int, str] = {}
    for label, tokens in zip(candidates, words.continue_with(frame, candidates), strict=True):
        firsts.setdefault(tokens[0], label)
    if len(firsts) < number:
        raise CannotFitError(number)
    return list(firsts.values())[:number]


def write_grammar(labels: Sequence[str]) -> str:
    """Return a GBNF grammar that allows exactly these labels."""
    return "root ::= " + " | ".join(json.dumps(label, ensure_ascii=False) for label in labels)


def make_labels(items: Sequence[Item]) -> tuple[str, ...]:
    """Return the labels that the rows are asked for."""
    constraint = items[0].prompt.constraint
    return constraint.labels if isinstance(constraint, LabelChoice) else ()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a JSON Lines file."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]
