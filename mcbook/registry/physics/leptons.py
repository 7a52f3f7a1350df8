"""Charged leptons of the Standard Model: pairs from e+e-, with and without a photon, and decays."""

import numpy as np

from mcbook.registry.physics.constants import value
from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.quadrature import on_open_points, unit_nodes
from mcbook.units import GEV2_FB, HBAR_GEV_PS

_N_NODES = 60
_FS_PER_PS = 1e3


def _pair(m_l: Array, s: Array, alpha: Array) -> Array:
    """Return the Born cross section of a pair [GeV^-2]."""
    beta = np.sqrt(np.clip(1.0 - 4.0 * m_l**2 / s, 0.0, None))
    return 4.0 * np.pi * alpha**2 / (3.0 * s) * beta * (3.0 - beta**2) / 2.0


@formula(
    version=1,
    unit="fb",
    source="Born cross section of e+e- -> gamma* -> l+ l-, 4 pi alpha^2/(3 s) beta (3 - beta^2)/2, "
    "massless electrons; PDG 2024, Phys. Rev. D 110, 030001",
)
def xsec_pair(m_l: Array, sqrt_s: Array, alpha: Array) -> Array:
    """Return the Born cross section of e+e- -> l+ l- by photon exchange [fb].

    Parameters
    ----------
    m_l, sqrt_s
        Mass of the lepton and CMS energy [GeV].
    alpha
        Electromagnetic coupling.
    """
    return GEV2_FB * _pair(m_l, np.asarray(sqrt_s) ** 2, alpha)


def _off_electrons(x: Array, cos_max: Array, s: Array) -> Array:
    """Return the spectrum of photons off the electrons, over alpha/pi and the cross section at s'.

    In the angle it is (2 - 2x + x^2) / (1 - b^2 c^2) - x^2/2 - 2 (1 - x)(1 - b^2) / (1 - b^2 c^2)^2
    for electrons of velocity b; over all angles (2 - 2x + x^2)(ln(s/m_e^2) - 1).
    """
    ratio = 4.0 * value("m_e") ** 2 / s  # 1 - b^2
    b = np.sqrt(1.0 - ratio)
    below = (1.0 - cos_max) + ratio * cos_max / (1.0 + b)  # 1 - b c, without cancellation
    above = 1.0 + b * cos_max
    log = np.log(above / below)
    collinear = ratio * (cos_max / (above * below) + 0.5 * log / b)
    rest = 1.0 - x
    return ((1.0 + rest**2) * log / b - x * x * cos_max - 2.0 * rest * collinear) / x


def _off_leptons(x: Array, cos_max: Array, r: Array) -> Array:
    """Return the spectrum of photons off leptons of mass squared r s, over alpha/pi and Born at s.

    For photons along n the tensor of the pair is A delta_ij + B n_i n_j; T = 3A + B is the spectrum
    over all angles, L = A + B what is polarised along n: 8 (s' - m^2 (D_1 + D_2)^2/(D_1 D_2)) over
    the squared energy before the integral over D_i = 2 p_i k, as the current along k is
    2 (eps p_1/D_1 - eps p_2/D_2) ubar kslash v. The angle is distributed as
    T (1 + c^2)/2 + L (1 - 3 c^2)/2.
    """
    rest = 1.0 - x
    beta = np.sqrt(np.clip(1.0 - 4.0 * r / rest, 0.0, None))
    log = 2.0 * np.arctanh(beta)
    c = 1.0 + 2.0 * r
    numerator = 2.0 * c * c - 2.0 * c * x + x * x - 8.0 * r * c
    total = (numerator * 2.0 * log / x - 2.0 * x * beta) / c - 4.0 * beta * rest / x
    along = 4.0 * (rest * beta - 2.0 * r * log) / (c * x)
    inside = total * (cos_max + cos_max**3 / 3.0) + along * (cos_max - cos_max**3)
    found: Array = 0.75 * inside / (2.0 * np.sqrt(1.0 - 4.0 * r))
    return found


def _with_photon(m_l: Array, e_min: Array, cos_max: Array, sqrt_s: Array, alpha: Array) -> Array:
    """Integrate the spectrum of the photon, x = 2 E/sqrt(s), over log of x/(1 - x)."""
    t, weight = unit_nodes(_N_NODES)
    s = sqrt_s**2
    low, high = 2.0 * e_min / sqrt_s, 1.0 - 4.0 * m_l**2 / s
    first, last = (np.log(edge / (1.0 - edge)) for edge in (low, high))
    # z = last - (last - first) t^2: no square root at the threshold of the pair
    z = last - (last - first) * t * t
    rest = 1.0 / (1.0 + np.exp(z))
    x = 1.0 - rest
    jacobian = 2.0 * (last - first) * t * x * rest
    initial = _off_electrons(x, cos_max, s) * _pair(m_l, s * rest, alpha)
    final = _off_leptons(x, cos_max, m_l**2 / s) * _pair(m_l, s, alpha)
    found: Array = ((initial + final) * jacobian) @ weight
    return alpha[:, 0] / np.pi * found


@formula(
    version=1,
    unit="fb",
    source="Tree level: radiation off electrons (leading order in m_e^2/s; G. Bonneau, F. Martin, "
    "Nucl. Phys. B 27, 381 (1971)) and off the leptons with their full mass (E. Norrbin, "
    "T. Sjostrand, Nucl. Phys. B 603, 297 (2001), arXiv:hep-ph/0010012, integrated; its dependence "
    "on the angle: own calculation); their interference vanishes in the total",
)
def xsec_pair_gamma(m_l: Array, e_min: Array, cos_max: Array, sqrt_s: Array, alpha: Array) -> Array:
    """Return the cross section of e+e- -> l+ l- gamma by photon exchange [fb].

    Parameters
    ----------
    m_l, sqrt_s
        Mass of the lepton and CMS energy [GeV].
    e_min
        Least energy of the photon in the CMS [GeV], above 0.
    cos_max
        Largest |cosine| of the photon's polar angle in the CMS, up to 1.
    alpha
        Electromagnetic coupling.
    """
    given = np.broadcast_arrays(m_l, e_min, cos_max, sqrt_s, alpha)
    m_l, e_min, cos_max, sqrt_s, alpha = (np.asarray(entry, dtype=float) for entry in given)
    is_open = np.asarray(2.0 * e_min / sqrt_s < 1.0 - 4.0 * m_l**2 / sqrt_s**2)
    return GEV2_FB * on_open_points(_with_photon, is_open, m_l, e_min, cos_max, sqrt_s, alpha)


@formula(
    version=1,
    unit="GeV",
    source="G_F^2 m^5/(192 pi^3) (1 - 8x + 8x^3 - x^4 - 12 x^2 ln x), x = (m_l/m)^2; PDG 2024, "
    "Phys. Rev. D 110, 030001; corrections of the W boson and of photons, below 0.5%, are left out",
)
def lepton_width(m: Array, m_l: Array) -> Array:
    """Return the width of a charged lepton of mass m to l nu nu [GeV].

    Parameters
    ----------
    m, m_l
        Masses of the leptons [GeV]; m_l above 0 and below m.
    """
    x = (np.asarray(m_l) / m) ** 2
    phase_space = 1.0 - 8.0 * x + 8.0 * x**3 - x**4 - 12.0 * x**2 * np.log(x)
    width: Array = value("G_F") ** 2 * np.asarray(m) ** 5 / (192.0 * np.pi**3) * phase_space
    return width


@formula(version=1, unit="GeV", source="hbar over the lifetime, hbar of CODATA 2018")
def width_of_lifetime(lifetime_fs: Array) -> Array:
    """Return the width [GeV] that belongs to a lifetime [fs]."""
    return HBAR_GEV_PS * _FS_PER_PS / np.asarray(lifetime_fs, dtype=float)
