"""The model's own chat template, cut at the place where a row's text stands."""

from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from jinja2 import TemplateError
from llama_cpp.llama_chat_format import Jinja2ChatFormatter

from jobs.errors import ModelError
from jobs.prompt import Frame
from workers.engines.llama.thinking import close_thought

FIXED_DATE: Final = "01 Jan 2025"  # some templates print today, which would change every prompt
REFUSALS: Final = (TemplateError, ValueError, TypeError)  # what templates raise


class Template:
    """Turns a frame into the text before and after a row; knows nothing of tokens."""

    def __init__(self, name: str, source: str | None, *, bos: str = "", eos: str = "") -> None:
        """`source` is the file's `tokenizer.chat_template`, None if it has none.

        Raises `ModelError` (`template_unusable`) if it is not a template.
        """
        self._name = name
        self._chat = self._ended_chat = None
        if source:
            try:
                self._chat = _Chat(source, eos, bos, add_generation_prompt=True)
                self._ended_chat = _Chat(source, eos, bos, add_generation_prompt=False)
            except REFUSALS as error:
                raise ModelError("template_unusable", model=name) from error

    def split(self, frame: Frame) -> tuple[str, str]:
        """Return (prefix, suffix): what is read before and after a row's text.

        The suffix ends with the frame's `answer_start`. Raises `ModelError`
        (`template_unusable`) if the template drops, repeats or changes the user's text.
        """
        mark = _choose_mark(frame)
        user = frame.before + mark + frame.after
        if self._chat is None:
            whole = "\n\n".join(part for part in (frame.system, user) if part) + "\n"
        else:
            whole = self._render(self._chat, frame.system, user)
        parts = whole.split(mark)
        if len(parts) != 2:
            raise ModelError("template_unusable", model=self._name)
        return parts[0], close_thought(parts[1]) + frame.answer_start

    def ending(self) -> str:
        """Return what the template puts after a finished answer; empty if it says nothing."""
        if self._ended_chat is None:
            return ""
        mark = _choose_mark(Frame(""))
        turns = [_turn("user", "?"), _turn("assistant", mark)]
        try:
            return self._ended_chat.render(turns).partition(mark)[2]
        except REFUSALS:
            return ""

    def _render(self, chat: "_Chat", system: str, user: str) -> str:
        if system.strip():
            try:
                whole = chat.render([_turn("system", system), _turn("user", user)])
            except REFUSALS:
                whole = ""
            if system.strip() in whole:
                return whole
            # A template that refuses or drops the system role: its words go to the user turn.
            user = system + "\n\n" + user
        try:
            return chat.render([_turn("user", user)])
        except REFUSALS as error:
            raise ModelError("template_unusable", model=self._name) from error


class _Chat(Jinja2ChatFormatter):
    """llama_cpp's formatter with a fixed date and without a thinking turn."""

    @staticmethod
    def strftime_now(f: str) -> str:
        return FIXED_DATE

    def render(self, turns: Any) -> str:
        """Return the conversation as text; raises one of `REFUSALS`."""
        return str(self(messages=turns, date_string=FIXED_DATE, enable_thinking=False).prompt)


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _choose_mark(frame: Frame) -> str:
    """Return a word that stands nowhere in the frame and that no template would trim."""
    words = (frame.system, frame.before, frame.after, frame.answer_start)
    marks: Iterator[str] = (f"[[row-{number}-stands-here]]" for number in count())
    return next(mark for mark in marks if not any(mark in part for part in words))
