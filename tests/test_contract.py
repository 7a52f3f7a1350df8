"""What is relied on from outside: commands, keys of JSON, exit codes, and what bad input does."""

import contextlib
import json

import pytest
import yaml
from typer.testing import CliRunner

from mcbook import resources
from mcbook.cli.app import app

GRID = {
    "model": "zprime",
    "process": "mumu_inv",
    "scan": {"m_zp": {"values": [0.5, 1, 2]}, "g_prime": {"logspace": [1e-4, 1e-2, 3]}},
    "events": "20k",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a folder in which a small grid was generated."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "grid.yaml").write_text(yaml.safe_dump(GRID), encoding="utf-8")
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, ["generate", "zprime", "--grid", "grid.yaml"])
    assert done.exit_code == 0, done.stderr
    return folder


@pytest.fixture
def run(project, monkeypatch):
    """Return a function that runs mcbook in that folder and gives its JSON."""
    monkeypatch.chdir(project)

    def invoke(*words, code=0):
        done = CliRunner().invoke(app, [*map(str, words), "--format", "json"], prog_name="mcbook")
        assert done.exit_code == code, done.stderr
        return json.loads(done.stdout)

    return invoke


@pytest.fixture
def fails(tmp_path, monkeypatch):
    """Return a function that runs mcbook in an empty folder, where it must refuse."""
    monkeypatch.chdir(tmp_path)

    def invoke(*words):
        before = sorted(tmp_path.rglob("*"))
        done = CliRunner().invoke(app, [*map(str, words)], prog_name="mcbook")
        lines = done.stderr.splitlines()
        assert done.exit_code == 2, done.output
        assert done.stdout == ""
        assert lines[0].startswith("error: ")
        assert len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("hint: "))
        assert sorted(tmp_path.rglob("*")) == before
        return done.stderr

    return invoke


def test_models(run):
    """All families are listed, and one is described with the keys of the contract."""
    assert {entry["model"] for entry in run("models")} >= {"zprime", "dark_higgs", "idm", "alp"}
    found = run("models", "zprime", "--at", "m_zp=1,g_prime=1e-2")
    assert set(found) >= {
        "model", "parameters", "derived", "processes", "constraints", "warnings"
    }  # fmt: skip
    width = found["derived"]["width_zp"]
    assert set(width) >= {"value", "unit", "source"}
    # g^2 m/(12 pi) for muons with m_mu/m = 0.1057, and as much again for two neutrino halves
    assert width["value"] == pytest.approx(5.3032e-6, rel=1e-4)


def test_what_is_undefined_is_null_with_a_reason(run):
    """A derived quantity without a value says why."""
    derived = run("models", "zprime", "--at", "g_prime=0")["derived"]
    assert derived["ctau_zp"]["value"] is None
    assert derived["ctau_zp"]["reason"]


def test_a_fraction_of_nothing_says_so(run):
    """Where nothing decays, that is why there are no branching fractions."""
    derived = run("models", "zprime", "--at", "g_prime=0")["derived"]
    assert derived["br_zp_inv"]["reason"] == "width_zp is zero"


def test_half_of_a_pair_is_noted(run):
    """Parameters that go together are missed in words that the grid uses as well."""
    assert (
        "m_chi and alpha_D go together" in run("models", "zprime", "--at", "m_chi=0.3")["warnings"]
    )
    both = run("models", "zprime", "--at", "m_chi=0.3,alpha_D=0.1")["warnings"]
    assert not any("go together" in text for text in both)


def test_constants_are_set(run):
    """``--set`` changes a constant, and the cross sections that depend on it by its square."""
    two = run("models", "idm")["derived"]["xsec_ap_hp"]
    one = run("models", "idm", "--set", "q_phi=1")["derived"]["xsec_ap_hp"]
    assert two["constants"]["q_phi"] == 2
    assert two["value"] == pytest.approx(4 * one["value"])


def test_generate(run):
    """The keys of the contract; the same grid again gives nothing new."""
    again = run("generate", "zprime", "--grid", "grid.yaml")
    assert set(again) >= {
        "model", "grid", "points", "rejected", "samples", "parts", "files_written", "catalog",
        "directory",
    }  # fmt: skip
    assert again["points"] == 9
    assert again["rejected"] == []
    assert again["samples"] == {"new": 0, "existing": 3}
    assert again["parts"] == {"new": 0}
    assert again["files_written"] == 0
    assert again["catalog"] == "mcbook.db"
    assert again["directory"] == "samples"


def test_paths_are_one_and_open_from_here(run, project, tmp_path, monkeypatch):
    """Below this folder a path is told without it, from elsewhere whole: by each command alike."""
    (row,) = run("query", "m_zp == 1")
    folder = f"samples/{row['id']}"
    assert row["directory"] == folder
    shown = run("show", row["id"])
    assert shown["directory"] == folder
    told = [shown["parts"][0]["directory"]]
    told += [entry["path"] for entry in (*shown["cards"], *shown["shared_files"])]
    told += [run("trace", f"{folder}/run.mg5")["file"]["path"], run("catalog", "info")["catalog"]]
    told += run("catalog", "info")["roots"].values()
    assert all((project / path).exists() and not path.startswith("/") for path in told)
    printed = CliRunner().invoke(
        app, ["query", "m_zp == 1", "--columns", "directory", "--format", "csv"]
    )
    assert printed.stdout.splitlines()[1:] == [folder]
    monkeypatch.chdir(tmp_path)
    books = str(project / "mcbook.db")
    done = CliRunner().invoke(app, ["query", "m_zp == 1", "--format", "json", "--catalog", books])
    assert json.loads(done.stdout)[0]["directory"] == str(project / folder)


def test_an_edited_card_is_told(run, project, monkeypatch):
    """The command that is printed would run it, so that a note comes before."""
    row = run("query", "m_zp == 0.5")[0]
    card = project / "samples" / row["id"] / "run.mg5"
    content = card.read_bytes()
    card.write_bytes(content + b"# mine\n")
    monkeypatch.chdir(project)
    told = CliRunner().invoke(app, ["generate", "zprime", "--grid", "grid.yaml"])
    card.write_bytes(content)
    assert told.exit_code == 0
    assert "note: 1 sample has files that differ from the books: `mcbook verify`" in told.stderr


def test_dry_run(run, project):
    """``--dry-run`` says what would be done and does nothing."""
    before = sorted(project.rglob("*"))
    told = run("generate", "zprime", "--grid", "grid.yaml", "--events", "30k", "--dry-run")
    assert told["parts"] == {"new": 3}
    assert told["files_written"] == 0
    assert sorted(project.rglob("*")) == before


def test_rejected_points_are_no_error(run, project):
    """A point beyond the kinematic reach is listed with its reason, and the exit code is 0."""
    grid = {"model": "zprime", "scan": {"m_zp": {"values": [1, 12]}}}
    (project / "far.yaml").write_text(yaml.safe_dump(grid), encoding="utf-8")
    made = run("generate", "zprime", "--grid", "far.yaml", "--output", "far")
    assert made["points"] == 1
    (rejected,) = made["rejected"]
    assert rejected["parameters"]["m_zp"] == 12
    assert rejected["reason"]


def test_query(run):
    """The keys of the contract, conditions on shape and on rate, and nothing found is no error."""
    rows = run("query", "model == 'zprime' and 0.7 < m_zp <= 2 and g_prime > 5e-3")
    assert [row["parameters"]["m_zp"] for row in rows] == [1, 2]
    assert set(rows[0]) >= {
        "id", "model", "process", "generator", "parameters", "derived", "points", "n_events",
        "status", "directory", "created",
    }  # fmt: skip
    assert rows[0]["points"] == 3
    assert run("query", "m_zp > 5") == []


def test_query_points(run):
    """A point has its factor: the rate is proportional to the square of the coupling."""
    rows = run("query", "m_zp == 2", "--points", "--sort", "g_prime")
    assert [row["parameters"]["g_prime"] for row in rows] == [1e-4, 1e-3, 1e-2]
    assert [row["factor"] for row in rows] == pytest.approx([1e-2, 1, 1e2])


def test_query_formats(project, monkeypatch):
    """Ids stand on lines of their own, csv has a line of names, a table what is asked for."""
    monkeypatch.chdir(project)

    def printed(*words):
        done = CliRunner().invoke(app, ["query", *words], prog_name="mcbook")
        assert done.exit_code == 0
        return done.stdout.splitlines()

    ids = printed("process == 'mumu_inv' and m_zp == 2", "--format", "ids")
    assert len(ids) == 1
    columns = ["--columns", "m_zp,id", "--format"]
    assert printed("m_zp == 2", *columns, "csv") == ["m_zp,id", f"2.0,{ids[0]}"]
    assert printed("m_zp == 2", *columns, "table") == ["m_zp  id", f"2     {ids[0]}"]


def test_missing_and_near(run, project):
    """What a grid has and the books do not; what is nearest comes first."""
    wider = GRID | {"scan": {"m_zp": {"values": [0.5, 3]}, "g_prime": {"values": [1e-3]}}}
    (project / "wider.yaml").write_text(yaml.safe_dump(wider), encoding="utf-8")
    (missing,) = run("query", "--missing", "--grid", "wider.yaml")
    assert missing["parameters"]["m_zp"] == 3
    assert run("query", "--near", "m_zp=2.1", "--limit", "1")[0]["parameters"]["m_zp"] == 2
    nearest = run("query", "--near", "m_zp=2.1,g_prime=2e-4", "--points")
    assert nearest[0]["parameters"] == {"m_zp": 2, "g_prime": 1e-4}
    assert len(nearest) == 5


def test_conditions_on_points(run):
    """Number of points, factor and cross section of a point can be asked for and sorted by."""
    assert len(run("query", "points == 3")) == 3
    assert run("query", "points > 5") == []
    rows = run("query", "factor > 1.5", "--points", "--sort", "-cross_section_fb")
    assert [row["factor"] for row in rows] == pytest.approx([100.0] * 3)
    sections = [row["cross_section_fb"] for row in rows]
    assert sections == sorted(sections, reverse=True)
    assert run("query", f"cross_section_fb >= {sections[0] * 0.999}")[0]["id"] == rows[0]["id"]


@pytest.mark.parametrize(
    ("words", "is_noted"),
    [
        (["ctau_zp > 0"], True),
        (["g_prime > 5e-3 and m_zp > 0.6"], True),
        (["factor > 1.5"], True),
        (["--near", "g_prime=1e-2"], True),
        (["factor > 1.5", "--columns", "m_zp,xsec_mumu_zp"], True),
        (["factor > 1.5", "--columns", "id,m_zp,points"], False),
        (["ctau_zp > 0", "--points"], False),
        (["m_zp > 0.6 and status == 'planned'"], False),
        (["br_zp_mumu > 0"], True),
        (["points > 1"], False),
        (["ctau_zp > 1e30"], False),
        (["ctau_zp > 0", "--format", "csv"], False),
    ],
)
def test_a_table_says_that_its_values_are_references(project, monkeypatch, words, is_noted):
    """Where a rate or a lifetime is asked for, the values of the rows are not those that match."""
    monkeypatch.chdir(project)
    done = CliRunner().invoke(app, ["query", *words], prog_name="mcbook")
    assert done.exit_code == 0, done.stderr
    assert ("--points shows the points that match" in done.stderr) == is_noted


def test_show_trace_diff(run, project):
    """A sample by a prefix, a file by its path, two samples by their difference."""
    one, two = (row["id"] for row in run("query", "m_zp >= 1 and m_zp <= 2", "--limit", "2"))
    shown = run("show", one[:-2])
    assert shown["id"] == one
    assert set(shown) >= {
        "cards", "parts", "points", "cross_section_fb", "cross_section_includes", "history"
    }  # fmt: skip
    assert set(shown["cards"][0]) >= {"path", "sha256"}
    assert set(shown["cross_section_fb"]) >= {"value", "error"}
    card = next((project / "samples" / one / "parts" / "0001").iterdir())
    assert run("trace", card)["sample"]["id"] == one
    assert "m_zp" in str(run("diff", one, two))


def test_verify(run, project):
    """Untouched files hold; an edited card exits with 1 and is named."""
    assert run("verify")["failed"] is False
    card = next((project / "samples").glob("zprime-*/parts/0001/*"))
    text = card.read_bytes()
    card.write_bytes(text + b"# edited\n")
    try:
        found = run("verify", code=1)
    finally:
        card.write_bytes(text)
    assert found["failed"] is True
    assert card.name in str(found["changed"])


def test_books(run, project):
    """Books are dumped, loaded and merged."""
    dumped = run("catalog", "dump", "books.jsonl")
    assert dumped["lines"] == len((project / "books.jsonl").read_text().splitlines())
    assert run("catalog", "load", "books.jsonl", "--catalog", "copy.db")["rows"]["samples"] >= 3
    assert run("catalog", "merge", "copy.db")["new"] == {}
    assert run("catalog", "info")["samples"]["zprime"] >= 3


def test_what_a_person_reads(tmp_path, monkeypatch):
    """``generate`` counts in a line or two on stdout; what was rejected is a note on stderr."""
    monkeypatch.chdir(tmp_path)
    grid = {"scan": {"m_zp": {"values": [1, 12]}, "g_prime": {"values": [0, 1e-3]}}}
    (tmp_path / "grid.yaml").write_text(yaml.safe_dump(grid), encoding="utf-8")
    done = CliRunner().invoke(app, ["generate", "zprime", "--grid", "grid.yaml"])
    first, second, *_ = done.stdout.splitlines()
    assert first == "zprime: 1 point, 1 new sample, 0 existing, 1 new part"
    assert second.endswith(" files in samples, books in mcbook.db")
    assert all(line.startswith("note: ") for line in done.stderr.splitlines())
    assert "2 points rejected: " in done.stderr


def test_shadowing_is_said_aloud(tmp_path, monkeypatch):
    """A model of one's own that stands in for a shipped one is noted, on stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    text = (resources.shipped("models") / "alp.yaml").read_text(encoding="utf-8")
    (tmp_path / "models" / "alp.yaml").write_text(text + "# mine\n", encoding="utf-8")
    own = tmp_path / "models" / "alp.yaml"
    done = CliRunner().invoke(app, ["models", "alp", "--format", "json"])
    assert done.stderr == f"note: {own} is used in place of the shipped models/alp.yaml\n"
    assert json.loads(done.stdout)["model"] == "alp"
    assert CliRunner().invoke(app, ["models", "zprime"]).stderr == ""
    (tmp_path / "grid.yaml").write_text("model: alp\nscan: {m_a: [1]}\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["generate", "alp", "--grid", "grid.yaml", "--dry-run"])
    assert done.stderr.count("is used in place of the shipped models/alp.yaml") == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "nowhere.yaml"),
        ("", "grid.yaml"),
        ("- 1\n", "grid.yaml"),
        ("model: zprime\n", "sets no parameter"),
        ("model: zprime\nscann: {m_zp: {values: [1]}}\n", "scan"),
        ("model: zprime\nscan: {m_zpp: {values: [1]}}\n", "m_zp"),
        ("model: zprime\nfixed: {m_zp: -1}\n", "m_zp"),
        ("model: zprime\nfixed: {m_zp: .inf}\n", "finite"),
        ("model: zprime\nfixed: {m_zp: 1}\nfixed: {m_zp: 2}\n", "fixed"),
        ("model: zprime\nfixed: {m_zp: 1}\nscan: {m_zp: {values: [1]}}\n", "set twice"),
        ("model: idm\nfixed: {m_ap: 1}\n", "idm"),
        ("model: zprime\nprocess: mumu\nfixed: {m_zp: 1}\n", "mumu"),
        ("model: zprime\nderived: {m_zp: \"__import__('os')\"}\n", "m_zp"),
        ("model: zprime\nderived: {m_zp: 2 * m_zp}\n", "m_zp"),
        ("model: zprime\nfixed: {m_zp: 1}\ngenerator: {irs: none}\n", "isr"),
        ("model: zprime\nfixed: {m_zp: 1}\nevents: 0\n", "events"),
        ("model: zprime\nscan: {m_zp: {linspace: [1, 2, 2000000]}}\n", "max-points"),
        ("model: zprime\nfixed: {m_zp: 1", "grid.yaml"),
        ("a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]\n", "grid.yaml"),
    ],
)
def test_bad_grids(fails, tmp_path, text, says):
    """A grid that is not right is refused with a line that says what, and nothing is written."""
    name = "nowhere.yaml" if text is None else "grid.yaml"
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert says in fails("generate", "zprime", "--grid", name)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("models zprim", "did you mean 'zprime'"),
        ("models zprime --at m_zpp=1", "m_zp"),
        ("models zprime --at m_zp=-1", "m_zp"),
        ("models zprime --process mumu", "mumu"),
        ("models zprime --set q=1", "q"),
        ("models --models nowhere", "nowhere"),
        ("query", "no catalog"),
        ("query --catalog nowhere/books.db", "nowhere"),
        ("query --catalog mysql://host/db", "mysql"),
        ("show zprime-0123", "no catalog"),
        ("trace card", "no catalog"),
        ("diff a b", "no catalog"),
        ("verify", "no catalog"),
        ("ufo zprime nowhere/UFO", "nowhere"),
        ("catalog dump books", "no catalog"),
        ("catalog load books", "books"),
        ("catalog merge other.db", "other.db"),
        ("catalog info", "no catalog"),
    ],
)
def test_bad_words(fails, line, says):
    """Commands refuse what they do not know, and those that only read make no catalog."""
    assert says in fails(*line.split())


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("m_zp >", "m_zp >"),
        ("m_zpp > 1", "m_zp"),
        ("m_zp = 1", "=="),
        ("m_zp", "m_zp"),
        ("__import__('os').system('true')", "__import__"),
        ("m_zp < 9**9**9**9", "9"),
        ("m_zp == 'a'", "m_zp"),
        ("(" * 500, "("),
    ],
)
def test_bad_expressions(project, monkeypatch, expression, says):
    """An expression that cannot be read or asks for what there is not is refused."""
    monkeypatch.chdir(project)
    done = CliRunner().invoke(app, ["query", expression], prog_name="mcbook")
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr.splitlines()[0] or says in done.stderr


def test_not_a_catalog(fails, tmp_path):
    """A file that is no catalog is refused."""
    (tmp_path / "books.db").write_text("this is a letter to my aunt\n" * 100)
    assert "books.db" in fails("query", "--catalog", "books.db")
