"""Cross sections of mcbook's generator: all shipped processes against the registry.

The registry has production cross sections as closed formulas or integrals of its own, and branching
fractions; windows around resonances keep (2/pi) atan(2n) each.
"""

import numpy as np
import pytest
import theories
from theories import SQRT_S

from mcbook.intake.closure import kept_by_windows
from mcbook.registry.chain import parse_chain
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import load_model
from mcbook.sampling.sampler import Sampler
from mcbook.sampling.sources import sources
from mcbook.sampling.tree import Collision, Tree
from mcbook.units import FB_PER_PB, GEV2_FB

BLOCKS = 12

SIX = [{"m_ap": 1.0, "m_hp": 2.5, "alpha_D": 1e-3}, {"m_ap": 0.4, "m_hp": 4.0, "alpha_D": 1e-5}]
HEAVY = {"m_ap": 4.0, "m_hp": 1.2, "m_chi1": 1.2, "delta_m": 0.5, "alpha_D": 1e-3}
POINTS = {
    ("alp", "gamma_gg"): [{"m_a": 0.5}, {"m_a": 8.0}],
    ("dark_higgs", "mumu_inv"): [{"m_ap": 3.0, "m_hp": 1.5}, {"m_ap": 9.0, "m_hp": 0.3}],
    ("dark_higgs", "six_leptons/6mu"): SIX,
    ("dark_higgs", "six_leptons/4mu2e"): SIX,
    ("dark_higgs", "six_leptons/2mu4e"): SIX,
    ("dark_higgs", "six_leptons/6e"): SIX,
    ("idm", "hp_mumu_chi2_ee"): [{"alpha_D": 1e-3}, HEAVY],
    ("idm", "hp_pipi_chi2_ee"): [{"alpha_D": 1e-3}, HEAVY],
    ("idm", "hp_kk_chi2_ee"): [{"m_hp": 1.1, "alpha_D": 1e-3}, HEAVY],
    ("idm", "gamma_chi2_ee"): [{"alpha_D": 1e-3}, HEAVY],
    ("zprime", "mumu_inv"): [{"m_zp": 0.1}, {"m_zp": 6.0}],
    ("zprime", "mumu_mumu"): [{"m_zp": 1.0}, {"m_zp": 5.0}],
    ("zprime", "mumu_tautau"): [{"m_zp": 3.7}, {"m_zp": 8.0}],
}


def measured(theory, chains, collision, *, method=None, blocks=BLOCKS, seed=1):
    """Return cross section and error [fb] of all chains together."""
    rng = np.random.default_rng(seed)
    found = [
        source
        for number, chain in enumerate(chains)
        for source in sources(number, Tree(theory, chain), collision, rng, method)
    ]
    value, variance = 0.0, 0.0
    for source in found:
        weights = np.concatenate([source.trials(rng, 4096).weights for _ in range(blocks)])
        value += weights.mean()
        variance += weights.var() / len(weights)
    return value * FB_PER_PB, np.sqrt(variance) * FB_PER_PB


def expected_rate(process, collision, values):
    """Return production times fractions times what windows keep [fb]."""
    total = 0.0
    for channel in process.channels:
        resonances = {sum(1 for _ in chain.decays()) for chain in channel.chains}
        (number,) = resonances
        fraction = float(channel.fraction.evaluate(values)) if channel.fraction else 1.0
        total += fraction * kept_by_windows(collision.window, number)
    return values[process.production] * total


def test_every_process_of_collisions_is_here():
    """A process that is added to a model has to be added here."""
    shipped = set()
    for name in ("alp", "dark_higgs", "idm", "zprime"):
        for process in load_model(name).processes.values():
            if len(next(process.chains()).initial) == 2:
                channels = [c.name for c in process.channels]
                names = [f"{process.name}/{c}" for c in channels if c and len(channels) > 1]
                shipped |= {(name, entry) for entry in names or [process.name]}
    assert shipped == set(POINTS)


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("model", "process"), POINTS)
def test_cross_sections_of_the_registry(model, process, number):
    """Within four statistical errors, and 5e-4 for the finite widths of resonances."""
    parameters = POINTS[model, process][number]
    theory, found, collision, values = theories.point(model, process, **parameters)
    blocks = BLOCKS if model == "dark_higgs" else BLOCKS // 2
    value, error = measured(theory, list(found.chains()), collision, blocks=blocks)
    expected = expected_rate(found, collision, values)
    assert 4 * error < 5e-3 * expected
    assert value == pytest.approx(expected, abs=4 * error + 5e-4 * expected)


@pytest.mark.parametrize(
    ("model", "process", "parameters"),
    [
        ("alp", "gamma_gg", {"m_a": 2.0}),
        ("dark_higgs", "mumu_inv", {"m_hp": 1.5}),
        ("idm", "gamma_chi2_ee", {"alpha_D": 1e-3}),
        ("zprime", "mumu_inv", {}),
    ],
)
def test_channels_have_the_same_cross_sections(model, process, parameters):
    """The full amplitude, drawn along its diagrams, agrees with the registry as well."""
    theory, found, collision, values = theories.point(model, process, **parameters)
    value, error = measured(theory, list(found.chains()), collision, method="channels", blocks=8)
    expected = expected_rate(found, collision, values)
    assert 4 * error < 4e-2 * expected
    assert value == pytest.approx(expected, abs=4 * error + 5e-4 * expected)


@pytest.mark.parametrize("limit", [0.3, 0.9])
def test_cut_on_the_angle_of_a_photon(limit):
    """Gamma A' without decay: the integral of the angle between cuts, massless electrons.

    d sigma / d cos ~ (1 + c^2 + 4 m^2 s / (s - m^2)^2) / (1 - c^2), as for gamma gamma at m = 0.
    """
    theory, _, _, values = theories.point("idm", "gamma_chi2_ee", m_ap=5.0)
    chain = parse_chain("e- e+ > gamma ap")
    cuts = {"gamma_cos_theta_max": limit, "gamma_e_min": 0.1}
    narrow = theories.with_width(theory, "ap", 0.0)
    value, error = measured(narrow, [chain], Collision(SQRT_S, 15.0, cuts), blocks=4)
    c = np.linspace(-limit, limit, 20001)
    s, m2 = SQRT_S**2, 25.0
    density = (1 + c**2 + 4 * m2 * s / (s - m2) ** 2) / (1 - c**2)
    alpha = 1 / 137.035999
    total = 2 * np.pi * alpha**2 * values["epsilon"] ** 2 / s * (1 - m2 / s)
    expected = total * np.trapezoid(density, c) * GEV2_FB
    assert 4 * error < 5e-3 * expected
    assert value == pytest.approx(expected, abs=4 * error + 1e-6 * expected)
    hard = Collision(SQRT_S, 15.0, {**cuts, "gamma_e_min": (s - m2) / (2 * SQRT_S) + 0.01})
    found = sources(0, Tree(narrow, chain), hard, np.random.default_rng(1))
    assert not any(source.trials(np.random.default_rng(2), 100).weights.any() for source in found)


def test_chains_add_up():
    """The sum over all chains of a sample is the sum of their cross sections."""
    theory, found, collision, _ = theories.point("dark_higgs", "six_leptons/4mu2e", **SIX[0])
    rng = np.random.default_rng(3)
    listed = [
        source
        for number, chain in enumerate(found.chains())
        for source in sources(number, Tree(theory, chain), collision, rng)
    ]
    sampler = Sampler(listed, rng)
    blocks = sampler.blocks()
    for _ in range(BLOCKS):
        next(blocks)
    value, error = sampler.cross_section
    parts = [sampler.cross_section_of(number) for number in (0, 1)]
    assert value == pytest.approx(sum(part[0] for part in parts))
    assert error == pytest.approx(np.hypot(parts[0][1], parts[1][1]))
    # A' -> e e and A' -> mu mu in two places: the second chain has two equal ways, each as likely
    assert parts[1][0] == pytest.approx(2 * parts[0][0], abs=5 * error)


def test_wide_vector_over_its_spectrum():
    """A' with a width of 3%: the integral over its mass, with a peak and a tail of soft photons.

    d sigma / d M^2 = sigma(M) M Gamma(M) / pi / ((M^2 - m^2)^2 + m^2 Gamma^2), from the registry's
    cross section of a photon with an A' of mass M and its partial width to chi1 chi2.
    """
    at = {"m_ap": 3.0, "m_chi1": 1.0, "delta_m": 0.2, "alpha_D": 0.1, "epsilon": 1e-3}
    theory, found, collision, values = theories.point("idm", "gamma_chi2_ee", **at)
    model = load_model("idm")
    least, most = 2.2, np.sqrt(SQRT_S * (SQRT_S - 2 * collision.cuts["gamma_e_min"]))
    edges = np.concatenate([np.linspace(least, 4, 4001), np.linspace(4, most, 4001)[1:]])
    mass = (edges[1:] + edges[:-1]) / 2
    given = {name: np.full(len(mass), values[name]) for name in model.parameters} | {"m_ap": mass}
    derived = Deriver(model, sqrt_s=SQRT_S).compute(given)
    width = values["width_ap"]
    curve = mass / np.pi / ((mass**2 - 9) ** 2 + 9 * width**2) * 2 * mass * np.diff(edges)
    parts = derived["xsec_gamma_ap_cut"] * derived["width_ap_chi1chi2"] * curve
    expected = parts.sum() * values["br_chi2_ee"]
    value, error = measured(theory, list(found.chains()), collision)
    assert 4 * error < 1e-2 * expected
    assert value == pytest.approx(expected, abs=4 * error + 1e-3 * expected)
    rng = np.random.default_rng(4)
    (source,) = sources(0, Tree(theory, next(found.chains())), collision, rng)
    weights, soft = [], []
    for _ in range(BLOCKS):
        trials = source.trials(rng, 4096)
        photon = trials.finish(np.arange(4096))[0]
        weights.append(trials.weights)
        soft.append(trials.weights * (np.sqrt(SQRT_S**2 - 2 * SQRT_S * photon[0]) > 10))
    share = np.concatenate(soft).mean() / np.concatenate(weights).mean()
    assert share == pytest.approx(parts[mass > 10].sum() / parts.sum(), rel=0.04)
