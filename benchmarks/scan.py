"""How fast a scan is, against pyhf in the same run: ``python benchmarks/scan.py [--peers 2]``.

1,000 peaks over one spectrum of 40 bins: three backgrounds, six systematics (five normsys, one
histosys) and 40 staterror gammas. Of each hypothesis this program makes the observed and the five
expected limits, and the best fit with errors, correlations, q0 and the p-value; all hypotheses are
handed over as arrays.

pyhf does it for one hypothesis after the other, with scipy's minimiser at its default settings:
`toms748_scan` (which is `upper_limit` with a level that counts, see `limit_cases.pyhf_limits`),
`hypotest` of mu = 0 with q0, and `mle.fit`, which gives no errors here, so that pyhf does less.
Its models are made before the clock starts. It is run for few hypotheses, and the mean of their
CPU times is compared: of one process, ours and theirs. pyhf runs with jax where that is installed,
and with numpy otherwise. jax was 4 times faster than numpy where both were measured for limits, so
the goal is 4 times higher against numpy.

That both find the same is printed: limits are held against each other to one part in a thousand,
best fits to 2% of their error and p-values to 0.02 standard deviations, which is what pyhf's
default tolerance is good for. With numpy pyhf takes minutes for a hypothesis.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from limit_cases import pyhf_limits, pyhf_model, scan

from mcbook.limits import BestFits, Limits, asymptotic, best_fits
from mcbook.limits.significance import z_of_p

CL = 0.90
SIZE = 1000
BRACKET = (0.02, 10.0)
GOAL = 10_000
JAX_FASTER = 4
LIMIT_DIFFERENCE, FIT_DIFFERENCE, Z_DIFFERENCE = 1e-3, 0.02, 0.02


class Peer(NamedTuple):
    """What pyhf finds for one hypothesis, and its seconds for limits, p-value and best fit."""

    limits: Any
    p0: float
    mu: float
    seconds: tuple[float, float, float]


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what *work* gives and its CPU time [s]."""
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def peer(batch: Any, row: int, scale: float) -> Peer:
    """Return what pyhf makes of one hypothesis, its signal times *scale*."""
    import pyhf

    model, data = pyhf_model(batch, row, scale)
    limits, first = cpu(lambda: pyhf_limits((model, data), CL, BRACKET))
    p0, second = cpu(lambda: pyhf.infer.hypotest(0.0, data, model, test_stat="q0"))
    best, third = cpu(lambda: pyhf.infer.mle.fit(data, model))
    mu = float(best[model.config.poi_index])
    return Peer(limits * scale, float(p0), mu * scale, (first, second, third))


def agree(rows: list[int], limits: Limits, fits: BestFits, peers: list[Peer]) -> bool:
    """Print the largest differences; return whether they are small."""
    by_limit, by_fit, by_z = [0.0], [0.0], [0.0]
    for row, other in zip(rows, peers, strict=True):
        mine = np.append(limits.observed[row], limits.expected[row])
        by_limit.append(float(np.abs(mine / other.limits - 1).max()))
        mu, error = max(fits.mu[row], 0.0), fits.mu_error[row]
        by_fit.append(abs(mu - other.mu) / error)
        by_z.append(abs(max(fits.z[row], 0.0) - float(z_of_p(other.p0))))
    print(
        f"largest differences: limits {max(by_limit):.1e}, best fits {max(by_fit):.1e} of their "
        f"error, p-values {max(by_z):.1e} standard deviations"
    )
    return (
        max(by_limit) < LIMIT_DIFFERENCE
        and max(by_fit) < FIT_DIFFERENCE
        and max(by_z) < Z_DIFFERENCE
    )


def main() -> None:
    """Print the seconds of both; fail where the goal is missed or results differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=int, default=2, help="hypotheses that pyhf is run for")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import pyhf

    backend = "jax" if find_spec("jax") else "numpy"
    pyhf.set_backend(backend, pyhf.optimize.scipy_optimizer())
    batch = scan(SIZE)
    best_fits(batch.take(np.arange(50)))
    asymptotic.limits(batch.take(np.arange(50)), cl=CL)
    tries = [
        (cpu(lambda: asymptotic.limits(batch, cl=CL)), cpu(lambda: best_fits(batch)))
        for _ in range(3)
    ]
    limits, fits = tries[0][0][0], tries[0][1][0]
    mine = [min(each[k][1] for each in tries) / SIZE for k in range(2)]
    rows = [int(row) for row in np.linspace(0, SIZE - 1, options.peers + 2)[1:-1]]
    peers = [peer(batch, row, limits.expected[row, 2]) for row in rows]
    theirs = [statistics.mean(each.seconds[k] for each in peers) for k in range(3)]
    print(f"{'CPU seconds of a hypothesis':36}{'mcbook':>12}{'pyhf ' + backend:>14}")
    print(f"{'limits, observed and expected':36}{mine[0]:12.6f}{theirs[0]:14.3f}")
    print(f"{'best fit and p-value':36}{mine[1]:12.6f}{theirs[1] + theirs[2]:14.3f}")
    ratio = sum(theirs) / sum(mine)
    goal = GOAL * (1 if backend == "jax" else JAX_FASTER)
    met = ratio >= goal
    print(f"{'both':36}{sum(mine):12.6f}{sum(theirs):14.3f}")
    print(f"ratio {ratio:,.0f}; goal {goal:,}: {'met' if met else 'missed'}")
    good = bool(limits.is_ok.all() and fits.is_ok.all())
    raise SystemExit(not (agree(rows, limits, fits, peers) and met and good))


if __name__ == "__main__":
    main()
