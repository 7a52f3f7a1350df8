"""Efficiency maps come from every file the same, and a bad table says where it is bad."""

import subprocess
import sys

import hist
import numpy as np
import pandas as pd
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from mcbook.efficiency import EfficiencyMap, histograms, read_map, table
from mcbook.errors import InputError

CSV = """\
sample_id,region,n_generated,n_selected,m_zp,ctau_zp
zprime-000000000001,SR,10000,500,1,0.1
zprime-000000000002,SR,10000,600,2,0.1
zprime-000000000003,SR,10000,650,1,1
zprime-000000000004,SR,10000,0,2,1
zprime-000000000001,CR,10000,7,1,0.1
"""


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and gives its path."""

    def written(text, name="map.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


def same(one, two):
    """Check that two maps have the same nodes."""
    for name in ("points", "n_generated", "n_selected", "sumw", "sumw2", "sumw_generated"):
        assert getattr(one.nodes, name) == pytest.approx(getattr(two.nodes, name))
    assert (one.axes, one.region, one.nodes.sample_ids) == (
        two.axes,
        two.region,
        two.nodes.sample_ids,
    )


def test_every_format_gives_the_same(write, tmp_path):
    """CSV, parquet, YAML and records say the same map."""
    made = read_map(write("# made by hand\n" + CSV), region="SR")
    assert made.axes == ("m_zp", "ctau_zp")
    assert made.domain.scales.is_log == (False, True)
    assert made.method == "pchip"
    frame = pd.read_csv(write(CSV))
    frame.to_parquet(tmp_path / "map.parquet")
    same(made, read_map(tmp_path / "map.parquet", region="SR"))
    rows = frame[frame.region == "SR"].to_dict("records")
    same(made, EfficiencyMap.from_records(rows))
    for row in rows:
        del row["region"]
    text = "schema: 1\nregion: SR\nthresholds: ['m_zp < 8.6']\nrows:\n"
    text += "".join(f"  - {row}\n" for row in rows)
    from_yaml = read_map(write(text, "map.yaml"), thresholds=["m_zp > 0"])
    same(made, from_yaml)
    assert from_yaml.thresholds == ("m_zp < 8.6", "m_zp > 0")


def test_axes_can_be_chosen(write):
    """Named axes leave other columns out; points must stay distinct."""
    path = write(CSV)
    with pytest.raises(InputError, match=r"line 4: the same point as line 2: m_zp = 1"):
        read_map(path, region="SR", axes=["m_zp"])
    assert read_map(path, region="CR", axes=["m_zp"]).axes == ("m_zp",)


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("n_selected", "n_slected", "column n_selected is missing", "n_slected"),
        ("n_generated", "events", "column n_generated is missing", None),
        ("region", "regoin", "unknown column 'regoin'", "'region'"),
        ("10000,600", "10000,10001", r"line 3 \(column n_selected\).*an efficiency above 1", None),
        ("10000,600", "10000,-1", r"line 3 \(column n_selected\).*negative", None),
        ("10000,600", "10000,nan", r"line 3 \(column n_selected\): nan is not a finite", None),
        ("10000,600", "10000,600.5", r"line 3 .*600.5 is not a number of events", "sumw"),
        ("10000,600", "10000,", r"line 3 \(column n_selected\): the cell is empty", None),
        ("10000,600", "10000,6_00", r"line 3 .*'6_00' is not a number", "axis"),
        ("10000,600", "10000,many", r"line 3 .*'many' is not a number", "axis"),
        ("10000,600", "0,0", r"line 3 \(column n_generated\).*nothing was generated", None),
        ("600,2,0.1", "600,2,inf", r"line 3 \(column ctau_zp\): inf", None),
        ("600,2,0.1", "600,2", "line 3: 5 values for 6 columns", None),
        ("600,2,0.1", "600,1,0.1", "line 3: the same point as line 2", "add the counts"),
        ("m_zp,", "n_selected,", "line 1: the column 'n_selected' is there twice", None),
        ("m_zp,", ",", "line 1: a column has no name", None),
        ("m_zp,ctau_zp", "sumw,sumw_generated", "column sumw2 is missing", None),
    ],
)
def test_bad_tables(write, old, new, said, hint):
    """Each slip is one error with file, line and column."""
    with pytest.raises(InputError, match=f"map.csv.*{said}") as caught:
        read_map(write(CSV.replace(old, new, 1)), region="SR")
    assert hint is None or hint in (caught.value.hint or "")


def test_bad_regions(write):
    """Several regions need a name, and it must be one of them."""
    with pytest.raises(InputError, match="2 regions: 'SR', 'CR'"):
        read_map(write(CSV))
    with pytest.raises(InputError, match="no region 'SRR'") as caught:
        read_map(write(CSV), region="SRR")
    assert "SR" in caught.value.hint
    with pytest.raises(InputError, match="no region 'SR'") as caught:
        read_map(write("n_generated,n_selected,m\n10,1,1\n"), region="SR")
    assert "no column region" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("map.csv", "", "empty"),
        ("map.csv", "n_generated,n_selected,m\n", "no rows"),
        ("map.csv", "n_generated,n_selected\n10,1\n", "no column for an axis"),
        ("map.txt", "", "ends in .csv"),
        ("map.parquet", "nonsense", "not a parquet file"),
        ("map.root", "nonsense", "not a ROOT file"),
        ("map.yaml", "schema: 1\nrows: []\n", "a list of rows"),
        ("map.yaml", "rows: []\n", "schema"),
        ("map.yaml", "schema: 1\nrow: []\n", "unknown key 'row'"),
        ("map.yaml", "schema: 1\nthresholds: m < 1\nrows: [{m: 1}]\n", "list of conditions"),
        ("map.yaml", "schema: 1\nrows: [3]\n", "line 2 .*a mapping of columns"),
        ("map.yaml", "schema: 1\nrows:\n- {m: 1}\n- {n: 1}\n", "line 4 .*have no 'n'"),
        ("map.yaml", "schema: 1\nrows:\n- {m: 1}\n- {}\n", "line 4 .*m is missing"),
        (
            "map.yaml",
            "schema: 1\nrows:\n- {m: 1, n_generated: 9, n_selected: true}\n",
            "True is not",
        ),
    ],
)
def test_bad_files(write, name, text, said):
    """A file that holds no map says why."""
    with pytest.raises(InputError, match=f"{name}.*{said}"):
        read_map(write(text, name))


@pytest.mark.parametrize("suffix", ["csv", "root"])
def test_missing_file(tmp_path, suffix):
    """A file that is not there is one error."""
    with pytest.raises(InputError, match="no such file"):
        read_map(tmp_path / f"none.{suffix}")


@given(st.text(max_size=200))
def test_any_text_is_a_map_or_an_error(tmp_path_factory, text):
    """Whatever is in a file, nothing but an InputError comes out."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("n_generated,n_selected,m_zp\n10,1,1\n" + text, encoding="utf-8")
    try:
        read_map(path)
    except InputError as error:
        assert "any.csv" in error.message  # noqa: PT017 - either outcome is right


def filled(storage, size=4000):
    """Return histograms of what passed and of all, over a mass and a lifetime."""
    axes = [
        hist.axis.Regular(4, 0, 8, name="m_zp"),
        hist.axis.Variable([0.1, 1, 10, 100], name="ctau_zp"),
    ]
    rng = np.random.default_rng(0)
    m, ctau = rng.uniform(0, 8, size), 10 ** rng.uniform(-1, 2, size)
    weight = rng.exponential(size=size) if storage == "Weight" else None
    passed = rng.random(size) < 0.3
    found = []
    for rows in (passed, np.ones(size, bool)):
        h = hist.Hist(*axes, storage=getattr(hist.storage, storage)())
        h.fill(m[rows], ctau[rows], **({} if weight is None else {"weight": weight[rows]}))
        found.append(h)
    return found


@pytest.mark.parametrize("storage", ["Double", "Weight"])
def test_root_and_hist(tmp_path, storage):
    """Histograms give a node at each centre, the same in Python and through a ROOT file."""
    passed, total = filled(storage)
    nodes = histograms.nodes_of(passed, total)
    assert nodes.axes == ("m_zp", "ctau_zp")
    assert sorted(set(nodes.points[:, 0])) == [1, 3, 5, 7]
    assert sorted(set(nodes.points[:, 1])) == pytest.approx([10**-0.5, 10**0.5, 10**1.5])
    assert nodes.efficiency == pytest.approx((passed.values() / total.values()).ravel())
    k, n = nodes.effective
    if storage == "Double":
        assert k.tolist() == passed.values().ravel().tolist()
    else:  # exponential weights halve the number of events
        assert n.sum() == pytest.approx(2000, rel=0.1)
    with uproot.recreate(tmp_path / "map.root") as file:
        file["SR/passed"], file["SR/total"] = passed, total
    read = read_map(tmp_path / "map.root", region="SR", axes=["m_zp", "ctau_zp"])
    assert read.nodes.points == pytest.approx(nodes.points)
    assert read.nodes.effective[1] == pytest.approx(n)
    assert read.evaluate({"m_zp": 4, "ctau_zp": 5}).flag[0] == "interpolated"
    with pytest.raises(InputError, match="no histogram 'passed'"):
        read_map(tmp_path / "map.root")
    with pytest.raises(InputError, match="no histogram 'SR/all'"):
        read_map(tmp_path / "map.root", region="SR", histograms_named=("passed", "all"))


def one(values, **how):
    """Return a histogram over one axis."""
    h = hist.Hist(hist.axis.Regular(len(values), 0, 1, **({"name": "m"} | how)))
    h.view()[:] = values
    return h


@pytest.mark.parametrize(
    ("passed", "total", "said"),
    [
        (one([1, 2]), one([1, 2, 3]), "different bins"),
        (one([1, 2]), one([1, 1]), r"bin \(2,\) .*above 1"),
        (one([1, 2]), one([1, 0]), r"bin \(2,\): something passed"),
        (one([0, 0]), one([0, 0]), "is empty"),
        (one([0.5, 1]), one([1, 2]), "whole numbers"),
        (one([1, 1], name=""), one([1, 2], name=""), "no names"),
    ],
)
def test_bad_histograms(passed, total, said):
    """Histograms that give no efficiency say why."""
    with pytest.raises(InputError, match=said):
        histograms.nodes_of(passed, total)


def test_empty_bins_are_no_samples():
    """Where nothing was generated there is no node, and a grid has a hole."""
    nodes = histograms.nodes_of(one([0, 1, 2]), one([0, 10, 10]))
    assert nodes.points[:, 0] == pytest.approx([0.5, 5 / 6])


def test_wide_tables_are_read_quickly():
    """Ten thousand rows are read in much less than a second."""
    cells = [str(i) for i in range(10_000)]
    read = table.Table("t", {"n_generated": ["20000"] * 10_000, "n_selected": cells, "m": cells},
                       range(10_000))  # fmt: skip
    nodes, region = table.nodes_of(read, None, None)
    assert len(nodes) == 10_000
    assert not region


def test_import_is_light(root):
    """The package imports nothing heavy until a name is used."""
    code = "import sys, mcbook.efficiency; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=root).split()
    assert not {"numpy", "scipy", "pandas", "uproot"} & set(loaded)
