"""What becomes of a row that got no answer."""

import pytest

from tests.engines.openai.asking import make_questions
from workers.engines.openai.failures import Meaning
from workers.engines.openai.ticket import STRIKES_MAX, SUSPECT_FAULTS, Ticket, find_fault
from workers.engines.openai.wire import WireError


def make_ticket(*, alone: bool = False) -> Ticket:
    return Ticket(make_questions(["where is it"])[0], lambda completion: None, alone, None)


@pytest.mark.parametrize(
    ("result", "found"),
    [
        (Meaning("too_long"), ("well", "input_too_long")),
        (Meaning("row_refused", "server_refused"), ("well", "server_refused")),
        (Meaning("busy", "server_busy"), ("busy", "server_busy")),
        (Meaning("loading", "server_loading"), ("down", "server_loading")),
        (Meaning("not_served", "server_key_refused"), ("down", "server_key_refused")),
        (Meaning("fault", "server_nonsense"), ("fault", "server_error")),
        (WireError("unreachable"), ("down", "server_unreachable")),
        (WireError("timeout"), ("slow", "server_slow")),
        (WireError("lost"), ("fault", "server_error")),
        (WireError("unreadable"), ("fault", "server_error")),
    ],
)
def test_a_fault_is_the_rows_or_the_servers(
    result: Meaning | WireError, found: tuple[str, str]
) -> None:
    """Only what a well server says of the row itself ends it at once."""
    assert find_fault(result) == found


def test_faults_among_others_make_a_row_suspect_and_never_lost() -> None:
    """Only faults alone, at a server that had just been well, are held against it."""
    ticket = make_ticket()
    for number in range(10):
        assert ticket.is_suspect == (number >= SUSPECT_FAULTS)
        assert not ticket.is_lost
        ticket.note_fault(slow=False, alone=False)
    for _ in range(STRIKES_MAX):
        assert not ticket.is_lost
        ticket.note_fault(slow=False, alone=True)
    assert ticket.is_lost


def test_a_row_that_took_all_its_time_is_suspect_at_once() -> None:
    """It is not let loose on the next server's other rows."""
    ticket = make_ticket()
    ticket.note_fault(slow=True, alone=False)
    assert ticket.is_suspect
    assert make_ticket(alone=True).is_suspect


def test_a_row_without_an_answer_still_costs_its_time() -> None:
    """What servers did for it is not lost from the books."""
    ticket = make_ticket()
    ticket.device_ms = 12.5
    failed = ticket.fail("server_failed")
    assert (failed.usage.device_ms, failed.error, failed.text) == (12.5, "server_failed", None)
    assert failed.asked == "question"
