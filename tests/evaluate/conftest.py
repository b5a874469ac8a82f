"""Fewer resamples: what is tested holds for any number of them."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def _few_resamples() -> Iterator[None]:
    """Sixty a figure, so that properties can be tried on many examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jobs.evaluate.intervals.RESAMPLES", 60)
        patch.setattr("jobs.evaluate.intervals.LEAST_RESAMPLES", 20)
        yield
