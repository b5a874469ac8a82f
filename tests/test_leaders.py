"""Leaders: of equal prompts in flight one is asked, and nobody waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.prompt import Completion
from workers.leaders import Leaders

ANSWER = Completion(1, "refund")


class Asker:
    """Somebody who asks, and all that came back."""

    def __init__(self) -> None:
        self.got: list[Completion | None] = []

    def join(self, leaders: Leaders, key: str = "k") -> bool:
        """Lead or follow."""
        return leaders.join(key, self, self.got.append)


def three(leaders: Leaders) -> tuple[Asker, Asker, Asker]:
    """A leader and two followers of one key."""
    first, second, third = Asker(), Asker(), Asker()
    assert [one.join(leaders) for one in (first, second, third)] == [True, False, False]
    return first, second, third


def test_one_leads_and_all_get_the_answer() -> None:
    """Each follower gets it once; the leader has it already. Other keys have other leaders."""
    leaders = Leaders()
    first, second, third = three(leaders)
    assert Asker().join(leaders, "other")
    leaders.answer("k", first, ANSWER)
    leaders.answer("k", first, ANSWER)
    assert (first.got, second.got, third.got) == ([], [ANSWER], [ANSWER])


def test_who_comes_before_the_commit_gets_the_answer() -> None:
    """Until its leader is released a key has an answer; afterwards SQL has it."""
    leaders = Leaders()
    first, late, later = Asker(), Asker(), Asker()
    first.join(leaders)
    leaders.answer("k", first, ANSWER)
    assert not late.join(leaders)
    assert late.got == [ANSWER]
    leaders.release("k", late)
    assert not Asker().join(leaders)
    leaders.release("k", first)
    assert later.join(leaders)


def test_a_leader_without_an_answer_hands_on() -> None:
    """Who waits longest leads then; the next one still follows, now the new leader."""
    leaders = Leaders()
    first, second, third = three(leaders)
    leaders.release("k", first)
    assert (second.got, third.got) == ([None], [])
    leaders.answer("k", first, ANSWER)
    assert third.got == []
    leaders.answer("k", second, ANSWER)
    assert third.got == [ANSWER]


def test_a_row_without_an_answer_frees_its_followers() -> None:
    """An error is nobody else's: everybody asks for itself, and the key is free."""
    leaders = Leaders()
    first, second, third = three(leaders)
    leaders.refuse("k", second)
    assert second.got == []
    leaders.refuse("k", first)
    assert (second.got, third.got) == ([None], [None])
    assert Asker().join(leaders)


def test_a_follower_may_leave() -> None:
    """It is told whether it still waited; then nothing comes any more."""
    leaders = Leaders()
    first, second, third = three(leaders)
    assert leaders.leave("k", second)
    assert not leaders.leave("k", second)
    leaders.answer("k", first, ANSWER)
    assert not leaders.leave("k", third)
    assert (second.got, third.got) == ([], [ANSWER])
    assert not leaders.leave("nobody", first)
    leaders.release("nobody", first)


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["answer", "refuse", "release"]))))
def test_nobody_waits_for_nobody(program: list[tuple[int, str]]) -> None:
    """Whoever waits, waits for somebody who is still asking; nobody is told twice."""
    leaders = Leaders()
    askers = [Asker() for _ in range(6)]
    asking: set[Asker] = set()
    over: set[Asker] = set()
    joined: set[Asker] = set()
    for number, act in program:
        one = askers[number]
        if one not in joined:
            joined.add(one)
            asking |= {one} if one.join(leaders) else set()
        elif one not in over and (act == "release" or one in asking):
            over.add(one)
            if act == "release":
                leaders.release("k", one)
            elif act == "answer":
                leaders.answer("k", one, ANSWER)
            else:
                leaders.refuse("k", one)
        asking |= {each for each in joined if each.got == [None]}
        waiting = {each for each in joined if not each.got} - asking - over
        assert all(len(each.got) <= 1 for each in askers)
        assert not waiting or asking - over
