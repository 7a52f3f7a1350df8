"""Squared amplitudes: MadGraph's values, closed formulas, gauge and Lorentz invariance, signs."""

from functools import cache
from itertools import permutations
from math import prod

import numpy as np
import pytest
import theories
from hypothesis import given, settings
from hypothesis import strategies as st
from theories import CHARGE, M_E, M_MU, SQRT_S, dot, qed

from mcbook.amplitudes import diagrams
from mcbook.amplitudes.currents import Amplitude
from mcbook.amplitudes.diagrams import Leg
from mcbook.amplitudes.theory import Field, Theory
from mcbook.registry.chain import parse_chain
from mcbook.registry.physics.inelastic import width_vector_chi1chi2
from mcbook.sampling.density import squared
from mcbook.sampling.tree import Tree

BY_NAME = {entry["name"]: entry for entry in theories.frozen()}


def amplitude_of(theory, text):
    """Return the amplitude of a process written like ``e- e+ > mu- mu+``."""
    coming, going = (part.split() for part in text.split(" > "))
    return Amplitude(theory, [Leg(n, is_incoming=True) for n in coming] + [Leg(n) for n in going])


def masses_of(amplitude):
    """Return the masses of the legs."""
    return [amplitude.theory.fields[leg.particle].mass for leg in amplitude.legs]


def random_momenta(amplitude, n=5, seed=1, sqrt_s=SQRT_S):
    """Return momenta of a scattering."""
    masses = masses_of(amplitude)
    rng = np.random.default_rng(seed)
    return theories.scattering(rng, masses[:2], masses[2:], n, sqrt_s)


def tree_and_value(entry):
    """Return the tree of what MadGraph computed, and our value as it normalises it."""
    tree = Tree(*theories.theory_of_frozen(entry))
    momenta = list(np.array(entry["momenta"]).transpose(1, 2, 0))
    return tree, squared(tree, momenta) / (4 * tree.identical)


@pytest.mark.parametrize("name", BY_NAME)
def test_squared_amplitudes_of_madgraph(name):
    """MadGraph 3.5.7 standalone, ten points each: value, number of diagrams, equal particles."""
    entry = BY_NAME[name]
    tree, value = tree_and_value(entry)
    assert value == pytest.approx(entry["value"], rel=1e-9)
    assert 4 * tree.identical == entry["denominator"]
    assert prod(len(block.amplitude.diagrams.lines) for block in tree.blocks) == entry["diagrams"]


@pytest.mark.parametrize("name", ["four_muons", "four_electrons", "bhabha", "four_muons_yukawa"])
def test_signs_of_fermions_matter(name, monkeypatch):
    """With every sign + these are wrong by far: the comparison would notice."""
    monkeypatch.setattr(diagrams, "_sign", lambda *_, **__: 1)
    entry = BY_NAME[name]
    _, value = tree_and_value(entry)
    assert (np.abs(value / entry["value"] - 1) > 1e-3).any()


def test_pair_production_of_muons():
    """e+e- -> mu+mu- with both masses: 32 e^4 / s^2 [...], summed over spins."""
    amplitude = amplitude_of(qed(m_e=0.7), "e- e+ > mu- mu+")
    p, q, k, l = momenta = random_momenta(amplitude, sqrt_s=2.0)  # noqa: E741
    m2, n2 = 0.7**2, M_MU**2
    bracket = dot(p, k) * dot(q, l) + dot(p, l) * dot(q, k)
    bracket += n2 * dot(p, q) + m2 * dot(k, l) + 2 * m2 * n2
    expected = 32 * CHARGE**4 / dot(p + q, p + q) ** 2 * bracket
    assert amplitude.squared(momenta, masses_of(amplitude)) == pytest.approx(expected, rel=1e-12)


def test_annihilation_into_photons():
    """e+e- -> gamma gamma with the mass: Peskin and Schroeder (5.105), times 4 for spins."""
    mass = 0.7
    amplitude = amplitude_of(qed(m_e=mass), "e- e+ > gamma gamma")
    p, _, k, l = momenta = random_momenta(amplitude, sqrt_s=2.0)  # noqa: E741
    a, b = dot(p, k), dot(p, l)
    both = 1 / a + 1 / b
    expected = 8 * CHARGE**4 * (b / a + a / b + 2 * mass**2 * both - mass**4 * both**2)
    assert amplitude.squared(momenta, masses_of(amplitude)) == pytest.approx(expected, rel=1e-12)


def test_annihilation_without_mass():
    """For m_e -> 0 that is 8 e^4 (t/u + u/t)."""
    amplitude = amplitude_of(qed(m_e=0.0), "e- e+ > gamma gamma")
    p, _, k, l = momenta = random_momenta(amplitude)  # noqa: E741
    t, u = -2 * dot(p, k), -2 * dot(p, l)
    found = amplitude.squared(momenta, masses_of(amplitude))
    assert found == pytest.approx(8 * CHARGE**4 * (t / u + u / t), rel=1e-12)


def test_compton_scattering():
    """Gamma e- -> gamma e-, a photon coming in: Peskin and Schroeder (5.87), times 4 for spins."""
    mass = 0.7
    amplitude = amplitude_of(qed(m_e=mass), "gamma e- > gamma e-")
    k, p, l, _ = momenta = random_momenta(amplitude, sqrt_s=2.0)  # noqa: E741
    a, b = dot(p, k), dot(p, l)
    both = 1 / a - 1 / b
    expected = 8 * CHARGE**4 * (b / a + a / b + 2 * mass**2 * both + mass**4 * both**2)
    assert amplitude.squared(momenta, masses_of(amplitude)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("process", ["e- e- > e- e-", "e+ e+ > e+ e+", "e- e+ > e- e+"])
def test_interference_of_electrons(process):
    """Moller and Bhabha scattering without mass: the sign between their two diagrams."""
    amplitude = amplitude_of(qed(m_e=0.0), process)
    p, q, k, l = momenta = random_momenta(amplitude)  # noqa: E741
    s, t, u = 2 * dot(p, q), -2 * dot(p, k), -2 * dot(p, l)
    if process == "e- e+ > e- e+":
        s, u = u, s  # crossing
    expected = (s**2 + u**2) / t**2 + 2 * s**2 / (t * u) + (s**2 + t**2) / u**2
    found = amplitude.squared(momenta, masses_of(amplitude))
    assert found == pytest.approx(8 * CHARGE**4 * expected, rel=1e-11)


M, SMALL, G = 3.0, 0.4, 0.3
CHI = Field("chi1", "chi1", 51, 2, 0.5), Field("chi2", "chi2", 52, 2, 0.9)
DECAYS = {
    "vector": ("f-", "f+", 3, "Gamma(3,2,1)", 4 * (M**2 + 2 * SMALL**2)),
    "axial": ("f-", "f+", 3, "Gamma(3,2,-1)*Gamma5(-1,1)", 4 * (M**2 - 4 * SMALL**2)),
    "left": ("f-", "f+", 3, "Gamma(3,2,-1)*ProjM(-1,1)", 2 * (M**2 - SMALL**2)),
    "right": ("f-", "f+", 3, "Gamma(3,2,-1)*ProjP(-1,1)", 2 * (M**2 - SMALL**2)),
    "scalar": ("f-", "f+", 1, "Identity(2,1)", 2 * (M**2 - 4 * SMALL**2)),
    "pseudoscalar": ("f-", "f+", 1, "Gamma5(2,1)", 2 * M**2),
    "higgs": ("v", "v", 1, "Metric(1,2)", 2 + (M**2 / (2 * SMALL**2) - 1) ** 2),
    "two photons": ("gamma", "gamma", 1, "Epsilon(1,2,-1,-2)*P(-1,1)*P(-2,2)", M**4 / 2),
    "scalars": ("s", "s", 1, "1", 1.0),
}


@pytest.mark.parametrize("name", DECAYS)
def test_decays_into_two(name):
    """Known squares of two-body decays: of a Z', Higgs bosons, an ALP, a scalar."""
    first, second, spin, structure, expected = DECAYS[name]
    fields = [
        Field("f-", "f+", 1, 2, SMALL), Field("v", "v", 2, 3, SMALL), Field("s", "s", 3, 1, SMALL),
        Field("gamma", "gamma", 22, 3, 0.0), Field("x", "x", 4, spin, M),
    ]  # fmt: skip
    theory = Theory(fields, [("decay", (second, first, "x"), structure, 1j * G)])
    amplitude = amplitude_of(theory, f"x > {first} {second}")
    rest = np.outer([M, 0.0, 0.0, 0.0], np.ones(4))
    rng = np.random.default_rng(1)
    frame = theories.lorentz([0.3, -0.8, 0.5, 0, 0, 0]) @ rest
    momenta = [frame, *theories.decayed(rng, frame, masses_of(amplitude)[1:])]
    found = amplitude.squared(momenta, masses_of(amplitude))
    assert found == pytest.approx(G**2 * expected, rel=1e-11)
    assert len(amplitude.diagrams.lines) == 1


@pytest.mark.parametrize("pair", ["chi1 chi2", "chi2 chi1"])
def test_decay_into_two_majorana_fermions(pair):
    """A' -> chi1 chi2 has the width of the registry, which knows no amplitudes."""
    fields = [*CHI, Field("ap", "ap", 22, 3, M)]
    theory = Theory(fields, [("v", ("chi2", "chi1", "ap"), "Gamma(3,2,1)", -G)])
    amplitude = amplitude_of(theory, f"ap > {pair}")
    rest = np.outer([M, 0.0, 0.0, 0.0], np.ones(1))
    _, one, two = momenta = [
        rest, *theories.decayed(np.random.default_rng(1), rest, masses_of(amplitude)[1:])
    ]  # fmt: skip
    size = np.sqrt((one[1:] ** 2).sum(axis=0))
    assert np.allclose(one[1:], -two[1:])
    found = amplitude.squared(momenta, masses_of(amplitude)) / 3 * size / (8 * np.pi * M**2)
    expected = width_vector_chi1chi2(*map(np.float64, (M, 0.5, 0.9, G**2 / (4 * np.pi))))
    assert found == pytest.approx(expected, rel=1e-12)


AP = {
    "fields": [Field("ap", "ap", 32, 3, 3.0, 0.1)],
    "vertices": [("ee_ap", ("e+", "e-", "ap"), "Gamma(3,2,1)", -0.1j)],
}
ALP = {
    "fields": [Field("alp", "alp", 33, 1, 2.0, 0.1)],
    "vertices": [
        ("v", ("gamma", "gamma", "alp"), "Epsilon(1,2,-1,-2)*P(-1,1)*P(-2,2)", -0.3j),
    ],
}


@pytest.mark.parametrize(
    ("process", "more", "leg"),
    [
        ("e- e+ > gamma mu- mu+", {}, 2),
        ("e- e+ > gamma e- e+", {}, 2),
        ("e- e+ > gamma gamma", {}, 3),
        ("e- e+ > gamma ap", AP, 2),
        ("e- e+ > gamma ap", AP, 3),  # the current of the A' is conserved, too
        ("e- e+ > gamma gamma ap", AP, 2),
        ("e- e+ > gamma gamma ap", AP, 4),
        ("gamma e- > gamma e-", {}, 0),
        ("gamma gamma > mu- mu+ gamma", {}, 1),
        ("e- e+ > gamma alp", ALP, 2),
        ("e- e+ > e- e+ gamma alp", ALP, 4),
    ],
)
def test_ward_identity(process, more, leg):
    """A photon with its momentum for a polarisation gives nothing, of all diagrams together."""
    amplitude = amplitude_of(qed(m_e=0.3, **more), process)
    masses = masses_of(amplitude)
    momenta = random_momenta(amplitude, n=6)
    waves = amplitude.waves(momenta, masses)
    size = np.abs(amplitude.evaluate(momenta, waves)).max()
    waves[leg] = (momenta[leg] / momenta[leg][0])[:, None].astype(complex)
    assert np.abs(amplitude.evaluate(momenta, waves)).max() < 1e-11 * size


def test_ward_identity_is_no_matter_of_course():
    """A vector that turns electrons into muons has no conserved current: it fails there."""
    theory = qed(
        m_e=0.3, fields=[Field("dark", "dark", 40, 3, 0.0)],
        vertices=[("turn", ("e+", "mu-", "dark"), "Gamma(3,2,1)", -0.2j)],
    )  # fmt: skip
    amplitude = amplitude_of(theory, "e- mu+ > dark gamma")
    momenta = random_momenta(amplitude)
    waves = amplitude.waves(momenta, masses_of(amplitude))
    size = np.abs(amplitude.evaluate(momenta, waves)).max()
    waves[2] = (momenta[2] / momenta[2][0])[:, None].astype(complex)
    assert np.abs(amplitude.evaluate(momenta, waves)).max() > 1e-2 * size


@cache
def frozen_amplitude(name):
    """Return the amplitude of a frozen process without decays, its momenta and its square."""
    entry = BY_NAME[name]
    theory, chain = theories.theory_of_frozen(entry)
    legs = [Leg(n, is_incoming=True) for n in chain.initial]
    amplitude = Amplitude(theory, legs + [Leg(node.particle) for node in chain.final])
    momenta = list(np.array(entry["momenta"]).transpose(1, 2, 0))
    return amplitude, momenta, amplitude.squared(momenta, masses_of(amplitude))


@given(
    st.sampled_from(["muon_pair_photon", "chi1_pair_ap", "photon_fusion", "higgs_higgs", "bhabha"]),
    st.lists(st.floats(-1, 1), min_size=6, max_size=6),
)
@settings(max_examples=30)
def test_lorentz_invariance(name, generators):
    """Boosts and rotations of everything leave a sum over spins as it is."""
    amplitude, momenta, expected = frozen_amplitude(name)
    matrix = theories.lorentz(generators)
    moved = [matrix @ momentum for momentum in momenta]
    found = amplitude.squared(moved, masses_of(amplitude))
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "name", ["bhabha", "four_muons", "chi_pair", "chi1_pair_electrons", "muon_pair_photon"]
)
def test_order_of_legs(name):
    """Nothing depends on the order in which legs are given, nor on which leg is the first."""
    amplitude, momenta, expected = frozen_amplitude(name)
    legs = amplitude.legs
    rng = np.random.default_rng(1)
    orders = list(permutations(range(len(legs))))
    for i in rng.choice(len(orders), 8, replace=False):
        order = orders[i]
        other = Amplitude(amplitude.theory, [legs[k] for k in order])
        found = other.squared([momenta[k] for k in order], masses_of(other))
        assert found == pytest.approx(expected, rel=1e-10)
        assert len(other.diagrams.lines) == BY_NAME[name]["diagrams"]


def test_crossing():
    """A fermion that moves to the other side is its antiparticle with minus its momentum.

    e+ e- -> gamma gamma at p, k is e- gamma -> e- gamma at -p, -k, with a sign for the fermion.
    """
    mass = 0.7
    amplitude = amplitude_of(qed(m_e=mass), "e- gamma > e- gamma")
    p, k, _, l = momenta = random_momenta(amplitude, sqrt_s=2.0)  # noqa: E741
    a, b = dot(p, -k), dot(p, l)
    both = 1 / a + 1 / b
    crossed = -8 * CHARGE**4 * (b / a + a / b + 2 * mass**2 * both - mass**4 * both**2)
    assert amplitude.squared(momenta, masses_of(amplitude)) == pytest.approx(crossed, rel=1e-12)


@pytest.mark.parametrize(
    ("chain", "whole"),
    [
        ("e- e+ > (ap > chi1 chi2) hp", "e- e+ > chi1 chi2 hp"),
        ("e- e+ > chi1 (chi2 > hp chi2x)", "e- e+ > chi1 hp chi2x"),
        ("e- e+ > (ap > chi1 (chi2 > hp chi2x)) hp", None),
    ],
)
def test_lines_of_wide_resonances(chain, whole):
    """Blocks tied by spin sums make the propagators of a vector and of a fermion, off their mass.

    The current chi1 chi2 is not conserved, so that the part along the momentum counts.
    """
    fields = [
        Field("e-", "e+", 11, 2, M_E), Field("ap", "ap", 22, 3, 3.0, 0.9),
        Field("hp", "hp", 25, 1, 0.5), Field("chi1", "chi1", 51, 2, 0.5),
        Field("chi2", "chi2", 52, 2, 2.0, 0.6), Field("chi2x", "chi2x", 53, 2, 0.2),
    ]  # fmt: skip
    theory = Theory(
        fields,
        [
            ("ee_ap", ("e+", "e-", "ap"), "Gamma(3,2,1)", 0.1j),
            ("apaphp", ("ap", "ap", "hp"), "Metric(1,2)", 0.7j),
            ("chi", ("chi2", "chi1", "ap"), "Gamma(3,2,1)", -0.3),
            ("down", ("chi2x", "chi2", "hp"), "Identity(2,1)", 0.4j),
        ],
    )
    tree = Tree(theory, parse_chain(chain))
    rng = np.random.default_rng(2)
    text = whole or "e- e+ > chi1 hp chi2x hp"
    names = text.split(" > ")[1].split()
    masses = [theory.fields[name].mass for name in names]
    momenta = theories.scattering(rng, (M_E, M_E), masses, 20)
    if whole:
        amplitude = amplitude_of(theory, whole)
        assert len(amplitude.diagrams.lines) == 1
        expected = amplitude.squared(momenta, masses_of(amplitude))
    else:  # of the two diagrams that tell the h' apart, the one with the first h' from chi2
        twin = Field("hx", "hx", 26, 1, 0.5)
        vertices = [(v.name, v.particles, v.structure.text, v.coupling) for v in theory.vertices]
        vertices[3] = ("down", ("chi2x", "chi2", "hx"), "Identity(2,1)", 0.4j)
        amplitude = amplitude_of(Theory([*fields, twin], vertices), "e- e+ > chi1 hx chi2x hp")
        assert len(amplitude.diagrams.lines) == 1
        expected = amplitude.squared(momenta, masses_of(amplitude))
    assert squared(tree, momenta) == pytest.approx(expected, rel=1e-10)
