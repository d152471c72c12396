"""The slow twin of ``certify``: the same questions in fractions, where zero is zero and there is no tolerance."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isfinite


def simple(values, most=10**6):
    """The nearest fractions with small denominators: what the numbers would be without rounding."""
    return [Fraction(float(value)).limit_denominator(most) for value in values]


def harm(lp, x, prices):
    """How wrong a plan (fractions) with its prices (fractions, per goal, own sense) is; 0 exactly when optimal.

    The largest of: broken bounds and limits, and for each goal the distance of a priced column or row from its
    bound or limit, on the face that earlier prices leave; relative to the size of the column or row.
    """
    m, n = lp.matrix.shape
    entries = [(int(i), int(j), Fraction(v)) for i, j, v in zip(*_coordinates(lp.matrix), strict=True)]
    activity, row_size = [Fraction(0)] * m, [Fraction(0)] * m
    for i, j, a in entries:
        activity[i] += a * x[j]
        row_size[i] = max(row_size[i], abs(a * x[j]), abs(a))
    column_size = [max(abs(v), Fraction(float(u))) for v, u in zip(x, lp.unit, strict=True)]
    row_size = [size or Fraction(1) for size in row_size]
    sides = [_Side(lp.lower, lp.upper, x, column_size), _Side(lp.row_lower, lp.row_upper, activity, row_size)]
    worst = max((side.broken() for side in sides), default=0)
    for goal, price in zip(lp.goals, prices, strict=True):
        sign = int(goal.sign)
        reduced = [sign * Fraction(float(c)) for c in goal.cost]
        for i, j, a in entries:
            reduced[j] -= sign * price[i] * a
        worst = max(worst, sides[0].pin(reduced), sides[1].pin([sign * p for p in price]))
    assert len(reduced) == n
    return worst


class _Side:
    """Limits on columns or on rows, which prices narrow."""

    def __init__(self, low, high, at, size):
        self.low, self.high = [_exact(v) for v in low], [_exact(v) for v in high]
        self.at, self.size = at, size

    def broken(self):
        return max((max(lo - v, v - hi, 0) / s for lo, hi, v, s in self._all()), default=0)

    def _all(self):
        return zip(self.low, self.high, self.at, self.size, strict=True)

    def pin(self, price):
        worst = 0
        for k, p in enumerate(price):
            if p:
                limit = self.low[k] if p > 0 else self.high[k]
                worst = max(worst, abs(self.at[k] - limit) / self.size[k])
                if p > 0:
                    self.high[k] = limit
                else:
                    self.low[k] = limit
        return worst


def _exact(value):
    return Fraction(float(value)) if isfinite(value) else (inf if value > 0 else -inf)


def _coordinates(matrix):
    form = matrix.tocoo()
    return (*form.coords, form.data)
