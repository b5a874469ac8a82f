"""Labels as a trie, and their probabilities."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from jobs.errors import SpecError
from workers.engines.llama.labels import (
    LIKELY,
    Search,
    Trie,
    build_trie,
    split_stem,
)

END = 99

token_lists = st.lists(st.integers(0, 4), max_size=5).map(tuple)
label_sets = st.lists(token_lists, min_size=1, max_size=12, unique=True)


def build(*sequences: tuple[int, ...]) -> Trie:
    labels = [f"label {number}" for number in range(len(sequences))]
    return build_trie(labels, sequences, end=END)


def logits(*shares: float) -> NDArray[np.float32]:
    return np.log(np.array(shares, np.float32))


def inner(trie: Trie) -> list[int]:
    return [number for number, branch in enumerate(trie.branches) if branch.path]


def test_distinct_first_tokens_need_no_opening() -> None:
    """Labels that differ in their first token are scored by the root alone."""
    trie = build((1, 5), (2, 6), (3,))
    assert inner(trie) == []
    search = Search(trie)
    search.see(0, logits(0.5, 0.3, 0.2))
    assert search.wanted() == []
    assert search.unopened == ()
    assert list(search.probabilities()) == ["label 0", "label 1", "label 2"]
    assert list(search.probabilities().values()) == pytest.approx([0.5, 0.3, 0.2])


def test_a_prefix_of_another_label_ends_with_the_end_token() -> None:
    """Where one label goes on and another stops, the end token is the stopping one's child."""
    trie = build((1,), (1, 2), (3,))
    assert [branch.path for branch in trie.branches] == [(), (1,)]
    assert trie.branches[1].children == (END, 2)
    search = Search(trie)
    search.see(0, logits(0.8, 0.2))
    assert [branch for _, branch in search.wanted()] == [1]
    assert search.unopened == pytest.approx((0.8,))
    search.see(1, logits(0.25, 0.75))
    assert list(search.probabilities().values()) == pytest.approx([0.8 * 0.25, 0.8 * 0.75, 0.2])


def test_tokens_without_a_choice_cost_nothing() -> None:
    """Between two branches the path is forced and no softmax is taken."""
    trie = build((1, 2, 3, 4), (1, 2, 3, 5), (6,))
    assert [branch.path for branch in trie.branches] == [(), (1, 2, 3)]
    assert trie.longest_path == 3
    nodes = trie.open([1]).nodes
    assert [(node.token, node.branch) for node in nodes] == [(1, None), (2, None), (3, 1)]


def test_equal_tokens_are_refused_by_name() -> None:
    """Two labels the tokeniser cannot tell apart are an error of the spec."""
    with pytest.raises(SpecError) as caught:
        build((1, 2), (3,), (1, 2))
    assert caught.value.code == "labels_tokenise_alike"
    assert caught.value.params == {"first": "label 0", "second": "label 2"}


def test_shared_nodes_are_forwarded_once() -> None:
    """Paths with a common beginning share its tokens when they are opened together."""
    trie = build((1, 2, 7), (1, 2, 8), (1, 3, 7), (1, 3, 8))
    paths = trie.open(inner(trie))
    assert paths.count == 2
    assert [(node.token, node.paths) for node in paths.nodes] == [
        (1, (0, 1)),
        (2, (0,)),
        (3, (1,)),
    ]


def test_stem_is_what_all_labels_share() -> None:
    """The common beginning is read with the suffix, even if a label merged into its end."""
    assert split_stem([(5, 6, 1), (5, 6, 2, 3)]) == ((5, 6), ((1,), (2, 3)))
    assert split_stem([(5, 16), (5, 17)]) == ((5,), ((16,), (17,)))
    assert split_stem([(5, 6), (5, 6, 7)]) == ((5, 6), ((), (7,)))
    assert split_stem([(5, 6)]) == ((5, 6), ((),))


def test_one_label_is_certain() -> None:
    """Without a choice the probability is 1 and nothing is asked."""
    trie = build(())
    assert trie.branches == ()
    search = Search(trie)
    assert search.wanted() == []
    assert search.probabilities() == {"label 0": 1.0}


@given(sequences=label_sets, chosen=st.sets(st.integers(0, 20)))
def test_opening_reads_every_branch_along_its_own_path(
    sequences: list[tuple[int, ...]], chosen: set[int]
) -> None:
    """Any inner branches are read together, each token once, on no more paths than branches."""
    trie = build(*sequences)
    asked = sorted(chosen & set(inner(trie)))
    paths = trie.open(asked)
    assert paths.count <= len(asked)
    walked: dict[int, tuple[int, ...]] = dict.fromkeys(range(paths.count), ())
    read = []
    for node in paths.nodes:
        for path in node.paths:
            assert len(walked[path]) == node.depth
            walked[path] += (node.token,)
        assert len({walked[path] for path in node.paths}) == 1
        if node.branch is not None:
            assert walked[node.paths[0]] == trie.branches[node.branch].path
            read.append(node.branch)
    assert sorted(read) == asked
    known = {path[:size] for path in walked.values() for size in range(1, len(path) + 1)}
    assert len(paths.nodes) == len(known)
    assert len(paths.nodes) <= sum(len(trie.branches[number].path) for number in asked)


def draw_logits(trie: Trie, seed: int, scale: float) -> dict[int, NDArray[np.float32]]:
    """Return logits for the children of every branch."""
    noise = np.random.default_rng(seed)
    return {
        number: noise.normal(scale=scale, size=len(branch.children)).astype(np.float32)
        for number, branch in enumerate(trie.branches)
    }


def score_all(trie: Trie, values: Mapping[int, NDArray[np.float32]]) -> dict[str, float]:
    """Return every label's probability by the chain rule, opening everything."""
    found: dict[str, float] = {}

    def walk(target: int, mass: float) -> None:
        if target < 0:
            found[trie.labels[-1 - target]] = mass
            return
        weights = [math.exp(value) for value in values[target].astype(float)]
        for child, weight in zip(trie.targets[target], weights, strict=True):
            walk(child, mass * weight / sum(weights))

    walk(0 if trie.branches else -1, 1.0)
    return found


def run_search(
    trie: Trie, values: Mapping[int, NDArray[np.float32]], most: int
) -> tuple[Search, list[int]]:
    """Open what is wanted, at most `most` at a time, and check that the rule asks for it."""
    search = Search(trie)
    opened: list[int] = []
    while wanted := search.wanted():
        best = max(search.probabilities().values(), default=0.0)
        heaviest = max(search.unopened)
        masses = [mass for mass, _ in wanted]
        assert masses == sorted(masses, reverse=True)
        assert masses[0] == heaviest
        assert all(mass > best and mass > LIKELY * heaviest for mass in masses)
        may = [mass for mass in search.unopened if mass > max(best, LIKELY * heaviest)]
        assert len(may) == len(masses)
        for _, branch in wanted[:most]:
            assert search.waits_for(branch)
            search.see(branch, values[branch])
            assert not search.waits_for(branch)
            opened.append(branch)
    return search, opened


@given(
    sequences=label_sets,
    seed=st.integers(0, 2**31),
    scale=st.sampled_from([0.0, 0.5, 2.0, 8.0, 200.0]),
    most=st.integers(1, 5),
)
def test_the_winner_is_that_of_opening_everything(
    sequences: list[tuple[int, ...]], seed: int, scale: float, most: int
) -> None:
    """For any labels and logits: what was opened has its full probability, what was not cannot
    win, and all of it is 1."""
    trie = build(*sequences)
    values = draw_logits(trie, seed, scale)
    full = score_all(trie, values)
    search, opened = run_search(trie, values, most)
    found = search.probabilities()
    winner = max(found.values())
    assert len(set(opened)) == len(opened)
    assert sum(found.values()) + sum(search.unopened) == pytest.approx(1.0)
    assert list(found) == [label for label in trie.labels if label in found]
    for label, share in found.items():
        assert share == pytest.approx(full[label], rel=1e-6, abs=1e-12)
    assert max(search.unopened, default=0.0) <= winner
    assert winner == pytest.approx(max(full.values()), rel=1e-6)


@given(sequences=label_sets, seed=st.integers(0, 2**31), most=st.integers(1, 5))
def test_nothing_is_opened_that_the_answer_settles(
    sequences: list[tuple[int, ...]], seed: int, most: int
) -> None:
    """Opened one by one, no branch is lighter than the winner."""
    trie = build(*sequences)
    values = draw_logits(trie, seed, 3.0)
    search, opened = run_search(trie, values, 1)
    together, more = run_search(trie, values, most)
    winner = max(search.probabilities().values())
    masses = weigh(trie, values)
    assert all(masses[branch] > winner for branch in opened)
    assert set(opened) <= set(more)
    assert all(masses[branch] > LIKELY * winner for branch in more)
    assert max(together.probabilities().values()) == pytest.approx(winner)


def weigh(trie: Trie, values: Mapping[int, NDArray[np.float32]]) -> dict[int, float]:
    """Return the mass of every branch."""
    masses = {0: 1.0} if trie.branches else {}
    for number, targets in enumerate(trie.targets):  # parents stand before their children
        weights = np.exp(values[number].astype(float))
        for target, share in zip(targets, weights / weights.sum(), strict=True):
            if target >= 0:
                masses[target] = masses[number] * float(share)
    return masses


def test_five_hundred_labels_open_only_a_handful() -> None:
    """Where the model knows what it wants, most of a large set is never read."""
    sequences = [(a, b, c) for a in range(8) for b in range(8) for c in range(8)][:500]
    trie = build(*sequences)
    chance = np.random.default_rng(5)
    values = {}
    for number, branch in enumerate(trie.branches):
        peaked = chance.normal(size=len(branch.children)).astype(np.float32)
        peaked[int(chance.integers(len(peaked)))] += 8
        values[number] = peaked
    search, opened = run_search(trie, values, 100)
    assert len(trie.branches) > 70
    assert len(opened) <= 4
    full = score_all(trie, values)
    found = search.probabilities()
    assert max(found, key=lambda label: found[label]) == max(full, key=lambda label: full[label])


def test_logits_that_are_no_numbers_end_the_search() -> None:
    """NaN below a branch wants nothing more; it stays visible in what was found."""
    trie = build((1, 2), (1, 3), (4,))
    search = Search(trie)
    search.see(0, np.array([np.nan, 1.0], np.float32))
    assert search.wanted() == []
    assert np.isnan([*search.probabilities().values(), *search.unopened]).all()
