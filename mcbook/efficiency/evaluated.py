"""What an efficiency map says at points."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

Flag = Literal["generated", "interpolated", "reweighted", "refused"]


@dataclass(frozen=True, slots=True)
class Efficiencies:
    """Efficiencies at n points, never outside [0, 1] and never outside the hull of the map.

    Attributes
    ----------
    value
        Efficiency, shape (n,); NaN where the map refuses to answer, 0 beyond a declared threshold.
    mc_error
        Absolute error from the finite number of generated events, shape (n,).
    interpolation_error
        Absolute error of the interpolation (0 at points that were generated), shape (n,).
    flag
        How the value came about, shape (n,): see `Flag`.
    reason
        Why a point is refused, else an empty text, shape (n,).
    samples
        For each point the sample ids that the value rests on (nodes around it), may be empty.
    """

    value: Array
    mc_error: Array
    interpolation_error: Array
    flag: NDArray[np.object_]
    reason: NDArray[np.object_]
    samples: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return int(self.value.shape[0])
