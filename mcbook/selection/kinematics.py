"""Recoil kinematics: masses, momenta and angles of what is seen, and of what it recoils against.

Momenta are arrays of shape (4, n): px, py, pz, E [GeV] in the laboratory of Belle II. The functions
that a column of a selection can name, `PAIR` and `RECOIL`, take a list of them and return n values.

The recoil is what is missing to the two beams: P - (p1 + p2 + ...). P is the sum of the nominal
beams (`mcbook.selection.frames`); with `sqrt_s` it keeps its velocity and has that mass. Events
must be looked at with the energy they were made or taken at: the squared recoil mass moves by
2 E_recoil* times what the energy is off, up to 20 MeV times GeV for 1 MeV. (mcbook generates at
10.58 GeV by default; the nominal beams give 10.5792 GeV.)

The centre-of-mass system is that of basf2: the boost (p_HER + p_LER) / (E_HER + E_LER), and z along
the electrons (`MCInitialParticles::cmsToLab`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcbook.errors import InputError, did_you_mean
from mcbook.selection import frames

Array = NDArray[np.float64]
Momenta = Sequence[ArrayLike]
Frame = Literal["lab", "cms"]
Kind = Callable[..., Array]

FRAMES: tuple[Frame, ...] = ("lab", "cms")

_PAIR = 2


def collision(sqrt_s: float | None = None) -> Array:
    """Return px, py, pz, E [GeV] of both beams together in the laboratory, shape (4,).

    Parameters
    ----------
    sqrt_s
        Energy [GeV] in the centre-of-mass system; that of the nominal beams by default. The
        velocity is always that of the nominal beams.

    Raises
    ------
    InputError
        If the energy is not above 0.
    """
    total = np.add(*frames.beams())
    if sqrt_s is None:
        return np.asarray(total)
    if not 0 < sqrt_s < np.inf:
        raise InputError(f"sqrt_s is {sqrt_s:g} GeV and must be above 0")
    return np.asarray(total * (sqrt_s / frames.sqrt_s()))


def to_cms(momentum: ArrayLike) -> Array:
    """Return momenta in the centre-of-mass system of the beams.

    Parameters
    ----------
    momentum
        In the laboratory [GeV], shape (4, n).

    Returns
    -------
    numpy.ndarray
        Shape (4, n); z is the direction of the electrons.
    """
    return np.asarray(np.linalg.inv(frames.to_laboratory()) @ _checked(momentum))


def total(momenta: Momenta) -> Array:
    """Return the sum of momenta, shape (4, n).

    Raises
    ------
    InputError
        If there is none, or one has not the shape (4, n).
    """
    if not len(momenta):
        raise InputError("at least one momentum is wanted")
    return np.asarray(sum((_checked(each) for each in momenta), np.zeros((4, 1))))


def recoil(momenta: Momenta, *, sqrt_s: float | None = None) -> Array:
    """Return px, py, pz, E [GeV] of what momenta recoil against in the laboratory, shape (4, n)."""
    return np.asarray(collision(sqrt_s)[:, None] - total(momenta))


def mass_squared(momenta: Momenta) -> Array:
    """Return the invariant mass squared [GeV^2] of momenta together, shape (n,)."""
    return _square(total(momenta))


def mass(momenta: Momenta) -> Array:
    """Return the invariant mass [GeV] of momenta together, 0 where rounding makes it imaginary."""
    return np.asarray(np.sqrt(np.maximum(_square(total(momenta)), 0.0)))


def recoil_mass_squared(momenta: Momenta, *, sqrt_s: float | None = None) -> Array:
    """Return M_rec^2 = s + M^2 - 2 sqrt(s) E* [GeV^2], with its sign, shape (n,).

    M is the mass of the momenta together and E* their energy in the centre-of-mass system, so that
    sqrt(s) E* is the product of four-vectors with the beams, in any frame.

    There is no recoil mass here. Resolution takes M_rec^2 below 0 for light invisible particles;
    a root would lose those events, and with a sign put before it (as -sqrt(-M_rec^2)) it has a
    density that goes to 0 at 0 and no Gaussian shape on either side.

    Source: physics of missing mass, as in I. Adachi et al. (Belle II), Phys. Rev. Lett. 130 (2023)
    231801, arXiv:2212.03066.

    Parameters
    ----------
    momenta
        What is seen, in the laboratory [GeV], each of shape (4, n).
    sqrt_s
        Energy of the collision [GeV]; that of the nominal beams by default.

    Raises
    ------
    InputError
        If there are no momenta, or a shape is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from mcbook.selection.frames import to_laboratory
    >>> pair = to_laboratory() @ [[0.0], [0.0], [24**0.5], [5.0]]  # M = 1, E* = 5
    >>> round(float(recoil_mass_squared([pair], sqrt_s=10.58)[0]), 3)
    7.136
    """
    seen, beams = total(momenta), collision(sqrt_s)
    product = beams[3] * seen[3] - beams[:3] @ seen[:3]
    return np.asarray(_square(beams[:, None]) + _square(seen) - 2.0 * product)


def momentum(momenta: Momenta, *, frame: Frame = "lab") -> Array:
    """Return the size of the momentum [GeV] of momenta together, shape (n,)."""
    return _size(_seen(total(momenta), frame)[:3])


def transverse_momentum(momenta: Momenta, *, frame: Frame = "lab") -> Array:
    """Return the momentum [GeV] of momenta together across z, shape (n,)."""
    x, y = _seen(total(momenta), frame)[:2]
    return np.asarray(np.hypot(x, y))


def energy(momenta: Momenta, *, frame: Frame = "lab") -> Array:
    """Return the energy [GeV] of momenta together, shape (n,)."""
    return np.asarray(_seen(total(momenta), frame)[3])


def angle(momenta: Momenta, *, frame: Frame = "lab") -> Array:
    """Return the polar angle [rad] of momenta together, shape (n,)."""
    return _polar(_seen(total(momenta), frame))


def recoil_momentum(
    momenta: Momenta, *, frame: Frame = "lab", sqrt_s: float | None = None
) -> Array:
    """Return the size of the recoil momentum [GeV], shape (n,)."""
    return _size(_seen(recoil(momenta, sqrt_s=sqrt_s), frame)[:3])


def recoil_transverse_momentum(
    momenta: Momenta, *, frame: Frame = "lab", sqrt_s: float | None = None
) -> Array:
    """Return the recoil momentum [GeV] across z, shape (n,)."""
    x, y = _seen(recoil(momenta, sqrt_s=sqrt_s), frame)[:2]
    return np.asarray(np.hypot(x, y))


def recoil_energy(momenta: Momenta, *, frame: Frame = "lab", sqrt_s: float | None = None) -> Array:
    """Return the energy [GeV] of the recoil, shape (n,)."""
    return np.asarray(_seen(recoil(momenta, sqrt_s=sqrt_s), frame)[3])


def recoil_angle(momenta: Momenta, *, frame: Frame = "lab", sqrt_s: float | None = None) -> Array:
    """Return the polar angle [rad] of the recoil momentum, shape (n,)."""
    return _polar(_seen(recoil(momenta, sqrt_s=sqrt_s), frame))


def recoil_separation(
    momenta: Momenta, *, frame: Frame = "lab", sqrt_s: float | None = None
) -> Array:
    """Return the angle [rad] between the last momentum and the recoil of all others, shape (n,).

    As for a veto on photons near the recoil: of two muons and a photon, in this order.

    Raises
    ------
    InputError
        If there are fewer than two momenta, or a shape is wrong.
    """
    if len(momenta) < _PAIR:
        raise InputError("a separation from the recoil is wanted of at least two momenta")
    missing = recoil(momenta[:-1], sqrt_s=sqrt_s)
    return _between(_seen(missing, frame)[:3], _seen(_checked(momenta[-1]), frame)[:3])


def opening_angle(momenta: Momenta, *, frame: Frame = "lab") -> Array:
    """Return the angle [rad] between two momenta, shape (n,).

    As atan2(|a x b|, a.b), which is exact near 0 and pi, where the arc cosine is off by 1e-8.

    Raises
    ------
    InputError
        If they are not two, or a shape is wrong.
    """
    first, second = _two(momenta, "an opening angle")
    return _between(_seen(first, frame)[:3], _seen(second, frame)[:3])


def helicity_angle(momenta: Momenta, *, frame: Frame = "cms") -> Array:
    """Return the helicity angle [rad] of the first of two momenta, shape (n,).

    In the rest frame of the pair: the angle between the first momentum and the direction opposite
    to that in which the frame flies that the pair is looked at from, which is the direction of the
    pair seen from there. With P the sum of the beams (``cms``) or what is at rest in the
    laboratory (``lab``): cos = -P.p1 / (|P| |p1|) of three-momenta where p1 + p2 is at rest. NaN
    where the pair does not fly, or has no mass.

    Source: the helicity angle of S. Navas et al. (PDG), Phys. Rev. D 110 (2024) 030001, for a
    mother at rest in the centre-of-mass system; with ``lab`` what basf2 calls
    cosHelicityAngleMomentum is the cosine of this.

    Raises
    ------
    InputError
        If they are not two, or a shape is wrong.
    """
    first, second = _two(momenta, "a helicity angle")
    _check_frame(frame)
    mother = collision() if frame == "cms" else np.array([0.0, 0.0, 0.0, 1.0])
    pair = first + second
    square = _square(pair)
    size = np.sqrt(np.where(square > 0, square, np.nan))
    origin = _at_rest_of(pair, size, mother[:, None])[:3]
    is_still = _size(origin) <= _STILL * mother[3]
    found = _between(-origin, _at_rest_of(pair, size, first)[:3])
    return np.where(is_still, np.nan, found)


_STILL = 1e-9
"""A pair that flies more slowly than this, in units of c, has no direction."""


def photon_energy(mass: ArrayLike, *, sqrt_s: float | None = None) -> Array:
    """Return E = (s - m^2) / (2 sqrt(s)) [GeV] of a photon that recoils against a mass.

    In the centre-of-mass system. NaN beyond the energy of the collision.

    Parameters
    ----------
    mass
        What it recoils against [GeV], any shape.
    sqrt_s
        Energy of the collision [GeV]; that of the nominal beams by default.

    Examples
    --------
    >>> [round(float(photon_energy(m, sqrt_s=10.58)), 4) for m in (0, 5)]
    [5.29, 4.1085]
    """
    root, m = _energy_of(sqrt_s), np.asarray(mass, dtype=np.float64)
    found = (root - m) * (root + m) / (2.0 * root)
    return np.asarray(np.where((m >= 0) & (m <= root), found, np.nan))


def mass_squared_of_photon(energy: ArrayLike, *, sqrt_s: float | None = None) -> Array:
    """Return m^2 = s - 2 sqrt(s) E [GeV^2], with its sign: the inverse of `photon_energy`.

    Parameters
    ----------
    energy
        Of the photon in the centre-of-mass system [GeV], any shape.
    sqrt_s
        Energy of the collision [GeV]; that of the nominal beams by default.
    """
    root = _energy_of(sqrt_s)
    return np.asarray(root * (root - 2.0 * np.asarray(energy, dtype=np.float64)))


def mass_per_photon_energy(mass: ArrayLike, *, sqrt_s: float | None = None) -> Array:
    """Return dm/dE = -sqrt(s) / m, by which errors of a photon's energy become ones of the mass.

    It is -inf at m = 0, where m^2 has a slope (-2 sqrt(s)) and m has none.

    Parameters
    ----------
    mass
        What the photon recoils against [GeV], any shape.
    sqrt_s
        Energy of the collision [GeV]; that of the nominal beams by default.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(-_energy_of(sqrt_s) / np.asarray(mass, dtype=np.float64))


def _energy_of(sqrt_s: float | None) -> float:
    return float(np.sqrt(_square(collision(sqrt_s)[:, None])[0]))


def _two(momenta: Momenta, what: str) -> tuple[Array, Array]:
    if len(momenta) != _PAIR:
        raise InputError(f"{what} is between two momenta, not {len(momenta)}")
    return _checked(momenta[0]), _checked(momenta[1])


def _checked(momentum: ArrayLike) -> Array:
    found = np.asarray(momentum, dtype=np.float64)
    if found.ndim != 2 or len(found) != 4:  # noqa: PLR2004 - px, py, pz, E of n events
        raise InputError(f"momenta have the shape (4, n), not {found.shape}")
    return found


def _check_frame(frame: str) -> None:
    if frame not in FRAMES:
        raise InputError(f"{frame!r} is no frame", hint=did_you_mean(frame, FRAMES))


def _seen(momentum: Array, frame: Frame) -> Array:
    """Return a momentum as it is in a frame."""
    _check_frame(frame)
    return momentum if frame == "lab" else to_cms(momentum)


def _square(momentum: Array) -> Array:
    """Return p^2 [GeV^2]."""
    x, y, z, e = momentum
    size = np.sqrt(x * x + y * y + z * z)
    return np.asarray((e - size) * (e + size))


def _size(vector: Array) -> Array:
    return np.asarray(np.sqrt((vector * vector).sum(axis=0)))


def _polar(momentum: Array) -> Array:
    return np.asarray(np.arctan2(np.hypot(momentum[0], momentum[1]), momentum[2]))


def _between(first: Array, second: Array) -> Array:
    """Return the angle [rad] between vectors of shape (3, n)."""
    across = _size(np.cross(first, second, axis=0))
    return np.asarray(np.arctan2(across, (first * second).sum(axis=0)))


def _at_rest_of(frame: Array, mass: Array, momentum: Array) -> Array:
    """Return momenta in the rest frame of what has a momentum and mass."""
    along = (frame[:3] * momentum[:3]).sum(axis=0)
    e = (frame[3] * momentum[3] - along) / mass
    moved = momentum[:3] - frame[:3] * (momentum[3] + e) / (frame[3] + mass)
    return np.concatenate([moved, e[None]])


PAIR: Mapping[str, Kind] = {
    "mass_squared": mass_squared,
    "mass": mass,
    "momentum": momentum,
    "transverse_momentum": transverse_momentum,
    "energy": energy,
    "angle": angle,
    "opening_angle": opening_angle,
    "helicity_angle": helicity_angle,
}
"""What a column can be of the momenta that it names."""

RECOIL: Mapping[str, Kind] = {
    "mass_squared": recoil_mass_squared,
    "momentum": recoil_momentum,
    "transverse_momentum": recoil_transverse_momentum,
    "energy": recoil_energy,
    "angle": recoil_angle,
    "separation": recoil_separation,
}
"""What a column can be of what the momenta that it names recoil against."""

UNITS: Mapping[str, str] = {
    "mass_squared": "GeV^2",
    "mass": "GeV",
    "momentum": "GeV",
    "transverse_momentum": "GeV",
    "energy": "GeV",
    "angle": "rad",
    "separation": "rad",
    "opening_angle": "rad",
    "helicity_angle": "rad",
}
"""Units of both."""


def options(kind: Kind) -> frozenset[str]:
    """Return which keywords a kind takes: ``frame``, ``sqrt_s``, both or none."""
    found: Any = kind.__kwdefaults__ or {}
    return frozenset(found)
