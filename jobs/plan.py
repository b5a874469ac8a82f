"""Rows -> chunks by a token budget: small enough to lose little, large enough to fill a device."""

from collections.abc import Iterable, Iterator
from typing import Final

from jobs.job import NewJob

CHUNK_ROWS: Final = 128
CHUNK_TOKENS: Final = 16_384
BYTES_PER_TOKEN: Final = 3  # between English (about 4 letters) and Japanese (about 1 letter of 3)


def estimate_tokens(text: str) -> int:
    """Return a rough token count of a text without a tokenizer, at least 1."""
    return 1 + len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN


def plan_chunks(
    rows: Iterable[NewJob], *, max_rows: int = CHUNK_ROWS, max_tokens: int = CHUNK_TOKENS
) -> Iterator[tuple[NewJob, ...]]:
    """Cut rows, in order, into chunks of at most `max_rows` rows and `max_tokens` tokens.

    A row larger than the budget gets a chunk of its own; no row is dropped or repeated. The rows
    of a chunk all begin at the same tier.
    """
    open_chunks: dict[int, list[NewJob]] = {}
    sizes: dict[int, int] = {}
    for row in rows:
        tier = row.start_tier
        chunk = open_chunks.setdefault(tier, [])
        tokens = sizes.get(tier, 0)
        if chunk and (len(chunk) >= max_rows or tokens + row.estimated_tokens > max_tokens):
            yield tuple(chunk)
            chunk, tokens = open_chunks[tier], sizes[tier] = [], 0
        chunk.append(row)
        sizes[tier] = tokens + row.estimated_tokens
    yield from (tuple(open_chunks[tier]) for tier in sorted(open_chunks))
