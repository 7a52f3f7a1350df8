"""Which method sets a limit, and another one where the first fails."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.limits.likelihoods import Likelihoods
from mcbook.limits.options import N_TOYS, Asimov, check_level
from mcbook.limits.result import METHODS, Limits, Method, empty

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ENOUGH = 30.0
"""Expected events of every deciding bin above which asymptotic formulas are trusted: at 30 their
limit is 4% low without systematics (`docs/explanation/limit-methods.md`)."""

SENSITIVITY = 0.9
"""Deciding bins are the fewest that hold this share of sum s^2 / (s + b)."""


def upper_limits(
    likelihoods: Likelihoods,
    *,
    cl: float,
    method: Method | str = "auto",
    asimov: Asimov = "observed",
    seed: int = 0,
    n_toys: int = N_TOYS,
) -> Limits:
    """Return upper limits on the signal strength mu of many hypotheses.

    Parameters
    ----------
    likelihoods
        The hypotheses.
    cl
        Confidence level in (0, 1), for ``bayesian`` the credibility level. There is no default.
    method
        ``asymptotic``, ``exact``, ``hybrid``, ``toys``, ``bayesian``, ``pyhf``; or ``auto``: one
        bin is ``hybrid`` (which is exact without systematics); several bins are ``asymptotic``
        where every deciding bin expects at least `ENOUGH` events, else ``toys``.
    asimov
        Where fits make the expected limits: background as fitted to the observed data, or nominal.
    seed, n_toys
        Of the toys.

    Returns
    -------
    Limits
        Row by row the method that was used. A status that begins with ``ok:`` tells what is
        special, such as a fallback; where it does not begin with ``ok`` there is no limit.

    Raises
    ------
    InputError
        If the level or the method is none.

    Examples
    --------
    >>> from mcbook.limits.likelihoods import one_bin
    >>> found = upper_limits(one_bin([2.0], [0.0], [0]), cl=0.90)
    >>> float(found.observed[0].round(4)), str(found.method[0])
    (1.1513, 'hybrid')
    """
    check_level(cl)
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}", hint=did_you_mean(str(method), METHODS))
    if not len(likelihoods):
        return empty(0, str(method))
    options = {"asimov": asimov, "seed": seed, "n_toys": n_toys}
    if method != "auto":
        return _run(method, likelihoods, cl, options)
    found = empty(len(likelihoods), "hybrid")
    for name, rows in _chosen(likelihoods):
        _put(found, rows, _with_fallback(name, likelihoods.take(rows), cl, options))
    return found


def deciding(likelihoods: Likelihoods) -> Mask:
    """Return which bins decide, shape (H, B): the fewest that hold most of the sensitivity."""
    signal, background = likelihoods.signal, likelihoods.background
    total = signal + background
    weight = np.divide(signal**2, total, out=np.zeros_like(total), where=total > 0)
    order = np.argsort(-weight, axis=1)
    ranked = np.take_along_axis(weight, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    wanted = (before < SENSITIVITY * ranked.sum(axis=1, keepdims=True)) & (ranked > 0)
    found = np.zeros_like(wanted)
    np.put_along_axis(found, order, wanted, axis=1)
    return np.asarray(found, dtype=bool)


def _chosen(likelihoods: Likelihoods) -> list[tuple[Method, NDArray[np.integer]]]:
    """Return the method of each row."""
    every = np.arange(len(likelihoods))
    if likelihoods.n_bins == 1:
        return [("hybrid", every)]
    few = (deciding(likelihoods) & (likelihoods.background < ENOUGH)).any(axis=1)
    groups: list[tuple[Method, NDArray[np.integer]]] = [
        ("asymptotic", every[~few]), ("toys", every[few])
    ]  # fmt: skip
    return [(name, rows) for name, rows in groups if len(rows)]


def _with_fallback(
    method: Method, likelihoods: Likelihoods, cl: float, options: dict[str, Any]
) -> Limits:
    """Return limits; a row that fails goes to another method, which its status says."""
    found = _run(method, likelihoods, cl, options)
    has_signal = (likelihoods.signal > 0).any(axis=1)
    failed = np.flatnonzero(~found.is_ok & has_signal)
    if not len(failed):
        return found
    other: Method = "pyhf" if method == "asymptotic" else "asymptotic"
    again = _run(other, likelihoods.take(failed), cl, options)
    for i, row in enumerate(failed):
        if again.is_ok[i]:
            again.status[i] = f"ok: {other}, since {method} failed: {found.status[row]}"
        else:
            again.status[i] = f"{found.status[row]}; {other}: {again.status[i]}"
    _put(found, failed, again)
    return found


def _put(target: Limits, rows: NDArray[np.integer], source: Limits) -> None:
    for name in Limits.__dataclass_fields__:
        getattr(target, name)[rows] = getattr(source, name)


def _run(method: str, likelihoods: Likelihoods, cl: float, options: dict[str, Any]) -> Limits:
    return _RUNNERS[method](likelihoods, cl, options)


def _asymptotic(likelihoods: Likelihoods, cl: float, options: dict[str, Any]) -> Limits:
    from mcbook.limits import asymptotic, datasets

    if reason := datasets.supports(likelihoods):
        found = _pyhf(likelihoods, cl, options)
        for i in np.flatnonzero(found.status == "ok"):
            found.status[i] = f"ok: with pyhf, since {reason}"
        return found
    return asymptotic.limits(likelihoods, cl=cl, asimov=options["asimov"])


def _pyhf(likelihoods: Likelihoods, cl: float, options: dict[str, Any]) -> Limits:
    from mcbook.limits.histfactory import run

    return run.limits(likelihoods, cl=cl, asimov=options["asimov"])


def _toys(likelihoods: Likelihoods, cl: float, options: dict[str, Any]) -> Limits:
    from mcbook.limits import toys

    return toys.limits(
        likelihoods,
        cl=cl,
        seed=options["seed"],
        n_toys=options["n_toys"],
        asimov=options["asimov"],
    )


def _exact(likelihoods: Likelihoods, cl: float, _: dict[str, Any]) -> Limits:
    from mcbook.limits import exact

    return exact.limits(likelihoods, cl=cl)


def _hybrid(likelihoods: Likelihoods, cl: float, _: dict[str, Any]) -> Limits:
    from mcbook.limits import hybrid

    return hybrid.limits(likelihoods, cl=cl)


def _bayesian(likelihoods: Likelihoods, cl: float, _: dict[str, Any]) -> Limits:
    from mcbook.limits import bayesian

    return bayesian.limits(likelihoods, cl=cl)


_RUNNERS: dict[str, Callable[[Likelihoods, float, dict[str, Any]], Limits]] = {
    "asymptotic": _asymptotic,
    "exact": _exact,
    "hybrid": _hybrid,
    "toys": _toys,
    "bayesian": _bayesian,
    "pyhf": _pyhf,
}
