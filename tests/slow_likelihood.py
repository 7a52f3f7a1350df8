"""HistFactory evaluated one bin at a time, as its paper has it: slow, and written on its own."""

import math

import numpy as np


def code4(alpha, hi, lo):
    """Polynomial of degree 6 inside |alpha| < 1, exponential outside: CERN-OPEN-2012-016, eq. 16.

    The coefficients follow from value, slope and curvature at alpha = -1 and 1.
    """
    if alpha >= 1:
        return hi**alpha
    if alpha <= -1:
        return lo**-alpha
    powers = range(1, 7)
    matrix, wanted = [], []
    for x, base in ((1.0, hi), (-1.0, lo)):
        sign = x
        matrix += [
            [x**n for n in powers],
            [n * x ** (n - 1) for n in powers],
            [n * (n - 1) * x ** (n - 2) if n > 1 else 0.0 for n in powers],
        ]
        wanted += [base - 1, sign * math.log(base) * base, math.log(base) ** 2 * base]
    a = np.linalg.solve(matrix, wanted)
    return 1 + sum(a[n - 1] * alpha**n for n in powers)


def code4p(alpha, nominal, hi, lo):
    """Shift: straight lines outside |alpha| < 1, joined smoothly inside (ROOT, code 4')."""
    up, down = hi - nominal, nominal - lo
    if alpha > 1:
        return alpha * up
    if alpha < -1:
        return alpha * down
    s, a = (up + down) / 2, (up - down) / 16
    return alpha * (s + alpha * a * (15 + alpha**2 * (-10 + 3 * alpha**2)))


def expected(batch, row, mu, values):
    """Return the expected counts, shape (B,).

    *values* maps the name of a nuisance parameter to a number, or to one per bin for gammas.
    """
    total = np.zeros(batch.n_bins)
    for k in range(batch.yields.shape[1]):
        own = [m for m in batch.modifiers if m.sample == k]
        for b in range(batch.n_bins):
            nominal = batch.yields[row, k, b]
            count = nominal
            for m in own:
                if m.kind == "histosys":
                    hi, lo = m.data["hi"][row, b], m.data["lo"][row, b]
                    count += code4p(values[m.name], nominal, hi, lo)
            for m in own:
                count *= factor(m, row, b, values)
            total[b] += count * (mu if batch.is_signal[k] else 1)
    return total


def factor(m, row, b, values):
    """Return what one modifier multiplies a bin with."""
    if m.kind in ("normfactor", "lumi"):
        return values[m.name]
    if m.kind == "normsys":
        return code4(values[m.name], m.data["hi"][row], m.data["lo"][row])
    if m.kind in ("shapesys", "staterror"):
        return values[m.name][b] if m.data["sigma"][row, b] > 0 else 1.0
    return 1.0


def minus_log(batch, row, mu, values):
    """Return -ln L without terms that no parameter changes."""
    counts = expected(batch, row, mu, values)
    total = 0.0
    for n, nu in zip(batch.observed[row], counts, strict=True):
        total += nu - (n * math.log(nu) if n else 0.0)
    seen = set()
    for m in batch.modifiers:
        if m.name in seen and m.kind != "shapesys":
            continue
        seen.add(m.name)
        total += constraint(batch, m, row, values)
    return total


def constraint(batch, m, row, values):
    """Return the term of an auxiliary measurement."""
    value = values[m.name]
    if m.kind in ("normsys", "histosys"):
        return value**2 / 2
    if m.kind == "lumi":
        return ((value - 1) / m.data["sigma"][row]) ** 2 / 2
    if m.kind in ("normfactor", "sideband"):  # a sideband's count is left to the caller
        return 0.0
    total = 0.0
    for b, sigma in enumerate(m.data["sigma"][row]):
        if sigma == 0:
            continue
        if m.kind == "shapesys":
            tau = (batch.yields[row, m.sample, b] / sigma) ** 2
            total += tau * value[b] - tau * math.log(value[b])
        else:
            carriers = {o.sample for o in batch.modifiers if o.name == m.name}
            width = sigma / sum(batch.yields[row, k, b] for k in carriers)
            total += ((value[b] - 1) / width) ** 2 / 2
    return total
