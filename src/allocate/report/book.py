"""A run as a workbook: every table of the report with its numbers as numbers, for a reader who works in a spreadsheet.

Nothing is computed here that the schedule, the findings or the page of the run do not say; cells hold values, never
formulas, and the same run gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from allocate import equity, findings
from allocate.names import SPACE, TIME, TOTAL, UNALLOCATED
from allocate.report.html import CHECKS, datum, pools, versions
from allocate.runs import Run
from allocate.sentences import in_words, sentences
from allocate.sheets.writing import MOST_ROWS, Book, Column, sheet_name
from allocate.statement import UNSAID, gender_statement, has_statement

POOLS: Final = "by pool"

_WHEN: Final = {"start": "at the start", "was": "before", "now": "after"}
_WHO: Final = {
    "women": "for women",
    "men": "for men",
    "female": "for households headed by women",
    "male": "for households headed by men",
    UNSAID: UNSAID,
    "met_female": "need met, headed by women",
    "met_male": "need met, headed by men",
    "gap": "women behind",
}
_WORDS: Final = {
    **{f"{who}_{when}": f"{said} {words}" for who, said in _WHO.items() for when, words in _WHEN.items()},
    "households": "households headed by women",
    "gains": "of them, more served with everything than before",
    "verdict": "gap",
}
"""What the columns of a gender budget statement by space are called."""


def book(run: Run, path: Path) -> None:
    """Write the workbook of a run: a sheet a table of its report, and the plan as published.

    Money is in whole R thousand, as published; the last row of a table of money is its total.

    >>> import tempfile
    >>> from allocate.runs import run
    >>> from allocate.sheets.reading import Sheets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     book(run("grant_consolidation", "za2016", "one_pool", years=["2019/20"]), Path(folder) / "plan.xlsx")
    ...     Sheets(Path(folder) / "plan.xlsx").names[:4]
    ('summary', 'plan', 'spaces', 'by service')
    """
    with Book(path) as file:
        file.add(
            "summary",
            [Column("what"), Column("words", "text"), Column("value", "number"), Column("unit")],
            _summary(run),
        )
        _plan(run, file)
        _spaces(run, file)
        taken = [POOLS]
        for dim in findings.scored_dims(run):
            taken.append(sheet_name(f"by {dim}", taken))
            _by(run, dim, taken[-1], file)
        _pools(run, file)
        if has_statement(run):
            _gender(run, file)
        _rules(run, file)
        _equity(run, file)
        said = run.case.said or ("Nothing: the model as it stands.",)
        file.add("changes", [Column("change", "text")], [(words,) for words in said])
        _sources(run, file)
        _proof(run, file)
        file.add("versions", [Column("package"), Column("version")], versions())


def _summary(run: Run) -> Iterator[tuple[Any, ...]]:
    """What the run says and how sure it is, a row a sentence."""
    world, plan = run.case.world, run.plan
    yield ("run", run.name, None, None)
    for why in [scenario.why for scenario in run.scenarios if scenario.why] or [run.case.model.why]:
        yield ("why", why, None, None)
    if TIME in world.data.dims:
        yield ("years", ", ".join(world.labels(TIME)), None, None)
    for sentence in sentences(run):
        yield ("read with care" if sentence.warning else "finding", sentence.words, None, None)
    yield ("grade of proof", plan.proof, None, None)
    for name, value in plan.goals.items():
        goal = next(g for g in run.case.model.goals if g.name == name)
        yield (f"goal {name}", goal.why, value, in_words(str(plan.goal_units[name])))
    for item in ("envelope", "acknowledgement"):
        if world.data.attrs.get(item):
            yield (item, world.data.attrs[item], None, None)


def _plan(run: Run, file: Book) -> None:
    frame = run.schedule.table()
    if len(frame) >= MOST_ROWS:
        words = f"The plan has {len(frame):,} rows, more than a sheet holds: it is in plan.csv."
        file.add("plan", [Column("note")], [(words,)])
        return
    dims = [Column(str(name)) for name in frame.columns[:-1]]
    total = ("total", *[None] * (len(dims) - 1), int(frame["amount"].sum()))
    rows = frame.itertuples(index=False, name=None)
    file.add("plan", [*dims, Column(f"amount, {run.schedule.scale}", "money")], rows, total)


def _spaces(run: Run, file: Book) -> None:
    """Every space, the largest gain first; percent is a share, so that a spreadsheet can reckon with it."""
    frame, unit = findings.spaces(run), run.schedule.scale
    frame["percent"] = frame["percent"] / 100.0
    shown = {
        "space": Column(SPACE),
        "name": Column("name"),
        "was": Column(f"before, {unit}", "money"),
        "now": Column(f"after, {unit}", "money"),
        "change": Column(f"change, {unit}", "change"),
        "percent": Column("change, percent", "percent"),
        "verdict": Column("verdict"),
        "per_household": Column("change, R per household", "change"),
    }
    names = [name for name in shown if name in frame]
    total = {"space": "total", **{name: int(frame[name].sum()) for name in ("was", "now", "change")}}
    rows = frame[names].itertuples(index=False, name=None)
    file.add("spaces", [shown[name] for name in names], rows, [total.get(name) for name in names])


def _by(run: Run, dim: str, sheet: str, file: Book) -> None:
    """Money as published, and outcomes, by the labels of a dim."""
    frame, unit, outcome = findings.by_label(run, dim), run.schedule.scale, in_words(run.unit)
    world = run.case.world
    frame["name"] = [world.title(dim, str(label)) for label in frame[dim]]
    published = {"was": run.was, "now": run.schedule}
    for name, schedule in published.items():  # the actual split may have other labels: what lacks one is blank
        frame[name] = schedule.by(dim).to_series().reindex(frame[dim]).to_numpy()
    money = {"was": Column(f"before, {unit}", "money"), "now": Column(f"after, {unit}", "money")}
    words = {"baseline": "before", "separate": "separate grants at their best", "plan": "after"}
    reached = {f"{kind}_outcome": Column(f"outcome {said}, {outcome}", "number") for kind, said in words.items()}
    columns = {"name": Column(dim), **money, **reached}
    sums = [int(schedule.amount.sum()) for schedule in published.values()]
    totals = ["total", *sums, *(frame[name].sum() for name in reached)]
    rows = frame[list(columns)].itertuples(index=False, name=None)
    file.add(sheet, list(columns.values()), rows, totals)


def _pools(run: Run, file: Book) -> None:
    """What each pool was, what is allocated and what is held back; the last row of all is their total."""
    unit = run.schedule.scale
    names = ("pool", "allocated", "held")
    heads = (f"pool, {unit}", f"allocated, {unit}", f"{UNALLOCATED}, {unit}")
    columns = [Column("pool"), Column(TIME), *(Column(head, "money") for head in heads)]
    file.add(POOLS, columns, [(row["name"], row["year"], *(row[name] for name in names)) for row in pools(run)])


def _gender(run: Run, file: Book) -> None:
    """The gender budget statement: money by mark, category and whom it is for; then every space."""
    said, unit = gender_statement(run), run.schedule.scale
    columns = [Column("gender budget statement"), Column("part"), Column(f"before, {unit}", "money")]
    parts = {"mark": said.marks, "category": said.categories, "people": said.sexes, "households headed by": said.heads}
    rows = [(what, part.label, part.was, part.now) for what, group in parts.items() for part in group]
    total = (TOTAL, "of each", sum(p.was for p in said.marks), sum(p.now for p in said.marks))
    file.add("gender", [*columns, Column(f"after, {unit}", "money")], rows, total)
    _gender_by_space(said.spaces, unit, file)
    heads = ("datum", "status", "value", "low", "high", "source")
    kinds = ("", "", "number", "number", "number", "text")
    known = [(q.datum, q.status, q.value, q.low, q.high, q.source) for q in said.qualities]
    file.add("gender data", [Column(*pair) for pair in zip(heads, kinds, strict=True)], known)


def _gender_by_space(frame: pd.DataFrame, unit: str, file: Book) -> None:
    """Money by whom it is for, need met and the gap; the last row is the total of what can be added up."""
    money = [str(name) for name in frame.select_dtypes("integer")]
    added = [*money, "households", "gains"]
    shown = {**dict.fromkeys(frame.columns[2:-1], "number"), **dict.fromkeys(added, "money"), "gains": "change"}
    heads = {name: _WORDS.get(name, name) + (f", {unit}" if name in money else "") for name in map(str, frame.columns)}
    columns = [Column(head, shown.get(name, "")) for name, head in heads.items()]
    total = (TOTAL, *(frame[name].sum() if name in added else None for name in frame.columns[1:]))
    file.add("gender by space", columns, frame.itertuples(index=False, name=None), total)


def _rules(run: Run, file: Book) -> None:
    """How many rows of each rule are at their limit, what one more is worth there, and who says so."""
    prices = ("lowest price", "highest price", "price in", "kinks")
    heads = ("rule", "rows", "at limit", *prices, "law", "owner", "source", "why")
    shown = ("", "money", "money", "number", "number", "", "money", "text", "text", "text", "text")
    rows = []
    for bound in findings.bindings(run):
        rule = run.case.model.rules[bound.rule]
        price = (bound.least, bound.most, in_words(bound.unit)) if bound.at_limit else (None, None, None)
        told = (rule.law, rule.owner, rule.source, rule.why)
        rows.append((bound.rule, bound.rows, bound.at_limit, *price, bound.kinks, *told))
    file.add("rules", [Column(*pair) for pair in zip(heads, shown, strict=True)], rows)


def _equity(run: Run, file: Book) -> None:
    """Every index of every measure, for the three plans that are compared."""
    frame = equity.indices(run)
    if len(frame):
        numbers = (Column(str(name), "number") for name in frame.columns[2:])
        rows = frame.astype(object).where(frame != np.inf, None)
        file.add("equity", [Column("measure"), Column("plan"), *numbers], rows.itertuples(index=False, name=None))


def _sources(run: Run, file: Book) -> None:
    """The data that the answer rests on, most certain first."""
    keys = ("name", "unit", "over", "source", "period", "why", "notes")
    rows = []
    for status, names in findings.rests_on(run).items():
        for name in names:
            told = datum(run.case.model, run.case.world, name)
            rows.append((*(told[key] for key in keys[:2]), status, *(told[key] for key in keys[2:])))
    wide = ("source", "why", "notes")
    heads = ("datum", "unit", "status", "over", *keys[3:])
    file.add("sources", [Column(head, "text" if head in wide else "") for head in heads], rows)


def _proof(run: Run, file: Book) -> None:
    """Every condition of an optimum, re-checked: the worst residual beside what is allowed."""
    columns = [Column("check"), Column("what it shows", "text"), Column("goal"), Column("worst residual", "tiny")]
    residuals = run.plan.certificate.residuals
    rows = [(r.kind, CHECKS.get(r.kind, ""), r.goal, float(np.abs(r.size)), r.allowed) for r in residuals]
    file.add("proof", [*columns, Column("allowed", "tiny")], rows)
