"""Scans whose steps follow the resolution of what is fitted: ``{resolutions: [lo, hi, step]}``."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcbook.analysis.fitcells import Places
from mcbook.analysis.hypotheses import hypotheses
from mcbook.analysis.records import Analysis
from mcbook.grid.axes import number
from mcbook.registry.numbers import round9_array
from mcbook.registry.yamlfile import Document

Array = NDArray[np.float64]

KEY = "resolutions"
FINE = 4001
"""Positions at which the resolution is asked for."""
MOST = 100_000
_TOLERANCE = 1e-6  # of a step, by which a whole number of them may be missed


def with_steps(document: Document, read: Callable[[Document], Analysis]) -> Document:
    """Return the file with the positions in place of steps in resolutions.

    The centre of the window moves by at most *step* resolutions from one hypothesis to the next,
    as evenly as both ends allow. Of several channels, and of several values of what else the scan
    moves, the finest counts.

    Parameters
    ----------
    document
        An analysis file.
    read
        Reads an analysis from such a document.

    Raises
    ------
    InputError
        If the entry is not right, nothing is fitted, or the resolution is not known all along.
    """
    scan = document.data.get("scan")
    named = [
        name for name, entry in (scan.items() if isinstance(scan, dict) else ())
        if isinstance(entry, dict) and KEY in entry
    ]  # fmt: skip
    if not named:
        return document
    if len(named) > 1:
        raise document.error(("scan", named[1]), f"only one quantity has steps in {KEY}")
    name = named[0]
    low, high, step = _ends(document, name)
    fine = np.linspace(low, high, FINE)
    analysis = read(_replaced(document, name, {"linspace": [low, high, FINE]}))
    density = _density(analysis, name, round9_array(fine))
    passed = np.concatenate([
        [0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(fine)) / step
    ])  # fmt: skip
    steps = max(1, int(np.ceil(passed[-1] - _TOLERANCE)))
    if steps >= MOST:
        raise document.error(
            ("scan", name, KEY), f"these are {steps + 1} hypotheses: {MOST} at most"
        )
    values = np.interp(np.linspace(0.0, passed[-1], steps + 1), passed, fine)
    return _replaced(document, name, {"values": values.tolist()})


def _ends(document: Document, name: str) -> tuple[float, float, float]:
    """Return both ends of the scan, and the step in resolutions."""
    keys = ("scan", name, KEY)
    entry = document.data["scan"][name]
    if len(entry) > 1:
        raise document.error(keys[:2], f"write only {KEY} here")
    given, form = entry[KEY], f"as in {{{KEY}: [2.5, 7.9, 0.5]}}"
    if not isinstance(given, list) or len(given) != 3:  # noqa: PLR2004
        raise document.error(keys, "[lo, hi, step in resolutions] is wanted here", form)
    low, high, step = (number(document, (*keys, i), value) for i, value in enumerate(given))
    if step <= 0 or high <= low:
        raise document.error(keys, "hi is above lo, and the step above zero", form)
    return low, high, step


def _replaced(document: Document, name: str, entry: dict[str, Any]) -> Document:
    """Return the file with another entry of the scan, in its place."""
    scan = {**document.data["scan"], name: entry}
    return replace(document, data={**document.data, "scan": scan})


def _density(analysis: Analysis, name: str, fine: Array) -> Array:
    """Return by how many resolutions the centre moves per unit of a quantity, shape (FINE,)."""
    document, keys = analysis.document, ("scan", name)
    plans = [channel.fit for channel in analysis.channels if channel.fit is not None]
    if not plans:
        raise document.error(
            (*keys, KEY), "no channel is fitted: there is no resolution", "as in step: [lo, hi, h]"
        )
    points = hypotheses(analysis)
    holds = points.reasons == ""
    columns = {key: values[holds] for key, values in points.columns.items()}
    if not holds.any():
        raise document.error((*keys, KEY), f"no hypothesis holds: {points.reasons[0]}")
    place = np.clip(np.searchsorted(fine, columns[name]), 0, len(fine) - 1)
    finest = np.zeros(len(fine))
    aside = (fine[-1] - fine[0]) / (4 * len(fine))
    high, low = (np.clip(columns[name] + by, fine[0], fine[-1]) for by in (aside, -aside))
    for plan in plans:
        _, resolution = Places(analysis, plan, columns).here()
        wrong = ~(np.isfinite(resolution) & (resolution > 0))
        if wrong.any():
            at = np.flatnonzero(wrong)[0]
            raise document.error(
                (*keys, KEY),
                f"the resolution at {name} = {columns[name][at]:.9g} is {resolution[at]:.4g}",
                f"see {plan.window.where}",
            )
        # A centre may be any function of what is scanned.
        above, below = (
            Places(analysis, plan, {**columns, name: at}).here()[0] for at in (high, low)
        )
        slope = np.abs((above - below) / (high - low))
        known = np.isfinite(slope)
        np.maximum.at(finest, place[known], (slope / resolution)[known])
    given = np.flatnonzero(finest)
    if not len(given):
        raise document.error((*keys, KEY), f"the window does not move with {name}")
    return np.interp(fine, fine[given], finest[given])
