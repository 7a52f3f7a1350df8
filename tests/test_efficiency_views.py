"""`mcbook efficiency show|plot|check`: what a map was measured from, drawn, and held against it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from bookshelf import location, new_books
from scipy.stats import beta
from typer.testing import CliRunner

import mcbook as mb
from mcbook.cli.app import app
from mcbook.efficiency import read_map
from mcbook.errors import InputError

__all__ = ["location", "new_books"]

N = 10_000
SOURCES = """\
schema: 1
systematics:
  - {source: tracking, affects: signal, relative: 0.03}
  - {source: trigger, affects: signal, of: "m_zp**2", edges: [0, 4, 100], relative: [0.01, 0.04]}
  - {source: shape, affects: background, relative: 0.2}
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a folder of one's own, with a map of two regions."""
    monkeypatch.chdir(tmp_path)
    rows = ["m_zp,region,n_generated,n_selected"]
    for region, scale in (("signal", 1.0), ("control", 0.1)):
        for mass in np.arange(1.0, 7.0):
            count = round(N * scale * 0.3 * mass / (1 + mass))
            rows.append(f"{mass},{region},{N},{count}")
    Path("map.csv").write_text("\n".join(rows) + "\n")
    Path("sources.yaml").write_text(SOURCES)
    return tmp_path


def mcbook(*arguments):
    """Run the program."""
    return CliRunner().invoke(app, list(arguments), prog_name="mcbook")


def test_rows_have_intervals():
    """Each row has counts and an interval that is scipy's of the beta distribution."""
    found = mb.show_efficiency_map("map.csv", region="signal", cl=0.9)
    assert [row["point"]["m_zp"] for row in found["rows"]] == [1, 2, 3, 4, 5, 6]
    row = found["rows"][1]
    k = row["n_selected"]
    assert (k, row["n_generated"], row["efficiency"]) == (2000, N, 0.2)
    assert row["low"] == pytest.approx(beta.ppf(0.05, k, N - k + 1))
    assert row["high"] == pytest.approx(beta.ppf(0.95, k + 1, N - k))
    other = mb.show_efficiency_map("map.csv", region="signal", interval="jeffreys", cl=0.9)
    assert other["rows"][1]["low"] == pytest.approx(beta.ppf(0.05, k + 0.5, N - k + 0.5))
    assert "at" not in found
    assert mb.show_efficiency_map("map.csv")["regions"] == ["signal", "control"]


def test_at_a_point():
    """A point between samples has its errors and flag, one beyond says why it has none."""
    found = mb.show_efficiency_map("map.csv", at={"m_zp": 2.5})["at"]
    assert [entry["region"] for entry in found] == ["signal", "control"]
    expected = read_map("map.csv", region="signal").evaluate({"m_zp": 2.5})
    assert found[0]["efficiency"] == expected.value[0]
    assert found[0]["error"] == np.hypot(found[0]["mc_error"], found[0]["interpolation_error"])
    assert found[0]["flag"] == "interpolated"
    (beyond,) = mb.show_efficiency_map("map.csv", region="control", at={"m_zp": 9})["at"]
    assert beyond["efficiency"] is None
    assert beyond["reason"] == "m_zp = 9 is outside 1 to 6, the range of the map"
    assert (
        mb.show_efficiency_map(
            "map.csv", region="control", at={"m_zp": 9}, thresholds=["m_zp < 8"]
        )["at"][0]["efficiency"]
        == 0
    )


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"region": "signl"}, "there is no region 'signl'"),
        ({"axes": ["m_z"]}, "there is no column m_z"),
        ({"at": {"m": 1}}, "has no axis 'm'"),
        ({"at": {}}, "there is no value for the axis m_zp"),
        ({"thresholds": ["m_z < 8"], "at": {"m_zp": 1}}, "names 'm_z', which is no axis"),
        ({"cl": 68}, "cl = 68 is not between 0 and 1"),
    ],
)
def test_what_is_not_there(how, told):
    """What is misspelt is one line."""
    with pytest.raises(InputError, match=told):
        mb.show_efficiency_map("map.csv", **how)


def test_a_map_in_the_books():
    """By name or id; parameters come from the samples, and tell them apart."""
    mb.generate("zprime", {"scan": {"m_zp": {"values": [0.5, 1.5, 4.0]}}, "events": 1000})
    ids = [row["id"] for row in mb.query(sort="m_zp")]
    rows = [f"{name},1000,{k}" for name, k in zip(ids, (50, 70, 90), strict=True)]
    Path("own.csv").write_text("\n".join(["sample_id,n_generated,n_selected", *rows]) + "\n")
    added = mb.add_efficiency_map("own.csv", name="recoil-v1")
    for name in ("recoil-v1", added["id"][:6], "own.csv"):
        found = mb.show_efficiency_map(name, at={"m_zp": 1.5})
        assert found["axes"] == ["m_zp"]
        assert [row["point"]["m_zp"] for row in found["rows"]] == [0.5, 1.5, 4.0]
        assert found["rows"][0]["sample"] == ids[0]
        assert found["at"][0]["samples"] == [ids[1]]
    assert found["id"] is None
    done = mcbook("efficiency", "show", "recoil-v1", "--at", "m_zp=1.5", "--axes", "m_zp")
    assert done.exit_code == 0, done.output
    assert "flag: generated" in done.stdout
    with pytest.raises(InputError, match="has no ctau_zp of its own"):
        mb.show_efficiency_map("recoil-v1", axes=["ctau_zp"])
    with pytest.raises(InputError, match="there is no efficiency map 'recoil'"):
        mb.show_efficiency_map("recoil")


def test_check_names_the_odd_sample():
    """A sample that is not like its neighbours fails the check by its id; a good map passes."""
    random = np.random.default_rng(1)
    points = random.uniform(0, 1, (60, 2))
    truth = 0.2 + 0.1 * points[:, 0] - 0.1 * points[:, 1] ** 2
    counts = random.binomial(N, truth)
    head = "sample_id,x,y,n_generated,n_selected"

    def write(name):
        rows = [f"s{i},{x},{y},{N},{k}" for i, ((x, y), k) in enumerate(zip(points, counts))]  # noqa: B905
        Path(name).write_text("\n".join([head, *rows]) + "\n")

    write("good.csv")
    found = mb.check_efficiency_map("good.csv")
    assert found["failed"] == []
    assert 0.8 < found["regions"][0]["pull_rms"] < 1.25
    assert mcbook("efficiency", "check", "good.csv").exit_code == 0
    inner = int(np.argmin(((points - 0.5) ** 2).sum(axis=1)))
    counts[inner] //= 2
    write("bad.csv")
    done = mcbook("efficiency", "check", "bad.csv")
    assert done.exit_code == 1
    assert f"s{inner}" in done.stderr
    told = json.loads(mcbook("efficiency", "check", "bad.csv", "--format", "json").stdout)
    assert f"s{inner}" in told["regions"][0]["outliers"]
    row = told["rows"][inner]
    assert row["residual"] == pytest.approx(row["measured"] - row["predicted"])
    assert row["pull"] < -3


def test_check_names_the_odd_sample_of_a_line():
    """On a grid, too: an odd sample does not hide in the error that it causes."""
    random = np.random.default_rng(2)
    x = np.linspace(0, 1, 15)
    counts = random.binomial(N, 0.2 + 0.1 * x - 0.1 * x**2)

    def check():
        rows = [f"s{i},{at},{N},{count}" for i, (at, count) in enumerate(zip(x, counts))]  # noqa: B905
        Path("line.csv").write_text("\n".join(["sample_id,x,n_generated,n_selected", *rows]) + "\n")
        return mb.check_efficiency_map("line.csv")

    assert check()["failed"] == []
    counts[7] = counts[7] * 3 // 2
    found = check()
    assert found["failed"]
    assert "s7" in found["regions"][0]["outliers"]


def test_corners_cannot_be_predicted():
    """On a grid of one axis the ends have no prediction, and say so."""
    found = mb.check_efficiency_map("map.csv", region="signal")
    assert [row["predicted"] is None for row in found["rows"]] == [True, *[False] * 4, True]
    assert found["regions"][0]["predicted"] == 4


@pytest.mark.thorough
def test_curves_with_sources():
    """Several regions share a figure; its numbers are those of the map, errors by source."""
    found = mb.plot_efficiency_map("map.csv", output="out", systematics="sources.yaml")
    assert [Path(name).suffix for name in found["files"]] == [".png", ".pdf", ".csv"]
    assert found["sources"] == ["tracking", "trigger"]
    assert all(Path(name).stat().st_size > 1000 for name in found["files"])
    with Path("out/efficiency_map.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["region"] for row in rows} == {"signal", "control"}
    at = {float(row["m_zp"]): row for row in rows if row["region"] == "signal"}
    assert float(at[2.0]["efficiency"]) == 0.2
    assert float(at[1.0]["relative_trigger"]) == 0.01
    assert float(at[3.0]["relative_trigger"]) == 0.04
    assert {row["relative_tracking"] for row in rows} == {"0.03"}


@pytest.mark.thorough
def test_planes_and_slices():
    """Two axes are a plane for each region, three are slices; files carry the region."""
    rows = ["x,y,z,n_generated,n_selected"]
    for x in (1, 2, 3, 4):
        rows += [f"{x},{y},{z},{N},{200 * x + 50 * y + 30 * z}" for y in (0, 1, 2) for z in (0, 1)]
    Path("cube.csv").write_text("\n".join(rows) + "\n")
    found = mb.plot_efficiency_map("cube.csv", output="out")
    assert Path("out/efficiency_cube.png").stat().st_size > 1000
    Path("plane.csv").write_text("\n".join(
        ["x,y,region,n_generated,n_selected"]
        + [f"{x},{y},{r},{N},{200 * x + 50 * y}" for r in "ab" for x in (1, 2, 3) for y in (0, 1)]
    ))  # fmt: skip
    found = mb.plot_efficiency_map("plane.csv", output="out")
    assert "out/efficiency_plane_a.png" in found["files"]
    assert "out/efficiency_plane_b.csv" in found["files"]


def test_sources_are_read_strictly():
    """An expression over what is no axis, or a file without sources, is one line."""
    Path("bad.yaml").write_text(SOURCES.replace("m_zp**2", "m_z**2"))
    with pytest.raises(InputError, match=r"bad\.yaml, line 4 .*m_z"):
        mb.plot_efficiency_map("map.csv", output="out", systematics="bad.yaml")
    Path("none.yaml").write_text("schema: 1\n")
    with pytest.raises(InputError, match="there are no systematics of the signal"):
        mb.plot_efficiency_map("map.csv", output="out", systematics="none.yaml")
    assert not Path("out").exists()
