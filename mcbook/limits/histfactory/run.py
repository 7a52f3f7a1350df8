"""The method ``pyhf``: pyhf itself, one hypothesis after the other, for cross-checks.

What has to be known of pyhf 0.7.6 to get a limit out of it:

- `upper_limit` ignores ``level`` when it finds its own scan (its issue 2563), so `toms748_scan` is
  called;
- at mu = 0 its CLs is 0/0, so brackets begin above 0; mu-hat saturates at the upper bound of the
  POI (its issue 2228), so the signal is scaled until the limit is near 1, by a fixed normfactor,
  under a bound far away;
- the global backend and its optimizer are put back as they were found.
"""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcbook.limits.histfactory import spec
from mcbook.limits.histfactory.rows import EXPECTED_ONLY
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.options import Asimov, check_level
from mcbook.limits.result import Limits, empty

Array = NDArray[np.float64]

RTOL = 1e-6
"""Relative tolerance of the limits."""

NO_SIGNAL = "failed: there is no signal"

_SCALE = "mcbook_signal_scale"
_HIGH = 1000.0  # bound of the POI, in units of the limit
_MOST_STEPS = 60  # of finding the size of a limit: a factor of 2 each


class OneLimit(NamedTuple):
    """Limits on the POI of one workspace; `n_signal` is the signal at POI 1 [events]."""

    observed: float
    expected: Array
    n_signal: float
    status: str


def limits(
    likelihoods: Likelihoods, *, cl: float, asimov: Asimov = "observed", rtol: float = RTOL
) -> Limits:
    """Return asymptotic CLs upper limits as pyhf has them.

    Parameters
    ----------
    likelihoods
        H hypotheses.
    cl
        Confidence level, between 0 and 1.
    asimov
        Where the nuisance parameters of the background-only data stand that the expected limits
        come from: fitted to the ``observed`` counts (pyhf's convention), or ``nominal``. Without
        observed counts, nominal. The observed limit does not depend on it.
    rtol
        Relative tolerance of the limits.

    Returns
    -------
    Limits
        A hypothesis that pyhf fails on is NaN, and its status says why.

    Raises
    ------
    InputError
        If a modifier cannot be written for pyhf.
    """
    found = empty(len(likelihoods), "pyhf", NO_SIGNAL)
    for index in np.flatnonzero(likelihoods.signal.sum(axis=1) > 0):
        one = likelihoods.take(slice(index, index + 1))
        nominal = spec.workspace(replace(one, observed=None), 0)["observations"]
        result = limit_of(
            spec.workspace(one, 0), None, cl=cl, asimov=asimov, rtol=rtol, nominal=nominal
        )
        found.observed[index] = result.observed
        found.expected[index] = result.expected
        found.status[index] = result.status
    return found


def limit_of(
    workspace: dict[str, Any],
    measurement: str | None,
    *,
    cl: float,
    asimov: Asimov = "observed",
    rtol: float = RTOL,
    nominal: Sequence[Mapping[str, Any]] | None = None,
) -> OneLimit:
    """Return the limits of one workspace, a JSON document that pyhf reads.

    The bounds of its POI are not used: the limit is on POI >= 0, and may be any number.
    A measurement called ``expected_only`` has no observed limit. *nominal* are the observations of
    nominal background; without them, what the parameters give where the measurement starts them.
    """
    check_level(cl)
    nothing = OneLimit(np.nan, np.full(5, np.nan), np.nan, "")
    with _quiet_pyhf():
        try:
            return _limit(_Problem(workspace, measurement, nominal), cl, asimov, rtol)
        except _Failed as error:
            return nothing._replace(status=str(error))
        except Exception as error:  # noqa: BLE001  # whatever pyhf raises is its status
            said = str(error).strip().splitlines() or [""]
            what = f"{type(error).__name__}: {said[0]}"[:200]
            return nothing._replace(status=f"failed: pyhf says {what}")


class _Failed(Exception):  # noqa: N818
    """Why there is no limit."""


class _Problem:
    """A pyhf model whose signal can be scaled, with its data."""

    def __init__(
        self,
        workspace: dict[str, Any],
        measurement: str | None,
        nominal: Sequence[Mapping[str, Any]] | None,
    ) -> None:
        import pyhf

        opened = pyhf.Workspace(workspace)
        settings = opened.get_measurement(measurement_name=measurement)
        self.poi: str = settings["config"]["poi"]
        self.is_expected_only = settings["name"] == EXPECTED_ONLY
        self.parameters = [
            item for item in settings["config"]["parameters"] if item["name"] != self.poi
        ]
        self.channels = opened["channels"]
        self.scale = 1.0
        self.model: Any = self._model()
        self.observed = np.array(opened.data(self.model), dtype=float)
        self.nominal = np.concatenate([self._expected(0.0), self.model.config.auxdata])
        if nominal is not None:
            counts = {item["name"]: item["data"] for item in nominal}
            main = [counts[name] for name in self.model.config.channels]
            self.nominal = np.concatenate([*main, self.model.config.auxdata])
        elif self.is_expected_only:
            self.nominal = self.observed
        self.signal = self._expected(1.0) - self._expected(0.0)
        if not self.signal.sum() > 0:
            raise _Failed(NO_SIGNAL)

    def rescale(self, scale: float) -> None:
        """Build the model anew, with the signal times *scale*."""
        self.scale = scale
        self.model = self._model()

    def _model(self) -> Any:
        import pyhf

        scale = self.scale
        return pyhf.Model(
            {
                "channels": [self._channel(channel) for channel in self.channels],
                "parameters": [
                    *self.parameters,
                    {"name": self.poi, "inits": [1.0], "bounds": [[0.0, _HIGH]]},
                    {"name": _SCALE, "inits": [scale], "bounds": [[0.0, scale]], "fixed": True},
                ],
            },
            poi_name=self.poi,
        )

    def _channel(self, channel: dict[str, Any]) -> dict[str, Any]:
        scaled = {"name": _SCALE, "type": "normfactor", "data": None}
        samples = []
        for sample in channel["samples"]:
            if any(modifier["name"] == self.poi for modifier in sample["modifiers"]):
                sample = {**sample, "modifiers": [*sample["modifiers"], scaled]}  # noqa: PLW2901
            samples.append(sample)
        return {"name": channel["name"], "samples": samples}

    def _start(self, poi: float) -> Array:
        start = np.array(self.model.config.suggested_init(), dtype=float)
        start[self.model.config.poi_index] = poi
        return start

    def _expected(self, poi: float) -> Array:
        return np.asarray(self.model.expected_actualdata(self._start(poi)))

    def cls(self, data: Array) -> Array:
        """Return CLs at POI 1: observed, and the five expected."""
        import pyhf

        observed, expected = pyhf.infer.hypotest(
            1.0, data.tolist(), self.model, return_expected_set=True, test_stat="qtilde"
        )
        return np.array([float(observed), *(float(value) for value in expected)])

    def scan(self, data: Array, level: float, rtol: float) -> tuple[float, Array]:
        """Return the observed and the five expected limits, in units of the scale."""
        from pyhf.infer.intervals.upper_limits import toms748_scan

        observed, expected = toms748_scan(
            data.tolist(), self.model, 0.2, 3.0, level=level, rtol=rtol, test_stat="qtilde"
        )
        return float(observed), np.array([float(value) for value in expected])


def _limit(problem: _Problem, cl: float, asimov: Asimov, rtol: float) -> OneLimit:
    level = 1 - cl
    has_observed = not problem.is_expected_only
    data = problem.observed if has_observed else problem.nominal
    problem.rescale(_first_scale(problem, cl))
    _find_scale(problem, data, level)
    observed, expected = problem.scan(data, level, rtol)
    if has_observed and asimov == "nominal":
        _, expected = problem.scan(problem.nominal, level, rtol)
    numbers = np.array([observed, *expected])
    if not (np.isfinite(numbers).all() and (numbers > 0).all() and (np.diff(expected) > 0).all()):
        raise _Failed("failed: pyhf's limits are not in order")
    if not has_observed:
        observed = np.nan
    return OneLimit(
        observed * problem.scale, expected * problem.scale, float(problem.signal.sum()), "ok"
    )


def _first_scale(problem: _Problem, cl: float) -> float:
    """Return the expected limit without any uncertainty, within a factor of a few."""
    from scipy.stats import norm

    signal = np.clip(problem.signal, 0, None)
    background = np.clip(problem.nominal[: len(signal)], 0.01, None)
    wanted = norm.ppf(1 - (1 - cl) / 2) ** 2
    low, high = -700.0, 700.0  # ln mu
    for _ in range(_MOST_STEPS):
        mu = np.exp(middle := (low + high) / 2)
        with np.errstate(over="ignore"):
            q = 2 * np.sum(mu * signal - background * np.log1p(mu * signal / background))
        low, high = (low, middle) if q > wanted else (middle, high)
    return float(np.exp(high))


def _find_scale(problem: _Problem, data: Array, level: float) -> None:
    """Scale the signal until the median expected limit is within a factor of 2 of 1."""
    step = 0.0
    for _ in range(_MOST_STEPS):
        median = problem.cls(data)[3]
        if np.isnan(median):
            raise _Failed("failed: pyhf's CLs is not a number")
        wanted = 2.0 if median > level else 0.5
        if step and wanted != step:
            return
        step = wanted
        problem.rescale(problem.scale * step)
    raise _Failed("failed: pyhf finds no limit")


@contextlib.contextmanager
def _quiet_pyhf() -> Iterator[None]:
    """Give pyhf its numpy backend and our optimizer, silently; put back what was there."""
    import pyhf

    from mcbook.limits.histfactory.optimizer import optimizer

    logger = logging.getLogger("pyhf")
    level = logger.level
    tensorlib, found = pyhf.get_backend()
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            pyhf.set_backend("numpy", custom_optimizer=optimizer(), precision="64b")
            yield
    finally:
        pyhf.set_backend(tensorlib, custom_optimizer=found)
        logger.setLevel(level)
