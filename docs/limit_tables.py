"""The numbers of ``docs/explanation/limit-methods.md``, without figures; a few seconds.

`filled` puts the tables into the page, between ``<!-- table: NAME -->`` and ``<!-- end -->``.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from mcbook.limits import Likelihoods, Modifier, one_bin, upper_limits

Array = NDArray[np.float64]

PAGE = Path(__file__).resolve().parent / "explanation" / "limit-methods.md"
CL = 0.90
TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->\n)", re.DOTALL)

BACKGROUNDS = (0.0, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0)
CASES = ((0.0, 0), (0.5, 0), (1.0, 1), (5.0, 5), (5.0, 9), (100.0, 100))
"""Background and observed count of the tables on systematics."""

WIDTHS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
COMPARED_WIDTH = 0.1
WIDTHS_SCANNED = (0.01, 0.02, 0.05, COMPARED_WIDTH, 0.2, 0.3, 0.5)
COVERED = ((1.5, 0.0), (3.0, 0.0), (2.0, 1.0), (5.0, 1.0), (3.0, 10.0), (10.0, 10.0), (20.0, 100.0))
"""True signal and background of the table on coverage."""

COMPARED = (
    ("exact", 0.0), ("asymptotic", 0.0), ("hybrid", 0.2), ("bayesian", 0.2), ("asymptotic", 0.2),
)  # fmt: skip
"""Methods whose coverage is compared, with the uncertainty of the signal."""

FARTHEST = 60.0
TOYED = ((0.2, 0, 0.05), (0.5, 0, 0.3), (2.0, 0, 0.05), (5.0, 5, 0.05))

SEVERAL = (1.0, 3.0, 10.0, 30.0, 100.0)
SHAPES = {
    "one bin decides": ((0.9, 0.1), (1.0, 3.0)),
    "two alike": ((0.5, 0.5), (1.0, 1.0)),
    "two, the second with three times as much": ((0.5, 0.5), (1.0, 3.0)),
    "a peak over three": ((0.25, 0.5, 0.25), (1.0, 1.0, 1.0)),
}
"""Shares of the signal in the bins, and their background in units of the smallest one."""


def relative(sample: int, width: Array) -> Modifier:
    """Return a relative uncertainty of the signal (sample 0) or of the background (1)."""
    return Modifier("normsys", "r", sample, {"hi": 1 + width, "lo": 1 - width})


def observed(
    method: str, background: Sequence[float] | Array, count: Sequence[float] | Array, *,
    width: float = 0.0, of: int = 0, cl: float = CL,
) -> Array:  # fmt: skip
    """Return observed limits of one bin [events], shape (H,).

    Parameters
    ----------
    method
        As of `mcbook.limits.upper_limits`.
    background, count
        Expected background and observed count, shape (H,).
    width, of
        Relative uncertainty of the signal (0) or of the background (1).
    cl
        Level.
    """
    size = len(background)
    modifiers = [relative(of, np.full(size, width))] if width else []
    batch = one_bin(np.ones(size), np.asarray(background), np.asarray(count), modifiers)
    return upper_limits(batch, cl=cl, method=method).observed


def expected(method: str, background: Sequence[float] | Array, *, cl: float = CL) -> Array:
    """Return expected limits of one bin without systematics [events], shape (H, 5)."""
    batch = one_bin(np.ones(len(background)), np.asarray(background))
    return upper_limits(batch, cl=cl, method=method).expected


def covered(method: str, signal: Array, background: float, *, width: float = 0.0) -> Array:
    """Return in what part of repetitions the limit lies at or above the true signal.

    The sum over all counts, not toys; a signal with an uncertainty is averaged over it.

    Parameters
    ----------
    method
        As of `mcbook.limits.upper_limits`.
    signal
        True signals, shape (S,).
    background
        Known background.
    width
        Relative uncertainty of the signal: true factors are (1 + r)^z and (1 - r)^-z for z above
        and below 0, smoothly joined as code 4 of HistFactory joins them.
    """
    counts = np.arange(int(2 * signal.max() + background + 5 * np.sqrt(background)) + 20)
    limit = observed(method, np.full(len(counts), background), counts, width=width)
    missed = limit[:, None] < signal  # only low counts: those beyond the last are covered
    if missed[-1].any() or np.isnan(limit).any():
        raise ValueError(f"{method}: too few counts, or no limit")
    z, weight = np.array([0.0]), np.array([1.0])
    if width:
        z, weight = np.polynomial.hermite_e.hermegauss(60)
        weight /= weight.sum()
    means = signal[:, None] * factors(width, z) + background
    probability = stats.poisson.pmf(counts[:, None, None], means) @ weight
    return np.asarray(1 - (probability * missed).sum(axis=0))


def factors(width: float, z: Array) -> Array:
    """Return the factors at z standard deviations that mcbook and pyhf use (code 4)."""
    from mcbook.limits.interpolation import Exponential

    if not width:
        return np.ones_like(z)
    return Exponential(np.array([[1 + width]]), np.array([[1 - width]])).factor(z[None])[0][0]


def enumerated(signal: Sequence[float], background: Sequence[float], *, cl: float = CL) -> float:
    """Return the limit on mu of qtilde in two bins when the background is observed exactly.

    All pairs of counts are summed: what toys give when there are infinitely many of them.
    """
    s, b = np.asarray(signal), np.asarray(background)
    guess = float(bins_limit(signal, background, "asymptotic", cl=cl))

    def log_cls(mu: float) -> float:
        ranges = [
            np.arange(stats.poisson.ppf(1e-9, low), stats.poisson.isf(1e-9, high) + 1)
            for low, high in zip(b, mu * s + b, strict=True)
        ]
        n = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 2)
        q, own = qtilde(n, s, b, mu), qtilde(b[None], s, b, mu)
        kept = n[q >= own - 1e-9]
        p = [stats.poisson.pmf(kept, mean).prod(axis=1).sum() for mean in (mu * s + b, b)]
        return float(np.log(p[0] / p[1] / (1 - cl)))

    return float(optimize.brentq(log_cls, 0.8 * guess, 2.5 * guess, xtol=1e-5 * guess))


def qtilde(n: Array, s: Array, b: Array, mu: float) -> Array:
    """Return qtilde(mu) of counts n, shape (N, bins), with a known background; mu-hat by halving.

    Eq. 16 of arXiv:1007.1727.
    """

    def slope(at: Array) -> Array:
        return np.asarray((n * s / (at[:, None] * s + b)).sum(axis=1) - s.sum())

    def log_likelihood(at: Array) -> Array:
        mean = at[:, None] * s + b
        return np.asarray((n * np.log(mean) - mean).sum(axis=1))

    low, high = np.zeros(len(n)), np.full(len(n), mu)
    for _ in range(40):
        middle = (low + high) / 2
        is_below = slope(middle) > 0
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    best = np.where(slope(np.zeros(len(n))) > 0, low, 0.0)
    is_above = slope(np.full(len(n), mu)) >= 0
    q = 2 * (log_likelihood(best) - log_likelihood(np.full(len(n), mu)))
    return np.where(is_above, 0.0, np.maximum(q, 0.0))


def bins_limit(
    signal: Sequence[float], background: Sequence[float], method: str, *, cl: float = CL
) -> float:
    """Return the limit on mu in several bins when the background is observed exactly."""
    yields = np.array([[signal, background]], dtype=float)
    batch = Likelihoods(yields, np.array([True, False]), (), yields[:, 1])
    return float(upper_limits(batch, cl=cl, method=method).observed[0])


def merged(signal: Sequence[float], background: Sequence[float]) -> tuple[Array, Array]:
    """Return two bins that know as much: bins of one signal over background are one."""
    ratio = np.divide(signal, background)
    groups = [np.isclose(ratio, value) for value in sorted(set(ratio.round(9)))]
    if len(groups) == 1:  # half and half: two bins of the same
        groups = [np.arange(len(ratio)) == 0, np.arange(len(ratio)) > 0]
    return (
        np.array([np.sum(np.asarray(signal)[group]) for group in groups]),
        np.array([np.sum(np.asarray(background)[group]) for group in groups]),
    )


def asymptotic_error() -> Iterator[list[str]]:
    """Yield the table: asymptotic against exact in one bin, at n = b and at n = 0."""
    yield ["b", "n", "exact 90%", "asymptotic", "error", "exact 95%", "asymptotic", "error"]
    for b in BACKGROUNDS:
        for n in sorted({round(b), 0}, reverse=True):
            cells = [f"{b:g}", f"{n}"]
            for cl in (0.90, 0.95):
                exact = float(observed("exact", [b], [n], cl=cl)[0])
                formula = float(observed("asymptotic", [b], [n], cl=cl)[0])
                cells += [f"{exact:.3f}", f"{formula:.3f}", f"{100 * (formula / exact - 1):+.1f}%"]
            yield cells


def bands() -> Iterator[list[str]]:
    """Yield the table: expected limits, exact and asymptotic."""
    yield ["b", "", "-2", "-1", "median", "+1", "+2"]
    for b in (0.01, 0.1, 1.0, 3.0, 10.0, 100.0):
        for method in ("exact", "asymptotic"):
            row = expected(method, [b])[0]
            yield [f"{b:g}", method, *(f"{value:.2f}" for value in row)]


def signal_systematic() -> Iterator[list[str]]:
    """Yield the table: limits with a signal systematic."""
    yield ["b", "n", "method", *(f"r = {100 * width:g}%" for width in WIDTHS)]
    for b, n in CASES:
        for method in ("hybrid", "bayesian", "asymptotic"):
            values = [float(observed(method, [b], [n], width=width)[0]) for width in WIDTHS]
            yield [f"{b:g}", f"{n}", method, *(f"{value:.3f}" for value in values)]


def scanned() -> tuple[Array, Array, Array]:
    """Return b, n and r of the scan over systematics, each of shape (H,)."""
    cases = []
    for b in (0.1, 0.3, 1, 2, 3, 5, 10, 20, 50, 100):
        ends = max(0, np.floor(b - 5 * np.sqrt(b))), np.ceil(b + 8 * np.sqrt(b) + 5)
        steps = np.linspace(*ends, min(int(ends[1] - ends[0]) + 1, 17))
        cases += [(b, n, r) for n in np.unique(steps.round()) for r in WIDTHS_SCANNED]
    b, n, r = np.array(cases).T
    return b, n, r


def never_lower() -> Iterator[list[str]]:
    """Yield the table: limits with a systematic over those without, in a scan."""
    yield [
        "CL", "method", "signal: lowest", "signal, r = 10%: highest",
        "background, n = 0: lowest", "background, n > 0: lowest",
    ]  # fmt: skip
    b, n, r = scanned()
    one = np.ones(len(b))
    for cl in (0.90, 0.95):
        for method in ("hybrid", "bayesian", "asymptotic"):
            without = upper_limits(one_bin(one, b, n), cl=cl, method=method).observed
            signal, background = (
                upper_limits(one_bin(one, b, n, [relative(of, r)]), cl=cl, method=method).observed
                / without
                for of in (0, 1)
            )
            some = (signal.min(), signal[r == COMPARED_WIDTH].max())
            more = (background[n == 0].min(), background[n > 0].min())
            yield [f"{100 * cl:g}%", method, *(f"{value:.5f}" for value in (*some, *more))]


def background_systematic() -> Iterator[list[str]]:
    """Yield the table: limits with a background systematic."""
    yield ["b", "n", "method", *(f"r = {100 * width:g}%" for width in WIDTHS)]
    for b, n in ((2.0, 0), (10.0, 0), (5.0, 5), (100.0, 100), (100.0, 80), (100.0, 130)):
        for method in ("hybrid", "asymptotic"):
            values = [float(observed(method, [b], [n], width=width, of=1)[0]) for width in WIDTHS]
            yield [f"{b:g}", f"{n}", method, *(f"{value:.3f}" for value in values)]


def coverage() -> Iterator[list[str]]:
    """Yield the table: how often limits at 90% lie above the true signal."""
    yield ["s", "b", *(f"{method}{_with(width)}" for method, width in COMPARED)]
    for s, b in COVERED:
        cells = [covered(method, np.array([s]), b, width=width)[0] for method, width in COMPARED]
        yield [f"{s:g}", f"{b:g}", *(f"{100 * value:.1f}%" for value in cells)]


def worst_coverage() -> Iterator[list[str]]:
    """Yield the table: the lowest coverage of limits at 90%, over all true signals."""
    yield ["b", *(f"{method}{_with(width)}" for method, width in COMPARED)]
    for b in (0.0, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0):
        cells = [lowest(method, b, width) for method, width in COMPARED]
        yield [f"{b:g}", *(f"{100 * value:.1f}% at s = {s:.1f}" for value, s in cells)]


def lowest(method: str, background: float, width: float) -> tuple[float, float]:
    """Return the lowest coverage and the true signal there, among signals up to `FARTHEST`.

    Coverage is lowest where a true signal is just above the limit of a count, and grows from there
    to the limit of the next count.
    """
    counts = np.arange(int(80 + background + 5 * np.sqrt(background)))
    limit = observed(method, np.full(len(counts), background), counts, width=width)
    found = covered(method, just := limit[limit < FARTHEST] * (1 + 1e-9), background, width=width)
    return float(found.min()), float(just[found.argmin()])


def _with(width: float) -> str:
    return f", r = {100 * width:g}%" if width else ""


def absorbed() -> Iterator[list[str]]:
    """Yield the table: an excess in a bin without signal, and a background in common."""
    yield ["n beside the signal", *(f"r = {100 * width:g}%" for width in (0.0, 0.05, 0.1, 0.2))]
    for beside in (70, 100, 130):
        cells = [beside_limit(beside, width) for width in (0.0, 0.05, 0.1, 0.2)]
        yield [f"{beside}", *(f"{value:.2f}" for value in cells)]


def beside_limit(beside: int, width: float, method: str = "asymptotic") -> float:
    """Return the limit [events] where 40 are observed over 30, beside a bin of background 100."""
    modifiers = (relative(1, np.array([width])),) if width else ()
    yields = np.array([[[1.0, 0.0], [30.0, 100.0]]])
    batch = Likelihoods(yields, np.array([True, False]), modifiers, np.array([[40.0, beside]]))
    return float(upper_limits(batch, cl=CL, method=method).observed[0])


def few_with_toys() -> Iterator[list[str]]:
    """Yield the table: toys of qtilde in one bin with a signal systematic, and other methods."""
    yield ["b", "n", "r", "without", "hybrid", "asymptotic", "toys"]
    for b, n, width in TOYED:
        values = [
            observed("exact", [b], [n])[0],
            *(observed(method, [b], [n], width=width)[0] for method in ("hybrid", "asymptotic")),
        ]
        batch = one_bin([1.0], [b], [n], [relative(0, np.array([width]))])
        found = upper_limits(batch, cl=CL, method="toys", n_toys=30_000)
        toys = f"{found.observed[0]:.2f} +- {found.observed_error[0]:.2f}"
        yield [f"{b:g}", f"{n}", f"{100 * width:g}%", *(f"{x:.3f}" for x in values), toys]


def several_bins() -> Iterator[list[str]]:
    """Yield the table: error of the asymptotic limit in several bins."""
    yield ["smallest b of a deciding bin", *SHAPES]
    for b in SEVERAL:
        yield [f"{b:g}", *(f"{100 * bins_error(name, b):+.1f}%" for name in SHAPES)]


def bins_error(name: str, b: float) -> float:
    """Return by what part the asymptotic limit of a shape is off, all counts summed."""
    signal, units = SHAPES[name]
    background = [b * unit for unit in units]
    exact = enumerated(*merged(signal, background))
    return bins_limit(signal, background, "asymptotic") / exact - 1


TABLES = {
    "asymptotic_error": asymptotic_error,
    "bands": bands,
    "signal_systematic": signal_systematic,
    "never_lower": never_lower,
    "background_systematic": background_systematic,
    "absorbed": absorbed,
    "coverage": coverage,
    "worst_coverage": worst_coverage,
    "several_bins": several_bins,
    "few_with_toys": few_with_toys,
}


def table(name: str) -> str:
    """Return a table as it stands in the page."""
    header, *rows = TABLES[name]()
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def filled(text: str) -> str:
    """Return the page with its tables as they come out now."""
    return TABLE.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", text)
