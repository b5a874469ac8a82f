"""What the work saved, and what became of a batch. Pure: records in, lines and pages out."""

from jobs.report.page import Page, compose_page, page_as_data
from jobs.report.render import render_html, render_text
from jobs.report.savings import MonthRecord, SavingsLine, read_month, report_savings

__all__ = [
    "MonthRecord",
    "Page",
    "SavingsLine",
    "compose_page",
    "page_as_data",
    "read_month",
    "render_html",
    "render_text",
    "report_savings",
]
