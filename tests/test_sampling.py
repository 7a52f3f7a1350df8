"""Phase space and what draws it: kinematics, maps, volumes, envelopes, tables."""

from math import factorial, pi

import numpy as np
import pytest
import theories
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from theories import SQRT_S, dot, qed

from mcbook.amplitudes.theory import Field
from mcbook.registry.chain import parse_chain
from mcbook.sampling import kinematics
from mcbook.sampling.body import FLAT, ThreeBodies, two_bodies
from mcbook.sampling.channels import channels
from mcbook.sampling.envelope import Envelope
from mcbook.sampling.maps import Pole, Resonance
from mcbook.sampling.tree import Collision, Tree, resonances


def volume(n, sqrt_s=SQRT_S):
    """Volume of the phase space of n particles without mass, with its factors of 2 pi."""
    s = sqrt_s**2
    flat = (pi / 2) ** (n - 1) * s ** (n - 2) / (factorial(n - 1) * factorial(n - 2))
    return (2 * pi) ** (4 - 3 * n) * flat


def two_body(mass, first, second):
    """Two-body phase space, by the formula with lambda."""
    a, b, c = mass**2, first**2, second**2
    lam = max(a * a + b * b + c * c - 2 * (a * b + b * c + c * a), 0.0)
    return np.sqrt(lam) / (8 * pi * a)


def three_body(mass, first, second, third):
    """Three-body phase space as an integral over the mass of a pair."""
    low, high = first + second, mass - third

    def integrand(pair):
        return two_body(mass, pair, third) * two_body(pair, first, second) * pair / pi

    return quad(integrand, low, high, epsrel=1e-10)[0]


def on_shell(rng, mass, n=100):
    """Return momenta of a particle, shape (4, n)."""
    space = rng.normal(size=(3, n)) * 2
    return np.concatenate([np.sqrt((space**2).sum(axis=0) + mass**2)[None], space])


def test_boosts():
    """A boost leads from rest to the frame, keeps products, and there and back is nothing."""
    rng = np.random.default_rng(1)
    frame, p, q = on_shell(rng, 1.3), on_shell(rng, 0.4), on_shell(rng, 0.0)
    moved, other = (kinematics.boosted(k, frame, 1.3) for k in (p, q))
    assert dot(moved, other) == pytest.approx(dot(p, q), rel=1e-9)
    assert np.allclose(kinematics.to_rest(moved, frame, 1.3), p)
    assert np.allclose(kinematics.to_rest(frame, frame, 1.3).T, [1.3, 0, 0, 0], atol=1e-9)
    rapidity = np.arcsinh(np.sqrt((frame[1:] ** 2).sum(axis=0)) / 1.3)
    axis = frame[1:] / np.sqrt((frame[1:] ** 2).sum(axis=0))
    for k in range(5):  # the exponential of a generator does not turn
        matrix = theories.lorentz([*(rapidity[k] * axis[:, k]), 0, 0, 0])
        assert matrix @ p[:, k] == pytest.approx(moved[:, k])
    assert kinematics.invariant(moved) == pytest.approx(np.full(100, 0.16), abs=1e-9)


def test_rotations():
    """Rotations are orthogonal and proper, and no direction or angle is better than another."""
    rng = np.random.default_rng(2)
    n = 20000
    matrices = kinematics.rotations(rng, n)
    unit = np.einsum("ikn,jkn->ijn", matrices, matrices)
    assert np.allclose(unit, np.eye(3)[..., None])
    assert np.allclose(np.linalg.det(matrices.transpose(2, 0, 1)), 1)
    flat = matrices.reshape(9, n)
    assert np.abs(flat.mean(axis=1)).max() < 5 / np.sqrt(3 * n)
    assert np.allclose(flat @ flat.T / n, np.eye(9) / 3, atol=5 * 0.4 / np.sqrt(n))
    trace = np.einsum("iin->n", matrices)  # powers count invariants of so many vectors
    assert (trace**2).mean() == pytest.approx(1, abs=5 * np.sqrt(2 / n))
    assert (trace**4).mean() == pytest.approx(3, abs=5 * np.sqrt(82 / n))
    momentum = on_shell(rng, 1.0, n)
    turned = kinematics.rotated(matrices, momentum)
    assert np.allclose(turned[1:], np.einsum("ijn,jn->in", matrices, momentum[1:]))
    along = momentum.copy()
    along[1:3] = 0
    assert np.allclose(kinematics.turned_axis(matrices, along), kinematics.rotated(matrices, along))
    about = kinematics.about_z(rng, 1000)
    assert np.allclose(np.einsum("ikn,jkn->ijn", about, about), np.eye(3)[..., None])
    assert np.allclose(about[2].T, [0, 0, 1])


def test_two_bodies():
    """Momenta at rest, against the formula with lambda; closed decays have no phase space."""
    mass, one, two = np.array([3.0, 1.0, 1.0]), np.array([1.0, 0.5, 0.7]), np.array([0.5, 0.5, 0.5])
    momenta, space = two_bodies(mass, one, two)
    expected = [two_body(*entry) for entry in zip(mass, one, two, strict=True)]
    assert space[:2] == pytest.approx([expected[0], 0.0])
    assert space[2] == 0
    total = momenta[0] + momenta[1]
    assert total[:, 0] == pytest.approx([3.0, 0, 0, 0])
    assert kinematics.invariant(momenta[1])[0] == pytest.approx(0.25)
    assert kinematics.breakup(np.array([0.0, 0.2, 1.0]), 1.0, 0.5) == pytest.approx(np.zeros(3))
    assert kinematics.breakup(0.0, 0.0, 0.0) == 0
    assert kinematics.kallen(9.0, 1.0, 0.25) == pytest.approx(
        81 + 1 + 0.0625 - 2 * (9 + 0.25 + 2.25)
    )


poles = st.one_of(
    st.just(FLAT),
    st.builds(Pole, st.floats(0.05, 4), st.one_of(st.just(0.0), st.floats(1e-6, 0.5))),
)


@given(poles, st.floats(0.01, 4), st.floats(0.1, 4))
@settings(max_examples=200)
def test_maps(pole, low, length):
    """Maps are inside their interval, rise, and the integral of ds is the length.

    A pole without width inside of the interval has none: there ds/du is compared with differences.
    """
    u = (np.arange(20000) + 0.5) / 20000
    high = low + length
    s, step = pole(u, low, high)
    assert s.min() >= low - 1e-9 * high
    assert s.max() <= high + 1e-9 * high
    assert (np.diff(s) >= 0).all()
    ends = pole(np.array([0.0, 1.0]), low, high)[0]
    assert ends == pytest.approx([low, high], abs=1e-6 * length)
    is_inside = not pole.is_flat and low < pole.mass**2 < high
    if not is_inside:
        assert step.mean() == pytest.approx(length, rel=1e-3)
    h = 1e-7
    middle = np.linspace(0.1, 0.9, 33)
    slope = (pole(middle + h, low, high)[0] - pole(middle - h, low, high)[0]) / (2 * h)
    assert pole(middle, low, high)[1] == pytest.approx(slope, rel=1e-3, abs=1e-6 * length)


@pytest.mark.parametrize("mass", [0.5, 1.0, 1.5, 2.0, 2.5])
def test_maps_follow_their_pole(mass):
    """With a width, the density du/ds is the curve of the propagator, inside of the interval."""
    u = (np.arange(100000) + 0.5) / 100000
    pole = Pole(mass, 0.3)
    s, step = pole(u, 1.0, 4.0)
    assert step.mean() == pytest.approx(3.0, rel=1e-6)
    if 1 < mass < 2:
        curve = step / ((s - mass**2) ** 2 + 0.09 * mass**2)
        assert np.ptp(curve) < 1e-9 * curve.max()
    assert Pole(mass, 0.0)(u[:3], 2.0, 1.0)[1] == pytest.approx(np.zeros(3))  # empty


@pytest.mark.parametrize("pole", [Pole(0.0, 0.0), Pole(1.0, 0.0), Pole(1.0, 0.2)])
def test_maps_treat_points_one_by_one(pole):
    """What a point becomes depends on nothing beside it, be that closed or across the pole."""
    u = np.array([0.3, 0.4, 0.5, 0.6, 0.7])
    low = np.array([-5.0, 1.5, np.nan, 0.5, -3.0])
    high = np.array([-0.5, 2.5, np.nan, 1.5, 0.9])
    found, step = pole(u, low, high)
    for i in (0, 1, 3, 4):
        one, slope = pole(u[i : i + 1], low[i : i + 1], high[i : i + 1])
        assert (found[i], step[i]) == pytest.approx((one[0], slope[0]))
        assert low[i] <= found[i] <= high[i]
        assert step[i] > 0


@pytest.mark.parametrize(("low", "high"), [(0.9, 1.1), (0.0, 5.0), (1.0, 1.3), (0.97, 0.99)])
def test_resonances(low, high):
    """The share of a window is the integral of its curve, and masses follow the curve."""
    found = Resonance(1.0, 0.02, low, high)

    def curve(s):
        return 1 / ((s - 1) ** 2 + 0.02**2) / (2 * pi)

    points = [s for s in (0.98, 1.0, 1.02) if low**2 < s < high**2]
    assert found.share == pytest.approx(quad(curve, low**2, high**2, points=points)[0], rel=1e-6)
    for u in (0.2, 0.5, 0.9):
        mass = float(found.masses(np.array([u]))[0])
        inner = [s for s in points if s < mass**2]
        part = quad(curve, low**2, mass**2, points=inner or None)[0]
        assert part == pytest.approx(u * found.share, rel=1e-6)


GRID = (np.stack(np.meshgrid(*[(np.arange(200) + 0.5) / 200] * 2)).reshape(2, -1),)


@pytest.mark.parametrize(
    "inner", [(FLAT, FLAT), (Pole(4.0, 4.0), FLAT), (Pole(11.0, 0.1), Pole(3.0, 4.0))]
)
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("masses", [(0.0, 0.0, 0.0), (0.3, 1.0, 2.5)])
def test_three_bodies(inner, order, masses):
    """The three-body map has the volume of a closed formula, or of an integral over one mass."""
    (u,) = GRID
    listed = [np.full(u.shape[1], mass) for mass in masses]
    momenta, space = ThreeBodies(order, inner)(u, np.full(u.shape[1], SQRT_S), listed)
    expected = three_body(SQRT_S, *masses)
    if not any(masses):
        assert expected == pytest.approx(volume(3))
    assert space.mean() == pytest.approx(expected, rel=5e-3)
    assert np.allclose(sum(momenta).T, [SQRT_S, 0, 0, 0], atol=1e-7)
    for momentum, mass in zip(momenta, masses, strict=True):
        assert kinematics.invariant(momentum) == pytest.approx(mass**2, abs=1e-6)


def test_three_bodies_are_uniform():
    """Flat, squared masses of pairs have the means of a Dalitz plot that is filled evenly."""
    (u,) = GRID
    zero = np.zeros(u.shape[1])
    momenta, space = ThreeBodies((0, 1, 2), (FLAT, FLAT))(u, zero + 1.0, [zero] * 3)
    for i, j in ((0, 1), (1, 2), (0, 2)):
        pair = kinematics.invariant(momenta[i] + momenta[j])
        assert (pair * space).mean() / space.mean() == pytest.approx(1 / 3, rel=1e-3)
        assert (pair**2 * space).mean() / space.mean() == pytest.approx(1 / 6, rel=1e-3)
    closed = ThreeBodies((0, 1, 2), (FLAT, FLAT))(u, zero + 1.0, [zero + 0.4] * 3)[1]
    assert not closed.any()


LIGHT = {
    "fields": [Field("ap", "ap", 32, 3, 6.0, 3.0), Field("s", "s", 33, 1, 0.0)],
    "vertices": [
        ("ee_ap", ("e+", "e-", "ap"), "Gamma(3,2,1)", 1j),
        ("mumu_ap", ("mu+", "mu-", "ap"), "Gamma(3,2,1)", 1j),
        ("mumu_s", ("mu+", "mu-", "s"), "Identity(2,1)", 1j),
    ],
}


@pytest.mark.parametrize(
    ("chain", "n", "expected"),
    [
        ("e- e+ > mu- mu+", 2, 1),
        ("e- e+ > gamma gamma", 2, 2),  # exchanges
        ("e- e+ > gamma mu- mu+", 3, None),
        ("e- e+ > gamma gamma s s", 4, None),
        ("e- e+ > mu- mu+ s s", 4, None),
        ("e- e+ > e- e+ mu- mu+", 4, None),
        ("e- e+ > gamma gamma ap", 3, None),
        ("e- e+ > (ap > mu- mu+) gamma", 3, None),
        ("e- e+ > (ap > mu- mu+ s) gamma", 4, None),
        ("e- e+ > gamma (ap > mu- mu+) (ap > mu- mu+)", 5, None),
    ],
)
def test_channels_have_the_volume_of_phase_space(chain, n, expected):
    """Every channel of a process draws all of the massless phase space, whatever is exchanged."""
    theory = qed(1.0 if n == 5 else 0.0, 0.0, **LIGHT)  # of beams the volume knows nothing
    if chain == "e- e+ > gamma gamma s s":
        theory = qed(0.0, 0.0, fields=LIGHT["fields"], vertices=[
            ("ee_s", ("e+", "e-", "s"), "Identity(2,1)", 1j)
        ])  # fmt: skip
    tree = Tree(theory, parse_chain(chain))
    ranges = resonances(tree, Collision(SQRT_S, 1e6))
    listed = channels(tree, ranges, SQRT_S)
    rng = np.random.default_rng(4)
    keep = rng.choice(len(listed), min(len(listed), 6), replace=False)
    count = 20000
    for channel in [listed[i] for i in keep]:
        # the cells of an envelope take the steepness of the maps away, and leave means alone
        envelope = Envelope(
            lambda u, channel=channel: channel.draw(u)[1], [1] * channel.variables, rng,
            is_smooth=True,
        )  # fmt: skip
        points, own = envelope.draw(rng, count)
        momenta, weight = channel.draw(points)
        alive = weight > 0
        assert np.allclose(sum(momenta[0])[:, alive].T, [SQRT_S, 0, 0, 0], atol=1e-6)
        wanted = volume(n) if "gamma ap" not in chain else three_body(SQRT_S, 0.0, 0.0, 6.0)
        ratio = weight / own
        error = ratio.std() / np.sqrt(len(ratio))
        assert error < 0.03 * wanted
        assert ratio.mean() == pytest.approx(wanted, abs=4.5 * error + 1e-9 * wanted)
    assert expected is None or len(listed) == expected


def test_channels_take_as_many_numbers_as_they_say():
    """One row less is missed."""
    tree = Tree(qed(0.0, 0.0, **LIGHT), parse_chain("e- e+ > e- e+ mu- mu+"))
    for channel in channels(tree, {}, SQRT_S):
        assert channel.variables == 8  # 3 n - 4
        with pytest.raises(StopIteration):
            channel.draw(np.full((channel.variables - 1, 3), 0.5))


def test_shares_of_channels():
    """The share of a channel is the product of its squared propagators, the sum over all is 1."""
    tree = Tree(qed(0.0, 0.0), parse_chain("e- e+ > gamma mu- mu+"))
    listed = channels(tree, {}, SQRT_S)
    rng = np.random.default_rng(5)
    momenta, _ = listed[0].draw(rng.random((listed[0].variables, 50)))
    first, second = tree.beam_momenta(SQRT_S)
    k, p, q = momenta[0]
    pair = dot(p + q, p + q)
    expected = [
        1 / (dot(k, first) * 2 * pair) ** 2, 1 / (dot(k, second) * 2 * pair) ** 2,
        1 / (2 * dot(k, p)) ** 2, 1 / (2 * dot(k, q)) ** 2,
    ]  # fmt: skip
    found = [channel.share(momenta) for channel in listed]
    key = 7
    assert sorted(f[key] for f in found) == pytest.approx(sorted(e[key] for e in expected))
