"""What a measurement's settings of parameters mean for a batched likelihood.

A batched likelihood knows pyhf's defaults. A parameter that is fixed at a number is a factor; a
free one may start elsewhere only where that is a factor too; bounds may be as wide as pyhf's own
defaults or wider. Everything else is `NotBatched`, and pyhf does it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcbook.errors import InputError
from mcbook.limits.histfactory.content import ALPHA, Content, Parameter

Array = NDArray[np.float64]

_GAMMA_LOW, _GAMMA_HIGH = 1e-10, 10.0  # pyhf's bounds of a gamma
_FAR = 5.0  # pyhf's bounds of an alpha, in standard deviations
_FACTOR_HIGH = 10.0  # pyhf's upper bound of a normfactor; the lower one is 0


class NotBatched(Exception):  # noqa: N818
    """Why a likelihood goes to pyhf; no error, and seen by nobody outside this package."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Whether a parameter is free, the factor that comes with it, and its relative width."""

    is_free: bool = True
    scale: float = 1.0
    sigma: float = 0.0


def check_parameters(content: Content, where: str) -> None:
    """Check what no likelihood can do without.

    Raises
    ------
    InputError
        If the POI is no normfactor or fixed, or lumi has no complete settings.
    """
    for channel, sample, entry in content.entries():
        if entry.name == content.poi and entry.kind != "normfactor":
            raise InputError(
                f"{where}, channel {channel.name!r}, sample {sample.name!r}: the POI "
                f"{content.poi!r} is a {entry.kind}",
                hint="an upper limit is on a normfactor",
            )
    poi = content.parameters.get(content.poi, Parameter())
    if poi.fixed:
        raise InputError(f"{where}: the POI {content.poi!r} is fixed, and has no limit")
    if not any(entry.kind == "lumi" for _, _, entry in content.entries()):
        return
    lumi = content.parameters.get("lumi", Parameter())
    for key in ("auxdata", "bounds", "inits", "sigmas"):
        values = getattr(lumi, key)
        if values is None or len(values) != 1:
            raise InputError(
                f"{where}, measurement {content.measurement!r}: lumi needs one number for {key}",
                hint="pyhf has no default for it",
            )
    if lumi.sigmas is not None and lumi.sigmas[0] <= 0 and not lumi.fixed:
        raise InputError(
            f"{where}, measurement {content.measurement!r}: the sigma of lumi must be positive",
            hint='"fixed": true leaves the luminosity as it is',
        )


class Scalars:
    """How the normfactors, lumi, normsys and histosys of a workspace stand, each found once."""

    def __init__(self, content: Content) -> None:
        self._parameters = content.parameters
        self._known: dict[str, Settled] = {}

    def settled(self, kind: str, name: str) -> Settled:
        """Return how one stands.

        Raises
        ------
        NotBatched
            If the settings have no batched counterpart.
        """
        if name not in self._known:
            self._known[name] = _settled(kind, name, self._parameters.get(name, Parameter()))
        return self._known[name]


def _settled(kind: str, name: str, given: Parameter) -> Settled:
    if kind == "lumi":
        return _lumi(given)
    if kind in ALPHA:
        return _alpha(name, given)
    if given.auxdata or given.sigmas or given.factors or _odd(given, 1):
        raise NotBatched(f"the settings of {name} do not fit a normfactor")
    init = given.inits[0] if given.inits else 1.0
    if given.fixed:
        return Settled(is_free=False, scale=init)
    low, high = given.bounds[0] if given.bounds else (0.0, _FACTOR_HIGH * init)
    if init <= 0 or low != 0 or high < _FACTOR_HIGH * init:
        raise NotBatched(f"{name} has bounds of its own")
    return Settled(scale=init)


def _alpha(name: str, given: Parameter) -> Settled:
    if given.sigmas or given.factors or _odd(given, 1):
        raise NotBatched(f"the settings of {name} do not fit a normsys or histosys")
    if given.inits and given.inits[0] != 0:
        raise NotBatched(f"{name} does not start at 0")
    if given.fixed:
        return Settled(is_free=False)
    if given.auxdata and given.auxdata[0] != 0:
        raise NotBatched(f"{name} was not measured to be 0")
    if given.bounds and not (given.bounds[0][0] <= -_FAR and given.bounds[0][1] >= _FAR):
        raise NotBatched(f"{name} has bounds of its own")
    return Settled()


def _lumi(given: Parameter) -> Settled:
    if not (given.inits and given.auxdata and given.sigmas and given.bounds) or given.factors:
        raise NotBatched("the settings of lumi are not those of a luminosity")
    init, mean, sigma = given.inits[0], given.auxdata[0], given.sigmas[0]
    if given.fixed:
        return Settled(is_free=False, scale=init)
    low, high = given.bounds[0]
    if init != mean or mean <= 0:
        raise NotBatched("lumi does not start at its measured value")
    if low > max(0.0, mean - _FAR * sigma) or high < mean + _FAR * sigma:
        raise NotBatched("lumi has bounds of its own")
    return Settled(scale=mean, sigma=sigma / mean)


def gammas_are_free(given: Parameter, name: str, relative: Array, *, is_poisson: bool) -> bool:
    """Return whether the gammas of a shapesys or staterror are free.

    Parameters
    ----------
    given
        What the measurement says.
    name
        Name of the parameters, for the reason.
    relative
        Relative uncertainty of each bin, shape (bins,); 0 where pyhf fixes the gamma.
    is_poisson
        Whether the constraint is Poisson (shapesys) or Gaussian (staterror).

    Raises
    ------
    NotBatched
        If the settings have no batched counterpart.
    """
    if _odd(given, len(relative)):
        raise NotBatched(f"the settings of {name} do not fit its {len(relative)} bins")
    if given.inits and set(given.inits) != {1.0}:
        raise NotBatched(f"{name} does not start at 1")
    if given.fixed:
        return False
    if given.fixed is False and (relative == 0).any():
        raise NotBatched(f"{name} is free in bins without an uncertainty")
    if not _is_default_constraint(given, relative, is_poisson=is_poisson):
        raise NotBatched(f"{name} has a constraint of its own")
    for low, high in given.bounds or ():
        if low > _GAMMA_LOW or high < _GAMMA_HIGH:
            raise NotBatched(f"{name} has bounds of its own")
    return True


def _is_default_constraint(given: Parameter, relative: Array, *, is_poisson: bool) -> bool:
    width = np.where(relative > 0, relative, 1.0)
    if is_poisson:
        wanted = {"auxdata": width**-2.0, "factors": width**-2.0}
        is_default = given.sigmas is None
    else:
        wanted = {"auxdata": np.ones(len(width)), "sigmas": width}
        is_default = given.factors is None
    for key, values in wanted.items():
        found = getattr(given, key)
        is_default &= found is None or np.allclose(found, values, rtol=1e-12, atol=0)
    return bool(is_default)


def _odd(given: Parameter, size: int) -> bool:
    """Return whether a list has not as many entries as the parameter."""
    lists = (given.inits, given.bounds, given.auxdata, given.factors, given.sigmas)
    return any(values is not None and len(values) != size for values in lists)
