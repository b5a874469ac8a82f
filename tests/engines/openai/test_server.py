"""Servers share out rows and time: nothing of either is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.openai.access import read_address
from workers.engines.openai.dialects import Identity
from workers.engines.openai.pace import Pace
from workers.engines.openai.probe import Profile
from workers.engines.openai.server import FAULTS_MAX, Server, Visit, choose, reserve
from workers.engines.openai.wire import Wire

PROFILE = Profile(Identity("m", "vllm", "1", 4096, None, "00"), "json_schema", logprobs=True)


def make(limit: int = 4, *, up: bool = True) -> Server:
    wire = Wire(read_address("http://127.0.0.1:1/v1", "m"), [])
    return Server(wire, PROFILE if up else None, Pace(limit, limit))


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 3)), max_size=40))
def test_all_busy_time_is_borne_by_rows(steps: list[tuple[float, int]]) -> None:
    """Rows that are out together share each moment; their shares are the busy time."""
    server, now, borne = make(100), 0.0, 0.0
    visits: list[Visit] = []
    for passed, what in steps:
        now += passed
        if what or not visits:
            visits.append(server.enter(now))
        else:
            borne += server.leave(visits.pop(0), now)
    now += 1.0
    borne += sum(server.leave(visit, now) for visit in visits)
    assert server.in_flight == 0
    assert borne == pytest.approx(server.busy_ms)


def test_the_least_busy_server_with_room_is_chosen() -> None:
    """By the share of its own limit, so that a large one gets more."""
    small, large = make(2), make(8)
    for _ in range(10):
        server = choose([small, large], 0.0)
        assert server is not None
        server.enter(0.0)
    assert (small.in_flight, large.in_flight) == (2, 8)
    assert choose([small, large], 0.0) is None


def test_a_server_that_is_down_paused_or_reserved_gets_nothing() -> None:
    """Whoever is down has to come back, whoever is busy is left alone for as long as it says."""
    down, paused, kept = make(up=False), make(), make()
    paused.pause(0.0, 7.0)
    kept.reserved = True
    assert choose([down, paused, kept], 6.9) is None
    assert choose([down, paused, kept], 7.0) is paused
    down.come_back(PROFILE)
    assert down.has_room(0.0)


def test_faults_in_a_row_make_a_server_sick_and_an_answer_heals() -> None:
    """One row's faults between others' answers do not take a server down."""
    server = make()
    for _ in range(3 * FAULTS_MAX):
        assert not server.fail()
        server.succeed()
    assert [server.fail() for _ in range(FAULTS_MAX)] == [False] * (FAULTS_MAX - 1) + [True]


def test_a_row_that_must_be_alone_waits_for_an_empty_server() -> None:
    """One server is kept free for it, and let go when nobody wants it any more."""
    first, second = make(), make()
    visit = first.enter(0.0)
    second.enter(0.0)
    second.enter(0.0)
    assert reserve([first, second], 0.0, wanted=True) is None
    assert first.reserved
    assert choose([first, second], 0.0) is second
    first.leave(visit, 1.0)
    assert reserve([first, second], 1.0, wanted=True) is first
    first.taken = True
    assert reserve([first, second], 1.0, wanted=True) is None
    first.taken = False
    assert reserve([first, second], 1.0, wanted=False) is None
    assert not first.reserved
