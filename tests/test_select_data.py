"""Backgrounds and data of a selection: expected events, and a box that stays closed."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from bookshelf import sha
from ntuple_books import enter, fill, make_books, simulate, write
from typer.testing import CliRunner

import mcbook as mb
from mcbook.catalog.json_text import as_json
from mcbook.catalog.rows import FileRow
from mcbook.catalog.store import open_catalog
from mcbook.cli.app import app
from mcbook.errors import InputError

SELECTION = """\
schema: 1
name: recoil
model: zprime
process: mumu_inv
cuts: {extra: "extra < 0.5"}
window: {observable: m2, centre: "m_zp**2", resolution: 0.1, width: 2}
regions:
  signal: {}
  all: {window: null}
  sideband: {without: [extra], where: "extra > 1", window: null}
hypotheses: {m_zp: {values: [1, 2]}}
luminosity: 10
data: {files: [data.root]}
"""
FILES = """\
backgrounds:
  near: {files: ["near*.root"], luminosity: 40}
  far: {files: [far.root], luminosity: 20, factor: 4}
"""
EVENTS = 40


def columns(point, numbers, _rng):
    """Keep every second event."""
    return {"extra": (numbers % 2) * 0.8, "m2": np.full(len(numbers), point["m_zp"] ** 2)}


def events(m2, extra):
    """Return events at recoil masses."""
    return {"m2": np.asarray(m2, dtype=float), "extra": np.asarray(extra, dtype=float)}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Give two samples with ntuples in the current folder, and a selection with data."""
    monkeypatch.chdir(tmp_path)
    found = make_books([{"m_zp": 1.0}, {"m_zp": 2.0}], columns, events=EVENTS)
    Path("selection.yaml").write_text(SELECTION)
    return found


def mcbook(*arguments):
    """Run the program."""
    return CliRunner().invoke(app, list(arguments), prog_name="mcbook")


def table(name):
    """Return the rows of a table that was written."""
    lines = [line for line in Path(name).read_text().splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def written(folder="out"):
    """Return the contents of all files in a folder."""
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_backgrounds_of_files(made):  # noqa: ARG001
    """Expected events are weights over the equivalent luminosity, at each hypothesis."""
    write("near1.root", events([1.0, 1.1, 4.0], [0, 0, 0]))
    write("near2.root", events([1.0, 1.5], [0, 0]))
    write("far.root", events([4.1, 4.0], [0, 0.9]))
    Path("selection.yaml").write_text(SELECTION + FILES)
    found = mb.select("selection.yaml", output="out")
    rows = {
        (row["m_zp"], row["region"], row["background"]): (row["expected"], row["stat"], row["n"])
        for row in found["backgrounds"]
    }
    assert rows[1.0, "signal", "near"] == pytest.approx((3 / 4, np.sqrt(3) / 4, 3))
    assert rows[2.0, "signal", "near"] == pytest.approx((1 / 4, 1 / 4, 1))
    assert rows[1.0, "signal", "far"] == (2, 2, 0)  # none is left: it counts as one
    assert rows[2.0, "signal", "far"] == pytest.approx((2, 2, 1))
    assert rows[1.0, "all", "near"] == rows[2.0, "all", "near"]
    sums = table("out/background_signal.csv")
    assert [float(row["m_zp"]) for row in sums] == [1, 2]
    assert float(sums[1]["background"]) == pytest.approx(2.25)
    assert float(sums[1]["background_stat"]) == pytest.approx(np.hypot(2, 1 / 4))
    assert any("no simulated event of the background far is left in sideband at 2 of 2" in text
               for text in found["warnings"])  # fmt: skip
    assert found["files"]["read"] == 5


def test_backgrounds_of_the_books(made):
    """The luminosity of a sample is its events over the cross section of its generator."""
    same = f"samples: \"id == '{made[0].sample}'\""
    text = f"{SELECTION}backgrounds: {{same: {{{same}}}, scaled: {{{same}, factor: 1.25}}}}\n"
    Path("selection.yaml").write_text(text)
    with pytest.raises(InputError, match="no cross section of its generator"):
        mb.select("selection.yaml", output="out")
    row = FileRow(
        sha("a"), made[0].sample, 1, "lhe", "samples", "a.lhe", 10, EVENTS, 8.0, 0.1, "1",
        as_json({}), "", "",
    )  # fmt: skip
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        books.insert("files", [row])
    found = mb.select("selection.yaml", output="out")
    got, scaled = [
        row for row in found["backgrounds"] if (row["m_zp"], row["region"]) == (1.0, "signal")
    ]
    assert got["n"] == scaled["n"] == EVENTS // 2
    assert got["expected"] == pytest.approx(8.0 * 10 / 2)
    assert got["stat"] == pytest.approx(8.0 * 10 / EVENTS * np.sqrt(EVENTS / 2))
    assert scaled["expected"] == pytest.approx(1.25 * got["expected"])
    assert scaled["stat"] == pytest.approx(1.25 * got["stat"])


def test_backgrounds_need_a_luminosity(made):  # noqa: ARG001
    """Nothing is scaled to nothing, and files must be there."""
    Path("selection.yaml").write_text(SELECTION.replace("luminosity: 10\n", "") + FILES)
    with pytest.raises(InputError, match="there is none") as error:
        mb.select("selection.yaml", output="out")
    assert "luminosity: NUMBER" in error.value.hint
    Path("selection.yaml").write_text(SELECTION + FILES)
    with pytest.raises(InputError, match="there is no file near"):
        mb.select("selection.yaml", output="out")


def test_without_unblind_data_are_not_touched(made):  # noqa: ARG001
    """Whatever the file of data is, nothing changes, and no look is recorded."""
    told = mb.select("selection.yaml", output="out")
    before = written()
    assert told["data"] is None
    for place in (lambda p: p.write_text("garbage"), lambda p: p.chmod(0)):
        place(Path("data.root"))
        again = mb.select("selection.yaml", output="out")
        assert (again["id"], again["selection"], written()) == (
            told["id"], told["selection"], before,
        )  # fmt: skip
    assert mb.list_results()["unblindings"] == []
    Path("data.root").unlink()
    with pytest.raises(InputError, match=r"there is no file data\.root"):
        mb.select("selection.yaml", output="out", unblind="approved")
    assert mb.list_results()["unblindings"] == []


OUTSIDE = ([1.5, 2.5, 1.0, 4.0, 9.0], [0.0, 0.2, 2.0, 3.0, 0.1])
"""Three events between and beyond the windows, two in the sideband."""


def test_sidebands_do_not_tell_of_the_box(made):  # noqa: ARG001
    """Data that differ inside the box only give the same output and the same files."""
    seen = []
    for inside in ([], [1.0, 1.1, 4.0]):
        write("data.root", events([*OUTSIDE[0], *inside], [*OUTSIDE[1], *(0.0 for _ in inside)]))
        done = mcbook(
            "select", "selection.yaml", "--output", "out", "--unblind", "sidebands first",
            "--format", "json",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        found = json.loads(done.stdout)
        data = found["data"]
        assert data.pop("unblinding").startswith("u-")
        assert (data["opened"], data["closed"]) == ([], ["signal"])
        counts = {(row["m_zp"], row["region"]): row["observed"] for row in data["counts"]}
        assert counts == {(m, region): n for m in (1.0, 2.0)
                          for region, n in (("all", 3), ("sideband", 2))}  # fmt: skip
        assert any("the box stays closed" in text for text in found["notes"])
        changed = ("new", "written")
        seen.append(({k: v for k, v in found.items() if k not in changed}, written()))
    assert seen[0] == seen[1]
    assert "data_signal.csv" not in seen[0][1]
    looks = mb.list_results()["unblindings"]
    assert [row["why"] for row in looks] == ["[sidebands] sidebands first"] * 2
    assert {row["analysis"] for row in looks} == {"recoil"}
    assert {row["frozen"] for row in looks} == {found["selection"]}


def test_an_opened_region(made):  # noqa: ARG001
    """It is counted once it is named, and the record is there before the file is read."""
    write("data.root", events([*OUTSIDE[0], 1.0, 1.1, 4.0], [*OUTSIDE[1], 0, 0, 0]))
    found = mb.select(
        "selection.yaml", output="out", unblind="review done", open_regions=["signal"]
    )
    assert (found["data"]["opened"], found["data"]["closed"]) == (["signal"], [])
    assert [row["observed"] for row in table("out/data_signal.csv")] == ["2", "1"]
    assert [int(row["observed"]) for row in table("out/data_all.csv")] == [6, 6]
    (look,) = mb.list_results()["unblindings"]
    assert look["why"] == "[signal] review done"
    blind = mb.select("selection.yaml", output="out")
    assert blind["data"] is None
    assert Path("out/data_signal.csv").is_file()  # of this very selection: it stays
    Path("selection.yaml").write_text(SELECTION.replace("extra < 0.5", "extra < 0.6"))
    mb.select("selection.yaml", output="out")
    assert not Path("out/data_signal.csv").exists()
    Path("data.root").write_text("garbage")
    with pytest.raises(InputError):
        mb.select("selection.yaml", output="out", unblind="again")
    assert len(mb.list_results()["unblindings"]) == 2
    for region, message in (("sidebnd", "no region 'sidebnd'"), ("all", "all is not closed")):
        with pytest.raises(InputError, match=message):
            mb.select("selection.yaml", output="out", unblind="again", open_regions=[region])


def test_data_are_no_signal(made):
    """A file of data that the books know as an ntuple is not opened as one."""
    name = made[0].ntuples[0].as_posix()
    Path("selection.yaml").write_text(SELECTION.replace("data.root", name))
    with pytest.raises(InputError, match="among the data"):
        mb.select("selection.yaml", output="out")


def test_what_stays_closed_does_not_depend_on_the_samples(made):
    """Windows at whichever samples are read would tell of each other, and are refused."""
    write("data.root", events(*OUTSIDE))
    Path("selection.yaml").write_text(
        SELECTION.replace("hypotheses: {m_zp: {values: [1, 2]}}\n", "")
    )
    with pytest.raises(InputError, match="at which hypotheses is not said") as error:
        mb.select("selection.yaml", made[0].sample, output="out", unblind="sidebands")
    assert "hypotheses" in error.value.hint
    assert mb.list_results()["unblindings"] == []
    mb.select("selection.yaml", output="out", unblind="review done", open_regions=["signal"])
    assert len(mb.list_results()["unblindings"]) == 1


def test_a_region_in_another_one(made):  # noqa: ARG001
    """Who opens the outer one opens the inner one, and says so; the inner one can be opened."""
    inside = [1.0, 1.1, 1.5]  # two in 2 sigma at 1 GeV, all in 10 sigma
    write("data.root", events([*OUTSIDE[0], *inside], [*OUTSIDE[1], 0, 0, 0]))
    nested = SELECTION.replace("  signal: {}\n", "  signal: {}\n  wide: {window: 10}\n")
    Path("selection.yaml").write_text(nested)
    with pytest.raises(InputError, match="--open wide: the region signal lies in it") as error:
        mb.select("selection.yaml", output="out", unblind="x", open_regions=["wide"])
    assert error.value.hint.endswith("--open wide --open signal")
    assert mb.list_results()["unblindings"] == []
    found = mb.select("selection.yaml", output="out", unblind="x", open_regions=["signal"])
    assert found["data"]["closed"] == ["wide"]
    assert "nowhere in data if they are not in signal" in " ".join(found["notes"])
    assert [row["observed"] for row in table("out/data_signal.csv")] == ["2", "0"]
    assert not Path("out/data_wide.csv").exists()
    both = ["signal", "wide"]
    found = mb.select("selection.yaml", output="out", unblind="x", open_regions=both)
    assert found["data"]["closed"] == []


def test_a_name_that_is_taken_opens_nothing(made):  # noqa: ARG001
    """Another map under a name of the books is refused before data are read."""
    write("data.root", events(*OUTSIDE))
    mb.select("selection.yaml", output="out", name="recoil-v1")
    Path("selection.yaml").write_text(SELECTION.replace("extra < 0.5", "extra < 0.9"))
    with pytest.raises(InputError, match="the name recoil-v1 is that of the map e-"):
        mb.select("selection.yaml", output="out", name="recoil-v1", unblind="approved")
    assert mb.list_results()["unblindings"] == []


def test_which_simulation_of_a_background(made):
    """One of several in the same campaign is picked for backgrounds as for the signal."""
    signal, other = made
    row = FileRow(
        sha("a"), other.sample, 1, "lhe", "samples", "a.lhe", 10, EVENTS, 8.0, 0.1, "1",
        as_json({}), "", "",
    )  # fmt: skip
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        books.insert("files", [row])
    first = other.simulations["MC15ri"]
    simulate(other, "MC15ri", label="again")
    enter(fill(other, "MC15riagain", columns))
    text = f"backgrounds: {{other: {{samples: \"id == '{other.sample}'\"}}}}\n"
    Path("selection.yaml").write_text(SELECTION + text)
    with pytest.raises(InputError, match="several simulations of the campaign"):
        mb.select("selection.yaml", signal.sample, output="out")
    found = mb.select("selection.yaml", signal.sample, output="out", simulations=[first])
    assert {one["background"] for one in found["backgrounds"]} == {"other"}


def test_samples_of_one_process_add_up(made):
    """A background of two samples of a process is their sum, and that is told."""
    rows = [
        FileRow(
            sha(one.sample), one.sample, 1, "lhe", "samples", f"{one.sample}.lhe", 10, EVENTS, 8.0,
            0.1, "1", as_json({}), "", "",
        )
        for one in made
    ]  # fmt: skip
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        books.insert("files", rows)
    text = "backgrounds: {both: {samples: \"model == 'zprime'\"}}\n"
    Path("selection.yaml").write_text(SELECTION + text)
    found = mb.select("selection.yaml", output="out")
    told = "background both: the cross sections of 2 samples of zprime mumu_inv add up"
    assert any(warning.startswith(told) for warning in found["warnings"])
    rows = {(row["m_zp"], row["region"]): row["expected"] for row in found["backgrounds"]}
    assert rows[1.0, "all"] == pytest.approx(2 * 8.0 * 10 / 2)


def test_data_by_another_name_are_data(made):  # noqa: ARG001
    """A hard link to the data among the backgrounds is known for what it is."""
    write("data.root", events([1.0], [0.0]))
    Path("near1.root").hardlink_to("data.root")
    write("far.root", events([1.0], [0.0]))
    Path("selection.yaml").write_text(SELECTION + FILES)
    with pytest.raises(InputError, match=r"near1.root is among the data"):
        mb.select("selection.yaml", output="out")


def test_typos_are_told_where_they_stand(made):  # noqa: ARG001
    """A branch that is not there is told with the cut or region that names it, or `event`."""
    for old, new, said in (
        ("extra < 0.5", "extr < 0.5", r"line 5 \(cuts.extra\): .*no branch 'extr'"),
        ('where: "extra > 1"', 'where: "extr > 1"', r"\(regions.sideband\).*no branch 'extr'"),
        ("luminosity: 10", "event: {column: __evnt__}\nluminosity: 10", "no branch '__evnt__'"),
    ):
        Path("selection.yaml").write_text(SELECTION.replace(old, new))
        with pytest.raises(InputError, match=said) as caught:
            mb.select("selection.yaml", output="out")
        assert "did you mean" in caught.value.hint


def test_a_function_that_exits(made):  # noqa: ARG001
    """A column in Python that ends the program is an error, not an end."""
    Path("f.py").write_text("def f(x):\n    raise SystemExit(0)\n")
    text = SELECTION.replace("cuts:", "columns: {p: {python: 'f.py:f', needs: [extra]}}\ncuts:")
    Path("selection.yaml").write_text(text.replace("extra < 0.5", "p < 0.5"))
    with pytest.raises(InputError, match=r"f.py:f failed"):
        mb.select("selection.yaml", output="out")


def test_histograms_for_fits(made):
    """Backgrounds and data in bins, and templates of the signal around its own centre."""
    write("near1.root", events([1.0, 4.0, 4.1], [0.0, 0.0, 0.9]))
    write("far.root", events([2.5], [0.0]))
    write("data.root", events([1.0, 1.05, 3.3], [0.0, 0.0, 0.0]))
    more = "histograms:\n  m2: {of: m2, edges: [0, 1.5, 3, 4.5], region: all, width: 4, bins: 8}\n"
    Path("selection.yaml").write_text(SELECTION + FILES + more)
    mb.select("selection.yaml", output="out")

    def rows(name):
        lines = Path("out", name).read_text().splitlines()
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))

    found = rows("histogram_m2.csv")
    assert [float(row["near"]) for row in found] == [0.25, 0, 0.25]
    assert [float(row["far"]) for row in found] == [0, 2.0, 0]
    assert [float(row["background"]) for row in found] == [0.25, 2.0, 0.25]
    assert float(found[1]["background_stat"]) == pytest.approx(2.0)
    shape = rows("template_m2.csv")
    assert [float(row["part"]) for row in shape if float(row["low"]) == 0] == [1.0, 1.0]
    assert sum(float(row["part"]) for row in shape) == pytest.approx(len(made))
    assert not Path("out/data_histogram_m2.csv").exists()
    mb.select("selection.yaml", output="out", unblind="a test", open_regions=["signal"],
              catalog=None)  # fmt: skip
    seen = rows("data_histogram_m2.csv")
    assert [float(row["observed"]) for row in seen] == [2, 0, 1]
    text = SELECTION.replace('cuts: {extra: "extra < 0.5"}', 'cuts: {extra: "extra < m_zp"}')
    Path("selection.yaml").write_text(text + FILES + more)
    with pytest.raises(InputError, match="m_zp depends on the hypothesis, and one histogram"):
        mb.select("selection.yaml", output="other")
