"""Envelopes of weights, tables and fits of amplitudes, and what the beams meet in."""

import numpy as np
import pytest
import theories
from scipy.integrate import quad
from theories import SQRT_S, qed

from mcbook.amplitudes.theory import Field, Theory
from mcbook.registry.chain import parse_chain
from mcbook.sampling.blocks import beam_vectors
from mcbook.sampling.channels import channels
from mcbook.sampling.density import density
from mcbook.sampling.envelope import Envelope
from mcbook.sampling.shapes import Shapes, no_cascade
from mcbook.sampling.tables import tabled
from mcbook.sampling.tree import Tree, resonances


def peak(u):
    """Narrow peak in one variable; its integral is closed."""
    return 1 / ((u[0] - 0.3) ** 2 + 1e-4)


def ridge(u):
    """Peak along a diagonal, which no product of two follows, times a slope in a third."""
    return np.exp(-(((u[0] - u[1]) / 0.1) ** 2)) * (1 + 2 * u[2])


@pytest.mark.parametrize("is_smooth", [False, True])
@pytest.mark.parametrize(
    ("weigh", "groups", "expected"),
    [
        (peak, [1], 100 * (np.arctan(70) + np.arctan(30))),
        (ridge, [2, 1], None),
        (lambda u: np.where(u[0] > 0.9, 1.0, 0.0) * u[1], [1, 1], 0.05),
    ],
)
def test_envelopes(weigh, groups, expected, is_smooth):
    """Whatever the cells are, means are right and the density is one; bounds hold nearly."""
    if expected is None:
        expected = 2 * quad(lambda x: 2 * (1 - x) * np.exp(-((x / 0.1) ** 2)), 0, 1)[0]
        groups = [1, 1, 1] if is_smooth else groups
    envelope = Envelope(weigh, groups, np.random.default_rng(6), is_smooth=is_smooth)
    assert not envelope.is_empty
    points, own = envelope.draw(np.random.default_rng(7), 100000)
    assert points.min() >= 0
    assert points.max() <= 1
    ratio = weigh(points) / own
    error = ratio.std() / np.sqrt(len(ratio))
    assert error < 8e-3 * expected
    assert ratio.mean() == pytest.approx(expected, abs=4 * error)
    assert np.maximum(ratio - envelope.highest, 0).mean() < 1e-3 * expected
    inverse = 1 / own
    assert inverse.mean() == pytest.approx(1, abs=4 * inverse.std() / np.sqrt(len(own)))
    if not (weigh is ridge and is_smooth):
        assert ratio.mean() / envelope.highest > 0.3


def test_envelope_of_nothing():
    """Weights that all are zero are known for it."""
    for is_smooth in (False, True):
        envelope = Envelope(
            lambda u: np.zeros(u.shape[1]), [1, 1], np.random.default_rng(1), is_smooth=is_smooth
        )
        assert envelope.is_empty


def test_tables():
    """A polynomial and an entire function are given to rounding; a root at an end is refused."""

    def smooth(given_masses):
        x, y = given_masses
        return np.stack([x**3 * y, 1j * np.exp(x) + 0 * y, 0 * x + 2j * x * y])[None]

    table = tabled(smooth, [(1.0, 2.0), (0.5, 0.7)])
    rng = np.random.default_rng(8)
    points = [1 + rng.random(100), 0.5 + 0.2 * rng.random(100)]
    assert np.allclose(table(points), smooth(points), rtol=0, atol=1e-11 * 10)
    assert tabled(lambda m: np.sqrt(m[0] - 1)[None] + 0j, [(1.0, 2.0)]) is None
    assert tabled(lambda m: np.sqrt(m[0] - 1.5)[None] + 0j, [(1.0, 2.0)]) is None  # partly closed
    assert tabled(smooth, []) is None


PROCESSES = [
    ("alp", "gamma_gg", {"m_a": 2.0}),
    ("dark_higgs", "six_leptons/4mu2e", {"m_ap": 1.0, "m_hp": 2.5}),
    ("idm", "hp_mumu_chi2_ee", {"alpha_D": 0.1}),
    ("idm", "gamma_chi2_ee", {"alpha_D": 0.1}),
    ("zprime", "mumu_inv", {}),
    ("zprime", "mumu_tautau", {"m_zp": 4.0}),
]


def shapes_of(theory, chain, collision):
    """Return what weighs the shapes of a chain."""
    tree = Tree(theory, chain)
    assert not no_cascade(tree, collision)
    return Shapes(tree, collision, resonances(tree, collision))


def deviation(shapes, seed=9, count=500):
    """Return how far blocks from tables are from their amplitudes, at worst."""
    u = np.random.default_rng(seed).random((sum(shapes.groups), count))
    shape, weight = shapes.weigh(u)
    worst = 0.0
    for block in shapes.tree.blocks:
        if block.mother is None and not shapes.vectors:
            continue
        mass = shape.masses[block.number]
        daughters = shapes._daughter_masses(block, shape)
        exact = shapes.blocks.computed(block, mass, shape.momenta[block.number], daughters)
        found = shape.amplitudes[block.number]
        size = np.abs(exact).max(axis=tuple(range(exact.ndim - 1)))
        off = np.abs(found - exact).max(axis=tuple(range(exact.ndim - 1)))
        worst = max(worst, (off / size)[weight > 0].max())
    return worst


@pytest.mark.parametrize(("model", "process", "parameters"), PROCESSES)
def test_tables_and_fits_of_blocks(model, process, parameters):
    """What comes from tables and fits is the amplitude, point by point, in every block."""
    theory, found, collision, _ = theories.point(model, process, **parameters)
    for chain in found.chains():
        assert deviation(shapes_of(theory, chain, collision)) < 1e-9


def test_violated_parity_is_left_to_the_amplitude():
    """A production through a left-handed current has more than four structure functions."""
    theory, found, collision, _ = theories.point("zprime", "mumu_inv")
    (chain,) = found.chains()
    assert shapes_of(theory, chain, collision).blocks.structures[0] is not None
    left = Theory(
        {field.name: field for field in theory.fields.values()}.values(),
        [
            (v.name, v.particles,
             "Gamma(3,2,-1)*ProjM(-1,1)" if v.name == "mumu_zp" else v.structure.text, v.coupling)
            for v in theory.vertices
        ],
    )  # fmt: skip
    shapes = shapes_of(left, chain, collision)
    assert shapes.blocks.structures[0] is None
    assert deviation(shapes) < 1e-9


def test_resonances_at_their_threshold():
    """Where the window of a resonance reaches the threshold, tables still are the amplitudes."""
    theory, found, collision, _ = theories.point(
        "idm", "hp_mumu_chi2_ee", m_ap=2.22, m_chi1=1.0, delta_m=0.2, alpha_D=1.0, theta=1.0
    )
    (chain,) = found.chains()
    shapes = shapes_of(theory, chain, collision)
    ap = shapes.resonances[1]
    assert ap.low == pytest.approx(2.0 + 2 * theories.M_E, abs=0.21)
    assert deviation(shapes) < 1e-8


VERTICES = [
    ("ee_ap", ("e+", "e-", "ap"), "Gamma(3,2,1)", 1j),
    ("mumu_ap", ("mu+", "mu-", "ap"), "Gamma(3,2,1)", 1j),
    ("mumu_s", ("mu+", "mu-", "s"), "Identity(2,1)", 1j),
]


def test_what_the_beams_meet_in():
    """A photon and an A' are found with their propagators; a scalar or an exchange is none."""
    theory = qed(fields=[Field("ap", "ap", 32, 3, 3.0, 0.5), Field("s", "s", 33, 1, 1.0)],
                 vertices=VERTICES[:2])  # fmt: skip
    tree = Tree(theory, parse_chain("e- e+ > mu- mu+"))
    lines = [line for line, _ in beam_vectors(tree, SQRT_S)]
    photon = -1j * theories.CHARGE / SQRT_S**2
    ap = 1j / (SQRT_S**2 - 9.0 + 1.5j)
    assert lines == pytest.approx([photon, ap])
    assert beam_vectors(Tree(theory, parse_chain("e- e+ > e- e+")), SQRT_S) == []
    assert beam_vectors(Tree(theory, parse_chain("e- e+ > gamma ap")), SQRT_S) == []
    both = qed(fields=[Field("s", "s", 33, 1, 1.0)], vertices=[
        ("ee_s", ("e+", "e-", "s"), "Identity(2,1)", 1j), VERTICES[2]
    ])  # fmt: skip
    assert beam_vectors(Tree(both, parse_chain("e- e+ > mu- mu+")), SQRT_S) == []


def test_density_matrices():
    """D[s, s'] sums the other spins, and is Hermitian where both amplitudes are the same."""
    rng = np.random.default_rng(1)
    amplitude = rng.normal(size=(3, 2, 2, 5)) + 1j * rng.normal(size=(3, 2, 2, 5))
    found = density(amplitude, amplitude, 1)
    expected = np.einsum("sabn,tabn->stn", amplitude, amplitude.conj())
    assert np.allclose(found, expected)
    assert np.allclose(found, found.transpose(1, 0, 2).conj())


def _lines_without_the_beams(tree):
    """Yield the inner lines of each diagram; those with everything behind them are one."""
    for diagram in tree.root.amplitude.diagrams.lines:
        yield {(line.legs, line.particle) for line in diagram if line.legs != 0b111100}


def test_channel_is_one_of_its_kind():
    """Two diagrams with the same lines are one channel, and decays multiply them."""
    tree = Tree(qed(), parse_chain("e- e+ > mu- mu+ mu- mu+"))
    listed = channels(tree, {}, SQRT_S)
    assert len({channel.plans for channel in listed}) == len(listed)
    assert len(listed) == len(set(map(frozenset, _lines_without_the_beams(tree))))
