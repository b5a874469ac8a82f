"""`sekisho evaluate`: how good, how sure, how fast and how dear the answers to known rows are."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from jobs.errors import SettingError
from jobs.evaluate import (
    Comparison,
    Wish,
    comparable,
    compare,
    compose_comparison,
    compose_evaluation,
    read_blocklist,
    render_html,
    render_text,
)
from jobs.evaluate.layout import FigurePage
from jobs.evaluate.render import show_name
from jobs.spec import ClassifyTask, Spec, read_spec
from jobs.store import evaluations
from jobs.store.evaluations import Saved
from workers.cli.inputs import gather
from workers.cli.night import tell_interrupted
from workers.cli.options import (
    Config,
    Db,
    Json,
    Redis,
    Room,
    open_room,
    open_settled,
    print_json,
    words,
)
from workers.cli.out import check_out, write_whole
from workers.device import parse_device
from workers.evaluating import Outcome, Plan, answer, complete, measure
from workers.run import Run, RunOptions, check_models
from workers.settings import Settings, read_settings
from workers.view import make_view

SHOWN_FINDINGS: Final = 20

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="FILE", help=words("help_inputs"), show_default=False)
]
SpecOption = Annotated[
    Path | None, typer.Option("--spec", metavar="SPEC", help=words("help_evaluate_spec"))
]
Gold = Annotated[str | None, typer.Option("--gold", metavar="COLUMN", help=words("help_gold"))]
GoldOther = Annotated[
    str | None, typer.Option("--gold-other", metavar="VALUE", help=words("help_gold_other"))
]
Models = Annotated[
    list[str] | None, typer.Option("--model", metavar="NAME", help=words("help_evaluate_model"))
]
Groups = Annotated[
    list[str] | None, typer.Option("--group", metavar="COLUMN", help=words("help_group"))
]
Ids = Annotated[list[int] | None, typer.Option("--id", metavar="N", help=words("help_compare_id"))]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help=words("help_limit"))]
Bar = Annotated[float | None, typer.Option("--bar", metavar="SCORE", help=words("help_bar"))]
Blocklist = Annotated[
    Path | None, typer.Option("--blocklist", metavar="FILE", help=words("help_blocklist"))
]
HtmlFile = Annotated[
    Path | None, typer.Option("--html", metavar="PATH", help=words("help_evaluate_html"))
]


def add_to(app: typer.Typer) -> None:
    """Add this module's command."""
    app.command("evaluate", help=words("help_evaluate"))(evaluate)


def evaluate(
    file: FileArgument = None,
    spec: SpecOption = None,
    gold: Gold = None,
    compare_two: Annotated[bool, typer.Option("--compare", help=words("help_compare"))] = False,
    ids: Ids = None,
    models: Models = None,
    limit: Limit = None,
    groups: Groups = None,
    gold_other: GoldOther = None,
    bar: Bar = None,
    blocklist: Blocklist = None,
    cloud: Annotated[bool, typer.Option("--cloud", help=words("help_evaluate_cloud"))] = False,
    html: HtmlFile = None,
    device: Annotated[str, typer.Option(help=words("help_device"))] = "cpu",
    db: Db = None,
    redis: Redis = None,
    config: Config = None,
    as_data: Json = False,
) -> None:
    if ids:
        if any((file, spec, gold, models)):
            raise SettingError("evaluate_ids_alone")
        if len(ids) != 2 or not compare_two:
            raise SettingError("evaluate_two_ids")
        with open_room(db, redis, config) as room:
            target = None if html is None else check_out(html, room.settings, (), "--html")
            _compare_ids(room, ids[0], ids[1], target, as_data=as_data)
        return
    needed = {"FILE": file, "--spec": spec, "--gold": gold}
    missing = ", ".join(name for name, value in needed.items() if not value)
    if file is None or spec is None or not gold or missing:
        raise SettingError("evaluate_needs", missing=missing)
    named = list(dict.fromkeys(models or ()))
    if html is not None and len(named) > 1 and not compare_two:
        raise SettingError("evaluate_one_html", models=len(named))
    settings = read_settings(database_url=db, redis_url=redis, config=config)
    parsed = read_spec(spec)
    _refuse_unused(parsed, gold_other, bar)
    paths = gather([file], settings)
    if len(paths) != 1:
        raise SettingError("one_file_wanted", count=len(paths))
    path = paths[0]
    wish = Wish(tuple(groups or ()), gold_other, bar, _read_words(blocklist))
    plan = complete(Plan(parsed, path, gold, wish, cloud, limit))
    others = [file, spec, *([blocklist] if blocklist is not None else [])]
    target = None if html is None else check_out(html, settings, others, "--html")
    options = RunOptions(device=parse_device(device).name, use_cache=False)
    try:
        status = _work(
            plan, named, settings, options, target, compare_two=compare_two, as_data=as_data
        )
    except KeyboardInterrupt:
        typer.echo(words("interrupted"), err=True)
        raise tell_interrupted(as_data=as_data) from None
    raise typer.Exit(status)


def _refuse_unused(spec: Spec, gold_other: str | None, bar: float | None) -> None:
    """Refuse options that would change nothing."""
    task = spec.task
    if bar is not None and not 0 <= bar <= 1:
        raise SettingError("evaluate_bar_wrong", bar=bar)
    if bar is not None and task.kind not in ("translate", "summarize"):
        raise SettingError("evaluate_bar_unused", task=task.kind)
    has_other = isinstance(task, ClassifyTask) and getattr(task, "other", False)
    if gold_other is not None and not has_other:
        raise SettingError("evaluate_other_unused")


def _read_words(path: Path | None) -> tuple[str, ...]:
    """Read the block list; raises SettingError for one that is unreadable or holds no word."""
    if path is None:
        return ()
    try:
        found = read_blocklist(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise SettingError("blocklist_wrong", file=str(path), problem="not UTF-8") from None
    except OSError as error:
        problem = error.strerror or type(error).__name__
        raise SettingError("blocklist_wrong", file=str(path), problem=problem) from None
    if not found:
        raise SettingError("blocklist_wrong", file=str(path), problem="no word")
    return found


def _work(
    plan: Plan,
    models: Sequence[str],
    settings: Settings,
    options: RunOptions,
    html: Path | None,
    *,
    compare_two: bool,
    as_data: bool,
) -> int:
    """Evaluate each model, show the figures, and compare if asked for; return the exit status."""
    for name in models:
        tiers = plan.spec.route.model_copy(update={"tiers": (name,)})
        check_models(settings, plan.spec.model_copy(update={"route": tiers}))
    with open_settled(settings, create=True) as room:
        view = make_view(settings.language)
        outcomes = []
        wanted: list[str | None] = [*models] or [None]
        for model in wanted:
            view.say("evaluating", model=model or plan.spec.route.tiers[0])
            run = Run(room.settings, room.database, plan.spec, options, view)
            spec, batch, _ = answer(run, plan, model)
            outcomes.append(measure(room.database, plan, spec, batch))
        told: list[dict[str, Any]] = []
        for outcome in outcomes:
            _tell_findings(room, outcome)
            told.append(_as_data(outcome))
            if not as_data:
                typer.echo(render_text(_page_of(room, outcome.saved)), nl=False)
        data = told[0] if len(told) == 1 else {"evaluations": told}
        if compare_two:
            data["comparisons"] = [
                _compare(room, left, right, html, as_data=as_data)
                for left, right in _pairs(room, outcomes)
            ]
        elif html is not None:
            _write(room, _page_of(room, outcomes[0].saved), html)
        if as_data:
            print_json(data)
    return 1 if any(one.evaluation.findings for one in outcomes) else 0


def _page_of(room: Room, saved: Saved) -> FigurePage:
    return compose_evaluation(saved, room.settings.language)


def _pairs(room: Room, outcomes: Sequence[Outcome]) -> list[tuple[Saved, Saved]]:
    """Return what to compare: the models just measured with the first, or with what is saved."""
    first = outcomes[0].saved
    if len(outcomes) > 1:
        return [(first, one.saved) for one in outcomes[1:]]
    other = evaluations.find_other(room.database, first)
    if other is None:
        raise SettingError("evaluate_nothing_to_compare")
    return [(other, first)]


def _compare_ids(room: Room, left: int, right: int, html: Path | None, *, as_data: bool) -> None:
    pair = [evaluations.get(room.database, one) for one in (left, right)]
    told = _compare(room, pair[0], pair[1], html, as_data=as_data)
    if as_data:
        print_json({"comparisons": [told]})


def _compare(
    room: Room, left: Saved, right: Saved, html: Path | None, *, as_data: bool
) -> dict[str, Any]:
    """Show two evaluations side by side; return the comparison as data."""
    if not comparable(asdict(left), asdict(right)):
        named = {"left": left.evaluation_id, "right": right.evaluation_id}
        raise SettingError("evaluate_unlike", **named)
    found: Comparison = compare(left.scores, right.scores)
    page = compose_comparison(left, right, found, room.settings.language)
    if not as_data:
        typer.echo("\n" + render_text(page), nl=False)
    if html is not None:
        _write(room, page, html)
    sides = {"left": _describe(left), "right": _describe(right)}
    return {**asdict(found), "left_rows": asdict(found.left), "right_rows": asdict(found.right)} | {
        "left": sides["left"],
        "right": sides["right"],
    }


def _describe(saved: Saved) -> dict[str, Any]:
    keys = ("evaluation_id", "batch_id", "model_name", "model_hash", "spec_hash", "prompt_hash")
    return {key: getattr(saved, key) for key in keys}


def _as_data(outcome: Outcome) -> dict[str, Any]:
    saved = asdict(outcome.saved)
    del saved["scores"], saved["identity"]
    findings = [
        {"row_number": one.row_number, "source_id": one.source_id, "code": one.code, **one.params}
        for one in outcome.evaluation.findings
    ]
    return {**saved, "findings": findings}


def _write(room: Room, page: FigurePage, path: Path) -> None:
    write_whole(render_html(page), path)
    typer.echo(room.say("page_written", file=str(path)), err=True)


def _tell_findings(room: Room, outcome: Outcome) -> None:
    """Name on stderr the rows whose gold value is wrong, never the value."""
    findings = outcome.evaluation.findings
    for one in findings[:SHOWN_FINDINGS]:
        why = room.say(one.code, **one.params)
        named = {"record": one.row_number, "id": show_name(one.source_id), "words": why}
        typer.echo(room.say("gold_finding", **named), err=True)
    if len(findings) > SHOWN_FINDINGS:
        more = len(findings) - SHOWN_FINDINGS
        typer.echo(room.say("gold_findings_more", count=more), err=True)
