"""The states and their legal transitions."""

from dataclasses import FrozenInstanceError

import pytest

from jobs.job import (
    BATCH_TRANSITIONS,
    FINAL_JOB_STATUSES,
    JOB_TRANSITIONS,
    BatchStatus,
    Hint,
    JobStatus,
    queue_name,
)


def reachable(start: JobStatus) -> set[JobStatus]:
    """Every state that can follow, in any number of steps."""
    seen: set[JobStatus] = set()
    ahead = {start}
    while ahead:
        seen |= ahead
        ahead = {after for status in ahead for after in JOB_TRANSITIONS[status]} - seen
    return seen


def test_every_state_has_its_transitions() -> None:
    """No state is missing from the data."""
    assert set(JOB_TRANSITIONS) == set(JobStatus)
    assert set(BATCH_TRANSITIONS) == set(BatchStatus)


def test_every_state_is_reached_and_left() -> None:
    """From `waiting` every state can come, and from each of them a final one."""
    assert reachable(JobStatus.WAITING) == set(JobStatus)
    for status in JobStatus:
        assert reachable(status) & FINAL_JOB_STATUSES


def test_what_the_design_names_as_legal() -> None:
    """A person's decision and a correction are legal; a cancelled row stays so."""
    assert {JobStatus.ESCALATED, JobStatus.DONE} <= JOB_TRANSITIONS[JobStatus.REVIEW]
    # a deadline ends rows wherever they stand, and they can be asked again
    for before in (JobStatus.WAITING, JobStatus.RUNNING, JobStatus.ESCALATED, JobStatus.IN_CLOUD):
        assert JobStatus.REVIEW in JOB_TRANSITIONS[before]
    assert JobStatus.WAITING in JOB_TRANSITIONS[JobStatus.REVIEW]
    assert JobStatus.DONE in JOB_TRANSITIONS[JobStatus.DONE]
    assert not JOB_TRANSITIONS[JobStatus.CANCELLED]
    assert not BATCH_TRANSITIONS[BatchStatus.FAILED]


def test_records_are_frozen() -> None:
    """A record cannot be changed, only replaced."""
    with pytest.raises(FrozenInstanceError):
        Hint(1, 0).epoch = 1  # type: ignore[misc]


def test_a_model_has_its_queue() -> None:
    """Chunks of different models wait in different queues."""
    assert queue_name("a") != queue_name("b")
    assert queue_name("smollm2-135m") == "local.smollm2-135m"
