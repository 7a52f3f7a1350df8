"""Recoil kinematics against numbers from elsewhere, and against momentum balance of events."""

import numpy as np
import pytest
import theories
from hypothesis import given, settings
from hypothesis import strategies as st

from mcbook.errors import InputError
from mcbook.selection import kinematics as kin
from mcbook.selection.frames import beams, boost, sqrt_s, to_laboratory

SQRT_S = 10.58
M_MU = 0.1056583755


def lab(momentum):
    """Return momenta of the centre-of-mass system, px, py, pz, E, in the laboratory."""
    return to_laboratory() @ np.asarray(momentum, dtype=float)


def pair(mass, energy):
    """Return a system of a mass and an energy in the centre-of-mass system, shape (4, 1)."""
    along = np.sqrt(energy**2 - mass**2) * np.array([0.36, -0.48, 0.8])
    return lab(np.append(along, energy)[:, None])


def particles(count=500, seed=1, mass=M_MU):
    """Return momenta of all sizes and directions in the laboratory, shape (4, n)."""
    rng = np.random.default_rng(seed)
    vector = rng.standard_normal((3, count)) * rng.uniform(0.1, 3, count)
    return np.concatenate([vector, np.sqrt((vector**2).sum(axis=0) + mass**2)[None]])


@pytest.mark.parametrize(("energy", "wanted"), [(5.0, 7.136), (5.5, -3.444)])
def test_recoil_mass_keeps_its_sign(energy, wanted):
    """Two values by hand: 10.58^2 + 1 - 2 x 10.58 x E."""
    found = kin.recoil_mass_squared([pair(1.0, energy)], sqrt_s=SQRT_S)
    assert found == pytest.approx([wanted], abs=5e-4)
    assert found == pytest.approx([SQRT_S**2 + 1 - 2 * SQRT_S * energy], rel=1e-12)


def test_recoil_is_what_is_missing():
    """Formula and four-vector agree, whatever the energy of the collision; a sum is a sum."""
    seen = [particles(seed=1), particles(seed=2), particles(seed=3)]
    for energy in (None, SQRT_S, 9.46):
        x, y, z, e = kin.recoil(seen, sqrt_s=energy)
        by_hand = e**2 - x**2 - y**2 - z**2
        assert kin.recoil_mass_squared(seen, sqrt_s=energy) == pytest.approx(by_hand, abs=1e-11)
    together = kin.recoil_mass_squared([sum(seen)])
    assert kin.recoil_mass_squared(seen) == pytest.approx(together, abs=1e-11)
    nothing = np.zeros((4, 1))
    assert kin.recoil_mass_squared([nothing], sqrt_s=7.0) == pytest.approx([49.0])
    assert kin.recoil_angle([nothing], frame="cms") == pytest.approx([0.0], abs=np.pi)
    boosted = kin.recoil([nothing])[:, 0]
    assert boosted == pytest.approx(np.add(*beams()))
    assert kin.recoil_energy([nothing], frame="cms") == pytest.approx([sqrt_s()])


def test_centre_of_mass_system():
    """Beams meet head-on along z, electrons along +z; the boost is the sum over the energy."""
    electron, positron = (kin.to_cms(beam[:, None])[:, 0] for beam in beams())
    assert electron[:3] + positron[:3] == pytest.approx([0, 0, 0], abs=1e-12)
    assert electron[2] == pytest.approx(sqrt_s() / 2, rel=1e-7)
    assert electron[:2] == pytest.approx([0, 0], abs=1e-12)
    seen = particles()
    total = np.add(*beams())
    assert kin.energy([seen], frame="cms") == pytest.approx(
        (total[3] * seen[3] - total[:3] @ seen[:3]) / sqrt_s()
    )
    assert kin.to_cms(lab(seen)) == pytest.approx(seen, abs=1e-12)
    assert kin.transverse_momentum([lab(seen)], frame="cms") == pytest.approx(
        np.hypot(seen[0], seen[1])
    )


@settings(max_examples=30)
@given(st.tuples(*[st.floats(-0.55, 0.55)] * 3))
def test_invariants_do_not_depend_on_the_frame(velocity):
    """Masses of one and of two particles stay under boosts."""
    matrix = boost(np.array(velocity) + 1e-6)
    seen = [particles(50, seed=1), particles(50, seed=2, mass=1.0)]
    moved = [matrix @ each for each in seen]
    assert kin.mass_squared(moved) == pytest.approx(kin.mass_squared(seen), rel=1e-9)
    assert kin.mass(moved[1:]) == pytest.approx(np.ones(50), rel=1e-9)


def test_momentum_balance_of_generated_events():
    """Where the generator makes a Z' the muons recoil against its mass, angle and momentum."""
    mass = 2.5
    theory, process, collision, _ = theories.point("zprime", "mumu_inv", m_zp=mass)
    (chain,) = process.chains()
    nodes, _ = theories.draw((theory, chain, collision), 400, seed=3)
    names = [node.particle for node in chain.walk()]
    found = dict(zip(names, nodes[:, [1, 2, 3, 0]], strict=True))
    muons = [lab(found[name]) for name in names if name.startswith("mu")][:2]
    z_prime = lab(found["zp"])
    assert kin.recoil_mass_squared(muons, sqrt_s=SQRT_S) == pytest.approx(
        np.full(400, mass**2), abs=1e-8
    )
    assert kin.recoil_momentum(muons, sqrt_s=SQRT_S) == pytest.approx(
        np.linalg.norm(z_prime[:3], axis=0), abs=1e-9
    )
    for frame, seen in (("lab", z_prime), ("cms", found["zp"])):
        by_hand = np.arccos(seen[2] / np.linalg.norm(seen[:3], axis=0))
        angle = kin.recoil_angle(muons, frame=frame, sqrt_s=SQRT_S)
        assert angle == pytest.approx(by_hand, abs=1e-6)
    to_itself = kin.recoil_separation([*muons, z_prime], sqrt_s=SQRT_S)
    assert to_itself == pytest.approx(np.zeros(400), abs=1e-7)
    apart = kin.recoil_separation([*muons, muons[0]], frame="cms", sqrt_s=SQRT_S)
    first, second = (kin.to_cms(each)[:3] for each in muons)
    cosine = -((first + second) * first).sum(axis=0)
    cosine /= np.linalg.norm(first + second, axis=0) * np.linalg.norm(first, axis=0)
    assert np.cos(apart) == pytest.approx(cosine, abs=1e-9)
    # at the nominal energy of the beams the peak is where the docstring says
    shift = kin.recoil_mass_squared(muons) - mass**2
    wanted = 2 * (sqrt_s() - SQRT_S) * kin.recoil_energy(muons, frame="cms")
    assert shift == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-9, 1e-5, 0.3, np.pi / 2, 3.1, np.pi - 1e-9])
def test_opening_angles_are_exact(angle):
    """Also where the arc cosine of the same is 0 or off by 1e-8."""
    first = np.array([[0.0], [0.0], [2.0], [2.0]])
    second = 0.7 * np.array([[0.0], [np.sin(angle)], [np.cos(angle)], [1.0]])
    found = kin.opening_angle([first, second])
    assert found == pytest.approx([angle], rel=1e-7, abs=1e-25)


def test_back_to_back_in_one_frame_only():
    """e+e- -> mu+mu- opens by pi in the centre-of-mass system and by less in the laboratory."""
    x = np.array([[1.0], [2.0], [3.0], [np.sqrt(14 + M_MU**2)]])
    muons = [lab(x), lab(x * [[-1], [-1], [-1], [1]])]
    assert kin.opening_angle(muons, frame="cms") == pytest.approx([np.pi], abs=1e-12)
    assert kin.opening_angle(muons)[0] < 3.0
    photons = [np.array([[0.0], [0.0], [side], [1.0]]) for side in (1.0, -1.0)]
    assert kin.opening_angle(photons) == pytest.approx([np.pi])


@pytest.mark.parametrize("frame", ["cms", "lab"])
def test_helicity_angle(frame):
    """It is the angle that a pair was made with, about its direction of flight, in its frame."""
    rng = np.random.default_rng(4)
    count, mass = 300, 1.3
    angle, phi = np.arccos(rng.uniform(-1, 1, count)), rng.uniform(0, 2 * np.pi, count)
    size = np.sqrt(mass**2 / 4 - M_MU**2)
    at_rest = size * np.stack([
        np.sin(angle) * np.cos(phi), np.sin(angle) * np.sin(phi), np.cos(angle)
    ])  # fmt: skip
    energy = np.full((1, count), mass / 2)
    moved = boost(np.array([0.0, 0.0, 0.83]))
    first = moved @ np.concatenate([at_rest, energy])
    second = moved @ np.concatenate([-at_rest, energy])
    turn = np.linalg.qr(rng.standard_normal((3, 3)))[0]  # the flight in any direction
    seen = [np.concatenate([turn @ each[:3], each[3:]]) for each in (first, second)]
    seen = [lab(each) for each in seen] if frame == "cms" else seen
    assert kin.helicity_angle(seen, frame=frame) == pytest.approx(angle, abs=1e-7)
    assert kin.helicity_angle(seen[::-1], frame=frame) == pytest.approx(np.pi - angle, abs=1e-7)


def test_helicity_angle_of_events_that_have_none():
    """A pair at rest has no direction of flight, one without mass no rest frame."""
    x = np.array([[1.0], [0.0], [0.0], [1.0]])
    at_rest = [lab(x), lab(x * [[-1], [1], [1], [1]])]
    assert np.isnan(kin.helicity_angle(at_rest)).all()
    assert np.isfinite(kin.helicity_angle(at_rest, frame="lab")).all()
    assert np.isnan(kin.helicity_angle([x, np.zeros((4, 1))])).all()


def test_photon_of_two_bodies():
    """E = (s - m^2) / (2 sqrt(s)): values by hand, the inverse, the slope, and momentum balance."""
    masses = np.array([0.0, 1.0, 5.0, 8.0])
    energies = kin.photon_energy(masses, sqrt_s=SQRT_S)
    assert energies == pytest.approx([5.290, 5.2427, 4.1085, 2.2654], abs=6e-5)
    assert kin.mass_squared_of_photon(energies, sqrt_s=SQRT_S) == pytest.approx(masses**2, abs=1e-9)
    photon = lab([0 * energies, energies * 0.6, energies * 0.8, energies])
    found = kin.recoil_mass_squared([photon], sqrt_s=SQRT_S)
    assert found == pytest.approx(masses**2, abs=1e-9)
    step = 1e-5
    heavier, lighter = kin.photon_energy([5 + step, 5 - step], sqrt_s=SQRT_S)
    slope = kin.mass_per_photon_energy(5.0, sqrt_s=SQRT_S)
    assert float(slope) == pytest.approx(2 * step / (heavier - lighter), rel=1e-7)
    assert kin.mass_per_photon_energy(0.0) == -np.inf
    assert np.isnan(kin.photon_energy([10.6, -1.0, np.nan])).all()
    assert kin.photon_energy(0.0) == pytest.approx(sqrt_s() / 2)


def test_what_a_column_can_name():
    """All kinds give one number for each event and say which keywords they take."""
    seen = [particles(7, seed=1), particles(7, seed=2)]
    for kind in (*kin.PAIR.values(), *kin.RECOIL.values()):
        assert kind(seen).shape == (7,)
        assert kind([each.astype("f4") for each in seen]).dtype == np.float64
        assert kind([each[:, :0] for each in seen]).shape == (0,)
        if "frame" in kin.options(kind):
            with pytest.raises(InputError, match="'cns' is no frame") as caught:
                kind(seen, frame="cns")
            assert caught.value.hint == "did you mean 'cms'?"
    assert kin.options(kin.RECOIL["mass_squared"]) == {"sqrt_s"}
    assert kin.options(kin.RECOIL["angle"]) == {"frame", "sqrt_s"}
    assert kin.options(kin.PAIR["mass"]) == set()
    assert set(kin.UNITS) == {*kin.PAIR, *kin.RECOIL}


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        (lambda _: kin.mass([]), "at least one momentum"),
        (lambda p: kin.mass([p[:3]]), r"shape \(4, n\), not \(3, 2\)"),
        (lambda p: kin.opening_angle([p]), "an opening angle is between two momenta, not 1"),
        (lambda p: kin.helicity_angle([p, p, p]), "between two momenta, not 3"),
        (lambda p: kin.recoil_separation([p]), "at least two momenta"),
        (lambda p: kin.recoil_mass_squared([p], sqrt_s=-1.0), "sqrt_s is -1 GeV"),
    ],
)
def test_what_cannot_be(call, wanted):
    """Wrong numbers of momenta and wrong shapes are told."""
    with pytest.raises(InputError, match=wanted):
        call(particles(2))
