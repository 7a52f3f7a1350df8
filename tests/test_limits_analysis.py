"""``mcbook limits`` with an analysis: the box, the books, and what is written."""

import csv
import json
import os

import pytest
from analysis_world import IDM, ZPRIME, changed, cls_limit
from bookshelf import on_files
from typer.testing import CliRunner

from mcbook import config
from mcbook.catalog.store import catalog_exists
from mcbook.cli.app import app
from mcbook.errors import InputError
from mcbook.verbs.limits import set_limits
from mcbook.verbs.results import list_results
from mcbook.verbs.trace import trace

ANALYSIS = changed(
    ZPRIME,
    ("zprime_test", "small"),
    ("background: 0", "background: 1.5"),
    ("observed: 0", "observed: {table: observed.csv, axes: [m_zp]}"),
    ("rate: g_prime", "rate: sigma_br"),
    ("0.1, 1, 3, 5", "1, 2, 3"),
)
ISLAND = changed(
    IDM,
    ("cl: 0.95", "cl: 0.9\nmethod: asymptotic"),
    ("{map: a.csv, axes: [m_chi1, ctau_chi2]}", "{map: map.csv, axes: [ctau_chi2]}"),
    ("background: 0", "background: 1"),
    ("[1e-6, 0.1]", "[1e-5, 1e-2]"),
    ("0.8, 1.0", "1, 1.2"),
)
N_OBSERVED = (0, 3, 1)


@pytest.fixture
def folder(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Return a folder with an analysis, which is the current one."""
    monkeypatch.chdir(tmp_path)
    header = "sample_id,region,n_generated,n_selected,sumw_generated,sumw,sumw2,m_zp\n"
    rows = "".join(
        f"zprime-00000000000{m},signal,{10**9},{6 * 10**7},{10**9},{6 * 10**7},{6 * 10**7},{m}\n"
        for m in (1, 2, 3)
    )
    (tmp_path / "map.csv").write_text(header + rows)
    counts = "".join(f"{m},{n}\n" for m, n in zip((1, 2, 3), N_OBSERVED, strict=True))
    (tmp_path / "observed.csv").write_text("m_zp,observed\n" + counts)
    (tmp_path / "analysis.yaml").write_text(ANALYSIS)
    return tmp_path


def run(*arguments):
    """Run the command."""
    return CliRunner().invoke(app, ["limits", *arguments], prog_name="mcbook")


@pytest.mark.thorough
@on_files
def test_toys_can_be_made_again(folder):
    """Limits from toys come with their errors, and with what makes them again."""
    options = {"method": "toys", "seed": 3, "n_toys": 1000}
    found = set_limits("analysis.yaml", **options, output="out", write="none", unblind="test")
    assert found["toys"] == {"seed": 3, "n_toys": 1000}
    again = set_limits("analysis.yaml", **options, unblind="again")
    assert [row["observed"] for row in again["limits"]] == [r["observed"] for r in found["limits"]]
    exact = set_limits("analysis.yaml", unblind="exact")
    assert "toys" not in exact
    for row, other in zip(found["limits"], exact["limits"], strict=True):
        assert 0 < row["observed_error"] < 0.2 * row["observed"]
        assert row["observed"] == pytest.approx(other["observed"], rel=0.2)  # ties are broken
        assert len(row["expected_error"]) == len(row["expected_postfit_error"]) == 5
        assert "observed_error" not in other
    with (folder / "out" / "limits.csv").open() as handle:
        for row, cells in zip(found["limits"], csv.DictReader(handle), strict=True):
            assert float(cells["observed_error"]) == row["observed_error"]
            assert float(cells["expected_error_median"]) == row["expected_error"][2]
            assert float(cells["postfit_error_plus1"]) == row["expected_postfit_error"][3]
    assert trace(found["result"])["result"]["document"]["toys"] == found["toys"]


def test_no_look_is_spent_on_what_cannot_work(folder):
    """What is wrong apart from the counts shows before the box is opened, and in a dry run."""
    text = (folder / "analysis.yaml").read_text()
    (folder / "b.csv").write_text("m_zp,background,backgroud_stat\n1,1,0\n3,1,0\n")
    table = text.replace("background: 1.5", "background: {table: b.csv, axes: [m_zp]}")
    systematic = text.replace(
        "rate:", "systematics: [{source: x, affects: signal, relative: 0.1}]\nmethod: exact\nrate:"
    )
    for wrong, says in ((table, "backgroud_stat"), (systematic, "exact takes no systematics")):
        (folder / "analysis.yaml").write_text(wrong)
        for options in ({"unblind": "now"}, {"dry_run": True}, {"unblind": "x", "dry_run": True}):
            with pytest.raises(InputError, match=says):
                set_limits("analysis.yaml", **options)
    assert not catalog_exists(None)


@pytest.mark.usefixtures("folder")
def test_a_look_has_a_reason():
    """A reason is a text."""
    for reason in (True, 3, ["why"]):
        with pytest.raises(InputError, match="in words"):
            set_limits("analysis.yaml", unblind=reason)


def test_closed_box_reads_no_count(folder):
    """With the box closed the file of the counts may be anything, and is not opened."""
    before = set_limits("analysis.yaml")
    (folder / "observed.csv").write_text("not a table")
    after = set_limits("analysis.yaml", output="out")
    assert before["limits"] == after["limits"]
    assert before["result"] == after["result"]
    assert not after["unblinded"]
    assert [row["observed"] for row in after["limits"]] == [None] * 3
    assert not catalog_exists(None)
    assert "observed.csv" not in (folder / "out" / "limits.json").read_text()


@pytest.mark.thorough
@pytest.mark.usefixtures("folder")
def test_open_box_is_in_the_books():
    """The look is recorded before the counts count; limits are those of the counts."""
    found = set_limits("analysis.yaml", unblind="review is over", output="out")
    for row, n in zip(found["limits"], N_OBSERVED, strict=True):
        wanted = cls_limit(n, 1.5, 0.90) / (79.7 * 0.06)  # fb
        assert row["rate"]["observed"] == pytest.approx(wanted, rel=1e-4)
        assert row["sigma_br_fb"]["observed"] == pytest.approx(wanted, rel=1e-4)
    books = list_results()
    assert [look["why"] for look in books["unblindings"]] == ["review is over"]
    assert [result["id"] for result in books["results"]] == [found["result"]]
    assert "observed.csv" in next(iter(books["unblindings"][0]["files"]))["path"]
    point = trace(found["limits"][1]["point"])
    assert point["point"]["parameters"]["m_zp"] == 2
    assert [sample["id"] for sample in point["samples"]] == ["zprime-000000000002"]
    for what in ("out", "out/limits.csv", "out/limits.json", "map.csv"):
        traced = trace(what)
        ids = [traced["result"]["id"]] if "result" in traced else [
            row["id"] for row in traced["results"]]  # fmt: skip
        assert ids == [found["result"]], what


def test_opening_twice(folder):
    """The same look again is a look more, and the result is the same one."""
    first = set_limits("analysis.yaml", unblind="once")
    (folder / "analysis.yaml").write_text(ANALYSIS.replace("1.5", "1.6"))
    second = set_limits("analysis.yaml", unblind="twice")
    assert first["result"] != second["result"]
    assert any("was changed knowing the data" in note for note in second["notes"])
    assert len(list_results()["unblindings"]) == 2


@pytest.mark.parametrize(
    ("change", "options", "says"),
    [
        (None, {"unblind": " "}, "stays closed"),
        (None, {"unblind": "x", "catalog": "no/such/folder/mcbook.db"}, "stays closed"),
        (None, {"cl": 0.95}, "line 4 (cl)"),
        (("cl: 0.90\n", ""), {}, "confidence level"),
        (("observed: {table", "# {table"), {"unblind": "x"}, "no observed counts"),
        (("observed.csv", "obs.csv"), {"unblind": "x"}, "stays closed"),
        (("rate: sigma_br", "rate: sigma_bf"), {}, "sigma_br"),
        (("map.csv", "maps.csv"), {}, "maps.csv"),
        (None, {"patchset": "p.json"}, "--patchset"),
        (None, {"method": "asymptotics"}, "asymptotic"),
    ],
)
def test_bad_input(folder, change, options, says):
    """One line, and nothing is written."""
    if change:
        assert change[0] in ANALYSIS
        (folder / "analysis.yaml").write_text(ANALYSIS.replace(*change))
    files = sorted(folder.iterdir())
    with pytest.raises(InputError) as caught:
        set_limits("analysis.yaml", output="out", **options)
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert sorted(folder.iterdir()) == files


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_unwritable_books(folder):
    """Where the look cannot be recorded no count is read."""
    folder.chmod(0o500)
    with pytest.raises(InputError, match="stays closed"):
        set_limits("analysis.yaml", unblind="x")


def test_command(folder):
    """The same limits come out of the command line; what is printed is what is limited."""
    done = run("analysis.yaml", "--output", "out", "--format", "json")
    assert done.exit_code == 0
    document = json.loads((folder / "out" / "limits.json").read_text())
    assert json.loads(done.stdout) == document["limits"] == set_limits("analysis.yaml")["limits"]
    with (folder / "out" / "limits.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [float(row["rate_expected_median"]) for row in rows] == [
        row["rate"]["expected"][2] for row in document["limits"]
    ]
    assert {row["result"] for row in rows} == {document["result"]}
    shown = run("analysis.yaml")
    assert "box closed" in shown.stdout
    assert "limits on sigma_br at 90%" in shown.stdout


def test_dry_run(folder):
    """A dry run writes nothing and opens nothing."""
    done = run("analysis.yaml", "--dry-run", "--unblind", "x", "--output", "out")
    assert done.exit_code == 0
    assert not (folder / "out").exists()
    assert not catalog_exists(None)


@pytest.mark.usefixtures("folder")
def test_a_result_that_is_not_there():
    """An id of a result is told from one of a sample."""
    set_limits("analysis.yaml", unblind="x")
    with pytest.raises(InputError, match="no result in the books"):
        trace("r-123456789abc:4")


def test_products_as_text(folder):
    """A notebook may give a text in place of a list."""
    set_limits("analysis.yaml", output="out", write="hepdata, workspace")
    assert (folder / "out" / "workspace.json").exists()


def test_counts_into_named_books(folder):
    """A counts table goes into books where they are named, and can be traced."""
    (folder / "counts.csv").write_text("hypothesis,m,observed,signal,background\na,1,0,2,0\n")
    plain = set_limits("counts.csv", cl=0.9)
    kept = set_limits("counts.csv", cl=0.9, catalog=config.catalog(), output="out")
    assert plain["result"] is None
    assert plain["limits"] == kept["limits"]
    assert trace("counts.csv")["results"][0]["id"] == kept["result"]
    assert trace("out")["result"]["id"] == kept["result"]


def test_unblind_is_for_analyses(folder):
    """Counts are used as given."""
    (folder / "counts.csv").write_text("hypothesis,observed,signal,background\na,0,2,0\n")
    with pytest.raises(InputError, match="--unblind"):
        set_limits("counts.csv", cl=0.9, unblind="x")


def test_everything_is_written(folder):
    """An analysis writes all products; they name the result, and books lead on from each."""
    found = set_limits("analysis.yaml", output="out", unblind="x")
    names = {os.path.relpath(name, "out") for name in found["files"]}
    assert {
        "limits.csv", "limits.json", "workspace.json", "patchset.json", "limits.png", "limits.pdf",
        "hepdata/submission.yaml", "hepdata/limits_sigma_br.yaml",
    } <= names  # fmt: skip
    assert names == {
        str(path.relative_to(folder / "out"))
        for path in (folder / "out").rglob("*")
        if path.is_file()
    }
    for name in ("limits.png", "limits.pdf", "patchset.json", "hepdata/submission.yaml"):
        assert trace(folder / "out" / name)["result"]["id"] == found["result"]
    again = set_limits("analysis.yaml", output="out", unblind="x")
    assert again["result"] == found["result"]


def test_notes(folder):
    """Summed final states, missing counts and impossible fractions are told."""
    (folder / "observed.csv").write_text("m_zp,observed\n1,0\n")
    found = set_limits("analysis.yaml", unblind="x")
    assert "2 of 3 hypotheses have no observed count in the files" in found["notes"]
    (folder / "analysis.yaml").write_text(
        ANALYSIS.replace("cl: 0.90\n", "cl: 0.90\nbranching: {br_zp_inv: 2}\n")
    )
    rows = set_limits("analysis.yaml")["limits"]
    assert {row["status"] for row in rows} == {"a branching fraction of 2 is not between 0 and 1"}
    (folder / "map.csv").write_text((folder / "map.csv").read_text().replace("m_zp", "m_hp"))
    (folder / "analysis.yaml").write_text(
        "name: b\nmodel: dark_higgs\ncl: 0.9\nrate: br\nn_bb: {value: 1e8, relative_error: 0}\n"
        "channels:\n  b:\n    process: bu_k_hp\n    background: 0\n"
        "    efficiency: {map: map.csv, axes: [m_hp]}\n"
        "scan: {m_hp: [1, 1.5]}\nfixed: {m_ap: 10, theta: 1e-4}\n"
    )
    (note,) = [text for text in set_limits("analysis.yaml")["notes"] if "mixture" in text]
    assert "b counts all of mumu, ee, pipi, kk" in note
    assert "bu_k_hp/mumu" in note
    (folder / "analysis.yaml").write_text(
        (folder / "analysis.yaml").read_text().replace(", theta: 1e-4", "")
    )
    rows = set_limits("analysis.yaml")["limits"]
    assert {row["status"] for row in rows} == {"no signal (theta = 0 by default)"}


def test_open_edges_are_marked(folder):
    """An interval that ends where the scan or the map ends says so, in the table and the CSV."""
    text = (folder / "map.csv").read_text().replace("m_zp", "ctau_chi2")
    (folder / "map.csv").write_text(text.replace(",1\n", ",0.1\n").replace(",3\n", ",3000\n"))
    (folder / "analysis.yaml").write_text(ISLAND)
    shown = run("analysis.yaml", "--output", "out", "--write", "none").stdout
    assert "..(" in shown
    with (folder / "out" / "limits.csv").open() as table:
        assert json.loads(next(csv.DictReader(table))["open_expected"])[-1][-1]


def test_a_refused_hypothesis_does_not_shift_the_columns(folder):
    """Rows of limits.csv have the same columns where the first hypothesis has no limits."""
    (folder / "map.csv").write_text((folder / "map.csv").read_text().replace("m_zp", "ctau_chi2"))
    (folder / "analysis.yaml").write_text(
        ISLAND + "vetoes: [{m_chi1: [0.9, 1.1], reason: not here}]\n"
    )
    set_limits("analysis.yaml", output="out", write="none")
    with (folder / "out" / "limits.csv").open() as table:
        first, second = csv.DictReader(table)
    assert first["open_expected"] == ""
    assert json.loads(second["rate_expected_median"])
    assert second["cl"] == "0.9"
    assert second["status"].startswith("ok")
    assert set(second) == set(first)


def test_choice_of_products(folder):
    """--write chooses, and what it does not know is refused before anything is computed."""
    assert run("analysis.yaml", "--output", "out", "--write", "none").exit_code == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["limits.csv", "limits.json"]
    for words, says in (
        (["--output", "new", "--write", "figurs"], "did you mean 'figures'?"),
        (["--write", "figures"], "--output"),
        (["--mixed"], "--compare"),
        (["--output", "new", "--compare", "nothing.json"], "there is no file"),
        (["--overlay", "published.yaml"], "figures"),
    ):
        done = run("analysis.yaml", *words)
        assert done.exit_code == 2
        assert says in done.stderr
    assert not (folder / "new").exists()


@pytest.mark.thorough
@pytest.mark.usefixtures("folder")
def test_what_another_result_left_is_named():
    """A folder with the figures of one result and the limits of another says so."""
    first = set_limits("analysis.yaml", output="out")
    assert not any("of another result" in note for note in first["notes"])
    again = set_limits("analysis.yaml", output="out", write="none")  # figures of the same result
    assert not any("of another" in note for note in again["notes"])
    found = set_limits("analysis.yaml", output="out", write="workspace", method="asymptotic")
    (note,) = [note for note in found["notes"] if "of another result" in note]
    assert "hepdata/submission.yaml, limits.png" in note
    assert "workspace" not in note


def test_windows_that_differ_are_told(folder):
    """Background and data that are counted in other windows are hardly the same region."""
    (folder / "h.csv").write_text("low,high,background\n-99,99,10\n")
    (folder / "e.csv").write_text("m2\n1\n4\n")
    window = "{centre: m_zp**2, resolution: 0.5, width: 2}"
    background, data = (
        f"{{histogram: h.csv, window: {window}}}",
        "{events: e.csv, column: m2, window: ",
    )
    text = changed(ANALYSIS, ("background: 1.5", f"background: {background}"))
    old = "observed: {table: observed.csv, axes: [m_zp]}"
    for other, differs in ((window, False), (window.replace("2}", "3}"), True)):
        (folder / "analysis.yaml").write_text(changed(text, (old, f"observed: {data}{other}}}")))
        notes = set_limits("analysis.yaml")["notes"]
        assert any("must be the region" in note for note in notes) == differs


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
@on_files
def test_workspace_gives_the_same_limits(folder):
    """The published workspace, read by pyhf itself, has the limits of the analysis."""
    found = set_limits("analysis.yaml", output="out", unblind="x", method="asymptotic")
    again = set_limits(
        "out/workspace.json", patchset="out/patchset.json", cl=0.90, method="pyhf"
    )  # fmt: skip
    for row, other in zip(found["limits"], again["limits"], strict=True):
        assert other["observed"] == pytest.approx(row["observed"], rel=1e-4)
        assert other["expected"] == pytest.approx(row["expected_postfit"], rel=1e-4)
        assert other["parameters"] == {"m_zp": row["parameters"]["m_zp"]}
    patches = json.loads((folder / "out" / "patchset.json").read_text())["patches"]
    assert patches[0]["metadata"]["samples"] == ["zprime-000000000001"]


@pytest.mark.thorough
def test_comparison(folder):
    """Limits of two luminosities have the inverse ratio; other levels are refused unless told."""
    set_limits("analysis.yaml", output="one")
    (folder / "analysis.yaml").write_text(ANALYSIS.replace("79.7", "159.4"))
    found = set_limits("analysis.yaml", output="two", compare="one")
    rows = found["comparison"]["rows"]
    assert [row["rate"]["expected"]["ratio"] for row in rows] == pytest.approx([2, 2, 2])
    assert (folder / "two" / "comparison.png").exists()
    shown = run("analysis.yaml", "--compare", "one")
    assert "ratios of the other result to this one" in shown.stdout
    (folder / "analysis.yaml").write_text(ANALYSIS.replace("cl: 0.90", "cl: 0.95"))
    refused = run("analysis.yaml", "--compare", "one")
    assert refused.exit_code == 2
    assert "--mixed" in refused.stderr
    assert run("analysis.yaml", "--compare", "one", "--mixed").exit_code == 0


@pytest.mark.thorough
def test_example_runs(folder):
    """What --example writes can be run; it overwrites nothing."""
    done = run("--example")
    assert done.exit_code == 0
    command = done.stdout.splitlines()[-1].removeprefix("now: mcbook limits ").split()
    assert run(*command, "--write", "none").exit_code == 0
    again = run("--example")
    assert again.exit_code == 2
    assert "there already" in again.stderr
    assert not list(folder.glob(".*aside*"))
