"""Thoughts before an answer: ended, cut off, never taken for the answer."""

import pytest

from workers.engines.llama.thinking import close_thought, find_answer, is_thinking


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("<|assistant|>\n", "<|assistant|>\n"),
        ("<|assistant|>\n<think>\n", "<|assistant|>\n<think>\n</think>\n\n"),
        ("<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n"),
    ],
)
def test_a_thought_that_a_template_opens_is_closed(text: str, closed: str) -> None:
    """The answer begins behind the thought, whoever opened it."""
    assert close_thought(text) == closed


@pytest.mark.parametrize(
    ("content", "answer", "thinking"),
    [
        (b"plain", b"plain", False),
        (b"<think>a\nb</think>\n\nyes", b"yes", False),
        (b" \n<think>cut off", b"", True),
        (b"it says <think>", b"it says <think>", False),
        (b"", b"", False),
    ],
)
def test_a_thought_is_no_part_of_the_answer(content: bytes, answer: bytes, thinking: bool) -> None:
    """What stands before its end is cut; an unended one leaves nothing."""
    assert content[find_answer(content) :] == answer
    assert is_thinking(content) is thinking
