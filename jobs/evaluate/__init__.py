"""Answers against right ones: how good, how sure, how dear. Pure: records in, figures out."""

from jobs.evaluate.beside import compose_comparison
from jobs.evaluate.blocklist import read_blocklist
from jobs.evaluate.comparison import Comparison, comparable, compare
from jobs.evaluate.marking import mark_name, mark_spec
from jobs.evaluate.measure import Evaluation, Wish, check_gold, evaluate
from jobs.evaluate.page import compose_evaluation
from jobs.evaluate.render import render_html, render_text
from jobs.evaluate.rows import AnsweredRow, read_row, unanswered_row

__all__ = [
    "AnsweredRow",
    "Comparison",
    "Evaluation",
    "Wish",
    "check_gold",
    "comparable",
    "compare",
    "compose_comparison",
    "compose_evaluation",
    "evaluate",
    "mark_name",
    "mark_spec",
    "read_blocklist",
    "read_row",
    "render_html",
    "render_text",
    "unanswered_row",
]
