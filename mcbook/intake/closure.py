"""Holds what generators found against what the registry expects."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

FLOOR = 3e-3
"""Least relative error of a comparison: so well do they agree in ``docs/madgraph-table.md``."""

OUTLIER = 4.0
"""Pull beyond which a sample is named: 1 in 16,000 by chance."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One comparison; `value` is (found - expected) / error."""

    sample: str
    found: float
    expected: float
    error: float

    @property
    def value(self) -> float:
        """The pull."""
        return (self.found - self.expected) / self.error


def kept_by_windows(widths: float, resonances: int) -> float:
    """Return the part of a cross section that windows around resonances keep.

    A window of n widths on either side keeps (2/pi) atan(2n) of a Breit-Wigner curve.

    Parameters
    ----------
    widths
        How many widths a decaying particle may be off its mass.
    resonances
        How many decay.
    """
    return (2 / math.pi * math.atan(2 * widths)) ** resonances


def pull(sample: str, found: tuple[float, float], expected: float, optimism: float) -> Pull:
    """Return the comparison of a cross section with the expected one [fb].

    Parameters
    ----------
    sample
        Id of the sample.
    found
        Cross section and the error that the generator quotes.
    expected
        What the registry says.
    optimism
        By how much that error is too small.
    """
    value, quoted = found
    error = max(quoted * optimism, FLOOR * expected)
    return Pull(sample, value, expected, error)


def spread(pulls: Sequence[Pull]) -> dict[str, Any]:
    """Return number, mean and width of pulls; null where there are too few."""
    values = np.array([entry.value for entry in pulls])
    return {
        "samples": len(values),
        "mean": float(values.mean()) if len(values) else None,
        "width": float(values.std(ddof=1)) if len(values) > 1 else None,
    }


def repeated(seeds: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    """Return seeds that several samples have, with these samples."""
    found: dict[int, list[str]] = {}
    for seed, sample in seeds:
        found.setdefault(seed, []).append(sample)
    return {seed: names for seed, names in found.items() if len(set(names)) > 1}


def predicted(done: Mapping[str, float], events_left: int) -> dict[str, float | None]:
    """Return what events that are left will take, by what others took.

    Parameters
    ----------
    done
        ``events``, ``size`` [bytes], and ``cpu_s`` with ``timed``, the events whose time is known.
    events_left
        Events that are still to be made.
    """
    return {
        "bytes": events_left * done["size"] / done["events"] if done["events"] else None,
        "cpu_s": events_left * done["cpu_s"] / done["timed"] if done["timed"] else None,
    }
