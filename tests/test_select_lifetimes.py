"""Selections of long-lived particles: efficiencies over c tau from reweighted ntuples."""

import csv
from pathlib import Path

import numpy as np
import pytest
from ntuple_books import FOLDER, Made, enter, fill
from ntuple_books import simulate as simulate_plain

import mcbook as mb
from mcbook.catalog.json_text import as_json
from mcbook.catalog.store import open_catalog

LOW, HIGH = 10.0, 200.0
"""Flights in the laboratory [mm] between which the detector finds decays."""
BOOST = 2.0
CTAUS = (5.0, 10.0, 20.0)
EVENTS = 4000
SELECTION = f"""\
schema: 1
name: flying
model: idm
process: hp_mumu_chi2_ee
cuts:
  found: "flight > {LOW} and flight < {HIGH}"
regions: {{signal: {{window: null}}}}
lifetimes:
  chi2:
    axis: ctau_chi2
    flight: flight
    beta_gamma: boost
    unit: mm
    ctaus: {list(CTAUS)}
    reach_mm: [{LOW}, {HIGH}]
"""


def truth(ctau):
    """Return the efficiency at a lifetime."""
    return np.exp(-LOW / (BOOST * ctau)) - np.exp(-HIGH / (BOOST * ctau))


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Make a sample with two simulations of one campaign, of other lifetimes of chi2."""
    monkeypatch.chdir(tmp_path)
    grid = {"fixed": {"m_chi1": 1.0, "m_ap": 3.0, "delta_m": 0.2, "m_hp": 0.6}, "events": EVENTS}
    (identity,) = mb.generate("idm", {**grid, "process": "hp_mumu_chi2_ee"})["ids"]
    made = Made(identity, {})
    for ctau in (5.0, 20.0):
        label = f"-{ctau:g}"
        simulation = simulate_plain(made, "MC15ri", label=label)
        way = {"name": "chi2", "pdg_ids": [1], "mechanism": "GeneratedVertexDisplacer",
               "decay": {"kind": "exponential", "length_mm": ctau}}  # fmt: skip
        with open_catalog(None, mode="write") as opened, opened.writing() as books:
            books.change(
                "UPDATE simulations SET displacement = ? WHERE id = ?",
                [(as_json([way]), simulation)],
            )

        def columns(_point, numbers, rng, ctau=ctau):
            flight = BOOST * rng.exponential(ctau, len(numbers))
            return {"flight": flight, "boost": np.full(len(numbers), BOOST)}

        fill(made, f"MC15ri{label}", columns, folder=FOLDER)
    enter(made.ntuples)
    (tmp_path / "selection.yaml").write_text(SELECTION)
    return made


def test_simulations_of_two_lifetimes_give_a_map_over_lifetimes(shelf):
    """Both simulations go together, and the efficiencies are the true ones within errors."""
    found = mb.select("selection.yaml", output="selected", name="flying")
    assert found["axes"][-1] == "ctau_chi2"
    lifetimes = [one["parameters"]["ctau_chi2"] for one in found["samples"]]
    assert lifetimes == pytest.approx(CTAUS)
    for one, ctau in zip(found["samples"], CTAUS, strict=True):
        region = one["regions"]["signal"]
        assert one["n_generated"] == 2 * EVENTS
        assert abs(region["efficiency"] - truth(ctau)) < 4 * region["error"]
        assert 0 < region["error"] < 0.02
    with Path("selected/efficiency.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert [float(row["ctau_chi2"]) for row in rows] == pytest.approx(CTAUS)
    (listed,) = mb.list_efficiency_maps()
    assert listed["axes"] == ["ctau_chi2"]
    assert {row["sample_id"] for row in rows} == {shelf.sample}
