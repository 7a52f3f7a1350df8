"""How far limits are from pyhf's: ``python benchmarks/limits_agreement.py [--forty 1]``.

Asymptotic limits of 210 hypotheses, drawn with fixed seeds: ordinary ones in one bin, no events,
next to no background, a signal systematic of 50 %, three bins; and as many with 40 bins as are
asked for, each of which takes pyhf some minutes. pyhf runs with numpy and SLSQP at a tolerance of
1e-10, `toms748_scan` with a relative tolerance of 1e-8. The largest relative difference of
each of the six limits is printed, and which hypothesis it was. The goal is 5e-6.
"""

import argparse
import sys
import warnings
from collections.abc import Iterator

import numpy as np
from limit_cases import Array, forty, one, pyhf_limits, pyhf_model, systematics, three

from mcbook.limits import Likelihoods, one_bin, upper_limits

GOAL = 5e-6
NAMES = ("observed", "-2", "-1", "median", "+1", "+2")
TIGHT = 1e-10
RTOL = 1e-8


def groups(n_forty: int) -> Iterator[tuple[str, Likelihoods]]:
    """Yield groups of hypotheses."""
    random = np.random.default_rng(5)
    yield "1 bin, b 0.5 to 1000", one(70, seed=11)
    b = 10 ** random.uniform(-3, 0.5, 35)
    yield "n = 0, b 0.001 to 3", one_bin(random.uniform(0.5, 5, 35), b, 0 * b, systematics(b))
    b = 10 ** random.uniform(-6, -2, 30)
    counts = random.integers(0, 4, 30)
    yield "b 1e-6 to 0.01, n 0 to 3", one_bin(np.ones(30), b, counts, systematics(b))
    b = 10 ** random.uniform(-1, 2, 45)
    wide = systematics(b, on_signal=0.5, on_background=random.uniform(0, 0.4, 45))
    yield "signal systematic 50 %", one_bin(np.ones(45), b, random.poisson(b), wide)
    yield "3 bins", three(30, seed=12)
    if n_forty:
        yield "40 bins", forty(n_forty, seed=13)


def differences(batch: Likelihoods, cl: float) -> Array:
    """Return relative differences from pyhf, shape (H, 6)."""
    found = upper_limits(batch, cl=cl, method="asymptotic")
    mine = np.column_stack([found.observed, found.expected])
    theirs = np.full_like(mine, np.nan)
    for row in np.flatnonzero(found.is_ok):
        scale = found.expected[row, 2]
        bracket = (0.5 * mine[row].min() / scale, 1.5 * mine[row].max() / scale)
        problem = pyhf_model(batch, row, scale)
        theirs[row] = pyhf_limits(problem, cl, bracket, rtol=RTOL) * scale
    return np.asarray(np.abs(mine / theirs - 1))


def main() -> None:
    """Print the table; fail where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--forty", type=int, default=1, help="as many with 40 bins")
    options = parser.parse_args()
    import pyhf

    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=TIGHT))
    warnings.simplefilter("ignore")
    print(f"{'':26}{'number':>7}" + "".join(f"{name:>10}" for name in NAMES) + "  worst")
    total, largest = 0, 0.0
    for k, (name, batch) in enumerate(groups(options.forty)):
        off = differences(batch, 0.95 if k % 2 else 0.90)
        off = np.where(np.isfinite(off), off, np.inf)
        row = int(off.max(axis=1).argmax())
        observed = f"n = {batch.observed[row].sum():g}" if batch.observed is not None else ""
        print(
            f"{name:26}{len(batch):7}" + "".join(f"{value:10.1e}" for value in off.max(axis=0)),
            f" number {row}: b = {batch.background[row].sum():.3g}, {observed}",
            flush=True,
        )
        total, largest = total + len(batch), max(largest, float(off.max()))
    verdict = "met" if largest <= GOAL else "missed"
    print(f"{total} hypotheses, largest difference {largest:.1e}; goal {GOAL:g}: {verdict}")
    sys.exit(largest > GOAL)


if __name__ == "__main__":
    main()
