"""A dark photon: widths through the electromagnetic current and e+e- -> gamma A'."""

import numpy as np

from mcbook.registry.physics.formula import Array, formula
from mcbook.registry.physics.rratio import r_ratio
from mcbook.registry.physics.vectors import pair_factor
from mcbook.units import GEV2_FB


@formula(
    version=1,
    unit="GeV",
    source="alpha epsilon^2 m/3 (1 + 2r) sqrt(1 - 4r), r = (m_l/m)^2; B. Batell, M. Pospelov and "
    "A. Ritz, Phys. Rev. D 79, 115008 (2009), arXiv:0903.0363",
)
def dark_photon_lepton_width(m: Array, epsilon: Array, alpha: Array, m_l: Array) -> Array:
    """Return the width of a dark photon of mass m to l+ l- [GeV]; L = e epsilon A'_mu J_em^mu."""
    return alpha * epsilon**2 * m / 3.0 * pair_factor(m, m_l)


@formula(
    version=1,
    unit="GeV",
    source="width to muons times R(m^2); R from ALPINIST tables, PDG resonances and perturbation "
    "theory as told in mcbook/registry/physics/rratio.py",
)
def dark_photon_hadron_width(m: Array, epsilon: Array, alpha: Array, m_mu: Array) -> Array:
    """Return the width of a dark photon of mass m to hadrons [GeV].

    R is sigma(hadrons) over the cross section of massless muons, so that the muon's mass, `m_mu`,
    enters nowhere; it is an argument for the reader of a model file.
    """
    del m_mu
    return alpha * epsilon**2 * m / 3.0 * r_ratio(m)


def _scaled_mass(m: Array, sqrt_s: Array) -> tuple[Array, Array]:
    """Return x = m^2/s and 1 - x, both 0 where no photon can be radiated."""
    m, sqrt_s = np.asarray(m, dtype=float), np.asarray(sqrt_s, dtype=float)
    is_open = m < sqrt_s
    rest = np.where(is_open, (sqrt_s - m) * (sqrt_s + m) / sqrt_s**2, 0.0)
    return np.where(is_open, (m / sqrt_s) ** 2, 0.0), rest


def _over(numerator: Array, denominator: Array) -> Array:
    """Divide, giving 0 where the denominator is 0: a closed channel."""
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator != 0.0)


@formula(
    version=1,
    unit="fb",
    source="4 pi alpha^2 epsilon^2/s (1 + x^2)/(1 - x) (ln(s/m_e^2) - 1), x = m^2/s: Born, photon "
    "over all angles, massive electrons; own integration of the two diagrams",
)
def xsec_gamma_vector(m: Array, epsilon: Array, alpha: Array, sqrt_s: Array, m_e: Array) -> Array:
    """Return the Born cross section of e+e- -> gamma A' over all photon angles [fb].

    What is neglected is below 8 m_e^2/(s - m^2), 2e-8 at 10.58 GeV for a light A'. Near
    m = sqrt(s) the photon is soft and the Born value grows without bound; it is 0 from there on.

    Parameters
    ----------
    m, sqrt_s, m_e
        Mass of A', CMS energy and mass of the electron [GeV].
    epsilon, alpha
        Kinetic mixing and electromagnetic coupling.
    """
    x, rest = _scaled_mass(m, sqrt_s)
    angles = 2.0 * np.log(np.asarray(sqrt_s) / m_e) - 1.0
    norm = GEV2_FB * 4.0 * np.pi * alpha**2 * epsilon**2 / sqrt_s**2
    return norm * angles * _over(1.0 + x * x, rest)


@formula(
    version=1,
    unit="fb",
    source="4 pi alpha^2 epsilon^2/s (1 - x) [L (1 + x^2)/(1 - x)^2 - c], x = m^2/s, "
    "L = ln((1 + c)/(1 - c)): Born, |cos theta*| < c, massless electrons; R. Essig, P. Schuster "
    "and N. Toro, Phys. Rev. D 80, 015003 (2009), arXiv:0903.3941; agrees with MadGraph 3.5.7",
)
def xsec_gamma_vector_cut(
    m: Array, epsilon: Array, alpha: Array, sqrt_s: Array, cos_max: Array
) -> Array:
    """Return the Born cross section of e+e- -> gamma A' with |cos theta*| < cos_max [fb].

    The electron is massless: relative corrections are m_e^2/(s (1 - cos_max)). With
    cos_max = 1 the result is infinite; `xsec_gamma_vector` covers all angles.

    Parameters
    ----------
    m, sqrt_s
        Mass of A' and CMS energy [GeV].
    epsilon, alpha
        Kinetic mixing and electromagnetic coupling.
    cos_max
        Largest |cosine| of the photon's polar angle in the CMS, below 1.
    """
    x, rest = _scaled_mass(m, sqrt_s)
    log = 2.0 * np.arctanh(cos_max)
    norm = GEV2_FB * 4.0 * np.pi * alpha**2 * epsilon**2 / sqrt_s**2
    return norm * (log * _over(1.0 + x * x, rest) - rest * cos_max)
