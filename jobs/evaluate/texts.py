"""Translations by chrF, summaries by ROUGE.

chrF (Popovic 2015) is sacrebleu's, with its defaults (characters up to six, beta 2, no spaces):
over all rows as sacrebleu computes it for a corpus, and row by row for the intervals and for
comparing models. ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) are rouge-score's F1, means over rows,
on the words of `jobs.evaluate.words_of_texts`.

Neither says "right": a row counts as right from `bar` on, a choice that is named with the figures.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from jobs.errors import SettingError
from jobs.evaluate.intervals import bootstrap_mean, wilson
from jobs.evaluate.rows import AnsweredRow, Figure, Measured, score_row

ROUGES: Final = ("rouge1", "rouge2", "rougeL")
BARS: Final[Mapping[str, float]] = {"translate": 0.5, "summarize": 0.3}
"""From which score on a row counts as right, unless another is asked for."""


def text_of(output: Mapping[str, Any] | None) -> str:
    """Return the words of an answer: a text, or points on lines of their own."""
    if output is None:
        return ""
    if "points" in output:
        return "\n".join(str(point) for point in output["points"])
    return str(output.get("text") or "")


def measure_translations(rows: Sequence[tuple[AnsweredRow, str]], bar: float) -> Measured:
    """Compare translations with their references."""
    try:
        from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 - of an extra
    except ImportError:
        raise missing_extra("sacrebleu") from None
    metric = CHRF()
    said = [text_of(row.output) for row, _ in rows]
    golds = [gold for _, gold in rows]
    values = [
        metric.sentence_score(one, [gold]).score / 100
        for one, gold in zip(said, golds, strict=True)
    ]
    whole = metric.corpus_score(said, [golds]).score / 100 if rows else None
    scores = [
        score_row(row, value, right=value >= bar)
        for (row, _), value in zip(rows, values, strict=True)
    ]
    figures = {
        "chrf_rows": bootstrap_mean(values),
        "chrf": Figure(whole),
        "good_rows": wilson(sum(one.right for one in scores), len(scores)),
    }
    return Measured(headline="chrf_rows", figures=figures, scores=scores)


def measure_summaries(rows: Sequence[tuple[AnsweredRow, str]], bar: float) -> Measured:
    """Compare summaries with their references."""
    try:
        from rouge_score.rouge_scorer import RougeScorer  # noqa: PLC0415 - of an extra

        from jobs.evaluate.words_of_texts import choose_splitter  # noqa: PLC0415 - as above
    except ImportError as error:
        raise missing_extra(error.name or "rouge-score") from None
    table = []
    for row, gold in rows:
        scorer = RougeScorer(list(ROUGES), tokenizer=choose_splitter(gold))
        found = scorer.score(gold, text_of(row.output))
        table.append([float(found[name].fmeasure) for name in ROUGES])
    scores = [
        score_row(row, line[-1], right=line[-1] >= bar)
        for (row, _), line in zip(rows, table, strict=True)
    ]
    figures: dict[str, Figure] = {
        name: bootstrap_mean([line[place] for line in table]) for place, name in enumerate(ROUGES)
    }
    figures["good_rows"] = wilson(sum(one.right for one in scores), len(scores))
    return Measured(headline="rougeL", figures=figures, scores=scores)


def missing_extra(package: str) -> SettingError:
    """Return the error of a library of the extra `evaluate` that is not installed."""
    return SettingError("evaluate_extra_missing", package=package)
