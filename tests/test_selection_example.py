"""The example of a selection, from the generator to limits, smaller than it is shipped."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import mcbook as mb

MASSES = [1, 2.5, 4, 5.5, 7]


@pytest.fixture(scope="module")
def done(root, tmp_path_factory):
    """Go the whole way once, as the page says; return what each step told."""
    folder = tmp_path_factory.mktemp("example") / "selection"
    shutil.copytree(root / "models" / "examples" / "selection", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        grid = yaml.safe_load(Path("grid.yaml").read_text())
        grid["scan"]["m_zp"] = {"values": MASSES}
        Path("grid.yaml").write_text(yaml.safe_dump(grid))
        told = {}
        mb.generate(None, "grid.yaml", events=6000)
        mb.generate(None, "backgrounds.yaml", events=12_000)
        told["run"] = mb.run()
        told["smear"] = mb.smear("smearing.yaml")
        told["resolution"] = mb.measure_resolution("selection.yaml", output="shapes", figures=False)
        told["optimise"] = mb.optimise("selection.yaml", output="tuned", figures=False)
        told["select"] = mb.select("selection.yaml", output="selected", name="example")
        for name in ("analysis", "fit"):  # within the masses that there are
            text = Path(f"{name}.yaml").read_text()
            start = text.index("  m_zp: {step:")
            Path(f"{name}.yaml").write_text(f"{text[:start]}  m_zp: {{step: [1, 7, 0.5]}}\n")
        told["check"] = mb.check_efficiency_map("selected/efficiency.csv")
        told["limits"] = mb.set_limits("analysis.yaml", output="limits", write=["none"])
        told["propose"] = mb.propose("analysis.yaml", samples=2, output="next.yaml")
        told["fit"] = mb.fit("fit.yaml", output="fits", toys=3)
    return folder, told


def test_events_become_ntuples(done):
    """All parts are made and smeared."""
    _, told = done
    assert told["run"]["events"] == 5 * 6000 + 2 * 12_000
    assert told["smear"]["events"] == told["run"]["events"]


def test_widths_of_the_recoil(done):
    """The recoil mass squared is at the mass squared, and known best next to the threshold."""
    _, told = done
    rows = told["resolution"]["samples"]
    assert [row["m_zp"] for row in rows] == MASSES
    for row in rows:
        assert row["mean"] == pytest.approx(row["m_zp"] ** 2, abs=0.05)
        assert 0.05 < row["sigma_w"] < 0.4
    assert rows[-1]["sigma_w"] < 0.7 * rows[1]["sigma_w"]


def test_efficiencies(done):
    """A muon of 0.98 * 0.89 twice, the barrel, the window: what is known bounds what comes out."""
    _, told = done
    found = {row["sample_id"]: row for row in told["select"]["samples"]}
    for row in found.values():
        signal, wide, everything = (row["regions"][n] for n in ("signal", "wide", "fit"))
        assert signal["n"] <= wide["n"] <= everything["n"]
        assert everything["efficiency"] < (0.98 * 0.89) ** 2
        assert signal["efficiency"] > 0.1
    assert all(row["validation"]["fom"] > 0 for row in told["optimise"]["points"])


def test_limits_of_count_and_fit(done):
    """Both are there at every mass, and of the same size; proposals are a grid."""
    folder, told = done
    counted = {
        row["parameters"]["m_zp"]: row["rate"]["expected"] for row in told["limits"]["limits"]
    }
    assert len(counted) == 13
    assert all(np.all(np.diff(bands) > 0) for bands in counted.values())
    medians = [bands[2] for _, bands in sorted(counted.items())]
    assert medians[-1] > 3 * medians[0]  # the cross section falls with the mass
    assert len(told["propose"]["proposals"]) == 2
    assert (folder / "next.yaml").exists()
    assert told["fit"]["rows"]
    assert (folder / "fits" / "fits.html").exists()
