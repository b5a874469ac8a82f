"""Labels as a trie, and their probabilities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from jobs.errors import SpecError
from workers.engines.llama.labels import Trie, build_trie, split_stem

END = 99

token_lists = st.lists(st.integers(0, 4), max_size=5).map(tuple)
label_sets = st.lists(token_lists, min_size=1, max_size=12, unique=True)


def build(*sequences: tuple[int, ...], max_paths: int = 32) -> Trie:
    labels = [f"label {number}" for number in range(len(sequences))]
    return build_trie(labels, sequences, end=END, max_paths=max_paths)


def logits(**shares: float) -> NDArray[np.float32]:
    return np.log(np.array(list(shares.values()), np.float32))


def test_distinct_first_tokens_need_no_opening() -> None:
    """Labels that differ in their first token are scored by the root alone."""
    trie = build((1, 5), (2, 6), (3,))
    assert trie.openings == ()
    assert trie.probabilities({0: logits(a=0.5, b=0.3, c=0.2)}) == pytest.approx((0.5, 0.3, 0.2))


def test_a_prefix_of_another_label_ends_with_the_end_token() -> None:
    """Where one label goes on and another stops, the end token is the stopping one's child."""
    trie = build((1,), (1, 2), (3,))
    assert [branch.path for branch in trie.branches] == [(), (1,)]
    assert set(trie.branches[1].children) == {END, 2}
    root, inner = logits(one=0.8, three=0.2), logits(end=0.25, two=0.75)
    order = [0.25, 0.75] if trie.branches[1].children[0] == END else [0.75, 0.25]
    shares = trie.probabilities({0: root, 1: np.log(np.array(order, np.float32))})
    assert inner.shape == (2,)
    assert shares == pytest.approx((0.8 * 0.25, 0.8 * 0.75, 0.2))


def test_tokens_without_a_choice_cost_nothing() -> None:
    """Between two branches the path is forced and no softmax is taken."""
    trie = build((1, 2, 3, 4), (1, 2, 3, 5), (6,))
    assert [branch.path for branch in trie.branches] == [(), (1, 2, 3)]
    (opening,) = trie.openings
    assert [(node.token, node.branch) for node in opening.nodes] == [(1, None), (2, None), (3, 1)]


def test_equal_tokens_are_refused_by_name() -> None:
    """Two labels the tokeniser cannot tell apart are an error of the spec."""
    with pytest.raises(SpecError) as caught:
        build((1, 2), (3,), (1, 2))
    assert caught.value.code == "labels_tokenise_alike"
    assert caught.value.params == {"first": "label 0", "second": "label 2"}


def test_shared_nodes_are_forwarded_once() -> None:
    """Paths with a common beginning share its tokens within an opening."""
    trie = build((1, 2, 7), (1, 2, 8), (1, 3, 7), (1, 3, 8))
    (opening,) = trie.openings
    assert opening.paths == 2
    assert [(node.token, node.paths) for node in opening.nodes] == [
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
    assert trie.probabilities({}) == (1.0,)


@given(sequences=label_sets, seed=st.integers(0, 2**31), max_paths=st.integers(1, 6))
def test_probabilities_sum_to_one_and_follow_the_chain(
    sequences: list[tuple[int, ...]], seed: int, max_paths: int
) -> None:
    """For any labels and logits the probabilities are a distribution: the chain rule's."""
    trie = build(*sequences, max_paths=max_paths)
    noise = np.random.default_rng(seed)
    given_logits = {
        number: noise.normal(scale=5, size=len(branch.children)).astype(np.float32)
        for number, branch in enumerate(trie.branches)
    }
    shares = trie.probabilities(given_logits)
    assert sum(shares) == pytest.approx(1.0)
    for share, way in zip(shares, trie.ways, strict=True):
        chain = 1.0
        for branch, child in way:
            weights = [math.exp(value) for value in given_logits[branch].astype(float)]
            chain *= weights[child] / sum(weights)
        assert share == pytest.approx(chain, rel=1e-4, abs=1e-12)


@given(sequences=label_sets, max_paths=st.integers(1, 6))
def test_openings_read_every_inner_branch(sequences: list[tuple[int, ...]], max_paths: int) -> None:
    """Together the openings give each inner branch, along its own path, within the limit."""
    trie = build(*sequences, max_paths=max_paths)
    read = set()
    for opening in trie.openings:
        assert opening.paths <= max_paths
        walked: dict[int, tuple[int, ...]] = dict.fromkeys(range(opening.paths), ())
        for node in opening.nodes:
            for path in node.paths:
                assert len(walked[path]) == node.depth
                walked[path] += (node.token,)
            if node.branch is not None:
                assert walked[node.paths[0]] == trie.branches[node.branch].path
                read.add(node.branch)
    assert read == {number for number, branch in enumerate(trie.branches) if branch.path}
