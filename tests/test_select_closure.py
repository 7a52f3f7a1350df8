"""From ntuples whose efficiency and resolution are known to maps that find them again."""

import math

import numpy as np
import pytest
from ntuple_books import make_books

import mcbook as mb
from mcbook.efficiency import read_map

MASSES = np.linspace(0.5, 8, 16)
EVENTS = 2000
REGIONS = 8
SELECTION = f"""\
schema: 1
name: closure
model: zprime
process: mumu_inv
cuts:
  found: "u < 2"
window: {{observable: m2, centre: "m_zp**2", resolution: "0.1 + 0.05*m_zp", width: 2}}
regions:
{"".join(f'  r{k}: {{where: "u < e{k}"}}{chr(10)}' for k in range(REGIONS))}"""
INSIDE = math.erf(2 / math.sqrt(2))
"""Part of a Gaussian within two standard deviations."""


def truth(mass, k):
    """Return the efficiency of the k-th region."""
    turn_on = 1 / (1 + np.exp(-(mass - 0.5 - 0.4 * k) / 0.8))
    return (0.15 + 0.07 * k) * (0.3 + 0.7 * turn_on) * (1.1 - 0.05 * mass)


def columns(point, numbers, rng):
    """Give a recoil mass of known resolution, and thresholds that a number in [0, 1] is below."""
    mass, size = point["m_zp"], len(numbers)
    sigma = 0.1 + 0.05 * mass
    # thresholds move with the event, so that regions are independent of each other
    shifts = rng.random((REGIONS, size))
    u = rng.random(size)
    found = {"u": u, "m2": mass**2 + sigma * rng.standard_normal(size)}
    for k in range(REGIONS):
        # u < e holds with the probability that is wanted, whatever u is
        found[f"e{k}"] = np.where(shifts[k] < truth(mass, k), 2.0, -1.0)
    return found


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """Select once; give the map of each region."""
    folder = tmp_path_factory.mktemp("closure")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_books([{"m_zp": float(m)} for m in MASSES], columns, events=EVENTS, jobs=2)
        (folder / "selection.yaml").write_text(SELECTION)
        found = mb.select("selection.yaml", output="selected", name="closure")
        assert not found["warnings"]
        table = folder / "selected" / "efficiency.csv"
        return [read_map(table, axes=["m_zp"], region=f"r{k}") for k in range(REGIONS)]


def pulls_at(maps, masses):
    """Return the pulls of all maps at masses."""
    found = []
    for k, one in enumerate(maps):
        told = one.evaluate({"m_zp": masses})
        error = np.hypot(told.mc_error, told.interpolation_error)
        found.append((told.value - truth(masses, k) * INSIDE) / error)
    return np.concatenate(found)


def test_efficiencies_at_the_samples_have_unit_pulls(maps):
    """The counts of 128 nodes scatter about the truth as their errors say."""
    pulls = pulls_at(maps, MASSES)
    assert abs(pulls.mean()) < 4 / math.sqrt(pulls.size)
    assert abs(pulls.std() - 1) < 4 / math.sqrt(2 * pulls.size)


def test_efficiencies_between_the_samples_are_covered(maps):
    """Half-way between samples, where only the interpolation knows."""
    pulls = pulls_at(maps, (MASSES[1:] + MASSES[:-1]) / 2)
    assert abs(pulls.mean()) < 4 / math.sqrt(pulls.size)
    assert np.mean(np.abs(pulls) < 1) > 0.6
    assert np.mean(np.abs(pulls) < 2) > 0.9


def test_leave_one_out_errors_cover(maps):
    """A sample is predicted by the others within the errors that the map gives."""
    pulls = np.concatenate([one.leave_one_out().pull for one in maps])
    pulls = pulls[np.isfinite(pulls)]
    assert pulls.size > 100
    within = np.mean(np.abs(pulls) < 1)
    assert 0.6 < within < 0.85
