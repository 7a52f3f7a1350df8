"""The optimizer that pyhf is given: its own SLSQP, tighter, and a second opinion where it fails."""

from typing import Any

import numpy as np

_TOLERANCE = 1e-10
_STEEP = 0.01  # a slope at the minimum that SLSQP does not leave when all is well


def optimizer() -> Any:
    """Return an optimizer for `pyhf.set_backend`."""
    from pyhf.optimize.opt_scipy import scipy_optimizer
    from scipy.optimize import minimize

    class Careful(scipy_optimizer):  # type: ignore[misc]
        """SLSQP in the free parameters only; L-BFGS-B as well where it stops on a slope."""

        __slots__ = ()

        def minimize(self, *args: Any, **kwargs: Any) -> Any:
            kwargs.setdefault("do_stitch", True)  # a fixed parameter is no parameter of the fit
            return super().minimize(*args, **kwargs)

        def _minimize(
            self, minimizer: Any, func: Any, x0: Any, *args: Any, bounds: Any = None, **kwargs: Any
        ) -> Any:
            if not len(x0):
                return _Constant(func(x0), x0)
            first = super()._minimize(minimizer, func, x0, *args, bounds=bounds, **kwargs)
            if first.success and _slope(first, bounds) < _STEEP:
                return first
            options: Any = {"ftol": 1e-14, "gtol": 1e-8, "maxfun": 1_000_000}
            found = [first]
            found += [
                minimize(func, start, method="L-BFGS-B", bounds=bounds, options=options)
                for start in (first.x, x0)
            ]
            good = [result for result in found if result.success and np.isfinite(result.fun)]
            return min(good, key=lambda result: float(result.fun)) if good else first

    return Careful(tolerance=_TOLERANCE)


def _slope(result: Any, bounds: Any) -> float:
    """Return the largest derivative along which the result could still move."""
    slope, x = np.asarray(result.jac, dtype=float), np.asarray(result.x, dtype=float)
    low, high = np.array(bounds, dtype=float).T
    slope = np.where((x <= low) & (slope > 0) | (x >= high) & (slope < 0), 0.0, slope)
    return float(np.abs(slope).max()) if np.isfinite(slope).all() else np.inf


class _Constant(dict[str, Any]):
    """The result of a fit without free parameters."""

    def __init__(self, value: Any, x: Any) -> None:
        super().__init__()
        self.fun, self.x, self.success = value, x, True
        self.unc = self.corr = None
