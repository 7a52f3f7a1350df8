"""The fast simulation: resolutions, efficiencies and acceptance are those that its file states."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from mcbook.errors import InputError, WorkError
from mcbook.lhe.momenta import Momenta
from mcbook.selection.acceptance import Thresholds, accepted
from mcbook.selection.frames import beams, in_laboratory
from mcbook.selection.smeared import smear
from mcbook.selection.smearing import (
    ExtraSettings,
    PhotonSettings,
    Smearing,
    TrackSettings,
    find_photons,
    find_tracks,
)
from mcbook.selection.smearingfile import read_smearing, settings_of

E_CMS = 5.29
MUON = 0.1056583755
ALL = dict.fromkeys(("e", "mu", "pi", "K"), 1.0)
NONE = dict.fromkeys(ALL, 0.0)
PERFECT = Smearing(
    "perfect",
    TrackSettings(0.1, 0, 0, 0, 0, 1, ALL, NONE, (500, 500)),
    PhotonSettings(0.1, 0, 0, 0, 0, 0, 0, 1, (), (1e9, 1e9)),
    ExtraSettings(0, 0.1),
)


@pytest.fixture
def example(root):
    """Return the file of settings that is shipped."""
    return root / "models" / "examples" / "selection" / "smearing.yaml"


def events(*finals, n):
    """Return n events with two beams and particles: PDG id, status, mother, p (3, n), m, ctau."""
    rows = [(11, -1, 0, np.outer([0, 0, 1], np.full(n, E_CMS)), 0, 0)]
    rows += [(-11, -1, 0, -rows[0][3], 0, 0), *finals]
    size = len(rows)

    def column(place):
        return np.stack([np.broadcast_to(row[place], n) for row in rows], axis=1).ravel()

    momentum = np.stack([row[3] for row in rows], axis=2).reshape(3, -1)
    mass = column(4).astype(float)
    mother = column(2)
    return Momenta(
        n, np.repeat(np.arange(n), size), column(0), column(1), np.stack([mother, mother], axis=1),
        *momentum, np.sqrt((momentum**2).sum(axis=0) + mass**2), mass, column(5).astype(float),
    )  # fmt: skip


def isotropic(n, low, high, rng):
    """Return momenta in all directions, of sizes between two."""
    cos, phi = rng.uniform(-1, 1, n), rng.uniform(-np.pi, np.pi, n)
    sin = np.sqrt(1 - cos**2)
    return rng.uniform(low, high, n) * np.stack([sin * np.cos(phi), sin * np.sin(phi), cos])


def pair(n, rng, low=0.5, high=5.0):
    """Return events with a muon of each charge."""
    return events(
        (13, 1, 1, isotropic(n, low, high, rng), MUON, 0),
        (-13, 1, 1, isotropic(n, low, high, rng), MUON, 0), n=n,
    )  # fmt: skip


def tracks(**settings):
    """Return a detector that is perfect but for its tracks."""
    return replace(PERFECT, tracks=replace(PERFECT.tracks, **settings))


def photons(**settings):
    """Return a detector that is perfect but for its photons."""
    return replace(PERFECT, photons=replace(PERFECT.photons, **settings))


def test_a_perfect_detector_sees_what_is_accepted():
    """Without smearing and losses all is found just in the events that are in the acceptance."""
    rng = np.random.default_rng(1)
    n = 5000
    made = events(
        (13, 1, 1, isotropic(n, 0.05, 2, rng), MUON, 0),
        (22, 1, 1, isotropic(n, 0.05, 2, rng), 0.0, 0),
        (-211, 1, 1, isotropic(n, 0.05, 2, rng), 0.13957039, 0), n=n,
    )  # fmt: skip
    found = smear(made, PERFECT, rng)
    whole = (found["n_tracks"] == 2) & (found["n_photons"] == 1)
    assert np.array_equal(whole, accepted(made, Thresholds(0.1, 0.1)))
    assert 0.2 < whole.mean() < 0.9


def test_without_smearing_momenta_are_true():
    """Columns are the generated momenta, boosted; what is not there is NaN."""
    rng = np.random.default_rng(2)
    made = pair(2000, rng)
    found = smear(made, PERFECT, rng)
    true = in_laboratory(made).reshape(4, -1, 4)
    pt = np.hypot(true[0], true[1])[:, 2:]
    both = (found["mu1_is_found"] == 1) & (found["mu2_is_found"] == 1)
    first = np.argmax(pt, axis=1) + 2
    for number, at in ((1, first), (2, 5 - first)):
        for place, name in enumerate(("px", "py", "pz", "E")):
            wanted = true[place][np.arange(2000), at]
            assert found[f"mu{number}_{name}"][both] == pytest.approx(wanted[both], abs=1e-9)
        assert np.isnan(found[f"mu{number}_px"]).sum() == (found[f"mu{number}_is_found"] == 0).sum()
        charge = np.where(at == 2, -1, 1)  # the first is the mu-
        assert np.array_equal(found[f"mu{number}_charge"][both], charge[both])
    assert np.isnan(found["gamma1_E"]).all()
    assert np.isnan(found["photon_recoil_angle"]).all()
    assert np.array_equal(found["__event__"], np.arange(2000))


def test_pulls_of_tracks_are_unit_gaussians():
    """1/pT and both angles, over sigma as the file states it: a pT (+) b/beta, const (+) c/p."""
    rng = np.random.default_rng(3)
    made = pair(8000, rng, low=0.2)
    lab = in_laboratory(made)
    settings = tracks(
        slope=0.004, multiple_scattering=0.01, angle_mrad=2, angle_per_p_mrad=3, min_pt=0.2
    )
    found = find_tracks(made, lab, settings.tracks, rng)
    x, y, z, energy = lab[:, found.index]
    pt, p = np.hypot(x, y), np.sqrt(x**2 + y**2 + z**2)
    beta = p / energy
    sigma_pt = np.sqrt((0.004 * pt) ** 2 + (0.01 / beta) ** 2)
    sigma = np.sqrt(0.002**2 + (0.003 / p) ** 2)
    theta = np.arccos(z / p)
    turned = np.angle(np.exp(1j * (found.phi - np.arctan2(y, x))))
    pulls = (
        (pt / found.size - 1) / sigma_pt, (found.theta - theta) / sigma,
        turned * np.sin(theta) / sigma,
    )  # fmt: skip
    for pull in pulls:
        assert kstest(pull, "norm").pvalue > 1e-3
    assert np.corrcoef(np.stack(pulls))[np.triu_indices(3, 1)] == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("term", "function"),
    [
        ("noise", lambda e: 0.05 / e), ("stochastic", lambda e: 0.05 / np.sqrt(e)),
        ("fourth_root", lambda e: 0.05 / e**0.25), ("constant", lambda e: 0.05 + 0 * e),
    ],
)  # fmt: skip
def test_pulls_of_photons_are_unit_gaussians(term, function):
    """Each term of the energy resolution has the power of E that the file states."""
    rng = np.random.default_rng(4)
    made = events((22, 1, 1, isotropic(8000, 1, 5, rng), 0.0, 0), n=8000)
    lab = in_laboratory(made)
    settings = photons(**{term: 0.05, "angle_mrad": 3, "angle_per_root_mrad": 4})
    found = find_photons(made, lab, settings, rng)
    x, y, z, energy = lab[:, found.index]
    assert kstest((found.size / energy - 1) / function(energy), "norm").pvalue > 1e-3
    sigma = np.sqrt(0.003**2 + 0.004**2 / energy)
    theta = np.arctan2(np.hypot(x, y), z)
    assert kstest((found.theta - theta) / sigma, "norm").pvalue > 1e-3


def test_efficiencies():
    """Tracks are found and recognised as often as the file says, above a momentum."""
    rng = np.random.default_rng(5)
    n = 10_000
    along = np.outer([1, 0, 0], rng.uniform(1, 3, n))
    made = events((13, 1, 1, along, MUON, 0), (-211, 1, 1, -along, 0.13957, 0), n=n)
    known = {**ALL, "mu": 0.7, "pi": 0.0}
    found = smear(made, tracks(efficiency=0.9, identification=known), rng)
    assert found["n_tracks"].mean() / 2 == pytest.approx(0.9, abs=5 * 0.3 / math.sqrt(2 * n))
    assert found["mu1_is_found"].mean() == pytest.approx(0.63, abs=5 * 0.5 / math.sqrt(n))
    assert not found["pi1_is_found"].any()
    lab = in_laboratory(made)
    least = {**NONE, "mu": 2.0}
    found = smear(made, tracks(identified_from=least), rng)
    momentum = np.linalg.norm(lab[:3].reshape(3, n, 4)[:, :, 2], axis=0)
    assert np.array_equal(found["mu1_is_found"] == 1, momentum >= 2.0)


def test_second_muon_has_the_other_charge():
    """A third track of the same charge is no second muon, whatever its momentum."""
    p = np.array([[3.0], [0], [0]])
    made = events(
        (13, 1, 1, p, MUON, 0), (13, 1, 1, -p * 0.9, MUON, 0), (-13, 1, 1, p[[1, 0, 2]], MUON, 0),
        n=1,
    )  # fmt: skip
    found = smear(made, PERFECT, np.random.default_rng(1))
    charges = {found["mu1_charge"][0], found["mu2_charge"][0]}
    assert charges == {-1.0, 1.0}
    assert found["n_tracks"][0] == 3


def test_photons_in_order_and_closest_to_the_recoil():
    """gamma1 is the one of highest energy; the angle is the least one to what muons recoil off."""
    rng = np.random.default_rng(6)
    n = 300
    made = events(
        (13, 1, 1, isotropic(n, 1, 3, rng), MUON, 0), (-13, 1, 1, isotropic(n, 1, 3, rng), MUON, 0),
        *((22, 1, 1, isotropic(n, 0.3, 3, rng), 0.0, 0) for _ in range(4)), n=n,
    )  # fmt: skip
    found = smear(made, PERFECT, rng)
    four = np.stack([[found[f"gamma{k}_{c}"] for c in ("px", "py", "pz", "E")] for k in (1, 2, 3)])
    three = found["n_photons"] >= 3
    assert (np.diff(four[:, 3], axis=0)[:, three] <= 0).all()
    lab = in_laboratory(made).reshape(4, n, 8)
    total = np.add(*beams())[:3]
    for at in np.flatnonzero(found["mu2_is_found"] & (found["n_photons"] > 0))[:100]:
        recoil = total - lab[:3, at, 2] - lab[:3, at, 3]
        seen = [
            p for p in lab[:, at, 4:].T
            if p[3] > 0.1 and 12.4 <= math.degrees(math.acos(p[2] / p[3])) <= 155.1
        ]  # fmt: skip
        cosines = [p[:3] @ recoil / p[3] / np.linalg.norm(recoil) for p in seen]
        assert found["photon_recoil_angle"][at] == pytest.approx(math.acos(max(cosines)), abs=1e-6)
        assert found["extra_energy"][at] == pytest.approx(sum(p[3] for p in seen))


def test_photons_of_the_machine():
    """Their number is Poisson, their energy exponential above the least one; gaps see none."""
    rng = np.random.default_rng(7)
    made = pair(6000, rng)
    settings = replace(photons(min_energy=0.2), extra=ExtraSettings(0.8, 0.05))
    found = smear(made, settings, rng)
    counts = found["n_photons"]
    assert counts.mean() == pytest.approx(0.8, abs=5 * math.sqrt(0.8 / 6000))
    assert counts.var() == pytest.approx(0.8, rel=0.1)
    energy = found["gamma1_E"][counts == 1]
    assert kstest(energy - 0.2, "expon", args=(0, 0.05)).pvalue > 1e-3
    gap = replace(settings, photons=replace(settings.photons, gaps_deg=((80.0, 100.0),)))
    hole = smear(made, gap, rng)
    lost = (
        math.sin(math.radians(10))
        * 2
        / (math.cos(math.radians(12.4)) - math.cos(math.radians(155.1)))
    )
    assert hole["n_photons"].mean() == pytest.approx(0.8 * (1 - lost), abs=0.05)


def test_flights_are_kept_and_ended():
    """Lengths and beta gamma are the true ones; tracks that begin out of reach are not found."""
    rng = np.random.default_rng(8)
    n = 4000
    flying = isotropic(n, 2.0, 2.0, rng)
    ct = rng.exponential(100, n)
    made = events(
        (9900035, 2, 1, flying, 1.0, ct), (13, 1, 3, flying / 2, MUON, 0),
        (-13, 1, 3, flying / 2, MUON, 0), n=n,
    )  # fmt: skip
    found = smear(made, PERFECT, rng, {"hp": (9900035,)})
    assert found["hp_ct"] == pytest.approx(ct)
    mother = in_laboratory(made)[:, made.pdg == 9900035]
    over_mass = mother[:3] / 1.0
    assert found["hp_bg"] == pytest.approx(np.linalg.norm(over_mass, axis=0))
    place = ct * over_mass
    inside = (np.hypot(place[0], place[1]) < 500) & (np.abs(place[2]) < 500)
    far = replace(PERFECT, tracks=replace(PERFECT.tracks, reach_mm=(1e6, 1e6)))
    everywhere = smear(made, far, rng)["n_tracks"]
    assert np.array_equal(found["n_tracks"], np.where(inside, everywhere, 0))
    assert 0.3 < inside.mean() < 0.95


def test_an_event_without_the_particle():
    """A flight that is not there is NaN."""
    found = smear(pair(3, np.random.default_rng(1)), PERFECT, np.random.default_rng(1), {"a": (7,)})
    assert np.isnan(found["a_ct"]).all()
    assert np.isnan(found["a_bg"]).all()


def test_undecayed_particles():
    """A tau in the final state would be seen as something else."""
    made = events((15, 1, 1, np.array([[1.0], [0], [0]]), 1.777, 0), n=1)
    with pytest.raises(WorkError, match="not decayed: PDG 15"):
        smear(made, PERFECT, np.random.default_rng(1))


def test_shipped_settings(example):
    """The example can be read, and each of its numbers is in the settings of a simulation."""
    settings = settings_of(read_smearing(example))
    assert settings == sorted(set(settings))
    assert "tracks.slope=0.0011" in settings
    assert not any(entry.startswith("name") for entry in settings)


def test_each_number_counts(example, tmp_path):
    """Another value of any number makes other settings; a comment does not."""
    text = example.read_text()
    before = settings_of(read_smearing(example))
    body = text.index("tracks:")
    seen = {tuple(before)}
    plain = re.sub("#.*", "", text[body:])
    numbers = list(re.finditer(r"(?<=[ \[])\d+(\.\d+)?(?=[,\]} \n])", plain))
    for found in numbers:
        value = f"{float(found[0]) * 0.997 + 1.3e-4:.6g}"
        other = tmp_path / "other.yaml"
        other.write_text(text[:body] + plain[: found.start()] + value + plain[found.end() :])
        seen.add(tuple(settings_of(read_smearing(other))))
    assert len(seen) == len(numbers) + 1 > 30


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("schema: 1", "schema: 2", "schema 2"),
        ("name: belle2_as_designed", "name: [a]", "a name is wanted"),
        ("name: belle2_as_designed\n", "", "a name is wanted"),
        ("  efficiency: 0.98 ", "  efficiency: 1.98 ", "no number from 0 to 1"),
        ("slope: 0.0011", "slop: 0.0011", "unknown key 'slop'"),
        ("slope: 0.0011", "slope: fast", "'fast' is no number"),
        ("  min_energy: 0.1 ", "  min_enrgy: 0.1 ", "unknown key 'min_enrgy'"),
        ("mean_number: 0.3, ", "", "the key 'mean_number' is missing"),
        ("extra: {mean_number: 0.3, mean_energy: 0.05}", "", "the key 'extra' is missing"),
        ("[31.4, 32.2]", "[32.2, 31.4]", "32.2 is not below 31.4"),
        ("[31.4, 32.2]", "[31.4]", "two numbers are wanted"),
        ("reach_mm: [500, 800]", "reach_mm: 500", "two numbers are wanted"),
        ("mu: 0.89", "muon: 0.89", "unknown key 'muon'"),
    ],
)
def test_bad_settings(example, tmp_path, before, after, said):
    """What is wrong is said with the file, and with the key where there is one."""
    text = example.read_text()
    assert text.count(before) == 1
    bad = tmp_path / "bad.yaml"
    bad.write_text(text.replace(before, after))
    with pytest.raises(InputError, match=r"bad\.yaml") as raised:
        read_smearing(bad)
    assert said in raised.value.message


@pytest.mark.thorough
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(-5, 5) | st.text("ab:", max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
            st.sampled_from(["tracks", "photons", "extra", "momentum", "gaps_deg", "min_pt"]), inner
        ),
        max_leaves=12,
    )
)  # fmt: skip
def test_nothing_but_an_input_error(tmp_path_factory, value):
    """Whatever stands in the file, it is refused with a sentence."""
    path = Path(tmp_path_factory.getbasetemp()) / "any.yaml"
    path.write_text(yaml.safe_dump({"schema": 1, "name": "a", "tracks": value, "photons": value}))
    with pytest.raises(InputError):
        read_smearing(path)


def test_photons_that_begin_beyond_the_crystals():
    """A photon of a particle that decays out of reach is not found."""
    rng = np.random.default_rng(9)
    n = 3000
    flying = isotropic(n, 3.0, 3.0, rng)
    ct = rng.exponential(100, n)
    made = events((9900035, 2, 1, flying, 0.3, ct), (22, 1, 3, flying / 2, 0.0, 0), n=n)
    near = replace(PERFECT, photons=replace(PERFECT.photons, reach_mm=(1250.0, 1020.0)))
    found, everywhere = (smear(made, one, rng)["n_photons"] for one in (near, PERFECT))
    mother = in_laboratory(made)[:, made.pdg == 9900035]
    place = ct * mother[:3] / 0.3
    inside = (np.hypot(place[0], place[1]) < 1250) & (np.abs(place[2]) < 1020)
    assert np.array_equal(found, np.where(inside, everywhere, 0))
    assert 0.3 < inside.mean() < 0.9
