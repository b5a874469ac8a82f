"""Frames and constraints in tokens, each made once."""

from jobs.prompt import Frame, LabelChoice, Prompt
from workers.engines.llama.labels import Tokens, build_trie, split_stem
from workers.engines.llama.model import Model
from workers.engines.llama.sequence import Group
from workers.engines.llama.template import Template


class Groups:
    """Remembers the `Group` of every frame and constraint this model has been asked."""

    def __init__(self, model: Model, name: str, *, max_paths: int) -> None:
        """Raise `ModelError` if the file's chat template cannot carry a row."""
        bos, eos = model.special_words()
        source = model.metadata("tokenizer.chat_template")
        self._model = model
        self._template = Template(name, source, bos=bos, eos=eos)
        self._template.split(Frame("system"))
        self._end = model.choose_end(model.tokenise(self._template.ending(), special=True))
        self._max_paths = max_paths
        self._groups: dict[tuple[Frame, LabelChoice], Group] = {}

    def find(self, prompt: Prompt) -> Group:
        """Return the prompt's group; raises `SpecError` if its labels cannot be told apart."""
        key = (prompt.frame, prompt.constraint)
        if key not in self._groups:
            self._groups[key] = self._make(*key)
        return self._groups[key]

    def _make(self, frame: Frame, constraint: LabelChoice) -> Group:
        before, after = self._template.split(frame)
        continued = [
            self._model.tokenise(after + label, special=True) for label in constraint.labels
        ]
        suffix, sequences = split_stem(continued)
        trie = build_trie(constraint.labels, sequences, end=self._end, max_paths=self._max_paths)
        return Group(self._read_prefix(before), suffix, trie)

    def _read_prefix(self, text: str) -> Tokens:
        """Tokenise the prefix; a template that writes the first token itself keeps it single."""
        tokens = self._model.tokenise(text, special=True)
        bos = self._model.bos()
        return tokens if bos is None or tokens[:1] == (bos,) else (bos, *tokens)
