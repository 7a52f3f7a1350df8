"""Lorentz structures, spinors and polarisations; what no amplitude can be made of is refused."""

import numpy as np
import pytest
import theories
from hypothesis import given, settings
from hypothesis import strategies as st

from mcbook.amplitudes import states
from mcbook.amplitudes.contraction import Contraction
from mcbook.amplitudes.currents import Amplitude
from mcbook.amplitudes.diagrams import Leg
from mcbook.amplitudes.lorentz import CONJUGATION, GAMMA, GAMMA5, METRIC, structure
from mcbook.amplitudes.theory import Field, Theory
from mcbook.errors import InputError
from mcbook.registry.chain import parse_chain
from mcbook.sampling.tree import Tree

FFV, VVS, FFS, SSS = (2, 2, 3), (3, 3, 1), (2, 2, 1), (1, 1, 1)
UNIT = np.eye(4)


def slash(momentum):
    """Return p-slash, shape (4, 4, n)."""
    return np.einsum("mn,mk,kij->ijn", momentum, METRIC, GAMMA)


vectors = st.lists(st.floats(-5, 5), min_size=3, max_size=3)
masses = st.floats(0.01, 3)


def on_shell(space, mass):
    """Return a momentum, shape (4, 1)."""
    return np.array([np.sqrt(np.dot(space, space) + mass**2), *space])[:, None]


def test_matrices_anticommute():
    """{gamma^m, gamma^n} = 2 g^mn, gamma5 = i g0 g1 g2 g3, as every textbook has it."""
    for m in range(4):
        for n in range(4):
            both = GAMMA[m] @ GAMMA[n] + GAMMA[n] @ GAMMA[m]
            assert np.allclose(both, 2 * METRIC[m, n] * UNIT)
    assert np.allclose(GAMMA5, 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3])


def test_conjugation():
    """C gamma^T C^-1 = -gamma, and C is antisymmetric."""
    inverse = np.linalg.inv(CONJUGATION)
    for matrix in GAMMA:
        assert np.allclose(CONJUGATION @ matrix.T @ inverse, -matrix)
    assert np.allclose(CONJUGATION.T, -CONJUGATION)


@given(vectors, masses)
@settings(max_examples=40)
def test_spinors(space, mass):
    """Dirac equation, completeness, and v = C u-bar^T."""
    momentum = on_shell(space, mass)
    plain, unit = slash(momentum), UNIT[..., None]
    size = momentum[0, 0]
    u = states.fermion(momentum, mass, is_row=False, is_incoming=True)
    u_bar = states.fermion(momentum, mass, is_row=True, is_incoming=False)
    v = states.fermion(momentum, mass, is_row=False, is_incoming=False)
    v_bar = states.fermion(momentum, mass, is_row=True, is_incoming=True)
    assert np.allclose(np.einsum("ijn,jsn->isn", plain - mass * unit, u), 0, atol=1e-12 * size**2)
    assert np.allclose(np.einsum("ijn,jsn->isn", plain + mass * unit, v), 0, atol=1e-12 * size**2)
    assert np.allclose(np.einsum("isn,jsn->ijn", u, u_bar), plain + mass * unit, atol=1e-12 * size)
    assert np.allclose(np.einsum("isn,jsn->ijn", v, v_bar), plain - mass * unit, atol=1e-12 * size)
    assert np.allclose(v, np.einsum("ij,jsn->isn", CONJUGATION, u_bar))
    assert np.allclose(u_bar, np.einsum("isn,ij->jsn", u.conj(), GAMMA[0]))


@given(vectors, masses)
@settings(max_examples=40)
def test_polarisations(space, mass):
    """Sums over polarisations: -g + p p / m^2 with a mass, 1 - k k across k without."""
    momentum = on_shell(space, mass)
    found = states.massive_vectors(momentum, mass)
    total = np.einsum("isn,jsn->ijn", found, found)
    expected = -METRIC[..., None] + momentum[:, None] * momentum[None] / mass**2
    assert np.allclose(total, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    if np.dot(space, space) < 1e-6:
        return
    light = on_shell(space, 0.0)
    found = states.massless_vectors(light)
    direction = light[1:] / light[0]
    total = np.einsum("isn,jsn->ijn", found, found)
    assert np.allclose(total[0], 0)
    expected = np.eye(3)[..., None] - direction[:, None] * direction[None]
    assert np.allclose(total[1:, 1:], expected, atol=1e-12)


def full(text, spins, momenta=None):
    """Return a structure as an array over its slots, momenta filled in."""
    found = structure(text, spins)
    shape = [1 if kind == "scalar" else 4 for kind in found.kinds]
    total = np.zeros(shape, dtype=complex)
    for entry in found.entries:
        value = entry.value
        for slot, component in entry.momenta:
            value *= momenta[slot][component]
        total[entry.slots] += value
    return total


P, Q, R = np.random.default_rng(1).normal(size=(3, 4))


@pytest.mark.parametrize(
    ("one", "other", "spins"),
    [
        ("Gamma(3,2,-1)*ProjM(-1,1) + Gamma(3,2,-1)*ProjP(-1,1)", "Gamma(3,2,1)", FFV),
        ("ProjP(2,-1)*Gamma(3,-1,1)", "Gamma(3,2,-1)*ProjM(-1,1)", FFV),
        ("2*(Identity(2,1) - ProjM(2,1)) - ProjP(2,1)", "ProjP(2,1)", FFS),
        ("Gamma5(2,-1)*Gamma5(-1,1)", "Identity(2,1)", FFS),
        ("ProjP(2,1) - ProjM(2,1)", "Gamma5(2,1)", FFS),
        ("-Identity(2,1)/-2 + Identity(2,1)*0.5", "Identity(2,1)", FFS),
        ("Gamma(-1,2,-2)*Gamma(-1,-2,1)", "4*Identity(2,1)", FFS),
        ("Gamma(-1,2,-2)*Gamma(3,-2,-3)*Gamma(-1,-3,1)", "-2*Gamma(3,2,1)", FFV),
        ("Metric(1,-1)*Metric(-1,2)", "Metric(1,2)", VVS),
        ("Epsilon(1,-1,-2,-3)*Epsilon(2,-1,-2,-3)", "-6*Metric(1,2)", VVS),
        ("Metric(1,2)*Metric(-1,-1)", "4*Metric(1,2)", VVS),
        ("P(-1,1)*P(-2,1)*Metric(-1,-2)", "P(-1,1)*P(-1,1)", SSS),
        ("(P(-1,1) + P(-1,2))*(P(-1,1) + P(-1,2))",
         "P(-1,1)*P(-1,1) + P(-1,2)*P(-1,2) + 2*P(-1,1)*P(-1,2)", SSS),
        ("P(-1,3)*Gamma(-1,2,-2)*P(-3,3)*Gamma(-3,-2,1)", "P(-1,3)*P(-1,3)*Identity(2,1)", FFS),
        ("1j*1j", "-1", SSS),
    ],
)  # fmt: skip
def test_identities(one, other, spins):
    """Sums, products, quotients and numbers obey the identities of Dirac's algebra."""
    assert np.allclose(full(one, spins, (P, Q, R)), full(other, spins, (P, Q, R)), atol=1e-12)


def test_values():
    """Structures with the arrays that they stand for: indices of vectors below, row first."""
    assert np.allclose(
        full("Gamma(3,2,1)", FFV), np.einsum("mk,kij->jim", METRIC, GAMMA)
    )  # slots: column, row, vector
    assert np.allclose(
        full("P(1,2)*P(2,1)", VVS, (P, Q, R))[..., 0], np.outer(METRIC @ Q, METRIC @ P)
    )
    square = P @ METRIC @ P
    assert full("P(-1,1)*P(-1,1)", SSS, (P, Q, R)).ravel() == pytest.approx([square])
    epsilon = full("Epsilon(1,2,-1,-2)*P(-1,1)*P(-2,2)", VVS, (P, Q, R))[..., 0]
    assert P @ epsilon == pytest.approx(np.zeros(4))
    assert abs(R @ epsilon @ (P + 2 * R)) == pytest.approx(0, abs=1e-12)
    other = np.random.default_rng(2).normal(size=4)
    determinant = np.linalg.det(np.array([R, other, P, Q]))
    assert R @ epsilon @ other == pytest.approx(-determinant)  # epsilon^0123 = 1


@pytest.mark.parametrize(
    ("text", "turned", "spins"),
    [
        ("Identity(2,1)", "Identity(2,1)", FFS),
        ("Gamma5(2,1)", "Gamma5(2,1)", FFS),
        ("Gamma(3,2,1)", "-Gamma(3,2,1)", FFV),
        ("Gamma(3,2,-1)*Gamma5(-1,1)", "Gamma(3,2,-1)*Gamma5(-1,1)", FFV),
        ("Gamma(3,2,-1)*ProjM(-1,1)", "-Gamma(3,2,-1)*ProjP(-1,1)", FFV),
    ],
)
def test_flipped_lines(text, turned, spins):
    """Run backwards S and P stay, V changes its sign, A stays: eta of Denner et al."""
    found = structure(text, spins).flipped
    total = np.zeros([4, 4, *full(text, spins).shape[2:]], dtype=complex)
    for entry in found.entries:
        total[entry.slots] += entry.value
    # there the first slot has the row
    assert np.allclose(total.swapaxes(0, 1), full(turned, spins), atol=1e-12)


@pytest.mark.parametrize("open_slot", [None, 0, 1, 2])
def test_contraction(open_slot):
    """Sums over components without those that vanish are the sums over all components."""
    rng = np.random.default_rng(3)
    text, spins = "Gamma(3,2,-1)*ProjM(-1,1) + P(3,1)*P(-1,2)*Gamma(-1,2,1)", FFV
    arrays = list(rng.normal(size=(3, 4, 5)) + 1j * rng.normal(size=(3, 4, 5)))
    momenta = {0: rng.normal(size=(4, 5)), 1: rng.normal(size=(4, 5)), 2: rng.normal(size=(4, 5))}
    contraction = Contraction(structure(text, spins), open_slot)
    letters = "abc"
    filled = [i for i in range(3) if i != open_slot]
    out = "" if open_slot is None else letters[open_slot]
    formula = ",".join(["abc", *(letters[i] for i in filled)]) + "->" + out
    given_arrays = [None if i == open_slot else a for i, a in enumerate(arrays)]
    found = contraction(given_arrays, momenta)
    for k in range(5):
        tensor = full(text, spins, [momenta[i][:, k] for i in range(3)])
        expected = np.einsum(formula, tensor, *(arrays[i][:, k] for i in filled))
        if open_slot == 2:
            expected = METRIC @ expected
        assert np.allclose(found[:, k], expected)


@pytest.mark.parametrize(
    ("text", "spins", "words"),
    [
        ("Gama(3,2,1)", FFV, "not understood"),
        ("Gamma(3,2)", FFV, "not understood"),
        ("Gamma(3,2,1.5)", FFV, "not understood"),
        ("Gamma(3,2,x)", FFV, "not understood"),
        ("Gamma(3,2,1,sign=-1)", FFV, "not understood"),
        ("Gamma(3,2,1)**2", FFV, "not understood"),
        ("Gamma(3,2,1)/Gamma(3,2,1)", FFV, "not understood"),
        ("Identity(2,1)/0", FFS, "not understood"),
        ("ufo.Gamma(3,2,1)", FFV, "not understood"),
        ("'1'", SSS, "not understood"),
        ("P(3,4)*Identity(2,1)", FFV, "not understood"),
        ("P(3,0)*Identity(2,1)", FFV, "not understood"),
        ("Gamma(3,2,", FFV, "cannot be read"),
        ("", SSS, "cannot be read"),
        ("Identity(2,1)", FFV, "leaves leg 3 out"),
        ("Gamma(3,2,1) + 1", FFV, "leaves leg 1 out"),
        ("Gamma(3,2,-1)*ProjM(-2,1)", FFV, "does not fit"),
        ("Gamma(1,2,3)", FFV, "does not"),
        ("Gamma(3,1,2)", FFV, "does not run from leg 2 to leg 1"),
        ("P(3,1)*Identity(2,1)", FFV, "odd number of momenta"),
        ("Metric(1,2)*Metric(1,2)", VVS, "does not fit"),
        ("Gamma(3,2,1)*Identity(-1,-1)*Metric(4,4)", FFV, "does not fit"),
        ("Gamma(-1,2,1)*Identity(-1,-2)*Gamma(3,-2,-3)*Identity(-3,-4)", FFV, "does not fit"),
        ("Identity(2,1)", SSS, "does not fit"),
        ("Metric(1,2) - Metric(1,2)", VVS, None),
        ("0", SSS, "is zero"),
        ("Metric(1,2)", (3, 3, 5), "leg of spin 2"),
        ("Gamma(3,2,1)", (2, 4, 3), "leg of spin 1.5"),
    ],
)
def test_strange_structures(text, spins, words):
    """What is not understood is refused in words, never taken for something else."""
    if words is None:
        assert np.allclose(full(text, spins), 0)
        return
    with pytest.raises(InputError, match=words):
        structure(text, spins)


def test_misspelt_tensor():
    """A name that is nearly right is told."""
    with pytest.raises(InputError) as error:
        structure("Gama(3,2,1)", FFV)
    assert error.value.hint == "did you mean 'Gamma'?"


FIELDS = [
    Field("e-", "e+", 11, 2, 0.0), Field("mu-", "mu+", 13, 2, 0.1), Field("a", "a", 22, 3, 0.0),
    Field("h", "h", 25, 1, 1.0), Field("n", "n", 52, 2, 0.2),
]  # fmt: skip


@pytest.mark.parametrize(
    ("particles", "text", "words"),
    [
        (("h", "h", "h", "h"), "1", "has 4 legs"),
        (("e+", "e-"), "Identity(2,1)", "has 2 legs"),
        (("e+", "e-", "z"), "Gamma(3,2,1)", "'z' that is not there"),
        (("n", "e-", "a"), "Gamma(3,2,1)", "joins a Majorana and a Dirac fermion"),
        (("h", "e+", "e-"), "Identity(3,2)", "two fermions first"),
        (("e+", "h", "h"), "Gamma5(1,-1)", "has 1 fermions"),
    ],
)
def test_vertices_that_cannot_be_computed(particles, text, words):
    """Vertices with other legs are refused when the theory is made."""
    with pytest.raises(InputError, match=words):
        Theory(FIELDS, [("odd", particles, text, 1j)])


VERTICES = [
    ("ee", ("e+", "e-", "a"), "Gamma(3,2,1)", 0.3j),
    ("nn", ("n", "n", "h"), "Identity(2,1)", 0.3j),
    ("aah", ("a", "a", "h"), "Metric(1,2)", 0.3j),
]


def test_two_majorana_lines():
    """More than one Majorana line is refused, and MadGraph named."""
    legs = [Leg("e-", is_incoming=True), Leg("e+", is_incoming=True), *[Leg("n")] * 4]
    with pytest.raises(InputError, match=r"4 Majorana fermions meet in e- e\+ > n n n n") as error:
        Amplitude(Theory(FIELDS, VERTICES), legs)
    assert "MadGraph" in error.value.hint


@pytest.mark.parametrize("chain", ["e- e+ > mu- mu+", "e- e+ > h", "e- e+ > a n", "e- e- > a a"])
def test_no_diagram(chain):
    """Where nothing joins the particles, charges or fermions, that is said."""
    with pytest.raises(InputError, match=r"no diagram leads from e- e[-+] to"):
        Tree(Theory(FIELDS, VERTICES), parse_chain(chain))


def test_decay_of_one_particle_is_no_collision():
    """Chains of a single particle are left to EvtGen."""
    with pytest.raises(InputError, match="decay of a single particle") as error:
        Tree(Theory(FIELDS, VERTICES), parse_chain("h > a a"))
    assert "EvtGen" in error.value.hint
    with pytest.raises(InputError, match="'b' that is not there"):
        Tree(Theory(FIELDS, VERTICES), parse_chain("e- e+ > (h > b b) a"))


def test_helpers_decay_as_they_should():
    """Momenta that tests use are on their mass shells, and conserved."""
    found = theories.scattering(np.random.default_rng(1), (0.1, 0.2), (0.5, 0.3, 1.0), 10)
    for momentum, mass in zip(found, (0.1, 0.2, 0.5, 0.3, 1.0), strict=True):
        assert theories.dot(momentum, momentum) == pytest.approx(mass**2, abs=1e-11)
    assert np.allclose(sum(found[:2]), sum(found[2:]))


@pytest.mark.parametrize(
    ("text", "left", "spin"),
    [
        ("Gamma(3,2,-1)*Gamma5(-1,1)", "Gamma(3,2,-1)*Gamma5(-1,1)", 3),
        ("Gamma(3,2,-1)*ProjM(-1,1)", "-Gamma(3,2,-1)*Gamma5(-1,1)/2", 3),
        ("Identity(2,1)", "Identity(2,1)", 1),
        ("Identity(2,1) + 2*Gamma5(2,1)", "Identity(2,1) + 2*Gamma5(2,1)", 1),
    ],
)
def test_what_a_majorana_fermion_has_with_itself(text, left, spin):
    """S, P and A stay, V goes: the sign of its current under C is minus."""
    spins = (2, 2, spin)
    found, expected = structure(text, spins).for_one_majorana(), structure(left, spins)
    total = np.zeros((2, *([4] * 2), 4 if spin == 3 else 1), dtype=complex)
    for number, one in enumerate((found, expected)):
        for entry in one.entries:
            total[(number, *entry.slots)] += entry.value
    assert np.allclose(total[0], total[1])


def test_a_majorana_fermion_has_no_vector_current():
    """Its vertex with itself is refused, and that of two different ones is not."""
    fields = [Field(name, name, i, 2, 1.0) for i, name in enumerate("no", start=1)]
    fields.append(Field("x", "x", 3, 3, 1.0))
    Theory(fields, [("two", ("n", "o", "x"), "Gamma(3,2,1)", 1j)])
    with pytest.raises(InputError, match="its own opposite"):
        Theory(fields, [("one", ("n", "n", "x"), "Gamma(3,2,1)", 1j)])


def test_two_particles_of_one_name_are_refused():
    """A name stands for one particle."""
    with pytest.raises(InputError, match="two particles 'x'"):
        Theory([Field("x", "x", 1, 1, 1.0), Field("x", "x", 2, 1, 2.0)], [])
