"""What comes out of a limit calculation."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Method = Literal["auto", "asymptotic", "exact", "hybrid", "toys", "bayesian", "pyhf"]

METHODS: tuple[Method, ...] = (
    "auto", "asymptotic", "exact", "hybrid", "toys", "bayesian", "pyhf",
)  # fmt: skip

SIGMAS = (-2, -1, 0, 1, 2)
"""Standard deviations of the expected limits."""

OK = "ok"
NO_SIGNAL = "there is no signal"
FAILED = "the fit did not converge"
IMPOSSIBLE = "events were observed in a bin where nothing is expected"


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits on the signal strength mu, one row per hypothesis.

    Attributes
    ----------
    observed
        Observed limit, shape (H,); NaN where nothing was observed, or where it failed.
    expected
        Expected limits at -2, -1, 0, 1, 2 standard deviations, shape (H, 5).
    method
        The method that gave the numbers, shape (H,): never ``auto``.
    status
        ``ok``, or a sentence that says what is wrong or special, shape (H,). A limit whose status
        does not begin with ``ok`` is NaN.
    observed_error, expected_error
        Standard deviation from a finite number of toys, shapes (H,) and (H, 5); 0 for methods
        without toys.
    """

    observed: Array
    expected: Array
    method: NDArray[np.object_]
    status: NDArray[np.object_]
    observed_error: Array
    expected_error: Array

    def __len__(self) -> int:
        return int(self.observed.shape[0])

    @property
    def is_ok(self) -> NDArray[np.bool_]:
        """Which rows are good, shape (H,)."""
        return are_ok(self.status)


def are_ok(status: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which texts say that numbers are good, shape (H,)."""
    return np.array([str(text).startswith(OK) for text in status], dtype=bool)


def plain(value: float) -> float | None:
    """Return a number as a JSON value: null where it is not finite."""
    return float(value) if math.isfinite(value) else None


def errors_of(limits: Limits, row: int) -> dict[str, Any]:
    """Return the errors from toys of one row as JSON values; nothing for methods without toys."""
    observed, expected = limits.observed_error[row], limits.expected_error[row]
    if observed == 0 and not expected.any():
        return {}
    return {
        "observed_error": plain(observed) if np.isfinite(limits.observed[row]) else None,
        "expected_error": [
            plain(error) if np.isfinite(value) else None
            for value, error in zip(limits.expected[row], expected, strict=True)
        ],
    }


def empty(size: int, method: str, status: str = OK) -> Limits:
    """Return limits of *size* rows to be filled in place, all NaN."""
    return Limits(
        np.full(size, np.nan),
        np.full((size, len(SIGMAS)), np.nan),
        np.full(size, method, dtype=object),
        np.full(size, status, dtype=object),
        np.zeros(size),
        np.zeros((size, len(SIGMAS))),
    )


def joined(parts: Iterable[Limits]) -> Limits:
    """Return limits one below the other."""
    listed = list(parts)
    return Limits(
        *(
            np.concatenate([getattr(part, name) for part in listed])
            for name in Limits.__dataclass_fields__
        )
    )
