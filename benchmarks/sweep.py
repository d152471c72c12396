"""Is every shipped question answered, and how surely? ``python -m benchmarks sweep`` (about a minute).

Every shipped scenario, alone and with one pool, under every way of testing a headline, free and with money at the
actual split, on three horizons: solved, certified, rounded; grades counted, refusals printed.
"""

from __future__ import annotations

import itertools
from collections import Counter

from allocate.builder import build
from allocate.changes import Case, apply
from allocate.errors import AllocateError
from allocate.optimum.highs import SolverOptions
from allocate.plan import solve
from allocate.read import read_model, read_scenario
from allocate.schedule import publish
from allocate.world import read_world

MAIN = ("", "one_pool", "one_water_grant", "one_energy_grant", "guarantee_95", "same_places", "same_services")
PAIRS = (("guarantee_95", "one_pool"), ("same_services", "one_pool"), ("same_places", "one_pool"))
TESTS = ("", "value_equal", "value_share", "refuse_dear", "urban_floors", "no_pace")
HORIZONS = (("2017/18", "2018/19", "2019/20"), ("2019/20",), ("2017/18", "2018/19"))


def main() -> None:
    """Print how many programs were proved at which grade, and what was refused."""
    world, model = read_world("za2016"), read_model("grant_consolidation")
    grades: Counter[str] = Counter()
    questions = [*((name,) for name in MAIN), *PAIRS]
    for names, test, fixed, years in itertools.product(questions, TESTS, (False, True), HORIZONS):
        scenarios = [read_scenario(name) for name in (*names, test) if name]
        case = apply(model, world.select("year", years), scenarios)
        if fixed:
            case = Case(case.model, case.world, {model.schedule.amount: "baseline_spend"}, case.said)
        try:
            plan = solve(build(case), SolverOptions(accept_near_ties=True))
            publish(plan)
            grades[plan.grade] += 1
        except AllocateError as error:
            grades["refused"] += 1
            print(names, test, "fixed" if fixed else "free", years, str(error).splitlines()[0][:120])
    print(f"{sum(grades.values())} programs:", ", ".join(f"{many} {grade}" for grade, many in grades.items()))


if __name__ == "__main__":
    main()
