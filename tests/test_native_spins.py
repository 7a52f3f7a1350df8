"""Spins of fermions that decay: correlations of a pair, against closed formulas and both ways.

A scalar boson with the coupling cos(a) + i sin(a) gamma5 makes a pair f f~ whose spins, along
common axes with z along f, have C_zz = -1, C_xx = C_yy = cos 2b, |C_xy| = |C_yx| = sin 2b, with
tan b = tan a / beta: the amplitude of a scalar is a p-wave. Where
n of f -> n x~ goes along the spin with an analysing power alpha, and n~ with -alpha, the mean of
n_i n~_j is -alpha^2 C_ij / 9. As for h -> tau tau -> pi nu pi nu: S. Berge et al., Phys. Rev. Lett.
100, 171605 (2008).
"""

import numpy as np
import pytest
from theories import SQRT_S, dot, draw

from mcbook.amplitudes.theory import Field, Theory
from mcbook.registry.chain import parse_chain
from mcbook.sampling.kinematics import to_rest
from mcbook.sampling.tree import Collision

METHODS = {"cascade": 150000, "channels": 20000}
DIRECT = "e- e+ > v (s > (f > n x~) (f~ > n~ x))"
LONG = "e- e+ > v (s > (f > (g > n x~) x~) (f~ > n~ x))"
LATE = "e- e+ > v (s > (f~ > n~ x) (f > (g > n x~) x~))"


def theory_of(angle):
    """Return a theory of such a scalar; decays of fermions are chiral."""
    c, s = np.cos(angle), np.sin(angle)
    fields = [
        Field("e-", "e+", 11, 2, 0.0), Field("v", "v", 74, 3, 3.0), Field("x", "x~", 72, 1, 0.1),
        Field("s", "s", 73, 1, 5.0, 1e-5), Field("f", "f~", 70, 2, 2.0, 1e-6),
        Field("g", "g~", 75, 2, 1.5, 1e-6), Field("n", "n~", 71, 2, 0.0),
    ]  # fmt: skip
    vertices = [
        ("ee_v", ("e+", "e-", "v"), "Gamma(3,2,1)", 1j),
        ("v_v_s", ("v", "v", "s"), "Metric(1,2)", 1j),
        ("ff_s", ("f~", "f", "s"), f"{c}*Identity(2,1) + {s}j*Gamma5(2,1)", 1j),
        ("f_n", ("n~", "f", "x"), "ProjM(2,1)", 1j),
        ("f_n_back", ("f~", "n", "x~"), "ProjP(2,1)", 1j),
        ("f_g", ("f~", "g", "x~"), "ProjP(2,1)", 1j),
        ("g_n", ("g~", "n", "x~"), "ProjP(2,1)", 1j),
    ]
    return Theory(fields, vertices)


def unit(momentum):
    """Return the direction of a momentum, (3, n)."""
    return momentum[1:] / np.sqrt((momentum[1:] ** 2).sum(axis=0))


def at_rest(momentum, *frames):
    """Return the direction of a momentum after boosts to the rest of one frame after the other."""
    frames = list(frames)
    while frames:
        frame = frames.pop(0)
        mass = np.sqrt(dot(frame, frame))
        momentum = to_rest(momentum, frame, mass)
        frames = [to_rest(other, frame, mass) for other in frames]
    return unit(momentum)


def correlations(text, angle, method):
    """Return n_z n~_z, n_x n~_x + n_y n~_y and n_x n~_y - n_y n~_x of events, each (n,)."""
    chain = parse_chain(text)
    what = theory_of(angle), chain, Collision(SQRT_S, 50.0)
    nodes, _ = draw(what, METHODS[method], method=method, seed=31)
    names = [node.particle for node in chain.walk()]
    by = {name: nodes[i] for i, name in enumerate(names)}
    between = [by["g"]] if "g" in by else []
    one = at_rest(by["n"], by["s"], by["f"], *between)
    other = at_rest(by["n~"], by["s"], by["f~"])
    axis = at_rest(by["f"], by["s"])
    along = (one * axis).sum(axis=0) * (other * axis).sum(axis=0)
    product = (one * other).sum(axis=0)
    twist = (np.cross(one, other, axis=0) * axis).sum(axis=0)
    return along, product - along, twist


def mean(values):
    """Return a mean and its error."""
    return values.mean(), values.std() / np.sqrt(len(values))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("angle", [0.0, np.pi / 2, 0.4])
def test_pair_of_a_boson(angle, method):
    """Scalar, pseudoscalar and a mixture, with analysing power 1."""
    twice = 2 * np.arctan2(np.sin(angle), 0.6 * np.cos(angle))  # beta of 2 GeV in pairs of 5 GeV
    along, across, twist = (mean(values) for values in correlations(DIRECT, angle, method))
    assert along[0] == pytest.approx(1 / 9, abs=4 * along[1])
    assert across[0] == pytest.approx(-2 / 9 * np.cos(twice), abs=4 * across[1])
    assert abs(twist[0]) == pytest.approx(2 / 9 * np.sin(twice), abs=4 * twist[1])


@pytest.mark.parametrize("text", [DIRECT, LONG, LATE])
def test_signs_that_no_formula_gives_here(text):
    """Both ways to draw agree in the sign of the twist, and in a chain of two decays."""
    cascade, channels = (correlations(text, 0.4, method) for method in METHODS)
    for one, other in zip(cascade, channels, strict=True):
        (a, da), (b, db) = mean(one), mean(other)
        assert a == pytest.approx(b, abs=4 * np.hypot(da, db))
    assert abs(mean(cascade[2])[0]) > 8 * mean(cascade[2])[1]
    assert abs(mean(channels[2])[0]) > 8 * mean(channels[2])[1]
