"""Events of mcbook's generator: closed angular distributions, two ways to draw the same."""

from functools import cache

import numpy as np
import pytest
import theories
from scipy.stats import ks_2samp, kstest
from theories import M_E, M_MU, SQRT_S, dot, draw

from mcbook.amplitudes.theory import Field, Theory
from mcbook.registry.chain import parse_chain
from mcbook.sampling.tree import Collision

LEAST = 1e-3
"""Probability, shared by all observables of a test, below which it fails; seeds are fixed."""

LIGHT = {"m_chi1": 0.1, "delta_m": 0.3}
CASES = {
    "gamma_gg": ("alp", {"m_a": 2.0}),
    "dark_higgs": ("dark_higgs/mumu_inv", {"m_ap": 3.0, "m_hp": 1.5}),
    "six": ("dark_higgs/six_leptons/6mu", {"m_ap": 1.0, "m_hp": 2.5, "alpha_D": 1e-3}),
    "zprime": ("zprime/mumu_inv", {"m_zp": 1.0}),
    "zprime_mumu": ("zprime/mumu_mumu", {"m_zp": 1.0}),
    "idm_gamma": ("idm/gamma_chi2_ee", {"m_ap": 1.0, "alpha_D": 1e-3, **LIGHT}),
    "idm_hp": ("idm/hp_mumu_chi2_ee", {"m_ap": 1.0, "m_hp": 0.5, "alpha_D": 1e-3, **LIGHT}),
    "idm_heavy": ("idm/hp_mumu_chi2_ee", {"alpha_D": 1e-3}),
    # an A' of several per cent, with a current that is far from conserved
    "idm_wide": (
        "idm/hp_mumu_chi2_ee",
        {"m_ap": 3.0, "m_chi1": 0.3, "delta_m": 1.6, "alpha_D": 0.25, "m_hp": 0.5},
    ),
}


@cache
def events_of(name, method=None, seed=1, count=20000, *, is_correlated=True):
    """Return momenta of the final particles, (n particles, 4, n), and of all nodes."""
    path, parameters = CASES[name]
    model, _, process = path.partition("/")
    theory, found, collision, _ = theories.point(model, process or "gamma_gg", **parameters)
    (chain,) = found.chains()
    nodes, _ = draw(
        (theory, chain, collision), count, method=method, seed=seed, is_correlated=is_correlated
    )
    finals = [i for i, node in enumerate(chain.walk()) if not node.daughters]
    return nodes[finals], nodes


def cosine(momentum):
    """Cosine of the angle to the first beam."""
    return momentum[3] / np.sqrt((momentum[1:] ** 2).sum(axis=0))


def observables(finals):
    """Return angles, energies, and of all pairs the angle between and the mass."""
    found = {}
    for i, p in enumerate(finals):
        found[f"cos {i}"], found[f"E {i}"] = cosine(p), p[0]
        found[f"phi {i}"] = np.arctan2(p[2], p[1])
        for j in range(i):
            q = finals[j]
            size = np.sqrt((p[1:] ** 2).sum(axis=0) * (q[1:] ** 2).sum(axis=0))
            found[f"angle {i} {j}"] = (p[1:] * q[1:]).sum(axis=0) / size
            found[f"mass {i} {j}"] = dot(p + q, p + q)
    if len(finals) >= 4:
        first = np.cross(finals[0, 1:], finals[1, 1:], axis=0)
        second = np.cross(finals[2, 1:], finals[3, 1:], axis=0)
        size = np.sqrt((first**2).sum(axis=0) * (second**2).sum(axis=0))
        found["planes"] = (first * second).sum(axis=0) / size
    return found


def lowest(one, other):
    """Return the lowest probability of all observables, times their number."""
    first, second = observables(one), observables(other)
    found = {}
    for name, values in first.items():
        if np.ptp(values) > 1e-6 * np.abs(values).max():
            found[name] = ks_2samp(values, second[name], method="asymp").pvalue
    name = min(found, key=found.get)
    return len(found) * found[name], name


METHODS = ["cascade", "channels"]
COUNTS = {"six": 6000, "zprime_mumu": 5000, "idm_gamma": 20000, "idm_heavy": 6000}


@pytest.mark.parametrize("name", CASES)
def test_cascade_and_channels_draw_the_same(name):
    """Decays oriented by their spins, and the full amplitude along its diagrams: the same events.

    They have nothing in common but amplitudes, which are tested elsewhere.
    """
    count = COUNTS.get(name, 20000)
    one, nodes = events_of(name, "cascade", 11, count)
    other, _ = events_of(name, "channels", 12, count)
    for momenta in (one, other):
        assert np.allclose(momenta.sum(axis=0).T, [SQRT_S, 0, 0, 0], atol=1e-6)
    probability, observable = lowest(one, other)
    assert probability > LEAST, observable
    assert len(nodes) >= len(one)


@pytest.mark.parametrize("name", ["dark_higgs", "idm_gamma", "idm_hp", "six"])
def test_spin_correlations_are_seen(name):
    """Without spin correlations the same comparison fails by far."""
    count = COUNTS.get(name, 20000)
    one, _ = events_of(name, "cascade", 11, count, is_correlated=False)
    other, _ = events_of(name, "channels", 12, count)
    assert lowest(one, other)[0] < 1e-6


def test_wide_vector_has_the_same_cross_section():
    """The propagator of a wide A' is whole in a cascade: part along the momentum, running decay."""
    path, parameters = CASES["idm_wide"]
    theory, found, collision, values = theories.point(*path.split("/"), **parameters)
    assert 0.03 < values["width_ap"] / values["m_ap"] < 0.1
    (chain,) = found.chains()
    rates = []
    for method, seed in (("cascade", 3), ("channels", 4)):
        _, sampler = draw((theory, chain, collision), method=method, seed=seed)
        rates.append(sampler.cross_section)
    (one, first), (other, second) = rates
    assert 4 * np.hypot(first, second) < 0.02 * one
    assert one == pytest.approx(other, abs=4 * np.hypot(first, second))


def test_vector_far_off_its_mass():
    """An A' that always is too heavy, in a current that is not conserved: same rates and events.

    The state along its momentum, which has no part in a narrow A', cannot be left out here.
    """
    fields = [
        Field("e-", "e+", 11, 2, M_E), Field("ap", "ap", 22, 3, 2.0, 0.6),
        Field("hp", "hp", 25, 1, 0.5), Field("chi1", "chi1", 51, 2, 0.1),
        Field("chi2", "chi2", 52, 2, 2.5),
    ]  # fmt: skip
    vertices = [
        ("ee_ap", ("e+", "e-", "ap"), "Gamma(3,2,1)", 0.1j),
        ("apaphp", ("ap", "ap", "hp"), "Metric(1,2)", 0.7j),
        ("chi", ("chi2", "chi1", "ap"), "Gamma(3,2,1)", -0.3),
    ]
    chain = parse_chain("e- e+ > (ap > chi1 chi2) hp")
    what = Theory(fields, vertices), chain, Collision(SQRT_S, 50.0)
    (one, first), (other, second) = (draw(what, method=m, seed=6) for m in METHODS)
    probability, observable = lowest(one[1:], other[1:])
    assert probability > LEAST, observable
    (x, dx), (y, dy) = first.cross_section, second.cross_section
    assert x == pytest.approx(y, abs=4 * np.hypot(dx, dy))
    assert np.hypot(dx, dy) < 0.01 * x


def against(values, density, low=-1.0, high=1.0):
    """Return the probability of values under a density, integrated here."""
    grid = np.linspace(low, high, 4001)
    steps = density((grid[1:] + grid[:-1]) / 2)
    total = np.concatenate([[0], np.cumsum(steps)]) / steps.sum()
    return kstest(values, lambda x: np.interp(x, grid, total)).pvalue


@pytest.mark.parametrize("method", METHODS)
def test_angle_of_dark_higgsstrahlung(method):
    """E+e- -> A' h': 2 m^2 + p^2 sin^2 for a narrow A', from the sum over its polarisations."""
    _, nodes = events_of("dark_higgs", method, 21)
    m2 = 9.0
    p2 = ((SQRT_S**2 - (3 + 1.5) ** 2) * (SQRT_S**2 - 1.5**2)) / (4 * SQRT_S**2)
    c = cosine(nodes[0])
    assert against(c, lambda x: 2 * m2 + p2 * (1 - x**2)) > LEAST
    assert against(c, lambda x: 1 + 0 * x) < 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("m_ap", [1.0, 3.0])
def test_helicity_angle_of_dark_higgsstrahlung(method, m_ap):
    """A' -> mu mu there: transverse 2 (1 + c^2) parts, longitudinal (E/m)^2 sin^2 ones, integrated.

    At 1 GeV the A' is longitudinal by far, at 3 GeV less so; muon masses are kept.
    """
    theory, found, collision, _ = theories.point("dark_higgs", "mumu_inv", m_ap=m_ap, m_hp=0.5)
    (chain,) = found.chains()
    nodes, _ = draw((theory, chain, collision), method=method, seed=5)
    ap, muon, _, _ = nodes
    mass = np.sqrt(dot(ap, ap))
    size = np.sqrt((ap[1:] ** 2).sum(axis=0))
    energy = dot(ap, muon) / mass
    # component of the muon along the A' in the rest frame of the A'
    along = (ap[0] * (ap[1:] * muon[1:]).sum(axis=0) / size - size * muon[0]) / mass
    c = along / np.sqrt(energy**2 - M_MU**2)
    k2 = m_ap**2 / 4 - M_MU**2
    e2 = ((SQRT_S**2 + m_ap**2 - 0.25) / (2 * SQRT_S)) ** 2

    def density(x):
        transverse = m_ap**2 / 2 - k2 * (1 - x**2)
        longitudinal = m_ap**2 / 2 - 2 * k2 * x**2
        return 2 * transverse + e2 / m_ap**2 * longitudinal

    assert against(c, density) > LEAST
    assert against(c, lambda x: 1 + 0 * x) < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_angles_of_gamma_alp(method):
    """E+e- -> gamma a is 1 + cos^2, and a -> gamma gamma isotropic: spin 0 remembers nothing."""
    finals, nodes = events_of("gamma_gg", method, 22)
    assert against(cosine(nodes[1]), lambda x: 1 + x**2) > LEAST
    alp, photon = nodes[1], nodes[2]
    mass = np.sqrt(dot(alp, alp))
    size = np.sqrt((alp[1:] ** 2).sum(axis=0))
    along = (alp[0] * (alp[1:] * photon[1:]).sum(axis=0) / size - size * photon[0]) / mass
    assert against(2 * along / mass, lambda x: 1 + 0 * x) > LEAST
    assert np.abs(dot(finals[0], finals[0])).max() < 1e-9


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("sqrt_s", "m_e"), [(0.25, M_E), (0.25, 0.06), (10.58, M_E)])
def test_angle_of_muon_pairs(method, sqrt_s, m_e):
    """E+e- -> mu+mu- with both masses, near the threshold and far above: angle and rate.

    1 + a + b + (1 - a) (1 - b) cos^2, with a and b four times the squared masses over s.
    """
    what = theories.qed(m_e), parse_chain("e- e+ > mu- mu+"), Collision(sqrt_s, 15.0)
    nodes, sampler = draw(what, 200000 if method == "cascade" else 20000, method=method)
    a, b = 4 * m_e**2 / sqrt_s**2, 4 * M_MU**2 / sqrt_s**2
    assert against(cosine(nodes[0]), lambda x: 1 + a + b + (1 - a) * (1 - b) * x**2) > LEAST
    alpha = 1 / 137.035999
    expected = 4 * np.pi * alpha**2 / (3 * sqrt_s**2) * 3.893794e8
    expected *= np.sqrt((1 - b) / (1 - a)) * (1 + a / 2) * (1 + b / 2)
    value, error = sampler.cross_section
    assert value == pytest.approx(expected, abs=4 * error + 1e-6 * expected)


@pytest.mark.parametrize("method", METHODS)
def test_angle_of_photons(method):
    """E+e- -> gamma gamma between cuts: (1 + cos^2) / sin^2, and every angle about the beams."""
    chain = parse_chain("e- e+ > gamma gamma")
    collision = Collision(SQRT_S, 15.0, {"gamma_cos_theta_max": 0.9})
    nodes, sampler = draw((theories.qed(), chain, collision), method=method)
    c = cosine(nodes[0])
    assert np.abs(c).max() <= 0.9
    assert against(c, lambda x: (1 + x**2) / (1 - x**2), -0.9, 0.9) > LEAST
    phi = np.arctan2(nodes[0][2], nodes[0][1])
    assert against(phi, lambda x: 1 + 0 * x, -np.pi, np.pi) > LEAST
    integral = 2 * (np.log(19.0) - 0.9)  # of (1 + c^2) / (1 - c^2), over 2 pi alpha^2 / s / 2
    expected = np.pi / 137.035999**2 / SQRT_S**2 * integral * 3.893794e8
    value, error = sampler.cross_section
    assert value == pytest.approx(expected, abs=4 * error + 1e-6 * expected)
