"""Frames and constraints in tokens, each made once."""

from jobs.prompt import Constraint, Frame, FreeText, JsonText, LabelChoice, LabelSet, Prompt
from workers.engines.llama.constraint import Grammars, read_vocabulary
from workers.engines.llama.labels import Tokens, build_trie, split_stem
from workers.engines.llama.model import Model
from workers.engines.llama.questions import build_questions
from workers.engines.llama.sampling import Sampling
from workers.engines.llama.sequence import Group, Writing
from workers.engines.llama.template import Template
from workers.engines.llama.thinking import CLOSING


class Groups:
    """Remembers the `Group` of every frame and constraint this model has been asked."""

    def __init__(
        self,
        model: Model,
        name: str,
        *,
        grammars: Grammars | None = None,
    ) -> None:
        """Raise `ModelError` if the file's chat template cannot carry a row."""
        bos, eos = model.special_words()
        source = model.metadata("tokenizer.chat_template")
        self._model = model
        self._template = Template(name, source, bos=bos, eos=eos)
        self._template.split(Frame("system"))
        self._end = model.choose_end(model.tokenise(self._template.ending(), special=True))
        self._grammars = grammars or Grammars(lambda: read_vocabulary(model, self._end))
        self._groups: dict[tuple[Frame, Constraint], Group] = {}

    def find(self, prompt: Prompt) -> Group:
        """Return the prompt's group.

        Raises `SpecError` if its labels cannot be told apart or its schema cannot be used.
        """
        key = (prompt.frame, prompt.constraint)
        if key not in self._groups:
            self._groups[key] = self._make(*key)
        return self._groups[key]

    def _make(self, frame: Frame, constraint: Constraint) -> Group:
        before, after = self._template.split(frame)
        if isinstance(constraint, LabelChoice):
            return self._make_choice(before, after, constraint)
        if isinstance(constraint, LabelSet):
            return self._make_set(before, after, constraint)
        suffix = self._model.tokenise(after, special=True)
        return Group(self._read_prefix(before), suffix, writing=self._make_writing(constraint))

    def _make_choice(self, before: str, after: str, choice: LabelChoice) -> Group:
        continued = [self._model.tokenise(after + label, special=True) for label in choice.labels]
        suffix, sequences = split_stem(continued)
        trie = build_trie(choice.labels, sequences, end=self._end)
        return Group(self._read_prefix(before), suffix, trie, choice.complete)

    def _make_set(self, before: str, after: str, choice: LabelSet) -> Group:
        asked = [after + label + choice.ask for label in choice.labels]
        answers = [
            (
                self._model.tokenise(question + choice.yes, special=True),
                self._model.tokenise(question + choice.no, special=True),
            )
            for question in asked
        ]
        words = (choice.yes, choice.no)
        suffix, trie = build_questions(choice.labels, answers, end=self._end, words=words)
        return Group(self._read_prefix(before), suffix, trie, complete=True, several=True)

    def _make_writing(self, constraint: FreeText | JsonText) -> Writing:
        if constraint.max_tokens < 1:
            raise ValueError(constraint.max_tokens)
        if isinstance(constraint, JsonText):
            grammar = self._grammars.compile(constraint.schema)
            return Writing(self._end, constraint.max_tokens, grammar=grammar)
        stops = tuple(stop.encode("utf-8", "replace") for stop in constraint.stop if stop)
        sampling = Sampling(
            constraint.temperature, constraint.top_p, constraint.min_p, constraint.seed
        )
        return Writing(
            self._end,
            constraint.max_tokens,
            stops,
            sampling=sampling,
            closing=self._model.tokenise(CLOSING, special=True),
            ignore_end=constraint.ignore_end,
        )

    def _read_prefix(self, text: str) -> Tokens:
        """Tokenise the prefix; a template that writes the first token itself keeps it single."""
        tokens = self._model.tokenise(text, special=True)
        bos = self._model.bos()
        return tokens if bos is None or tokens[:1] == (bos,) else (bos, *tokens)
