"""Models that think aloud before they answer: kept short, and no part of the answer.

Most templates switch it off (`enable_thinking`). One that opens a thought for the model gets it
closed again; a model that thinks all the same may do so for half of its answer's length.
"""

from typing import Final

OPEN: Final = "<think>"
CLOSE: Final = "</think>"
CLOSING: Final = f"\n{CLOSE}\n\n"
SHARE: Final = 0.5
WHITE: Final = b" \t\r\n"


def close_thought(text: str) -> str:
    """Return what a template puts before an answer, with a thought that it opens closed."""
    before, opened, after = text.rpartition(OPEN)
    if not opened or CLOSE in after:
        return text
    return before + opened + after.rstrip() + CLOSING


def is_thinking(content: bytes | bytearray) -> bool:
    """Tell whether an answer so far is a thought that was not ended."""
    return content.lstrip(WHITE).startswith(OPEN.encode()) and CLOSE.encode() not in content


def find_answer(content: bytes | bytearray) -> int:
    """Return where the answer begins behind a thought; 0 without one, the end in its middle."""
    if not content.lstrip(WHITE).startswith(OPEN.encode()):
        return 0
    at = content.find(CLOSE.encode())
    if at < 0:
        return len(content)
    rest = content[at + len(CLOSE) :]
    return len(content) - len(rest.lstrip(WHITE))
