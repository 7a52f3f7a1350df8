"""What the commands on the books say about samples that were really made."""

import gzip
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from mcbook import config, resources
from mcbook.catalog.dump import dump_lines
from mcbook.catalog.store import open_catalog
from mcbook.errors import InputError, WorkError
from mcbook.verbs import books as book_verbs
from mcbook.verbs.diff import diff
from mcbook.verbs.generate import generate
from mcbook.verbs.query import query
from mcbook.verbs.show import show
from mcbook.verbs.trace import trace
from mcbook.verbs.verify import verify

GRID = """
model: zprime
process: [mumu_inv, mumu_mumu]
scan:
  m_zp: {{values: {masses}}}
  g_prime: {{values: [1.0e-4, 1.0e-3]}}
events: 1k
salt: {salt}
"""


def make(folder, masses="[0.5, 1]", salt=0, catalog=None):
    """Make samples in a folder, with books beside them."""
    folder.mkdir(exist_ok=True)
    grid = folder / "grid.yaml"
    grid.write_text(GRID.format(masses=masses, salt=salt))
    catalog = catalog or str(folder / "mcbook.db")
    return generate("zprime", grid, output=folder / "samples", catalog=catalog)


@pytest.fixture
def made(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Give a folder with four samples of two processes, as the current folder."""
    make(tmp_path / "made", catalog=os.environ.get("MCBOOK_CATALOG"))
    monkeypatch.chdir(tmp_path / "made")
    return tmp_path / "made"


def of_process(process, mass=0.5):
    """Return the id of the sample of a process at a mass."""
    (row,) = query(f"process == '{process}' and m_zp == {mass}")
    return row["id"]


@pytest.mark.usefixtures("made")
def test_show_takes_any_prefix_that_is_unique():
    """A prefix that one sample has is as good as its id; others are refused with the choice."""
    identity = of_process("mumu_inv")
    assert show(identity)["id"] == identity
    assert show(identity[:14])["id"] == identity
    with pytest.raises(InputError, match="several") as caught:
        show("zprime-")
    assert identity in caught.value.hint
    for wrong in ("zprime-zzz", "", "ZPRIME", "%"):
        with pytest.raises(InputError, match="no sample"):
            show(wrong)


@pytest.mark.usefixtures("made")
def test_show_has_the_keys_of_the_contract():
    """A sample is shown with cards that have the digests given, parts, points and history."""
    found = show(of_process("mumu_mumu"))
    assert json.loads(json.dumps(found)) == found
    (row,) = query(f"id == '{found['id']}'")
    for key in row.keys() - {"points"}:
        assert found[key] == row[key], key
    assert row["points"] == len(found["points"]) == 2
    for card in [*found["cards"], *found["shared_files"]]:
        content = Path(card["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert [part["events"] for part in found["parts"]] == [1000]
    assert {point["parameters"]["g_prime"] for point in found["points"]} == {1e-4, 1e-3}
    assert [entry["event"] for entry in found["history"]] == ["planned"]
    assert Path(found["directory"]).is_dir()


@pytest.mark.usefixtures("made")
def test_cross_section_is_that_of_the_process_as_written():
    """With the decay in the chain, the branching fraction is in the cross section, and named."""
    open_, decayed = show(of_process("mumu_inv")), show(of_process("mumu_mumu"))
    born = open_["derived"]["xsec_mumu_zp"]
    assert open_["cross_section_fb"]["value"] == pytest.approx(born, rel=1e-12)
    assert open_["cross_section_includes"] == []
    assert "branching_fraction" not in open_
    fraction = decayed["derived"]["br_zp_mumu"]
    assert decayed["cross_section_fb"]["value"] == pytest.approx(born * fraction, rel=1e-12)
    assert decayed["cross_section_includes"] == ["br_zp_mumu"]


@pytest.mark.usefixtures("either_books")
def test_decays_have_a_branching_fraction(tmp_path, monkeypatch):
    """An EvtGen sample has no cross section; the fraction of its decays is production times all."""
    monkeypatch.chdir(tmp_path)
    Path("grid.yaml").write_text(
        "model: dark_higgs\nprocess: [bu_k_hp/mumu, b0_kstar_hp]\nevents: 1k\n"
        "fixed: {m_hp: 0.5, theta: 1.0e-3}\n"
    )
    generate("dark_higgs", "grid.yaml")
    (row,) = query("process == 'bu_k_hp/mumu'")
    found = show(row["id"])
    derived = found["derived"]
    product = derived["br_bu_k_hp"] * derived["br_hp_mumu"]
    assert found["branching_fraction"]["value"] == pytest.approx(product, rel=1e-12)
    assert found["cross_section_fb"]["value"] is None
    assert "branching_fraction" in found["cross_section_fb"]["reason"]
    assert found["cross_section_includes"] == ["br_hp_mumu"]
    (row,) = query("process == 'b0_kstar_hp'")
    found = show(row["id"])
    open_ = sum(found["derived"][f"br_hp_{name}"] for name in ("ee", "mumu", "pipi"))
    # K*0 -> K+ pi- is 2/3 by isospin.
    assert found["branching_fraction"]["value"] == pytest.approx(
        found["derived"]["br_b0_kstar_hp"] * open_ * 2 / 3, rel=1e-12
    )


WIDTH_MODELS = [
    # m_ap, m_hp; the J/psi is at 3.0969 GeV, tables end at 2 GeV
    (1.0, 0.2, "table", "leptonic"),
    (1.0, 0.5, "table", "dispersive"),
    (1.9, 1.8, "table", "dispersive+4pi"),
    (3.08, 0.5, "perturbative, J/psi veto", "dispersive"),
    (4.0, 2.5, "perturbative", "perturbative"),
]


@pytest.mark.usefixtures("either_books")
def test_books_tell_what_widths_stand_on(tmp_path, monkeypatch):
    """Samples and points record their width models, and a grid beyond the tables is told of."""
    monkeypatch.chdir(tmp_path)
    points = "m_ap,m_hp\n" + "".join(f"{m_ap},{m_hp}\n" for m_ap, m_hp, *_ in WIDTH_MODELS)
    Path("points.csv").write_text(points)
    Path("grid.yaml").write_text(
        "model: dark_higgs\nprocess: mumu_inv\npoints: points.csv\nfixed: {theta: 1.0e-4}\n"
    )
    warnings = [w for w in generate("dark_higgs", "grid.yaml")["warnings"] if "width_model" in w]
    assert len(warnings) == 3
    for start, end in [
        ("1 of 5 points: width_ap_hadrons is beyond its table", "'perturbative, J/psi veto'"),
        ("1 of 5 points: width_ap_hadrons is beyond its table", "'perturbative'"),
        ("1 of 5 points: width_hp is beyond its table", "'perturbative'"),
    ]:
        assert any(text.startswith(start) and text.endswith(end) for text in warnings)
    for m_ap, m_hp, dark_photon, dark_higgs in WIDTH_MODELS:
        (row,) = query(f"m_ap == {m_ap} and m_hp == {m_hp}")
        found = show(row["id"])
        assert found["width_model"] == {"width_ap_hadrons": dark_photon, "width_hp": dark_higgs}
        assert [point["width_model"] for point in found["points"]] == [found["width_model"]]
        unknown = {"br_hp_pipi", "br_hp_kk", "width_hp_pipi_charged", "width_hp_kk_charged"}
        assert found["reasons"].keys() == (unknown if m_hp > 2 else set())


def test_only_widths_in_a_process_are_told_of(tmp_path):
    """B -> K h' has no A': that its mass lies beyond the table of R is no news there."""
    grid = {"process": "bu_k_hp/mumu", "fixed": {"m_hp": 0.5, "m_ap": 3.0, "theta": 1e-4}}
    where = {"output": tmp_path / "samples", "catalog": str(tmp_path / "mcbook.db")}
    assert not [w for w in generate("dark_higgs", grid, **where)["warnings"] if "width_model" in w]


@pytest.mark.usefixtures("either_books")
def test_queries_know_branching_fractions(tmp_path, monkeypatch):
    """Points of decays have a branching fraction, in rows and conditions, as ``show`` has it."""
    monkeypatch.chdir(tmp_path)
    grid = {"process": "bu_k_hp/mumu", "fixed": {"m_hp": 0.5}, "scan": {"theta": [1e-4, 1e-3]}}
    generate("dark_higgs", {**grid, "events": 1000})
    generate("zprime", {"fixed": {"m_zp": 1}, "events": 1000})
    rows = query("process == 'bu_k_hp/mumu'", points=True)
    shown = show(rows[0]["id"])
    for row in rows:
        expected = row["derived"]["br_bu_k_hp"] * row["derived"]["br_hp_mumu"]
        assert row["branching_fraction"] == pytest.approx(expected, rel=1e-9)
        assert row["cross_section_fb"] is None
        assert row["branching_fraction"] == pytest.approx(
            row["factor"] * shown["branching_fraction"]["value"], rel=1e-9
        )
    largest = max(row["branching_fraction"] for row in rows)
    assert len(query(f"branching_fraction > {0.9 * largest}", points=True)) == 1
    assert query("model == 'zprime'", points=True)[0]["branching_fraction"] is None
    notes = []
    assert query("model == 'dark_higgs' and cross_section_fb > 0", note=notes.append) == []
    assert query("model == 'zprime' and cross_section_fb > 1e9", note=notes.append) == []
    assert len(notes) == 1
    assert "branching_fraction" in notes[0]


@pytest.mark.usefixtures("made")
def test_queries_know_generator_settings():
    """Samples that differ in ISR, energy or the place of the lifetime are told apart."""
    other = {"isr": "leading-log", "sqrt_s": 10.52}
    generate("zprime", {"fixed": {"m_zp": 1}, "events": 1000, "generator": other})
    decay = {"process": "bu_k_hp", "fixed": {"m_hp": 0.5, "theta": 1e-3}}
    generate("dark_higgs", {**decay, "events": 1000})
    assert len(query("isr == 'none'")) == 4
    assert len(query("isr == 'none' and m_zp < 0.7 and sqrt_s == 10.58")) == 2
    (row,) = query("isr != 'none'", columns=["isr", "sqrt_s", "alpha", "lifetime", "m_zp"])
    assert row["isr"] == "leading-log"
    assert row["sqrt_s"] == 10.52
    assert 1 / row["alpha"] == pytest.approx(137.035999)
    assert row["lifetime"] == "displacer"
    assert [r["sqrt_s"] for r in query(sort="sqrt_s", columns=["sqrt_s"])] == [
        *(10.52, 10.58, 10.58, 10.58, 10.58, None)
    ]
    assert {r["model"] for r in query("sqrt_s is None")} == {"dark_higgs"}
    assert len(query("lifetime == 'displacer'", points=True)) == 10
    assert query("lifetime == 'generator'") == []


@pytest.mark.usefixtures("made")
def test_paths_in_python_are_absolute():
    """Whatever tells a path of a sample tells the same, absolute one, in any folder."""
    (row,) = query("process == 'mumu_inv' and m_zp == 0.5")
    shown = show(row["id"])
    card = next(entry["path"] for entry in shown["cards"] if entry["path"].endswith("run.mg5"))
    assert Path(row["directory"]).is_absolute()
    assert row["directory"] == shown["directory"] == str(Path(card).parent)
    found = trace(f"samples/{row['id']}/run.mg5")
    assert found["file"]["path"] == card
    assert found["sample"]["directory"] == row["directory"]
    Path(card).unlink()
    assert [entry["path"] for entry in verify()["missing"]] == [card]


@pytest.mark.usefixtures("made")
def test_cross_section_of_points_scales_with_the_coupling_squared():
    """A coupling ten times smaller gives a hundredth of the cross section of the shared sample."""
    rows = query("m_zp == 0.5 and process == 'mumu_inv'", points=True, sort="-g_prime")
    large, small = (row["cross_section_fb"] for row in rows)
    assert large == pytest.approx(rows[0]["derived"]["xsec_mumu_zp"], rel=1e-12)
    assert small / large == pytest.approx(0.01, rel=1e-6)


def test_missing_are_the_points_without_a_sample(made):
    """Points of an extended grid are missing until they are generated, shared ones are not."""
    grid = made / "wider.yaml"
    grid.write_text(GRID.format(masses="[0.5, 1, 2]", salt=0))
    found = query(missing=True, grid=grid)
    assert [row["parameters"]["m_zp"] for row in found] == [2.0] * 4
    assert {row["process"] for row in found} == {"mumu_inv", "mumu_mumu"}
    assert {row["reason"] for row in found} == {"no sample"}
    assert len(query(missing=True, grid=grid, limit=3)) == 3
    generate("zprime", grid, output="samples")
    assert query(missing=True, grid=grid) == []
    grid.write_text(GRID.format(masses="[0.5]", salt=0).replace("1.0e-4", "2.0e-4"))
    found = query(missing=True, grid=grid)
    assert {row["reason"] for row in found} == {"the sample is there, the point is not"}
    assert {row["parameters"]["g_prime"] for row in found} == {2e-4}


@pytest.mark.thorough
@pytest.mark.parametrize(
    "options",
    [
        {"missing": True},
        {"grid": "grid.yaml"},
        {"missing": True, "grid": "grid.yaml", "points": True},
        {"missing": True, "grid": "grid.yaml", "sort": "m_zp"},
        {"near": {"m_zp": 1.0}, "sort": "m_zp"},
        {"limit": 0},
    ],
)
@pytest.mark.usefixtures("made")
def test_options_that_do_not_go_together(options):
    """A combination that means nothing is an input error."""
    with pytest.raises(InputError):
        query(**options)


@pytest.mark.thorough
def test_trace_from_files(made, tmp_path):
    """A card, a file of a part, a shared file and a copy of an event file lead to the sample."""
    identity = of_process("mumu_inv")
    found = trace(f"samples/{identity}/run.mg5")
    assert (found["kind"], found["sample"]["id"]) == ("card", identity)
    assert found["file"]["sha256"] == found["file"]["recorded_sha256"]
    found = trace(made / "samples" / identity / "parts" / "0001" / "launch.mg5")
    assert (found["kind"], found["part"]["number"]) == ("card", 1)
    (made / "samples" / identity / "parts" / "0001" / "log").write_text("ran")
    found = trace(f"samples/{identity}/parts/0001/log")
    assert (found["kind"], found["part"]["number"]) == ("file", 1)
    assert found["file"]["recorded_sha256"] is None
    shared = show(identity)["shared_files"][0]["path"]
    found = trace(shared)
    assert found["kind"] == "shared file"
    assert identity in found["samples"]
    events = tmp_path / "copy.lhe.gz"
    events.write_bytes(gzip.compress(f"<header>made for {identity}, not zp-0</header>".encode()))
    found = trace(events)
    assert (found["kind"], found["sample"]["id"]) == ("file", identity)


@pytest.mark.usefixtures("made")
def test_trace_from_numbers():
    """An id and the seed of a part lead to the sample."""
    identity = of_process("mumu_inv")
    assert trace(identity)["sample"]["id"] == identity
    seed = show(identity)["parts"][0]["seed"]
    found = trace(str(seed))
    assert (found["kind"], found["sample"]["id"]) == ("part", identity)


@pytest.mark.usefixtures("made")
def test_trace_of_what_leads_nowhere(tmp_path):
    """A file that no sample has, also a damaged one, and unknown numbers are input errors."""
    plain, broken = tmp_path / "notes.txt", tmp_path / "broken.gz"
    plain.write_text("zprime-000000000000")
    broken.write_bytes(b"\x1f\x8b but no gzip")
    for what in (plain, broken, "12345", "nothing"):
        with pytest.raises(InputError):
            trace(what)


@pytest.mark.usefixtures("made")
def test_diff_names_what_differs():
    """Two samples of one process differ in their parameters and what follows from them only."""
    a, b = of_process("mumu_inv", 0.5), of_process("mumu_inv", 1)
    found = diff(a, b)
    keys = [row["key"] for row in found["differences"]]
    assert keys[0] == "parameters.m_zp"
    assert all(key.startswith(("parameters.", "derived.")) for key in keys)
    assert found["differences"][0] == {"key": "parameters.m_zp", "a": 0.5, "b": 1.0}
    assert diff(a, a)["differences"] == []
    other = diff(a, of_process("mumu_mumu"))
    assert "process" in [row["key"] for row in other["differences"]]


def test_verify_finds_nothing_on_fresh_samples(made):
    """Samples that were just made are as recorded, and render to the same bytes."""
    found = verify()
    assert not found["failed"]
    assert found["samples"] == 4
    on_disk = [path for path in (made / "samples").rglob("*") if path.is_file()]
    assert found["checked"] == len(on_disk)
    assert found["missing"] == found["changed"] == found["drift"] == found["outdated"] == []


def test_verify_finds_an_edited_card(made):
    """A card with another byte fails, for the sample that it is of."""
    identity = of_process("mumu_inv")
    card = made / "samples" / identity / "run.mg5"
    card.write_bytes(card.read_bytes() + b"\n")
    found = verify()
    assert found["failed"]
    assert [(row["id"], row["path"]) for row in found["changed"]] == [(identity, str(card))]
    assert not verify("process == 'mumu_mumu'")["failed"]


@pytest.mark.usefixtures("made")
def test_verify_finds_an_edited_ufo():
    """A file of a UFO package with another byte fails once, though many samples use it."""
    shared = show(of_process("mumu_inv"))["shared_files"]
    path = next(Path(row["path"]) for row in shared if row["path"].endswith("couplings.py"))
    path.write_text(path.read_text().replace("'", '"'))
    found = verify()
    assert found["failed"]
    assert [row["path"] for row in found["changed"]] == [str(path)]


def test_verify_finds_a_missing_file(made):
    """A card that is gone fails."""
    identity = of_process("mumu_inv")
    (made / "samples" / identity / "parts" / "0001" / "launch.mg5").unlink()
    found = verify()
    assert found["failed"]
    assert [row["path"].rpartition("/")[2] for row in found["missing"]] == ["launch.mg5"]


def own_template(made, old, new):
    """Put a changed copy of a shipped template where it is found first."""
    folder = made / "templates" / "madgraph"
    folder.mkdir(parents=True)
    source = resources.shipped("templates") / "madgraph" / "run.mg5.j2"
    text = source.read_text()
    assert old in text
    (folder / "run.mg5.j2").write_text(text.replace(old, new, 1))


def test_verify_reports_a_template_changed_without_a_new_version(made):
    """Other bytes from the same version of a template are drift, which does not fail."""
    own_template(made, "#}\n", "#}\n# a remark of somebody\n")
    found = verify()
    assert not found["failed"]
    assert len(found["drift"]) == 4
    assert all(
        row["path"] == str(made / "samples" / row["id"] / "run.mg5") for row in found["drift"]
    )


def test_verify_does_not_expect_the_cards_of_an_older_template(made):
    """With a new version of a template, samples are outdated, neither changed nor drifting."""
    own_template(made, "version: 1", "version: 2")
    found = verify()
    assert not found["failed"]
    assert found["drift"] == []
    assert {row["id"] for row in found["outdated"]} == {row["id"] for row in query()}


def test_verify_does_not_expect_the_cards_of_an_older_model(made):
    """With another coupling in the registry, samples are outdated and not rendered again."""
    models = made / "other"
    shutil.copytree(resources.shipped("models"), models)
    text = (models / "zprime.yaml").read_text()
    assert "coupling: g_prime}" in text
    (models / "zprime.yaml").write_text(text.replace("coupling: g_prime}", "coupling: 2*g_prime}"))
    found = verify(models_dir=models)
    assert not found["failed"]
    assert len(found["outdated"]) == 4


def test_verify_fails_where_cards_cannot_be_rendered(made):
    """A template that cannot be rendered leaves its samples unchecked, with the reason."""
    own_template(made, "#}\n", "#}\n{{ nope }}\n")
    found = verify()
    assert found["failed"]
    assert found["changed"] == found["outdated"] == []
    assert {row["id"] for row in found["unchecked"]} == {row["id"] for row in query()}
    assert all("run.mg5.j2:2" in row["reason"] for row in found["unchecked"])


@pytest.mark.parametrize("broken", ["other: 1", None])
def test_verify_fails_where_the_model_is_not_at_hand(made, broken):
    """Samples of a model that cannot be read, or is no longer there, are unchecked."""
    text = (resources.shipped("models") / "zprime.yaml").read_text()
    (made / "models").mkdir()
    own = made / "models" / "own.yaml"
    own.write_text(text.replace("name: zprime", "name: own"))
    generate("own", {"process": "mumu_inv", "scan": {"m_zp": [1]}, "events": 100})
    assert not verify("model == 'own'")["failed"]
    own.unlink()
    (made / "other").mkdir()
    if broken:
        (made / "other" / "own.yaml").write_text(broken)
    found = verify("model == 'own'", models_dir=made / "other")
    assert found["failed"]
    assert len(found["unchecked"]) == 1
    assert "own" in found["unchecked"][0]["reason"]


def test_verify_does_not_expect_a_process_that_is_gone(made):
    """Samples of a process that has left the registry are outdated."""
    models = made / "other"
    shutil.copytree(resources.shipped("models"), models)
    text = (models / "zprime.yaml").read_text()
    (models / "zprime.yaml").write_text(text.replace("  mumu_mumu:", "  mumu_other:"))
    found = verify("process == 'mumu_mumu'", models_dir=models)
    assert not found["failed"]
    assert "mumu_mumu" in found["outdated"][0]["reason"]


@pytest.mark.usefixtures("made")
def test_verify_finds_values_that_come_out_differently():
    """A quantity in the cards that is computed to another value now fails."""
    identity = of_process("mumu_inv")
    with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
        change = (
            "json_set(derived, '$.width_zp', json_extract(derived, '$.width_zp') * 1.01)"
            if books.connection.dialect.name == "sqlite"
            else "jsonb_set(derived, '{width_zp}',"
            " to_jsonb((derived ->> 'width_zp')::double precision * 1.01))"
        )
        books.connection.exec_driver_sql(f"UPDATE samples SET derived = {change}")
    found = verify(f"id == '{of_process('mumu_mumu')}'")
    assert found["failed"]
    assert "width_zp was" in found["changed"][0]["reason"]
    assert identity not in {row["id"] for row in found["changed"]}


@pytest.mark.usefixtures("made")
def test_dump_load_and_merge(tmp_path):
    """A dump makes the same books elsewhere; two people's books become one, once."""
    dump = tmp_path / "made" / "books.jsonl"
    done = book_verbs.dump(dump)
    assert done["lines"] == len(dump.read_text().splitlines())
    copy = str(tmp_path / "made" / "copy.db")
    assert book_verbs.load(dump, catalog=copy)["rows"]["samples"] == 4
    again = tmp_path / "again.jsonl"
    book_verbs.dump(again, catalog=copy)
    assert again.read_bytes() == dump.read_bytes()
    assert book_verbs.merge(config.catalog(), catalog=copy)["new"] == {}
    assert not verify(catalog=copy)["failed"]

    make(tmp_path / "theirs", masses="[1, 2]")
    theirs = str(tmp_path / "theirs" / "mcbook.db")
    merged = book_verbs.merge(theirs)
    assert merged["new"]["samples"] == 2
    assert merged["new"]["parts"] == 2
    assert merged["warnings"] == []
    assert book_verbs.merge(theirs)["new"] == {}
    assert not verify()["failed"]
    assert {Path(row["directory"]).parts[-3] for row in query()} == {"made", "theirs"}
    assert book_verbs.info()["samples"] == {"zprime": 6}


@pytest.mark.thorough
@pytest.mark.usefixtures("made")
def test_merge_of_parts_with_other_seeds(tmp_path):
    """The same samples with another salt bring further parts, which stay where they are."""
    make(tmp_path / "theirs", salt=1)
    merged = book_verbs.merge(str(tmp_path / "theirs" / "mcbook.db"))
    assert merged["new"]["parts"] == merged["new"]["cards"] == 4
    assert "samples" not in merged["new"]
    found = verify()
    assert not found["failed"]
    assert found["drift"] == []
    parts = show(of_process("mumu_inv"))["parts"]
    assert [part["number"] for part in parts] == [1, 2]
    assert parts[0]["seed"] != parts[1]["seed"]
    assert all(Path(part["directory"]).is_dir() for part in parts)


@pytest.mark.thorough
@pytest.mark.usefixtures("made")
def test_merge_of_other_numbers_of_events_names_the_salt(tmp_path):
    """Two books with the same seeds for parts of other sizes are told how to keep both."""
    make(tmp_path / "theirs")
    grid = tmp_path / "theirs" / "grid.yaml"
    for salt, events in ((0, 3000), (7, 3000)):
        folder = tmp_path / f"salt{salt}"
        folder.mkdir()
        (folder / "grid.yaml").write_text(grid.read_text().replace("salt: 0", f"salt: {salt}"))
        other = str(folder / "mcbook.db")
        generate("zprime", folder / "grid.yaml", output=folder / "samples", catalog=other,
                 events=events)  # fmt: skip
    with pytest.raises(WorkError, match="1000 events here and 3000") as caught:
        book_verbs.merge(str(tmp_path / "salt0" / "mcbook.db"))
    assert "`salt`" in caught.value.hint
    assert book_verbs.merge(str(tmp_path / "salt7" / "mcbook.db"))["new"]["parts"] == 4


def test_books_below_move_together(tmp_path, monkeypatch):
    """Roots below the folder of the catalog are relative to it, merged ones too."""
    make(tmp_path / "all")
    make(tmp_path / "all" / "theirs", masses="[2]")
    monkeypatch.chdir(tmp_path / "all")
    book_verbs.merge("theirs/mcbook.db", catalog="mcbook.db")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "all").rename(tmp_path / "moved")
    moved = str(tmp_path / "moved" / "mcbook.db")
    found = verify(catalog=moved)
    assert (found["failed"], found["samples"]) == (False, 6)
    roots = book_verbs.info(catalog=moved)["roots"]
    assert set(roots.values()) == {
        str(tmp_path / "moved" / p) for p in ("samples", "theirs/samples")
    }


def contents(folder):
    """Return the bytes of books in a folder, or the dump of those on a server."""
    if (folder / "mcbook.db").exists():
        return (folder / "mcbook.db").read_bytes()
    with open_catalog(None, mode="read") as catalog, catalog.reading() as books:
        return list(dump_lines(books))


@pytest.mark.thorough
def test_dry_runs_leave_nothing_behind(made, tmp_path):
    """Dump, load and merge say what they would do, and do nothing."""
    make(tmp_path / "theirs", masses="[2]")
    theirs = str(tmp_path / "theirs" / "mcbook.db")
    before = contents(made)
    assert book_verbs.merge(theirs, dry_run=True)["new"]["samples"] == 2
    assert contents(made) == before
    dump = tmp_path / "x.jsonl"
    assert book_verbs.dump(dump, dry_run=True)["lines"] > 4
    assert not dump.exists()
    book_verbs.dump(dump)
    new = tmp_path / "new.db"
    assert book_verbs.load(dump, catalog=str(new), dry_run=True)["rows"]["samples"] == 4
    assert book_verbs.merge(theirs, catalog=str(new), dry_run=True)["new"]["samples"] == 2
    assert not new.exists()


@pytest.mark.usefixtures("made")
def test_books_that_cannot_be_used(tmp_path):
    """Merging with itself, loading into full books and files that are no dump are input errors."""
    notes = tmp_path / "notes.txt"
    notes.write_text("{ no dump")
    with pytest.raises(InputError, match="itself"):
        book_verbs.merge(config.catalog())
    book_verbs.dump("d.jsonl")
    with pytest.raises(InputError, match="not empty"):
        book_verbs.load("d.jsonl")
    for other in (notes, tmp_path / "missing.db"):
        with pytest.raises(InputError):
            book_verbs.merge(str(other))
        with pytest.raises(InputError):
            book_verbs.load(str(other), catalog=str(tmp_path / "new.db"))
    with pytest.raises(InputError):
        book_verbs.dump(tmp_path / "no" / "folder.jsonl")


@pytest.mark.usefixtures("made")
def test_merge_refuses_an_edited_part(tmp_path):
    """The same part with another card is refused, and nothing is taken over."""
    make(tmp_path / "theirs", masses="[0.5, 2]")
    theirs = str(tmp_path / "theirs" / "mcbook.db")
    with open_catalog(theirs, mode="write") as catalog, catalog.writing() as books:
        books.connection.exec_driver_sql(f"UPDATE cards SET sha256 = '{'0' * 64}' WHERE part = 1")
    with pytest.raises(WorkError, match="other cards"):
        book_verbs.merge(theirs)
    assert book_verbs.info()["samples"] == {"zprime": 4}


def test_a_dump_is_a_file_in_a_place_that_can_be_written(tmp_path, monkeypatch):
    """Nobody waits for a pipe, and a folder in place of a file is a wrong path."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with pytest.raises(InputError, match="pipe: a pipe or a device"):
        book_verbs.load("pipe")
    make(tmp_path / "made")
    with pytest.raises(InputError, match="made cannot be written"):
        book_verbs.dump("made", catalog="made/mcbook.db")


def test_what_is_no_dump_leaves_no_catalog_behind(tmp_path):
    """A catalog that was made for a load goes again when the file turns out to be no dump."""
    (tmp_path / "words.txt").write_text("hello\n")
    with pytest.raises(InputError, match=r"line of JSON"):
        book_verbs.load(tmp_path / "words.txt", catalog=str(tmp_path / "new.db"))
    assert not (tmp_path / "new.db").exists()
