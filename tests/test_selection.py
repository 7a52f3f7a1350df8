"""From generated events to the laboratory, and which of them lie in the detector."""

import math

import numpy as np
import pytest

from mcbook.errors import InputError, WorkError
from mcbook.lhe.momenta import Momenta
from mcbook.selection.acceptance import Thresholds, accepted
from mcbook.selection.frames import beams, boost, in_laboratory, sqrt_s, to_laboratory

HALF = 0.083 / 2
E_CMS = 5.2895


def events(*finals, along=1.0, count=None):
    """Return events with two beams and final particles: PDG id and momentum (4, n) of each."""
    count = count or finals[0][1].shape[1]
    beam = np.outer([0, 0, along * E_CMS, E_CMS], np.ones(count))
    rows = [(11, -1, beam), (-11, -1, beam * [[1], [1], [-1], [1]])]
    rows += [(code, 1, momentum) for code, momentum in finals]
    n = len(rows)
    momenta = np.stack([row[2] for row in rows], axis=2).reshape(4, -1)
    return Momenta(
        count, np.repeat(np.arange(count), n), np.tile([row[0] for row in rows], count),
        np.tile([row[1] for row in rows], count), np.zeros((n * count, 2), dtype=int),
        *momenta, np.zeros(n * count), np.zeros(n * count),
    )  # fmt: skip


def light(cos, phi, energy):
    """Return massless momenta, shape (4, n)."""
    sin = np.sqrt(1 - cos**2)
    return energy * np.stack([sin * np.cos(phi), sin * np.sin(phi), cos, np.ones_like(cos)])


def angle(momentum):
    """Return the polar angle [deg] of momenta."""
    return np.degrees(np.arctan2(np.hypot(momentum[0], momentum[1]), momentum[2]))


def isotropic(count, energy, seed=1):
    """Return massless momenta in all directions."""
    rng = np.random.default_rng(seed)
    return light(rng.uniform(-1, 1, count), rng.uniform(0, 2 * np.pi, count), energy)


def test_energy_of_the_collision():
    """Massless beams: s = 2 E1 E2 (1 + cos 83 mrad); it is the mass of the Upsilon(4S)."""
    by_hand = math.sqrt(2 * 7.007 * 4.0 * (1 + math.cos(0.083)))
    assert sqrt_s() == pytest.approx(by_hand, rel=1e-7)
    assert sqrt_s() == pytest.approx(10.5794, abs=0.0012)  # PDG 2024: 10579.4 +- 1.2 MeV


def test_boost_of_the_machine():
    """The boost is the one of the machine: beta gamma = 0.287 (arXiv:1808.10567)."""
    total = np.add(*beams())
    momentum = math.hypot((7.007 + 4) * math.sin(HALF), (7.007 - 4) * math.cos(HALF))
    assert np.hypot(total[0], total[2]) == pytest.approx(momentum, rel=1e-7)
    assert momentum / sqrt_s() == pytest.approx(0.287, abs=0.001)


def test_beams_come_out_as_they_are():
    """Electron and positron in the centre-of-mass system are the beams in the laboratory."""
    mass = 0.51099895e-3
    momentum = math.sqrt(sqrt_s() ** 2 / 4 - mass**2)
    for side, energy in ((1, 7.007), (-1, 4.000)):
        found = to_laboratory() @ [0, 0, side * momentum, sqrt_s() / 2]
        assert found[3] == pytest.approx(energy, rel=1e-12)
        wanted = np.array([math.sin(HALF), 0, side * math.cos(HALF)])
        assert found[:3] / np.linalg.norm(found[:3]) == pytest.approx(wanted, abs=1e-12)


def test_it_is_a_lorentz_transformation():
    """Products of momenta stay, orientation and direction of time too."""
    metric = np.diag([-1.0, -1, -1, 1])
    for matrix in (
        boost(np.array([0.1, -0.3, 0.5])), to_laboratory(), to_laboratory(is_electron_along_z=False)
    ):  # fmt: skip
        assert matrix.T @ metric @ matrix == pytest.approx(metric, abs=1e-12)
        assert np.linalg.det(matrix) == pytest.approx(1)
        assert matrix[3, 3] >= 1


@pytest.mark.parametrize("along", [1.0, -1.0])
def test_the_electron_says_where_z_is(along):
    """Events whose electron flies along -z are turned, not mirrored."""
    muon = light(np.array([along]), np.zeros(1), E_CMS)
    found = in_laboratory(events((13, muon), along=along))
    assert found[:, 2] == pytest.approx(found[:, 0])  # with the electron
    assert found[3, 0] == pytest.approx(7.007 * 2 * E_CMS / sqrt_s(), rel=1e-6)


def test_no_beams():
    """Events without an electron along z cannot be taken to the laboratory."""
    muon = isotropic(3, 2.0)
    good = events((13, muon))
    sides = np.array([1, 1, 1] * 2 + [-1] * 3)
    for change in ({"pdg": good.pdg * 2}, {"pz": good.pz * sides}, {"px": good.px + 1}):
        given = {name: getattr(good, name) for name in Momenta.__slots__} | change
        with pytest.raises(WorkError, match="no beam of electrons along z"):
            accepted(Momenta(**given))


def test_photons_in_all_directions():
    """In the laboratory a share (1/2) [u] of isotropic light lies between two angles.

    For light u' = (u - beta) / (1 - beta u), from the axis of the boost. That axis lies at the
    angle a to the solenoid: for a ring around the solenoid the mean over its azimuth is taken.
    """
    total = np.add(*beams())
    beta = np.linalg.norm(total[:3]) / total[3]
    tilt = math.atan2(total[0], total[2])
    # dOmega' / dOmega = (1 - beta^2) / (1 - beta cos(n, boost))^2 for the direction n in the lab
    theta = np.radians(np.linspace(12.4, 155.1, 4001))
    phi = np.linspace(0, 2 * np.pi, 721)[:-1]
    cosine = np.cos(theta)[:, None] * math.cos(tilt) + (
        np.sin(theta)[:, None] * np.cos(phi) * math.sin(tilt)
    )
    density = ((1 - beta**2) / (1 - beta * cosine) ** 2).mean(axis=1) * np.sin(theta) / 2
    wanted = np.trapezoid(density, theta)
    count = 400_000
    found = accepted(events((22, isotropic(count, 2.0))), Thresholds(min_energy=0)).mean()
    assert found == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / count))


def test_a_threshold_of_energy():
    """Isotropic light of one energy has flat energies after a boost: gamma E (1 +- beta)."""
    total = np.add(*beams())
    gamma = total[3] / sqrt_s()
    size = math.sqrt(gamma**2 - 1)
    energy, count = 1.0, 400_000
    low, high = energy * (gamma - size), energy * (gamma + size)
    cut = 0.5 * (low + high)
    photons = events((22, isotropic(count, energy)))
    lab = in_laboratory(photons)[:, 2::3]
    wanted = (lab[3] > cut) & (angle(lab) > 12.4) & (angle(lab) < 155.1)
    assert lab[3].min() == pytest.approx(low, rel=1e-3)
    assert lab[3].max() == pytest.approx(high, rel=1e-3)
    assert (lab[3] > cut).mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(count))
    assert np.array_equal(accepted(photons, Thresholds(min_energy=cut)), wanted)


def pairs(count):
    """Return pairs of muons, back to back with 1 + cos^2 theta."""
    rng = np.random.default_rng(3)
    cos = rng.uniform(-1, 1, 4 * count)
    cos = cos[rng.uniform(0, 2, len(cos)) < 1 + cos**2][:count]
    one = light(cos, rng.uniform(0, 2 * np.pi, count), E_CMS)
    return events((13, one), (-13, one * [[-1], [-1], [-1], [1]]))


def test_pairs_of_muons():
    """An event is in if both tracks are."""
    count = 50_000
    tracks = in_laboratory(pairs(count)).reshape(4, count, 4)[:, :, 2:]
    inside = (angle(tracks) > 17) & (angle(tracks) < 150) & (np.hypot(*tracks[:2]) > 0.1)
    assert np.array_equal(accepted(pairs(count)), inside.all(axis=1))


def test_pairs_without_crossing_angle(monkeypatch):
    """Beams that meet head on: the angles of the detector are boosted to limits on |cos theta|."""
    monkeypatch.setattr("mcbook.selection.frames.CROSSING_RAD", 0.0)
    beta = (7.007 - 4) / (7.007 + 4)
    cosines = [math.cos(math.radians(x)) for x in (17, 150)]
    edge = min(abs((u - beta) / (1 - beta * u)) for u in cosines)
    wanted = (edge + edge**3 / 3) / (1 + 1 / 3)
    count = 400_000
    error = math.sqrt(wanted * (1 - wanted) / count)
    assert accepted(pairs(count)).mean() == pytest.approx(wanted, abs=4 * error)


def test_what_is_looked_at():
    """Neutral particles are not, and every track of an event must be there."""
    inside = light(np.array([0.0]), np.zeros(1), 2.0)
    outside = light(np.array([0.999]), np.zeros(1), 2.0)
    for code in (9900026, 12, 130, 2112):
        assert accepted(events((13, inside), (code, outside))).all()
    for code in (11, -13, 211, -321, 2212, 22):
        assert not accepted(events((13, inside), (code, outside))).any()
        assert accepted(events((code, inside))).all()
    soft = light(np.array([0.0]), np.array([np.pi / 2]), 0.09)
    assert not accepted(events((13, soft))).any()
    assert accepted(events((13, soft)), Thresholds(min_pt=0.08)).all()
    assert accepted(events((22, soft)), Thresholds(min_energy=0.08)).all()


def test_refusals():
    """Taus have to be decayed before one can say what is seen; thresholds are no negative ones."""
    with pytest.raises(WorkError, match="not decayed: PDG 15"):
        accepted(events((15, isotropic(2, 3.0))))
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError, match="min_pt"):
            Thresholds(min_pt=wrong)
