"""The words of a classification: options, examples in an order that favours no label, languages."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import ClassifyTask, Example, Label
from jobs.tasks.options import ENGLISH, Shot, describe_options, list_shots, order_shots


def make_task(*labels: Label, several: bool = False, **answers: object) -> ClassifyTask:
    """A task with these labels; examples as text = answer."""
    examples = tuple(Example(text=text, answer=answer) for text, answer in answers.items())
    return ClassifyTask(kind="classify", labels=labels, multi_label=several, examples=examples)


def test_labels_take_turns_in_the_examples() -> None:
    """Each turn has one example of every label that has one left, every second turn backwards."""
    shots = [Shot(f"{label}{n}", (label,)) for label in "abc" for n in range(3)]
    shown = [shot.text for shot in order_shots(shots)]
    assert shown == ["a0", "b0", "c0", "c1", "b1", "a1", "a2", "b2", "c2"]
    assert order_shots([]) == ()


@given(st.lists(st.tuples(st.text(max_size=3), st.sampled_from("abcd")), max_size=30))
def test_every_example_is_shown_once_whatever_the_order(pairs: list[tuple[str, str]]) -> None:
    """And with as many of each label the places of all labels have nearly the same mean."""
    shots = [Shot(text, (label,)) for text, label in pairs]
    assert Counter(order_shots(shots)) == Counter(shots)
    even = [Shot(str(n), (label,)) for label in "abcd" for n in range(4)]
    places: dict[str, int] = Counter()
    for place, shot in enumerate(order_shots(even)):
        places[shot.labels[0]] += place
    assert len(set(places.values())) == 1


def test_a_labels_examples_and_the_tasks_are_shown_together() -> None:
    """A text that stands in both is shown once."""
    task = make_task(Label(name="a", examples=("x", "y")), Label(name="b"), x="a", z="b")
    assert list_shots(task) == (
        Shot("x", ("a",)),
        Shot("z", ("b",)),
        Shot("y", ("a",)),
    )


def test_a_text_under_several_labels_has_them_all() -> None:
    """In a set; the task's own example of that text says more."""
    labels = (Label(name="a", examples=("x", "y")), Label(name="b", examples=("x",)))
    told = list_shots(make_task(*labels, several=True, y=["b", "a"], w=[]))
    assert set(told) == {Shot("x", ("a", "b")), Shot("y", ("a", "b")), Shot("w", ())}


def test_how_a_set_is_answered_is_said_behind_the_specs_own_words() -> None:
    """For one label the own instruction says all."""
    labels = (Label(name="a", description="the first"), Label(name="b"))
    for several, told in ((True, "My words.\nHow."), (False, "My words.")):
        task = make_task(*labels, several=several).model_copy(update={"instruction": "My words."})
        shown = describe_options(task, ENGLISH, "How.")
        assert shown == f"{told}\n\nCategories:\n- a: the first\n- b"
    assert describe_options(make_task(*labels), ENGLISH, "How.").startswith("How.\n\n")
