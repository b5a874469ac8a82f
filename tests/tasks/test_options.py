"""The words of a classification: options, examples in an order that favours no label, languages."""

from hypothesis import given
from hypothesis import strategies as st

from jobs.spec import ClassifyTask, Example, Label
from jobs.tasks.options import ENGLISH, Shot, describe_options, list_shots


def make_task(*labels: Label, several: bool = False, **answers: object) -> ClassifyTask:
    """A task with these labels; examples as text = answer."""
    examples = tuple(Example(text=text, answer=answer) for text, answer in answers.items())
    return ClassifyTask(kind="classify", labels=labels, multi_label=several, examples=examples)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=3), st.sampled_from("abc")), max_size=30))
def test_examples_stand_label_by_label_as_the_labels_do(pairs: list[tuple[str, str]]) -> None:
    """Every example is there once, those of a label together, in the order they were given."""
    labels = tuple(Label(name=name) for name in "cab")
    examples = tuple(Example(text=text, answer=answer) for text, answer in pairs)
    task = ClassifyTask.model_construct(
        kind="classify", labels=labels, multi_label=False, other=False, examples=examples
    )
    shown = list_shots(task)
    assert set(shown) == {Shot(text, (answer,)) for text, answer in pairs}
    assert len(set(shown)) == len(shown)
    for name in "abc":
        given_order = list(dict.fromkeys(text for text, answer in pairs if answer == name))
        assert [shot.text for shot in shown if shot.labels == (name,)] == given_order
    places = ["cab".index(shot.labels[0]) for shot in shown]
    assert places == sorted(places)


def test_examples_of_none_of_these_stand_last() -> None:
    """As the option does."""
    task = ClassifyTask(
        kind="classify",
        labels=(Label(name="a"), Label(name="b")),
        other=True,
        examples=(Example(text="x", answer="other"), Example(text="y", answer="b")),
    )
    assert list_shots(task) == (Shot("y", ("b",)), Shot("x", ("other",)))


def test_a_labels_examples_and_the_tasks_are_shown_together() -> None:
    """A text that stands in both is shown once."""
    task = make_task(Label(name="a", examples=("x", "y")), Label(name="b"), x="a", z="b")
    assert list_shots(task) == (
        Shot("x", ("a",)),
        Shot("y", ("a",)),
        Shot("z", ("b",)),
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
