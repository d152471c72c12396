"""A labelled plan, which cannot exist without its certificate; or why there is none, in the words of the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from allocate.conflict import NoPlan, in_conflict, not_in_whole, without_end
from allocate.errors import InputError, NoPlanError, Problem, ProofError, nearest
from allocate.names import SPACE
from allocate.optimum.certificate import Certificate, certify
from allocate.optimum.highs import SolverOptions
from allocate.optimum.infeasible import Infeasible, Unbounded
from allocate.optimum.lexicographic import Optimum, Stage
from allocate.optimum.lexicographic import solve as optimise
from allocate.optimum.linear import Goal
from allocate.optimum.marginal import by_solving_again, pairs
from allocate.optimum.ranges import ranges
from allocate.program import Block, Program
from allocate.shortage import SECONDS
from allocate.units import Unit

if TYPE_CHECKING:
    from pulp import LpProblem

type Vector = np.ndarray[Any, np.dtype[np.float64]]


GRADES: Final = {
    "exact": "The plan is optimal, and of all equally good plans it is the only one that changes least.",
    "proved": "The solver's search in whole numbers came to its end: no plan is better, and none as good changes less. "
    "With these whole numbers the rest is certified, and prices are for them.",
    "refined": "The plan is optimal, and the one that changes least to the precision of the check.",
    "near tie": "The plan is optimal, but another plan may be as good to within the precision of the arithmetic.",
    "bounded": "Not proved best: the search in whole numbers left a gap, and another plan may be better or as good.",
}
"""How far a proof can go, in words; the farthest first."""


@dataclass(frozen=True, eq=False)
class Plan:
    """The one best plan of a program: values, prices, certificate and grade of proof, all labelled.

    Made by :func:`solve`. The constructor checks the numbers again against the program's own data and raises
    :class:`ProofError` if they are not an optimum, so no plan exists that is not proved.
    """

    program: Program
    optimum: Optimum
    certificate: Certificate = field(init=False)

    def __post_init__(self) -> None:
        found = self.optimum
        certificate = certify(self.program.linear, found.answer)
        if not certificate.ok:
            raise ProofError("the plan failed its check: " + "; ".join(certificate.failures()[:4]))
        object.__setattr__(self, "certificate", certificate)

    @property
    def x(self) -> Vector:
        """Column values (n,), natural units."""
        return self.optimum.x

    @property
    def grade(self) -> str:
        """How far the proof goes: a word of :data:`GRADES`."""
        return self.optimum.grade

    @property
    def proof(self) -> str:
        """The grade in a sentence or two, with how much better than this plan any other could be at most."""
        said = f"{self.grade}. {GRADES[self.grade]}"
        if self.grade != "bounded":
            return said
        rows = zip(self.goals.items(), self.optimum.bound, self.optimum.gap, strict=True)
        open_ = [f"{name} {value:,.6g}, at best {bound:,.6g} ({gap:.2%})" for (name, value), bound, gap in rows if gap]
        return f"{said} Of each goal, this plan and the best that any could reach: {'; '.join(open_)}."

    @property
    def bounds(self) -> dict[str, dict[str, float]]:
        """For plans in whole numbers, of each goal: the best that any plan could reach, by the solver's search
        (``solver``) and by weak duality alone (``proved``), and how far this plan is from the first (``gap``)."""
        found = self.optimum.bounds
        if found is None:
            return {}
        rows = zip(self.goals, found.solver, found.proved, found.gap, strict=True)
        return {name: {"solver": float(s), "proved": float(p), "gap": float(g)} for name, s, p, g in rows}

    @property
    def stages(self) -> tuple[Stage, ...]:
        """What each stage of the solve took."""
        return self.optimum.stages

    @property
    def goals(self) -> dict[str, float]:
        """The value of each goal, in its own unit and sense."""
        names = [goal.name for goal in self.program.linear.goals]
        return dict(zip(names, map(float, self.optimum.values), strict=True))

    @property
    def goal_units(self) -> dict[str, Unit]:
        return dict(zip(self.goals, self.program.goal_units, strict=True))

    @property
    def values(self) -> xr.Dataset:
        """Every variable that is at work over its dims; 0 where ``where`` masks it."""
        return self._values.copy()

    @cached_property
    def _values(self) -> xr.Dataset:
        arrays: dict[str, xr.DataArray] = dict(self.program.fixed)
        for name, block in self.program.columns.items():
            arrays[name] = self.program.labelled(block, block.pack(self.x))
        order = dict.fromkeys((*self.program.case.model.variables, *arrays))
        return xr.Dataset({name: arrays[name] for name in order if name in arrays})

    @property
    def expressions(self) -> xr.Dataset:
        """What the model counts of a plan, each expression over its dims."""
        return self._expressions.copy()

    @cached_property
    def _expressions(self) -> xr.Dataset:
        known = self.program.expressions.values()
        return xr.Dataset({e.name: self.program.labelled(e, e.value(self.x)) for e in known})

    def prices(self, goal: str | None = None) -> dict[str, xr.DataArray]:
        """The price of every rule's limit, rule by rule, for one goal (the last one unless named).

        A price is d(goal)/d(limit): how much the goal's best value changes when the limit (the rule's right-hand side,
        in the rule's unit) grows by one, everything else kept, earlier goals kept first; for a goal that gives, the
        best before it gives, where :meth:`price_pairs` have what is left of it. NaN where there is no row.
        At a kink the gain from more and the loss from less differ, and the price lies between them.
        """
        names = list(self.goals)
        at = len(names) - 1 if goal is None else names.index(goal)
        unit = self.program.goal_units[at]
        return self._by_rule(self.optimum.prices[at], lambda block: str(unit / block.unit))

    def price_pairs(self, *rules: str, goal: str | None = None) -> dict[str, xr.Dataset]:
        """The price of more and of less of every limit of the rules named (all unless named), for one goal (the last).

        ``more`` is what the goal's value gains for each unit that the limit grows, ``less`` what it loses for each unit
        that the limit shrinks, both signed as d(goal)/d(limit), for steps small enough; earlier goals are kept at their
        best first. They differ at a kink; off kinks both are the price of :meth:`prices`. Infinite where a
        step that way leaves no plan at all; NaN where there is no row. With whole numbers, or a goal that gives or is
        for the worst-off, the step is one published unit (or half of the limit, where that is less), found by solving
        twice again for every limit.

        >>> import allocate as al
        >>> plan = al.run("grant_consolidation", al.read_world("za2016"), years=["2019/20"]).plan
        >>> pair = plan.price_pairs("guarantee")["guarantee"]
        >>> sorted(pair.data_vars), pair.attrs["unit"]
        (['less', 'more'], 'household*year/R')
        """
        at, blocks = self._goal_number(goal), [self.program.rows[name] for name in self._rules(rules)]
        asked = np.concatenate([np.zeros(0, int), *(b.number[b.number >= 0] for b in blocks)])
        linear, optimum = self.program.linear, self.optimum
        if linear.is_plain:
            found = pairs(linear, optimum.x, list(optimum.prices), asked)
        else:
            found = by_solving_again(linear, optimise, asked, self._steps(blocks))
        both = np.full((2, linear.row_lower.size), np.nan)
        both[:, asked] = found.more[at], found.less[at]
        datasets = {}
        for block in blocks:
            unit = str(self.program.goal_units[at] / block.unit)
            ends = zip(("more", "less"), both, strict=True)
            arrays = {n: self.program.labelled(block, block.pack(rows, np.nan), unit) for n, rows in ends}
            datasets[block.name] = xr.Dataset(arrays, attrs={"unit": unit})
        return datasets

    def ranges(
        self, variable: str, over: str | Sequence[str] = SPACE, *, within: float = 0.0, give: float = 0.0
    ) -> xr.Dataset:
        """How far a variable, summed over all dims but ``over``, could move: ``least`` and ``most``, beside ``now``.

        Over all plans as good as this one; or over all that lose of the last goal at most ``give`` (an amount in its
        unit) or ``within`` (a share of the size of its value), and of the goals before it nothing. A goal may count
        what is there without any money: of a run, 1% of what the money reaches is ``0.01 * run.outcome(run.plan)``.
        Each end is reached by some plan, not all ends by one, and each is proved; infinite where nothing holds it.

        >>> import allocate as al
        >>> plan = al.run("grant_consolidation", al.read_world("za2016"), years=["2019/20"]).plan
        >>> found = plan.ranges("spend", give=50_000)  # household-years
        >>> (found / 1e6).round(1).sel(space="DC15").to_array().values.tolist()  # R million
        [1508.3, 1568.6, 1568.6]

        Raises :class:`InputError` for what is no variable, dim or amount, and where a goal gives or is for the
        worst-off or a plan is in whole numbers; :class:`ProofError` when an end cannot be proved.
        """
        dims = (over,) if isinstance(over, str) else tuple(over)
        self._check_ranges(variable, dims, {"within": within, "give": give})
        linear, block = self.program.linear, self.program.columns[variable]
        sums = block.sums(dims, linear.lower.size)
        found = ranges(self.optimum, sums, give + within * float(np.abs(self.optimum.values[-1:]).sum()))
        ends = {"least": found.least, "most": found.most, "now": sums @ self.x}
        part = replace(block, dims=dims)
        shape = [self.program.case.world.data.sizes[dim] for dim in dims]
        return xr.Dataset({name: self.program.labelled(part, end.reshape(shape)) for name, end in ends.items()})

    def _check_ranges(self, variable: str, dims: tuple[str, ...], lost: Mapping[str, float]) -> None:
        """Raise InputError with all that is wrong with a question about ranges."""
        program, wrong = self.program, []
        if variable not in program.columns:
            words = "is no choice here" if variable in program.fixed else "is no variable"
            wrong.append(Problem(variable, words + nearest(variable, program.columns)))
        else:
            known = program.columns[variable].dims
            words = f"is no dim of {variable!r}, which varies over {', '.join(known) or 'nothing'}"
            wrong += [Problem(dim, words + nearest(dim, known)) for dim in dims if dim not in known]
            wrong += [Problem(dim, "is named twice") for dim in sorted({d for d in dims if dims.count(d) > 1})]
        wrong += [Problem(n, f"is {a:g}, expected 0 or more") for n, a in lost.items() if not 0 <= a < np.inf]
        if all(lost.values()):
            wrong.append(Problem("give", "says the same as within; keep one"))
        if any(lost.values()) and not program.linear.goals:
            wrong.append(Problem("give", "there is no goal to lose anything of"))
        if not program.linear.is_plain:
            wrong.append(Problem("", "ranges are of plans without whole numbers, whose goals keep all they have"))
        if wrong:
            raise InputError("ranges", wrong)

    def _steps(self, blocks: list[Block]) -> Vector:
        """How far to move each limit when solving again: a published unit, but never more than half of the limit."""
        sizes, steps = self.program.linear.limit_size, [np.zeros(0)]
        for block in blocks:
            size, published = sizes[block.number[block.number >= 0]], block.unit.published
            steps.append(np.where(size > 0, np.minimum(size / 2, published), published))
        return np.concatenate(steps)

    def _rules(self, names: tuple[str, ...]) -> list[str]:
        known = list(self.program.rows)
        wrong = [Problem(name, f"is no rule{nearest(name, known)}") for name in names if name not in known]
        if wrong:
            raise InputError(self.program.case.model.source, wrong)
        return list(names) or known

    def _goal_number(self, goal: str | None) -> int:
        names = list(self.goals)
        if goal is not None and goal not in names:
            problem = Problem(goal, f"is no goal{nearest(goal, names)}")
            raise InputError(self.program.case.model.source, [problem])
        return len(names) - 1 if goal is None else names.index(goal)

    def slack(self) -> dict[str, xr.DataArray]:
        """How far every row of a rule is from its nearer limit, in the rule's unit; NaN where there is no row."""
        linear = self.program.linear
        activity = linear.matrix @ self.x
        free = np.minimum(activity - linear.row_lower, linear.row_upper - activity)
        return self._by_rule(free, lambda block: str(block.unit))

    def _by_rule(self, rows: Vector, unit: Callable[[Block], str]) -> dict[str, xr.DataArray]:
        blocks = self.program.rows.values()
        return {b.name: self.program.labelled(b, b.pack(rows, np.nan), unit(b)) for b in blocks}

    def worth(self, goal: str | None = None) -> Mapping[str, xr.DataArray]:
        """What every cell of every variable adds to a goal (the last one unless named), in the goal's unit."""
        names = list(self.goals)
        wanted = self.program.linear.goals[len(names) - 1 if goal is None else names.index(goal)]
        cost = wanted.cost if isinstance(wanted, Goal) else wanted.matrix.sum(axis=0)
        found = {}
        for name, block in self.program.columns.items():
            values = block.pack(cost * self.x)
            if np.any(block.pack(cost)):
                found[name] = self.program.labelled(block, values, "")
        return found


def solve(program: Program | LpProblem, options: SolverOptions | None = None) -> Plan:
    """The best plan of a program, or of a PuLP problem that :meth:`Program.to_pulp` made and algebra was added to.

    Raises :class:`NoPlan` (a NoPlanError) in the words of the model when rules conflict or a goal has no end,
    :class:`StoppedError` at a time limit, :class:`ProofError` when an answer cannot be proved.
    """
    program = program if isinstance(program, Program) else Program.from_pulp(program)
    try:
        return Plan(program, optimise(program.linear, options))
    except NoPlanError as error:
        raise in_words(program, error, SECONDS if options is None else min(SECONDS, options.time_limit)) from None


def in_words(program: Program, error: NoPlanError, seconds: float = SECONDS) -> NoPlan:
    """The error of a program without a plan in the words of its model; what would mend it is looked for in so many
    seconds."""
    if isinstance(error, Infeasible):
        return in_conflict(program, error, seconds)
    if isinstance(error, Unbounded):
        return without_end(program, error)
    return not_in_whole(program, program.linear.integer)
