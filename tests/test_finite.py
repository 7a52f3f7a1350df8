"""Cross sections that are not finite are told, and finite ones are not."""

import numpy as np
import pytest
import theories
from theories import SQRT_S

from mcbook.amplitudes.theory import Field
from mcbook.errors import InputError
from mcbook.registry.chain import parse_chain
from mcbook.sampling.finite import why_infinite
from mcbook.sampling.sources import sources
from mcbook.sampling.tree import Collision, Tree

CUT = {"gamma_cos_theta_max": 0.9, "gamma_e_min": 0.1}


def dark():
    """Return QED of electrons and muons with a massive vector x."""
    vertices = [
        (f"{name}_x", (f"{name}+", f"{name}-", "x"), theories.VECTOR, 0.1j) for name in ("e", "mu")
    ]
    return theories.qed(vertices=vertices, fields=[Field("x", "x", 99, 3, 3.0, 0.1)])


@pytest.mark.parametrize(
    ("chain", "cuts", "why"),
    [
        ("e- e+ > e- e+", {}, "exchange of gamma"),
        ("e- mu+ > e- mu+", {}, "exchange of gamma"),
        ("e- e+ > mu- mu+", {}, ""),
        ("e- e+ > gamma gamma", {}, ""),
        ("e- e+ > gamma x", {}, ""),
        ("e- e+ > gamma x", CUT, ""),
        ("e- e+ > gamma mu- mu+", {}, "soft gamma beside mu- mu+"),
        ("e- e+ > gamma mu- mu+", CUT, ""),
        ("e- e+ > gamma gamma x", {}, "soft gamma"),
        ("e- e+ > gamma gamma x", CUT, ""),
        ("e- e+ > gamma (x > mu- mu+ gamma)", CUT, "soft gamma beside mu- mu+"),
        ("e- e+ > gamma (x > mu- mu+)", CUT, ""),
        ("e- e+ > mu- mu+ x", {}, ""),
        ("e- e+ > e- e+ mu- mu+", {}, ""),
    ],
)
def test_what_has_no_end(chain, cuts, why):
    """Forward exchanges of photons, and soft photons off lines on their mass."""
    tree = Tree(dark(), parse_chain(chain))
    collision = Collision(SQRT_S, 15.0, cuts)
    found = why_infinite(tree, collision)
    assert why in found
    assert bool(found) == bool(why)
    if why:
        with pytest.raises(InputError, match="no finite cross section"):
            sources(0, tree, collision, np.random.default_rng(1))
