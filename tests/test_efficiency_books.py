"""Efficiency maps in the books: from a table of real samples to limits, and back to the cards."""

import csv
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
import yaml
from analysis_world import IDM, ZPRIME, Toy, changed, counting
from bookshelf import add_sample, define, location, new_books, sample_id, sha
from typer.testing import CliRunner

import mcbook as mb
from mcbook.analysis import read_analysis, run
from mcbook.catalog import efficiencies
from mcbook.catalog.dump import dump_lines, load_lines
from mcbook.catalog.efficiencies import digest_of
from mcbook.catalog.merge import merge
from mcbook.catalog.store import open_catalog
from mcbook.cli.app import app
from mcbook.efficiency import EfficiencyMap
from mcbook.errors import InputError, WorkError
from mcbook.verbs.analyses import limits_of
from mcbook.verbs.efficiencies import maps_of
from mcbook.verbs.publication import samples_of
from mcbook.verbs.results import reading_file

__all__ = ["location", "new_books"]

MASSES = (0.5, 1.5, 4.0)
SELECTED = {"signal": (500, 640, 730), "control": (11, 7, 3)}
COLUMNS = ("sample_id", "region", "n_generated", "n_selected", "sumw_generated", "sumw", "sumw2")
GRID = {"scan": {"m_zp": {"values": list(MASSES)}}, "events": 1000}
ANALYSIS = changed(
    ZPRIME,
    ("zprime_test", "small"),
    ("cl: 0.90", "cl: 0.90\nmethod: asymptotic"),
    ("relative_error: 0", "relative_error: 0.01"),
    ("{map: map.csv, axes: [m_zp]}", "{catalog: recoil-v1, region: signal, axes: [m_zp]}"),
    ("background: 0", "background: 2.5"),
    ("observed: 0", "observed: 3"),
    ("0.1, 1, 3, 5", "0.5, 1.0, 1.5, 3.0"),
)

CUT = """\
schema: 1
thresholds: ["m_zp < 4"]
rows:
- {sample_id: zprime-000000000000, n_generated: 10, n_selected: 1}
"""


def table(path, ids, *, extra=None, **changes):
    """Write a table with a row for each sample and region; *extra* has columns to add."""
    extra = extra or {}
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow([*COLUMNS, *extra])
        for region, counts in SELECTED.items():
            for i, (name, k) in enumerate(zip(ids, counts, strict=True)):
                row = {"sample_id": name, "region": region, "n_generated": 10_000, "n_selected": k,
                       "sumw_generated": 9_000.5, "sumw": 0.9 * k, "sumw2": 0.85 * k}  # fmt: skip
                if i == 1 and region == "signal":
                    row |= changes
                out.writerow([*row.values(), *(values[i] for values in extra.values())])


@pytest.fixture
def ids(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Give the ids of three samples of an own grid, in the current folder, with a map of them."""
    monkeypatch.chdir(tmp_path)
    mb.generate("zprime", GRID)
    found = [row["id"] for row in mb.query(sort="m_zp")]
    table("map.csv", found)
    table("with_masses.csv", found, extra={"m_zp": MASSES})
    Path("analysis.yaml").write_text(ANALYSIS)
    return found


def lines_of(where=None):
    """Return the dump of books."""
    with open_catalog(where, mode="read") as catalog, catalog.reading() as books:
        return list(dump_lines(books))


def edit(statement, values=()):
    """Change the books behind their back."""
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        books.change(statement, [values])


def mcbook(*arguments):
    """Run the program."""
    return CliRunner().invoke(app, list(arguments), prog_name="mcbook")


def test_from_the_grid_to_limits_and_back_to_the_cards(ids):
    """A map in the books gives the limits of the same map in a file, and leads to the samples."""
    done = mcbook("efficiency", "add", "map.csv", "--name", "recoil-v1", "--format", "json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["new"], told["rows"], told["samples"]) == (True, 6, 3)
    assert (told["regions"], told["axes"]) == (["control", "signal"], [])
    assert re.fullmatch(r"e-[0-9a-f]{12}", told["id"])

    in_books = mb.set_limits("analysis.yaml", unblind="approved", output="out")
    from_file = ANALYSIS.replace("catalog: recoil-v1", "map: with_masses.csv")
    Path("file.yaml").write_text(from_file)
    other = mb.set_limits("file.yaml", unblind="approved as well")
    for mine, theirs in zip(in_books["limits"], other["limits"], strict=True):
        assert mine["samples"] == theirs["samples"]
        assert mine["flags"] == theirs["flags"]
        for key in ("observed", "expected", "observed_events", "efficiency"):
            assert mine[key] == pytest.approx(theirs[key], rel=1e-12)
    assert in_books["limits"][0]["efficiency"] == {
        "recoil": pytest.approx(0.9 * 500 / 9000.5, rel=1e-12)
    }

    between = in_books["limits"][1]
    point = mb.trace(between["point"])
    assert {row["id"] for row in point["samples"]} == set(between["samples"]) <= set(ids)
    assert point["samples"]
    for sample in point["samples"]:
        assert sample["cards"]
        assert all(Path(card["path"]).is_file() for card in sample["cards"])
    inputs = {entry["path"] for entry in point["result"]["inputs"]}
    assert inputs == {"analysis.yaml", told["id"]}

    back = mb.trace(told["id"])
    assert (back["kind"], back["map"]["name"], len(back["map"]["rows"])) == (
        "efficiency map", "recoil-v1", 6,
    )  # fmt: skip
    assert [row["id"] for row in back["results"]] == [in_books["result"]]
    assert {row["id"] for row in back["samples"]} == set(ids)
    with open_catalog(None, mode="read") as catalog, catalog.reading() as books:
        (through,) = reading_file(books, sha256(Path("map.csv").read_bytes()).hexdigest())
    assert through["id"] == in_books["result"]
    assert mcbook("trace", told["id"]).exit_code == 0
    assert {row["id"] for row in mb.trace(ids[0])["results"]} == {
        in_books["result"], other["result"],
    }  # fmt: skip


@pytest.mark.thorough
def test_the_same_again_is_the_same_map(ids):
    """Rows in another order, and the masses that the books know, give the same map."""
    first = mb.add_efficiency_map("map.csv", name="recoil-v1")
    before = lines_of()
    header, *rows = Path("map.csv").read_text().splitlines()
    Path("turned.csv").write_text("\n".join(["# a comment", header, *reversed(rows)]))
    for name in ("map.csv", "turned.csv", "with_masses.csv"):
        again = mb.add_efficiency_map(name, name="recoil-v1")
        assert (again["id"], again["new"]) == (first["id"], False)
    assert lines_of() == before
    table("other.csv", ids, n_selected=641)
    with pytest.raises(InputError, match=f"recoil-v1 is that of the map {first['id']}"):
        mb.add_efficiency_map("other.csv", name="recoil-v1")
    assert lines_of() == before
    other = mb.add_efficiency_map("other.csv", name="recoil-v2")
    assert other["new"]
    assert [(row["name"], row["rows"], row["samples"]) for row in mb.list_efficiency_maps()] == [
        ("recoil-v1", 6, 3), ("recoil-v2", 6, 3),
    ]  # fmt: skip
    listed = mcbook("efficiency", "list")
    assert "recoil-v2" in listed.stdout
    assert json.loads(mcbook("efficiency", "list", "--format", "json").stdout)[0]["name"]


@pytest.mark.usefixtures("ids")
def test_a_dry_run_keeps_nothing():
    """A dry run says what would be there, and the books stay as they are."""
    before = lines_of()
    found = mb.add_efficiency_map("map.csv", name="recoil-v1", dry_run=True)
    assert found["new"]
    assert lines_of() == before
    assert mcbook("efficiency", "add", "map.csv", "--name", "x", "--dry-run").exit_code == 0
    assert lines_of() == before
    assert mcbook("efficiency", "list").stdout == ""


def test_large_counts_are_told_apart(ids):
    """Counts that differ beyond the ninth digit are other maps."""
    row = {"sample_id": ids[0], "simulation_id": None, "region": "", "axes": {}}
    row |= {"n_generated": 10**10, "n_selected": 1}
    row |= {"sumw_generated": 1.0, "sumw": 1.0, "sumw2": 1.0}
    assert digest_of("a", [row]) != digest_of("a", [row | {"n_generated": 10**10 + 1}])


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"sample_id": "zprime-00"}, r"line 3 \(column sample_id\): the sample zprime-00 is not",
         "--format ids"),
        ({"sample_id": ""}, r"line 3 \(column sample_id\): the cell is empty", None),
        ({"n_selected": 10_001}, r"line 3 \(column n_selected\).*above 1", None),
        ({"n_selected": -1}, "a negative count", None),
        ({"n_generated": 1.5}, "not a number of events", None),
        ({"n_generated": 0}, "nothing was generated|more events selected", None),
        ({"sumw": 9_001}, "above 1|sum of weights", None),
        ({"sumw2": "nan"}, "nan is not a finite number", None),
    ],
)  # fmt: skip
def test_rows_that_cannot_be(ids, changes, message, hint):
    """One line with file, line and column; exit code 2; nothing is written."""
    table("bad.csv", ids, **changes)
    before = lines_of()
    with pytest.raises(InputError, match=message) as caught:
        mb.add_efficiency_map("bad.csv", name="bad")
    assert caught.value.message.startswith("bad.csv, line 3")
    assert hint is None or hint in caught.value.hint
    done = mcbook("efficiency", "add", "bad.csv", "--name", "bad")
    assert done.exit_code == 2
    assert done.stderr.count("error:") == 1
    assert lines_of() == before


def test_samples_of_other_books(ids):
    """The first unknown sample is named with the number of others and the nearest known one."""
    strangers = [f"{ids[0][:-2]}zz", "zprime-000000000000", "alp-000000000000"]
    table("bad.csv", strangers)
    with pytest.raises(
        InputError, match=f"{strangers[0]} is not in the books, nor are 2 more"
    ) as e:
        mb.add_efficiency_map("bad.csv", name="bad")
    assert e.value.hint == f"did you mean {ids[0]!r}?"
    table("bad.csv", [ids[0], ids[1][:-3], ids[2]])
    with pytest.raises(InputError, match=r"not in the books$") as caught:
        mb.add_efficiency_map("bad.csv", name="bad")
    assert ids[1] in caught.value.hint


def test_tables_that_cannot_be(ids, tmp_path):
    """A table without samples, rows that repeat, masses of others, thresholds, a wrong name."""
    cases = {
        "no_ids.csv": ("n_generated,n_selected\n10,1\n", "column sample_id is missing"),
        "twice.csv": (f"sample_id,n_generated,n_selected\n{ids[0]},10,1\n{ids[0]},10,2\n",
                      r"twice.csv, line 3: zprime-\w+ in the same region is there already, .*2"),
        "mass.csv": (f"sample_id,n_generated,n_selected,m_zp\n{ids[0]},10,1,0.51\n",
                     r"line 2 \(column m_zp\): 0.51, and zprime-\w+ was made with 0.5"),
        "text.csv": (f"sample_id,n_generated,n_selected,who\n{ids[0]},10,1,me\n", "column who"),
        "slip.csv": (f"sample_id,n_generated,n_seleted\n{ids[0]},10,1\n", "n_selected is missing"),
        "empty.csv": ("sample_id,n_generated,n_selected\n", "there are no rows"),
        "cut.yaml": (CUT, "no thresholds"),
        "map.root": ("", "a histogram does not say"),
        "map.txt": ("", "ends in .csv"),
    }  # fmt: skip
    before = lines_of()
    for name, (text, message) in cases.items():
        Path(name).write_text(text)
        with pytest.raises(InputError, match=message):
            mb.add_efficiency_map(name, name="bad")
    for name in ("", "e-", "e-0123", "a b", "-x"):
        with pytest.raises(InputError, match="is no name of an efficiency map"):
            mb.add_efficiency_map("map.csv", name=name)
    with pytest.raises(InputError, match="no such file"):
        mb.add_efficiency_map("absent.csv", name="bad")
    assert lines_of() == before
    with pytest.raises(InputError, match="there is no catalog"):
        mb.add_efficiency_map("map.csv", name="bad", catalog=str(tmp_path / "none.db"))
    assert not (tmp_path / "none.db").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("suffix", [".parquet", ".yaml"])
def test_other_tables(ids, suffix):
    """Parquet and YAML give the map of the CSV file; a simulation is kept with its sample."""
    first = mb.add_efficiency_map("map.csv", name="recoil-v1")
    with Path("map.csv").open(encoding="utf-8") as file:
        rows = [{key: cell if key in COLUMNS[:2] else float(cell) for key, cell in row.items()}
                for row in csv.DictReader(file)]  # fmt: skip
    path = Path("map").with_suffix(suffix)
    if suffix == ".yaml":
        path.write_text(yaml.safe_dump({"schema": 1, "rows": rows}))
    else:
        pd = pytest.importorskip("pandas")
        pytest.importorskip("pyarrow")
        pd.DataFrame(rows).to_parquet(path)
    assert mb.add_efficiency_map(path, name="recoil-v1")["id"] == first["id"]
    simulated = [f"{name}-s0123abcd" for name in ids]
    table("simulated.csv", simulated)
    found = mb.add_efficiency_map("simulated.csv", name="simulated")
    shown = mb.trace(found["id"])["map"]["rows"][0]
    assert (shown["sample_id"], shown["simulation_id"]) == (
        shown["simulation_id"].removesuffix("-s0123abcd"), f"{shown['sample_id']}-s0123abcd",
    )  # fmt: skip
    Path("analysis.yaml").write_text(ANALYSIS.replace("recoil-v1", found["id"]))
    limits = mb.set_limits("analysis.yaml")
    assert limits["limits"][0]["samples"] == [simulated[0]]
    (point,) = [mb.trace(limits["limits"][0]["point"])["point"]]
    assert (point["samples"], point["simulations"]) == ([ids[0]], [simulated[0]])


@pytest.mark.thorough
def test_maps_are_dumped_loaded_and_merged(ids, tmp_path):
    """Dumped and loaded books are the same; merged ones have the map once, and tell conflicts."""
    told = mb.add_efficiency_map("map.csv", name="recoil-v1")
    before = lines_of()
    mb.dump_catalog("books.jsonl")
    (tmp_path / "there").mkdir()
    other = str(tmp_path / "there" / "mcbook.db")
    mb.load_catalog("books.jsonl", catalog=other)
    maps = [line for line in before if '"table":"efficiency_' in line]
    assert len(maps) == 7
    assert [line for line in lines_of(other) if '"table":"efficiency_' in line] == maps
    empty = str(tmp_path / "there" / "empty.db")
    new = mb.merge_catalogs(other, catalog=empty)["new"]
    assert (new["efficiency_maps"], new["efficiency_rows"]) == (1, 6)
    assert "efficiency_maps" not in mb.merge_catalogs(other, catalog=empty)["new"]
    assert mb.list_efficiency_maps(catalog=empty)[0]["id"] == told["id"]
    third = str(tmp_path / "there" / "third.db")
    mb.generate("zprime", GRID, catalog=third, output=str(tmp_path / "there" / "samples"))
    table("other.csv", ids, n_selected=641)
    mb.add_efficiency_map("other.csv", name="recoil-v1", catalog=third)
    mb.merge_catalogs(third)
    with pytest.raises(InputError, match=r"several efficiency maps .* 'recoil-v1'") as caught:
        mb.set_limits("analysis.yaml")
    assert told["id"] in caught.value.hint
    Path("analysis.yaml").write_text(ANALYSIS.replace("recoil-v1", told["id"]))
    assert mb.set_limits("analysis.yaml")["limits"][0]["efficiency"]
    wrong = [line.replace(told["id"], "e-000000000000") for line in before]
    Path("wrong.jsonl").write_text("\n".join(wrong))
    with pytest.raises(InputError, match="does not belong to its row"):
        mb.load_catalog("wrong.jsonl", catalog=str(tmp_path / "there" / "fourth.db"))


@pytest.mark.usefixtures("ids")
def test_what_was_edited_is_refused():
    """Rows that were changed in the database are not those that the id stands for."""
    told = mb.add_efficiency_map("map.csv", name="recoil-v1")
    edit("UPDATE efficiency_rows SET n_selected = 9000 WHERE number = 5")
    for action in (lambda: mb.set_limits("analysis.yaml"), lambda: mb.trace(told["id"])):
        with pytest.raises(WorkError, match="somebody edited it"):
            action()


@pytest.mark.usefixtures("ids")
def test_the_frozen_digest_covers_the_map():
    """Another map is another analysis; the look and the result have the same digest."""
    mb.add_efficiency_map("map.csv", name="recoil-v1")
    closed = mb.set_limits("analysis.yaml")
    opened = mb.set_limits("analysis.yaml", unblind="approved")
    (look,) = mb.list_results()["unblindings"]
    assert opened["frozen"] == look["frozen"] == closed["frozen"]
    notes = mb.set_limits("analysis.yaml", dry_run=True)["notes"]
    assert notes == [
        f"small: frozen as {look['frozen'][:12]}; the box is closed, and it can be opened"
    ]
    # the same name in other books, with another count in the region that is not even used
    mb.generate("zprime", GRID, catalog="other.db", output="elsewhere")
    text = Path("map.csv").read_text().replace("control,10000,7,", "control,10000,8,")
    Path("other.csv").write_text(text)
    mb.add_efficiency_map("other.csv", name="recoil-v1", catalog="other.db")
    other = mb.set_limits("analysis.yaml", catalog="other.db")
    assert other["frozen"] != look["frozen"]
    assert other["limits"][0]["expected"] == closed["limits"][0]["expected"]


@pytest.mark.usefixtures("ids")
def test_an_analysis_says_where_its_map_is():
    """Exactly one of map and catalog, and a map of the books; else the box stays closed."""
    mb.add_efficiency_map("map.csv", name="recoil-v1")
    for old, new, message in (
        (
            "catalog: recoil-v1, ",
            "",
            r"analysis.yaml, line 11 .*either map or catalog is wanted here$",
        ),
        ("catalog: recoil-v1", "catalog: a, map: map.csv", "not both"),
        ("catalog: recoil-v1", "catalog: 7", "a text is wanted"),
        ("catalog: recoil-v1", "catalog: recoil-v2", "there is no efficiency map 'recoil-v2'"),
        ("region: signal", "region: signl", "there is no region 'signl'"),
        ("region: signal, ", "", "there are 2 regions"),
    ):
        assert old in ANALYSIS
        Path("analysis.yaml").write_text(ANALYSIS.replace(old, new))
        with pytest.raises(InputError, match=message) as caught:
            mb.set_limits("analysis.yaml", unblind="approved")
        assert "analysis.yaml, line 11" in caught.value.message
        if "recoil-v2" in new:
            assert caught.value.hint == "did you mean 'recoil-v1'?"
    assert not mb.list_results()["unblindings"]


@pytest.mark.usefixtures("ids")
def test_without_a_verb_the_map_has_to_be_given():
    """The statistics half knows no books: one clear error, or a map that is handed over."""
    analysis = read_analysis("analysis.yaml")
    with pytest.raises(
        InputError, match=r"analysis.yaml, line 11 .*'recoil-v1' is in the books"
    ) as caught:
        run(analysis, upper_limits=counting)
    assert "maps=" in caught.value.hint
    flat = Toy(lambda m_zp: 0.05 + 0 * m_zp)
    result = run(analysis, upper_limits=counting, maps={"recoil": flat})
    assert result.header["frozen"] is None
    own = EfficiencyMap(["m_zp"], MASSES, SELECTED["signal"], [10_000] * 3)
    result = run(
        analysis, upper_limits=counting, maps={"recoil": own}, digests={"recoil": "0" * 64}
    )
    assert len(result.header["frozen"]) == 64
    assert samples_of(result)["m_zp"].tolist() == list(MASSES)


@pytest.mark.usefixtures("ids")
def test_a_file_and_a_map_in_the_books():
    """One channel has its map in a file, another in the books."""
    mb.add_efficiency_map("map.csv", name="recoil-v1")
    second = (
        "  second:\n    process: mumu_inv\n    background: 1\n    observed: 0\n"
        "    efficiency: {map: with_masses.csv, region: control, axes: [m_zp]}\n"
    )
    Path("analysis.yaml").write_text(ANALYSIS.replace("rate:", second + "rate:"))
    found = mb.set_limits("analysis.yaml", unblind="approved")
    efficiency = found["limits"][0]["efficiency"]
    assert efficiency["recoil"] == pytest.approx(0.9 * 500 / 9000.5, rel=1e-12)
    assert efficiency["second"] == pytest.approx(0.9 * 11 / 9000.5, rel=1e-12)
    document, result, _ = limits_of(
        "analysis.yaml",
        cl=None,
        method=None,
        unblind=None,
        catalog=None,
        models_dir=None,
        engine={},
    )
    assert sorted(samples_of(result)["m_zp"]) == pytest.approx(sorted(2 * MASSES))
    assert document["frozen"] == found["frozen"]


@pytest.mark.usefixtures("ids")
def test_samples_must_be_those_of_the_cross_section():
    """The books know what samples were made with; an analysis that says otherwise is refused."""
    mb.add_efficiency_map("map.csv", name="recoil-v1")
    text = ANALYSIS.replace("alpha: 1/137.035999", "alpha: 1/130") + "alpha: 1/130\n"
    Path("analysis.yaml").write_text(text)
    with pytest.raises(InputError, match=r"made with alpha: 0.00729\d+, .* says alpha: 0.00769"):
        mb.set_limits("analysis.yaml")
    text = re.sub("(?m)^model: .*$", "model: dark_higgs", ANALYSIS).replace("m_zp", "m_ap")
    text = text.replace("rate: g_prime", "rate: sigma")
    Path("analysis.yaml").write_text(text)
    with pytest.raises(InputError, match="is one of zprime, and the analysis of dark_higgs"):
        mb.set_limits("analysis.yaml")


LONG_LIVED = changed(
    IDM,
    ("idm_test", "island"),
    ("map: a.csv", "catalog: displaced"),
    ("background: 0", "background: 0.5"),
    ("rate: {limit: epsilon, range: [1e-6, 0.1]}", "rate: sigma"),
    ("[0.8, 1.0]", "[1.0], epsilon: [1.0e-3]"),
    ("theta: 1e-4", "theta: 1e-3"),
)


def idm_samples(lifetime):
    """Make samples of three masses and two epsilon; return them in the order of m_chi1, epsilon."""
    grid = {
        "process": "hp_mumu_chi2_ee",
        "scan": {"m_chi1": [0.8, 1.0, 1.2], "epsilon": [1e-3, 2e-3]},
        "fixed": {"alpha_D": 0.1, "theta": 1e-3, "m_hp": 0.6},
        "derived": {"m_ap": "3*m_chi1", "delta_m": "0.4*m_chi1"},
        "events": 1000,
        "generator": {"lifetime": lifetime},
    }
    mb.generate("idm", grid)
    rows = mb.query("model == 'idm'")
    return sorted(rows, key=lambda row: (row["parameters"]["m_chi1"], row["parameters"]["epsilon"]))


def counts_of(rows, path="displaced.csv"):
    """Write a table of rows that begin with sample_id."""
    lines = [f"{name},10000,{100 + 10 * i}{more}" for i, (name, more) in enumerate(rows)]
    header = "sample_id,n_generated,n_selected" + ",ctau_chi2" * bool(rows[0][1])
    Path(path).write_text("\n".join([header, *lines]))


def nodes():
    """Return where the map of the long-lived analysis has its nodes."""
    Path("island.yaml").write_text(LONG_LIVED)
    found = maps_of(read_analysis("island.yaml"), None).maps["mumu"].nodes
    return [tuple(point) for point in found.points.tolist()]


@pytest.mark.usefixtures("ids")
def test_a_lifetime_in_the_generator_is_that_of_the_sample():
    """Events that were generated displaced have the lifetime that the books derive."""
    samples = idm_samples("generator")
    assert len(samples) == 6
    counts_of([(row["id"], "") for row in samples])
    mb.add_efficiency_map("displaced.csv", name="displaced")
    wanted = [(row["parameters"]["m_chi1"], row["derived"]["ctau_chi2"]) for row in samples]
    assert sorted(nodes()) == sorted(wanted)
    derived = json.dumps(samples[2]["derived"] | {"ctau_chi2": None})
    edit("UPDATE samples SET derived = ? WHERE id = ?", (derived, samples[2]["id"]))
    with pytest.raises(InputError, match=f"{samples[2]['id']} has no ctau_chi2 of its own"):
        nodes()


@pytest.mark.usefixtures("ids")
def test_a_lifetime_of_prompt_events_has_to_be_told():
    """A shared sample stands at its reference; only the table knows its displacement."""
    samples = idm_samples("displacer")
    assert len(samples) == 3
    counts_of([(row["id"], "") for row in samples])
    mb.add_efficiency_map("displaced.csv", name="displaced")
    for axes in ("[m_chi1, ctau_chi2]", "[m_chi1, epsilon]"):
        Path("island.yaml").write_text(LONG_LIVED.replace("[m_chi1, ctau_chi2]", axes))
        with pytest.raises(
            InputError, match=r"idm-[0-9a-f]{12} has no .* generated prompt"
        ) as caught:
            mb.set_limits("island.yaml")
        assert "add a column" in caught.value.hint
    counts_of([(row["id"], f",{ctau}") for row in samples for ctau in (1, 30, 1000.5)])
    told = mb.add_efficiency_map("displaced.csv", name="reweighted")
    assert (told["rows"], told["samples"], told["axes"]) == (9, 3, ["ctau_chi2"])
    Path("island.yaml").write_text(LONG_LIVED.replace("displaced", "reweighted"))
    found = maps_of(read_analysis("island.yaml"), None).maps["mumu"].nodes
    assert sorted(map(tuple, found.points.tolist())) == [
        (mass, ctau) for mass in (0.8, 1.0, 1.2) for ctau in (1.0, 30.0, 1000.5)
    ]
    assert set(found.sample_ids) == {row["id"] for row in samples}


def small_map(**changes):
    """Return rows of a map of two samples, one of them at two lifetimes."""
    counts = {"n_generated": 3_000_000_000, "n_selected": 7, "sumw_generated": 2.5e9}
    row = {"simulation_id": None, "region": "signal", **counts, "sumw": 6.0, "sumw2": 6.5}
    places = (("b", 2.0), ("a", 3.0), ("a", 10.5))
    rows = [row | {"sample_id": sample_id("xmodel", label), "axes": {"ctau_x": ctau}}
            for label, ctau in places]  # fmt: skip
    rows[0] |= changes
    return rows


def shelve(where, name="one", **changes):
    """Make books with two samples and a map of them; return its row."""
    with open_catalog(where, mode="write") as catalog, catalog.writing() as books:
        define(books, "xmodel", root=Path("/nowhere/samples"))
        for label in "ab":
            add_sample(books, "xmodel", label, {"m_x": 1.0}, root=Path("/nowhere/samples"))
        rows = small_map(**changes)
        return efficiencies.add(books, name=name, sha256=sha("file"), rows=rows)


def test_maps_on_any_database(new_books):
    """What is kept is what is found; books are the same after dump, load and merge."""
    mine, theirs = new_books(), new_books()
    told = shelve(mine)
    with open_catalog(mine, mode="read") as catalog, catalog.reading() as books:
        for wanted in ("one", told["id"], told["id"][:6]):
            header = efficiencies.find(books, wanted)
            assert header["digest"] == told["digest"]
        found = efficiencies.rows_of(books, header)
        assert found == efficiencies.in_order(small_map())
        (row,) = efficiencies.listed(books)
        assert (row["n_rows"], row["n_samples"], row["axes"]) == (3, 2, ["ctau_x"])
        assert efficiencies.made_of(books, sha("file")) == [told["digest"]]
        lines = list(dump_lines(books))
    with open_catalog(theirs, mode="write") as catalog:
        with catalog.writing() as books:
            load_lines(books, lines, "dump")
        assert lines_of(theirs) == lines
    other = new_books()
    shelve(other, "two", n_selected=8)
    with (
        open_catalog(other, mode="read") as second,
        second.reading() as reader,
        open_catalog(mine, mode="write") as catalog,
    ):
        for new in (3, 0):
            with catalog.writing() as books:
                assert merge(books, reader).new["efficiency_rows"] == new
        with catalog.reading() as books:
            assert [row["name"] for row in efficiencies.listed(books)] in (
                ["one", "two"], ["two", "one"],
            )  # fmt: skip


def test_rows_of_samples_that_are_not_there(location):
    """The books take no row of a sample that they do not hold."""
    with pytest.raises(WorkError, match="refuse new rows of efficiency_rows"):
        shelve(location, sample_id="xmodel-000000000000")
    with open_catalog(location, mode="read") as catalog, catalog.reading() as books:
        assert not efficiencies.listed(books)


@pytest.mark.usefixtures("ids")
def test_samples_of_other_masses_are_told():
    """A mass that all hypotheses have, and the samples have not, is no small print."""
    samples = idm_samples("displacer")
    counts_of([(row["id"], f",{ctau}") for row in samples for ctau in (1, 30, 1000.5)])
    mb.add_efficiency_map("displaced.csv", name="displaced")
    assert len(nodes()) == 9
    Path("island.yaml").write_text(LONG_LIVED.replace("m_hp: 0.6", "m_hp: 0.8"))
    assert "m_hp: 0.8" in Path("island.yaml").read_text()
    with pytest.raises(
        InputError, match=r"made with m_hp = 0\.6, and all .* m_hp = 0\.8"
    ) as caught:
        mb.set_limits("island.yaml")
    assert "fixed: {m_hp: 0.6}" in caught.value.hint
