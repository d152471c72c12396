"""Controlled rounding: totals are kept, nothing moves a whole unit, and the answer is the only one."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocate.errors import InputError, NoPlanError, ProofError
from allocate.rounding import Shift, Totals, _cheapest, _hashes, _range, check_rounding, describe_shift, round_cells

UNIT = 1000.0
FEW = settings(max_examples=60, deadline=None)

SHARES = st.one_of(
    st.integers(0, 60).map(lambda k: k / 10),
    st.integers(0, 12).map(lambda k: k / 2),
    st.integers(0, 18).map(lambda k: k / 3),
    st.floats(0, 50),
    st.tuples(st.integers(0, 9), st.sampled_from([-1e-9, 1e-9, 0.0])).map(lambda p: abs(p[0] + p[1])),
)


def table(draw, sizes):
    """A random pool x space x service x year table, its keys, and its two sides; some groups have limits."""
    shape = [draw(st.integers(1, most)) for most in sizes]
    pool, space, service, year = np.indices(shape).reshape(4, -1)
    units = np.array(draw(st.lists(SHARES, min_size=pool.size, max_size=pool.size)))
    keys = [f"p{p} s{s} v{v} y{y}" for p, s, v, y in zip(pool, space, service, year, strict=True)]

    def limited(name, group, exact=False):
        sums = np.bincount(group, units)
        tight = np.array(draw(st.lists(st.booleans(), min_size=sums.size, max_size=sums.size)))
        lower = np.where(tight, np.floor(sums), -np.inf)
        return Totals(name, group, exact, lower, np.where(~tight, np.ceil(sums), np.inf))

    side_a = [limited("pool", pool), limited("pool x year", pool * shape[3] + year, exact=True)]
    some = np.where(service == 0, -1, space)
    side_b = [limited("space", space), limited("space x service", space * shape[2] + service)]
    side_b.append(Totals("space, but the first service", some if draw(st.booleans()) else space))
    return units * UNIT, keys, side_a, side_b


def moved(amounts, rounded, group):
    """Each group's shift, added exactly: a fraction for each group number."""
    shift = {}
    for amount, now, g in zip(amounts, rounded, group, strict=True):
        if g >= 0:
            shift[int(g)] = shift.get(int(g), Fraction(0)) + int(now) - Fraction(float(amount)) / 1000
    return shift


@given(st.data())
@FEW
def test_a_rounding_exists_and_keeps_every_promise(data):
    """Proves: with whole limits that the real plan keeps, no cell or total moves a whole unit or passes a limit.

    If a total were left to chance, summing the rounded cells would miss it by a unit; if the network were not
    whole, a table would be refused.
    """
    amounts, keys, side_a, side_b = data.draw(st.composite(table)((4, 4, 3, 2)))
    rounded = round_cells(amounts, UNIT, keys, side_a, side_b)
    near = Fraction(1, 100_000)
    for amount, now in zip(amounts, rounded, strict=True):
        assert abs(int(now) - Fraction(float(amount)) / 1000) < 1
    for level in [*side_a, *side_b]:
        for g, shift in moved(amounts, rounded, level.group).items():
            now = int(rounded[level.group == g].sum())
            whole = abs((now - shift) - round(now - shift)) < near / 20
            assert abs(shift) < (near if whole else 1 + near)
            assert level.lower is None or now >= level.lower[g] - 1e-6
            assert level.upper is None or now <= level.upper[g] + 1e-6


@given(st.data())
@FEW
def test_order_of_cells_numbers_of_groups_and_sides_change_nothing(data):
    """Proves: each key keeps its integer when cells are shuffled, groups renumbered and sides swapped.

    If ties were broken by position, tables of halves would come back different.
    """
    amounts, keys, side_a, side_b = data.draw(st.composite(table)((4, 4, 3, 2)))
    seed = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    turn = seed.permutation(amounts.size)

    def shuffled(level):
        new = seed.permutation(max(level.group.max() + 1, 1))
        old = np.argsort(new)
        group = np.where(level.group >= 0, new[level.group], -1)[turn]
        lower, upper = (None if b is None else b[old] for b in (level.lower, level.upper))
        return Totals(level.name, group, level.exact, lower, upper)

    first = round_cells(amounts, UNIT, keys, side_a, side_b)
    sides = [[shuffled(level) for level in reversed(side)] for side in (side_b, side_a)]
    second = round_cells(amounts[turn], UNIT, [keys[i] for i in turn], *sides)
    assert second.tolist() == first[turn].tolist()


def brute(amounts, keys, levels: Sequence[Totals]):
    """The best of all floor-or-ceiling roundings, tried one by one, and None if none keeps every total.

    Compared in the stated order: exact totals, cells, the first hash, the second.
    """
    units = [Fraction(float(a)) / 1000 for a in amounts]
    units = [Fraction(round(u)) if abs(u - round(u)) < Fraction(1, 10**6) else u for u in units]
    hashes = [_hashes(keys, turn).tolist() for turn in range(2)]
    weigh = 2**20
    best = None
    for choice in itertools.product(*({math.floor(u), math.ceil(u)} for u in units)):
        first, fits = 0, True
        for level in levels:
            for g in range(level.group.max(initial=-1) + 1):
                held = np.flatnonzero(level.group == g)
                was, now = sum(units[i] for i in held), sum(choice[i] for i in held)
                was = Fraction(round(was)) if abs(was - round(was)) < Fraction(1, 10**6) else was
                fits &= math.floor(was) <= now <= math.ceil(was)
                fits &= level.lower is None or now >= level.lower[g]
                fits &= level.upper is None or now <= level.upper[g]
                part = was - math.floor(was)
                if level.exact and part:
                    first += round((1 - 2 * part) * weigh) * (now - math.floor(was))
        up = [c - math.floor(u) for c, u in zip(choice, units, strict=True)]
        nearness = sum(round((1 - 2 * (u - math.floor(u))) * weigh) * y for u, y in zip(units, up, strict=True) if y)
        ties = [sum(h * y for h, y in zip(row, up, strict=True)) for row in hashes]
        if fits and (best is None or (first, nearness, *ties) < best[0]):
            best = ((first, nearness, *ties), list(choice))
    return best and best[1]


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_brute_force_finds_the_same_rounding(data):
    """Proves: of all 2**n roundings the one returned is best: exact totals, then cells, then hashes; and if none
    keeps every limit, that is said.

    If a stage were lost or the costs swamped one another, enumeration would find a better one.
    """
    n = data.draw(st.integers(1, 7))
    tenths = st.sampled_from([0.0, 0.25, 0.4, 0.499, 0.5, 0.5, 0.501, 0.6, 1.0, 1.5, 2.3, 1 / 3, 2 / 3])
    amounts = np.array(data.draw(st.lists(tenths, min_size=n, max_size=n))) * UNIT
    numbers = st.lists(st.integers(-1, 2), min_size=n, max_size=n).map(np.array)
    keys = [f"cell {i}" for i in range(n)]
    pool, space = data.draw(numbers), data.draw(numbers)
    inner = np.where(space >= 0, 3 * space + data.draw(numbers).clip(0), -1)
    limit = st.sampled_from([-np.inf, -np.inf, 0.5, 1.0, 1.2])
    lower = np.array(data.draw(st.lists(limit, min_size=3, max_size=3)))
    upper = -np.array(data.draw(st.lists(limit, min_size=3, max_size=3)))
    upper = np.where(np.isfinite(upper), 3 + upper, np.inf)
    side_a = [Totals("pool", pool, True, lower, upper)]
    side_b = [Totals("space", space), Totals("space x service", inner, data.draw(st.booleans()))]
    side_b.append(Totals("all", np.zeros(n, np.int64), data.draw(st.booleans())))
    held = np.bincount(pool[pool >= 0], minlength=3) > 0
    best = brute(amounts, keys, [*side_a, *side_b]) if not (lower[~held] > 0).any() else None
    if best is None:
        with pytest.raises((InputError, NoPlanError)):
            round_cells(amounts, UNIT, keys, side_a, side_b)
    else:
        assert round_cells(amounts, UNIT, keys, side_a, side_b).tolist() == best


def test_what_is_whole_stays():
    """Proves: whole amounts, and amounts within 1e-9 of whole, come back as they are, zeros too.

    If floors were taken before snapping, 2.999999999 would become 2.
    """
    group = np.zeros(5, np.int64)
    units = np.array([0.0, 7.0, 3 - 1e-9, 3 + 1e-9, 1e-9])
    rounded = round_cells(units * UNIT, UNIT, list("abcde"), [Totals("pool", group, exact=True)], [])
    assert rounded.tolist() == [0, 7, 3, 3, 0]
    assert rounded.dtype == np.int64
    pool = Totals("pool", np.array([0, 0]), upper=np.array([1.0]))
    cell = Totals("cell", np.array([-1, 0]), lower=np.array([1.0]))
    with pytest.raises(NoPlanError):  # not [0, 1]: a cell that is whole does not make room for another
        round_cells(np.array([1 - 1e-9, 0.6]) * UNIT, UNIT, ["a", "b"], [pool], [cell])


def test_one_cell_and_no_cell():
    """Proves: the smallest tables work, with and without totals; if not, an index would fail."""
    assert round_cells(np.array([1600.0]), UNIT, ["a"], [], []).tolist() == [2]
    group = np.array([0])
    assert round_cells(np.array([1600.0]), UNIT, ["a"], [Totals("pool", group)], []).tolist() == [2]
    assert round_cells(np.empty(0), UNIT, [], [], []).tolist() == []
    assert round_cells(np.empty(0), UNIT, [], [Totals("pool", np.empty(0, np.int64))], []).tolist() == []


def test_huge_amounts_keep_their_last_unit():
    """Proves: at a million million units halves still round to keep the total exactly.

    If sums were taken in floats or in 32 bits, the total would be off.
    """
    units = np.array([1e12 + 0.5, 1e12 + 0.5, 1e12, 0.5, 0.5])
    pool = Totals("pool", np.zeros(5, np.int64), exact=True)
    rounded = round_cells(units * UNIT, UNIT, list("abcde"), [pool], [])
    assert rounded.sum() == 3 * 10**12 + 2
    assert np.abs(rounded - units).max() == 0.5


def test_a_table_of_halves_is_settled_by_its_keys_for_ever():
    """Proves: ties everywhere are settled by the keys alone, the same way on every machine and in every release.

    If another hash, Python's salted one or the solver's path decided, these numbers would change.
    """
    row, column = np.indices((4, 4)).reshape(2, -1)
    keys = [f"row {r}, column {c}" for r, c in zip(row, column, strict=True)]
    sides = [Totals("row", row, exact=True)], [Totals("column", column, exact=True)]
    rounded = round_cells(np.full(16, 500.0), UNIT, keys, *sides).reshape(4, 4)
    assert rounded.sum(axis=0).tolist() == rounded.sum(axis=1).tolist() == [2, 2, 2, 2]
    assert rounded.tolist() == GOLDEN


GOLDEN = [[1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, 1]]


def test_a_table_no_hash_can_settle_is_refused(monkeypatch):
    """Proves: if the hashes leave two best roundings, there is no answer rather than either.

    If uniqueness were assumed, one of the two would come back.
    """
    monkeypatch.setattr("allocate.rounding._hashes", lambda labels, _: np.ones(len(labels), np.int64))
    with pytest.raises(ProofError, match=r"^rounding: equally good roundings remain after every hash of the keys$"):
        round_cells(np.array([500.0, 500.0]), UNIT, ["a", "b"], [Totals("pool", np.array([0, 0]))], [])


def test_a_later_hash_settles_what_the_first_could_not(monkeypatch):
    """Proves: if two tied keys share their first 20 bits, the next 20 decide, whatever the order.

    If only one hash were used, or the same one again, such a table would be refused.
    """
    assert len({_hashes(["a"], turn).item() for turn in range(8)}) == 8

    def same_at_first(labels, turn):
        return np.ones(len(labels), np.int64) if turn == 0 else _hashes(labels, turn)

    monkeypatch.setattr("allocate.rounding._hashes", same_at_first)
    pool = [Totals("pool", np.array([0, 0]))]
    first, second = (round_cells(np.full(2, 500.0), UNIT, keys, pool, []) for keys in (["a", "b"], ["b", "a"]))
    assert first.sum() == 1
    assert first.tolist() == second[::-1].tolist()


def test_totals_do_not_depend_on_the_order_of_cells_in_their_last_bit():
    """Proves: fractions are added as whole ticks, so a total is the same to the last bit in any order.

    If they were added as floats, a total near a whole number or a half could be judged two ways.
    """
    seed = np.random.default_rng(1)
    part, level = seed.random(1000), Totals("pool", np.zeros(1000, np.int64))
    fractions = {_range(level, np.zeros(1000, np.int64), seed.permutation(part))[2].item() for _ in range(20)}
    assert len(fractions) == 1


def test_a_solver_that_lies_is_caught(monkeypatch):
    """Proves: an answer that is feasible but dearer, or not feasible, is refused; the solver is not believed.

    If it were, 0.9 would become 0.
    """
    for lie in (lambda flow: 1 - flow, lambda flow: flow + 2):

        def cheapest(*problem, lie=lie):
            status, flow, price = _cheapest(*problem)
            return status, lie(flow), price

        monkeypatch.setattr("allocate.rounding._cheapest", cheapest)
        with pytest.raises(ProofError, match="not proved to be the cheapest"):
            round_cells(np.array([900.0]), UNIT, ["a"], [], [])


def test_exact_totals_come_first_and_give_way_only_together():
    """Proves: an exact total takes its nearest unit even against its cells, and three totals of 0.4 that another
    level holds to 1 or 2 make exactly one 1.

    If cells came first, four cells of 0.4 would all be 0 and their total of 1.6 would be 1.
    """
    four = np.full(4, 400.0)
    for exact, total in ((True, 2), (False, 1)):
        pool = Totals("pool", np.zeros(4, np.int64), exact=exact)
        assert round_cells(four, UNIT, list("abcd"), [pool], []).sum() == total
    pools = Totals("pool", np.array([0, 1, 2]), exact=True)
    rounded = round_cells(four[:3], UNIT, list("abc"), [pools], [Totals("space", np.zeros(3, np.int64))])
    assert sorted(rounded.tolist()) == [0, 0, 1]


def test_a_floor_between_units_asks_for_the_unit_above():
    """Proves: with a floor of 10.4, a total of 10.6 or 10.4 becomes 11, and with a cap of 10.6 it becomes 10.

    If bounds were rounded to the nearest unit, the floor would be crossed.
    """
    group = np.array([0, 0])
    for share, lower, upper, total in ((5.3, 10.4, np.inf, 11), (5.2, 10.4, np.inf, 11), (5.3, 0, 10.6, 10)):
        pool = Totals("pool", group, True, np.array([lower]), np.array([upper]))
        assert round_cells(np.full(2, share * UNIT), UNIT, ["a", "b"], [pool], []).sum() == total


def letter(error, amounts, keys, side_a, side_b, unit=UNIT):
    with pytest.raises(error) as caught:
        round_cells(np.array(amounts), unit, keys, side_a, side_b)
    return str(caught.value)


def test_groups_that_overlap_are_refused():
    """Proves: a side whose groups cross is named with the two groups; if not, the network would be wrong."""
    pool, space = Totals("pool", np.array([0, 0, 1])), Totals("space", np.array([0, 1, 1]))
    words = letter(InputError, [1.0, 2.0, 3.0], list("abc"), [], [pool, space])
    assert words == (
        "rounding: 1 problem\n  side b: pool[0] and space[1] share cells, yet neither lies within the other"
    )


def test_a_group_without_a_whole_total_is_named():
    """Proves: limits that leave no unit beside the real total are named, all of them together.

    If they were passed on, the solver would only say that there is no answer.
    """
    pool = Totals("pool", np.array([0, 1, 2]), True, np.array([10.4, 2.0, 1.0]), np.array([10.8, 3.0, 5.0]))
    assert letter(InputError, [10600.0, 2500.0, 9500.0], list("abc"), [pool], []) == (
        "rounding: 2 problems\n"
        "  pool[0]: its total of 10.6 has no whole number beside it from floor 10.4 to cap 10.8\n"
        "  pool[2]: its total of 9.5 has no whole number beside it from floor 1 to cap 5"
    )


def test_limits_that_are_impossible_together_are_named():
    """Proves: if each group alone could keep its limits but not all at once, the one to give way is named.

    Two cells of 0.5 share a pool of 1; each space has a floor of 0.2, so both cells would have to become 1.
    """
    pool = Totals("pool", np.array([0, 0]), exact=True)
    space = Totals("space", np.array([0, 1]), lower=np.array([0.2, -np.inf]))
    assert round_cells(np.full(2, 500.0), UNIT, ["a", "b"], [pool], [space]).tolist() == [1, 0]
    space = Totals("space", np.array([0, 1]), lower=np.array([0.2, 0.2]))
    words = letter(NoPlanError, [500.0, 500.0], ["a", "b"], [pool], [space])
    said = "rounding: no rounding keeps every floor and cap; one would if these totals passed theirs: "
    assert words in {said + "space[0] by -1", said + "space[1] by -1"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amounts": [-1.0, 2.0]}, "cell 'a': -1.0 is not a finite number from zero up"),
        ({"amounts": [np.nan, 2.0]}, "cell 'a': nan is not a finite number from zero up"),
        ({"amounts": [1e19, 2.0]}, "amounts: more than 9007199254740992 units in all; floats do not hold them exactly"),
        ({"keys": ["a", "a"]}, "cell 'a': the key appears 2 times; ties are broken by key"),
        ({"keys": ["a"]}, "keys: 1 keys for amounts of shape (2,); expected one each"),
        ({"unit": 0.0}, "unit: 0.0 is not a positive number"),
        ({"group": [0]}, "pool: group must be 2 whole numbers from -1 up, one for each cell"),
        ({"group": [0, -2]}, "pool: group must be 2 whole numbers from -1 up, one for each cell"),
        (
            {"lower": [np.nan]},
            "pool: lower must hold a number for each of at least 1 groups, none of them nan",
        ),
        ({"lower": [0.0], "upper": [1.0, 2.0]}, "pool: lower and upper differ in length"),
    ],
)
def test_malformed_arguments_are_refused_in_words(changes, words):
    """Proves: each mistake has its own words; if not, it would surface as an answer or a traceback."""
    case = {"amounts": [1.0, 2.0], "keys": ["a", "b"], "unit": UNIT, "group": [0, 0]} | changes
    limits = {name: np.array(case[name]) for name in ("lower", "upper") if name in case}
    pool = Totals("pool", np.array(case["group"]), **limits)
    assert letter(InputError, case["amounts"], case["keys"], [pool], [], case["unit"]) == (
        f"rounding: 1 problem\n  {words}"
    )


def test_the_check_sees_every_kind_of_harm():
    """Proves: the check finds a cell, a total, a floor and a cap that were broken, and passes a good rounding.

    If it were blind to one of them, a wrong plan could be published.
    """
    amounts = np.array([1400.0, 600.0, 2500.0])
    pool = Totals("pool", np.array([0, 0, 1]), True, np.array([2.0, 0.0]), np.array([2.0, 2.0]))
    assert check_rounding(amounts, UNIT, np.array([1, 1, 2]), [pool]) == ()
    broken = check_rounding(amounts, UNIT, np.array([1, 0, 4]), [pool])
    assert [f"{p.place}: {p.words}" for p in broken] == [
        "cell 2: 2.5 units became 4",
        "pool[0]: 2 units became 1",
        "pool[1]: 2.5 units became 4",
        "pool[0]: 1 units is under its floor",
        "pool[1]: 4 units is over its cap",
    ]


def test_the_shift_is_the_worst_one():
    """Proves: the record gives the largest shift either way, of cells and of groups; cells in none are left out."""
    levels = [Totals("pool", np.array([0, 0, -1])), Totals("none", np.full(3, -1))]
    shift = describe_shift(np.array([1250.0, 500.0, 2750.0]), np.array([1, 0, 3]), UNIT, levels)
    assert shift == Shift(cell=0.5, totals=(("pool", 0.75), ("none", 0.0)))


@pytest.mark.parametrize("spread", ["skew", "halves", "tenths"])
def test_twenty_thousand_cells_take_less_than_two_seconds(spread):
    """Proves: a national table is quick even when every cell is tied; presolve alone once took five seconds."""
    seed = np.random.default_rng(2016)
    pool, space, service = np.indices((16, 52, 24)).reshape(3, -1)
    n = pool.size
    units = {"skew": seed.gamma(0.3, 1000, n), "halves": np.full(n, 1.5), "tenths": seed.integers(0, 99, n) / 10}
    side_b = [Totals("space", space), Totals("space x service", space * 24 + service)]
    start = time.perf_counter()
    round_cells(units[spread] * UNIT, UNIT, [str(i) for i in range(n)], [Totals("pool", pool, True)], side_b)
    assert time.perf_counter() - start < 2
