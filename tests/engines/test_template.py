"""Chat templates, cut where a row's text stands."""

import pytest

from jobs.errors import ModelError
from jobs.prompt import Frame
from workers.engines.llama.template import FIXED_DATE, Template

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "[{{ message['role'] }}] {{ message['content'] }}{% endfor %} [model] "
)
FRAME = Frame("Be exact.", before="Text: ", after="\nAnswer now.", answer_start="Label:")


def test_frame_is_cut_around_the_row() -> None:
    """The prefix ends where the row begins; the suffix ends with the start of the answer."""
    prefix, suffix = Template("m", CHATML).split(FRAME)
    assert prefix == "<|im_start|>system\nBe exact.<|im_end|>\n<|im_start|>user\nText: "
    assert suffix == "\nAnswer now.<|im_end|>\n<|im_start|>assistant\nLabel:"


def test_trimming_templates_leave_the_row_alone() -> None:
    """A template that trims the user's turn cannot move the cut."""
    prefix, suffix = Template("m", CHATML).split(Frame("s"))
    assert prefix.endswith("<|im_start|>user\n")
    assert suffix.startswith("<|im_end|>")


def test_refused_system_role_moves_to_the_user() -> None:
    """Where a template knows no system role, its words open the user's turn."""
    prefix, suffix = Template("m", NO_SYSTEM, bos="<s>").split(FRAME)
    assert prefix == "<s>[user] Be exact.\n\nText: "
    assert suffix == "\nAnswer now. [model] Label:"


def test_silently_dropped_system_role_moves_too() -> None:
    """A template that ignores the system turn gets the words in the user's turn."""
    source = "{% for m in messages if m['role'] == 'user' %}U:{{ m['content'] }}{% endfor %} A:"
    prefix, _ = Template("m", source).split(FRAME)
    assert prefix == "U:Be exact.\n\nText: "


def test_no_template_is_plain_text() -> None:
    """A file without a template gets system, blank line, user."""
    template = Template("m", None)
    assert template.split(FRAME) == ("Be exact.\n\nText: ", "\nAnswer now.\nLabel:")
    assert template.split(Frame("")) == ("", "\n")
    assert template.ending() == ""


def test_frame_that_quotes_the_mark_is_cut_right() -> None:
    """Words of the frame that look like the place of the row do not confuse the cut."""
    frame = Frame("[[row-0-stands-here]]", before="[[row-1-stands-here]] ")
    prefix, _ = Template("m", None).split(frame)
    assert prefix == "[[row-0-stands-here]]\n\n[[row-1-stands-here]] "


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}{{ m['content'] }}{{ m['content'] }}{% endfor %}",
        "hello",
        "{{ raise_exception('no') }}",
        "{% for",
    ],
)
def test_unusable_templates_are_errors_of_the_model(source: str) -> None:
    """A template that repeats, drops or refuses the row, or is none, is named as unusable."""
    with pytest.raises(ModelError) as caught:
        Template("m", source).split(FRAME)
    assert caught.value.code == "template_unusable"


def test_today_is_not_part_of_a_prompt() -> None:
    """Templates that print the date print a fixed one, so equal rows stay equal."""
    source = "{{ strftime_now('%d %b %Y') }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    assert Template("m", source).split(Frame(""))[0] == FIXED_DATE


def test_ending_is_what_follows_an_answer() -> None:
    """The text after a finished answer tells which token ends a turn."""
    assert Template("m", CHATML).ending() == "<|im_end|>\n"
