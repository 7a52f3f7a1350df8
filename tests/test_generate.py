"""What ``generate`` writes, records and refuses."""

import json
import os
import shutil
import subprocess

import numpy as np
import pytest

from mcbook.catalog.store import catalog_exists, open_catalog
from mcbook.errors import InputError, WorkError
from mcbook.verbs.generate import generate

GRID = """\
model: zprime
scan:
  m_zp: {values: [1, 2]}
  g_prime: {values: [1e-4, 1e-3]}
events: 1000
"""


@pytest.fixture
def where(tmp_path, either_books):  # noqa: ARG001
    """Return where the books are to be."""
    return os.environ.get("MCBOOK_CATALOG", str(tmp_path / "mcbook.db"))


@pytest.fixture
def run(toy, tmp_path, where):
    """Return a function that generates from the text of a grid."""

    def generate_from(text=GRID, **options):
        (tmp_path / "grid.yaml").write_text(text)
        given = {
            "output": tmp_path / "samples",
            "catalog": where,
            "models_dir": toy,
        }
        return generate(None, tmp_path / "grid.yaml", **(given | options))

    return generate_from


def parts_in(where):
    """Return the parts in the books."""
    with open_catalog(where, mode="read") as books, books.reading() as reader:
        rows = reader.connection.exec_driver_sql("SELECT sample_id FROM parts").all()
        return reader.parts_of({row[0] for row in rows})


def test_the_same_grid_again_gives_nothing_new(run):
    """A second run finds everything there."""
    first, second = run(), run()
    assert first["points"] == 4
    assert first["samples"] == {"new": 2, "existing": 0}
    assert first["parts"] == {"new": 2}
    assert second["samples"] == {"new": 0, "existing": 2}
    assert second["parts"] == {"new": 0}
    assert second["files_written"] == 0


@pytest.mark.parametrize(
    ("setting", "says", "hint"),
    [
        ("alpha: 137.035999", "line 6 (generator.alpha): 137.035999 is no", "1/137.035999?"),
        ("sqrt_s: 10580", "line 6 (generator.sqrt_s): 10580 is no", "GeV"),
    ],
)
def test_a_slip_of_a_setting_is_refused(run, setting, says, hint):
    """The inverse of alpha, and MeV in place of GeV, are told with the line of the grid."""
    with pytest.raises(InputError) as caught:
        run(GRID + "generator: {" + setting + "}\n")
    assert says in caught.value.message
    assert hint in caught.value.hint


def test_ids_are_those_of_all_samples(run):
    """A script gets the ids of new and existing samples in order; a dry run knows them as well."""
    planned = run(dry_run=True)["ids"]
    first, second = run(), run(GRID.replace("[1, 2]", "[1, 2, 3]"))
    assert planned == first["ids"] == second["ids"][:2]
    assert len(set(second["ids"])) == 3


def test_own_files_are_told(run, tmp_path, monkeypatch):
    """A model or template of one's own in place of a shipped one is among the warnings."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "templates" / "madgraph"
    folder.mkdir(parents=True)
    (folder / "run.mg5.j2").write_text("{# mcbook-template version: 2 #}\n")
    said = [text for text in run(dry_run=True)["warnings"] if "in place of the shipped" in text]
    assert len(said) == 2
    assert "models/zprime.yaml" in said[0]
    assert "madgraph/run.mg5.j2" in said[1]


def test_an_extended_grid_gives_only_what_is_new(run):
    """More masses add samples; more couplings add points to the samples that are there."""
    run()
    more = run(GRID.replace("[1, 2]", "[1, 2, 3]").replace("[1e-4, 1e-3]", "[1e-4, 1e-3, 1e-2]"))
    assert more["points"] == 9
    assert more["samples"] == {"new": 1, "existing": 2}


def test_more_events_add_parts_and_never_remove_any(run, tmp_path, where):
    """The target is met by a new part with a seed of its own; a smaller target changes nothing."""
    run()
    more = run(events=2500)
    assert more["parts"] == {"new": 2}
    assert run(events=10)["parts"] == {"new": 0}
    parts = parts_in(where)
    assert [[part.events for part in listed] for listed in parts.values()] == [[1000, 1500]] * 2
    seeds = [part.seed for listed in parts.values() for part in listed]
    assert len(set(seeds)) == len(seeds)
    for listed in parts.values():
        for part in listed:
            card = tmp_path / "samples" / part.directory / "run.json"
            assert json.loads(card.read_text())["seed"] == part.seed


def test_seeds_are_unique_even_where_they_are_scarce(run, where):
    """The toy generator has 1,000 seeds: 400 parts collide often and never share one."""
    run(GRID.replace("[1, 2]", "").replace("{values: }", "{linspace: [1, 5, 400]}"))
    seeds = [part.seed for listed in parts_in(where).values() for part in listed]
    assert len(set(seeds)) == len(seeds) == 400


def test_another_salt_gives_other_seeds(run, tmp_path, where):
    """Two people with different salts can merge their parts."""
    run()
    first = {part.seed for listed in parts_in(where).values() for part in listed}
    run(GRID + "salt: 1\n", events=2000)
    second = {part.seed for listed in parts_in(where).values() for part in listed} - first
    run(GRID + "salt: 2\n", output=tmp_path / "other", catalog=str(tmp_path / "other.db"))
    assert len(second) == 2


def test_a_dry_run_writes_nothing_and_counts_the_same(run, tmp_path, where):
    """--dry-run says what would come, before and after it is there."""
    plan = run(dry_run=True)
    assert plan["samples"] == {"new": 2, "existing": 0}
    assert plan["parts"] == {"new": 2}
    assert not (tmp_path / "samples").exists()
    assert not catalog_exists(where)
    run()
    assert run(dry_run=True, events=1500)["parts"] == {"new": 2}


def test_folders_without_books_are_adopted(run, tmp_path):
    """Where the folders are there and equal, a new catalog takes them over."""
    run()
    again = run(catalog=str(tmp_path / "second.db"))
    assert again["samples"] == {"new": 2, "existing": 0}
    assert again["files_written"] == 0


def test_a_folder_with_other_contents_is_never_overwritten(run, tmp_path):
    """An edited card stops the run that would have to overwrite it."""
    run()
    card = next((tmp_path / "samples").glob("zprime-*/toy.json"))
    card.write_text("mine")
    with pytest.raises(WorkError, match="other contents"):
        run(catalog=str(tmp_path / "second.db"))
    assert card.read_text() == "mine"


def test_an_edited_card_is_noted(run, tmp_path):
    """What would be run is read; other cards where they were written to later than the books."""
    run()
    assert run()["edited"] == 0
    cards = sorted((tmp_path / "samples").glob("zprime-*/parts/0001/run.json"))
    kept = [card.read_bytes() for card in cards]
    for card in cards:
        card.write_text("mine")
        os.utime(card, (0, 0))
    assert run()["edited"] == 1  # the one whose command is printed
    for card in cards:
        os.utime(card)
        later = card.stat().st_mtime + 10
        os.utime(card, (later, later))
    assert run()["edited"] == 2
    for card, content in zip(cards, kept, strict=True):
        card.write_bytes(content)
        os.utime(card, (later, later))
    assert run()["edited"] == 0
    cards[0].unlink()
    assert run()["edited"] == 0  # a lost card is written again
    assert cards[0].read_bytes() == kept[0]


def test_the_command_runs_in_any_folder(run, tmp_path):
    """A blank or a quote in the name of the folder does not break the line."""
    folder = tmp_path / "it's my; folder"
    change, _, _ = run(output=folder)["command"].partition(" && ")
    done = subprocess.run(
        ["sh", "-c", f"{change} && pwd"], capture_output=True, text=True, check=True
    )
    assert done.stdout.rstrip("\n") == str(folder)


def test_nothing_below_samples_names_this_machine(run, tmp_path):
    """Cards hold no absolute path, so that books can be moved."""
    run()
    for path in (tmp_path / "samples").rglob("*"):
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes()


def test_a_full_grid_of_rejected_points_is_no_error(run, where):
    """Every point closed: listed with its reason, nothing written."""
    result = run(GRID.replace("[1, 2]", "[11, 12]"))
    assert result["points"] == 0
    assert len(result["rejected"]) == 4
    assert "kinematically closed" in result["rejected"][0]["reason"]
    assert not catalog_exists(where)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scan: {m_zp: {values: [1]}}\n", "no signal model"),
        ("model: zprim\nscan: {m_zp: {values: [1]}}\n", "zprim"),
        (GRID + "process: mumu_in\n", "mumu_in"),
        (GRID + "generator: {colour: red, color: blue}\n", "color"),
        (GRID + "set: {q_phi: 1}\n", "q_phi"),
        (GRID.replace("m_zp", "m_zq"), "m_zq"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_written(run, tmp_path, text, message, where):
    """A name that does not exist is an error of the user, before anything is written."""
    with pytest.raises(InputError, match=message):
        run(text)
    assert not (tmp_path / "samples").exists()
    assert not catalog_exists(where)


def test_an_output_that_is_a_file_is_refused(run, tmp_path, where):
    """The samples folder cannot be where a file is; no catalog is made."""
    (tmp_path / "samples").write_text("")
    with pytest.raises(InputError, match="is a file"):
        run()
    assert not catalog_exists(where)


def test_a_changed_sample_records_what_it_supersedes(run, toy, where):
    """A coupling that changes in the registry gives new samples that name the old ones."""
    run()
    path = toy / "zprime.yaml"
    changed = toy.parent / "changed"
    changed.mkdir()
    (changed / "zprime.yaml").write_text(
        path.read_text().replace("FFV, coupling: g_prime}", "FFV, coupling: 2*g_prime}")
    )
    assert run(models_dir=changed)["samples"] == {"new": 2, "existing": 0}
    with open_catalog(where, mode="read") as books, books.reading() as reader:
        rows = reader.connection.exec_driver_sql(
            "SELECT n.supersedes, o.parameters = n.parameters FROM samples n"
            " JOIN samples o ON o.id = n.supersedes"
        ).all()
    assert len(rows) == 2
    assert all(same for _, same in rows)


def test_a_lost_folder_is_written_again(run, tmp_path):
    """A sample whose folder is gone comes back in the same bytes, its parts with their seeds."""
    run()
    folder = tmp_path / "samples"
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    shutil.rmtree(next(folder.glob("zprime-*")))
    shutil.rmtree(folder / "processes")
    again = run()
    assert again["samples"]["new"] == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("lost", ["toy.json", "sample.json", "parts/0001/run.json"])
def test_a_lost_file_is_written_again(run, tmp_path, lost):
    """A single file comes back in the same bytes; an edited one beside it stays as it is."""
    run()
    folder = next((tmp_path / "samples").glob("zprime-*"))
    path = folder / lost
    before = path.read_bytes()
    path.unlink()
    edited = next(entry for entry in folder.rglob("*.json") if entry != path)
    edited.write_text("edited")
    again = run()
    assert path.read_bytes() == before
    assert edited.read_text() == "edited"
    assert again["files_written"] == 1
    assert run()["files_written"] == 0


def test_a_sample_is_not_extended_with_other_cards(run, tmp_path, where):
    """More parts want the cards of the first: where those say something else, nothing comes."""
    run()
    card = next((tmp_path / "samples").glob("zprime-*/toy.json"))
    card.write_text("{}")
    with pytest.raises(WorkError, match="cannot be extended"):
        run(events=5000)
    assert all(len(listed) == 1 for listed in parts_in(where).values())


def test_a_dict_is_a_grid(run, toy, tmp_path, monkeypatch, where):
    """A mapping with the keys of the file gives the same; its CSV lies in this folder."""
    first = run()
    monkeypatch.chdir(tmp_path)
    options = {"output": tmp_path / "samples", "catalog": where}
    grid = {
        "scan": {"m_zp": {"values": np.array([1, 2])}, "g_prime": [1e-4, "1e-3"]},
        "events": 1000,
    }
    again = generate("zprime", grid, models_dir=toy, **options)
    assert again["grid"] == "<dict>"
    assert (again["points"], again["samples"]) == (first["points"], {"new": 0, "existing": 2})
    (tmp_path / "points.csv").write_text("m_zp\n1\n3\n")
    grid = {"model": "zprime", "points": tmp_path.joinpath("points.csv").name, "events": 1000}
    assert generate(None, grid, models_dir=toy, **options)["samples"] == {"new": 1, "existing": 1}


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"scan": {"m_zp": [1, 1]}}, r"grid \(scan.m_zp\): entries 1 and 2 are the same"),
        ({"scna": {}}, r"grid \(scna\): unknown key 'scna'"),
        ({"scan": {"m_zpp": [1]}}, r"grid \(scan.m_zpp\)"),
        ({"fixed": {"m_zp": -1}}, r"grid \(fixed.m_zp\)"),
        ({"model": "idm", "fixed": {"m_zp": 1}}, r"grid \(model\): the grid is for 'idm'"),
        ({"events": 10}, "grid: the grid sets no parameter"),
        ({"points": "nowhere.csv"}, r"grid \(points\): nowhere.csv: cannot be read"),
        ({}, "a mapping with keys"),
    ],
)
def test_what_is_wrong_with_a_dict(toy, tmp_path, monkeypatch, grid, message):
    """Errors say where in the mapping, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message):
        generate("zprime", grid, models_dir=toy)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_pipe_as_grid_or_points(run, tmp_path):
    """Nobody waits for a pipe that nobody writes to."""
    os.mkfifo(tmp_path / "points.csv")
    with pytest.raises(InputError, match="a pipe or a device"):
        run("model: zprime\npoints: points.csv\n")
