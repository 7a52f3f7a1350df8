"""Hard bounds of parameters and constants."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Bounded(Protocol):
    """Something with bounds: `minimum` and `maximum` are allowed values, `above`, `below` not."""

    @property
    def minimum(self) -> float | None: ...  # noqa: D102
    @property
    def above(self) -> float | None: ...  # noqa: D102
    @property
    def maximum(self) -> float | None: ...  # noqa: D102
    @property
    def below(self) -> float | None: ...  # noqa: D102


def outside(
    parameter: Bounded, values: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Yield for each bound which values break it, same shape, and what they should be instead."""
    if parameter.minimum is not None:
        yield values < parameter.minimum, f"at least {parameter.minimum:.9g}"
    if parameter.above is not None:
        yield values <= parameter.above, f"above {parameter.above:.9g}"
    if parameter.maximum is not None:
        yield values > parameter.maximum, f"at most {parameter.maximum:.9g}"
    if parameter.below is not None:
        yield values >= parameter.below, f"below {parameter.below:.9g}"


def apart(
    groups: Sequence[Sequence[str]], columns: Mapping[str, NDArray[np.float64]]
) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Yield for each group of parameters that go together where only some are set, and say so.

    Parameters
    ----------
    groups
        Names of parameters, as `SignalModel.together` has them.
    columns
        Their values, shape (n_points,) each; NaN where absent.
    """
    for group in groups:
        absent = np.array([np.isnan(columns[name]) for name in group])
        some = absent.any(axis=0) & ~absent.all(axis=0)
        yield np.asarray(some), f"{' and '.join(group)} go together"


def complaint(bounded: Bounded, value: float) -> str | None:
    """Return what a single number should be instead; None where it is finite and within bounds."""
    if not np.isfinite(value):
        return "a finite number"
    wanted = [text for broken, text in outside(bounded, np.array(value)) if broken]
    return wanted[0] if wanted else None
