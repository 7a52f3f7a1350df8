"""The native generator: its cards, its parts, and what the rest of mcbook makes of them."""

import gzip
import json
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pylhe
import pytest

from mcbook import generators, resources
from mcbook.errors import InputError, WorkError
from mcbook.generators.base import SampleInput
from mcbook.registry.loader import find_process, load_model
from mcbook.units import HBARC_GEV_MM
from mcbook.verbs.acceptance import measure_acceptance
from mcbook.verbs.check import check
from mcbook.verbs.generate import generate
from mcbook.verbs.ingest import ingest
from mcbook.verbs.query import query
from mcbook.verbs.run import run
from mcbook.verbs.show import show
from mcbook.verbs.verify import verify

NATIVE = generators.get("native")
CARD = "sample.yaml"


@pytest.fixture
def here(tmp_path, monkeypatch, either_books):  # noqa: ARG001
    """Return an empty folder, the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def planned(model, process, scan, **more):
    """Plan native samples; return their ids."""
    settings = {"name": "native", **more.pop("generator", {})}
    grid = {"process": process, "events": 300, "generator": settings, **more}
    return generate(model, grid | ({"scan": scan} if scan else {}))["ids"]


def by_hand(identity, *, code=0):
    """Run part 1 of a sample by its shell command; return what it printed."""
    campaign_command = f'"{sys.executable}" -m mcbook.sampling {identity} 1'
    done = subprocess.run(
        ["/bin/sh", "-c", campaign_command], cwd="samples", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def events_of(identity, folder):
    """Return the events of the file in place of a sample, as pylhe reads them."""
    return list(
        pylhe.LHEFile.fromfile(str(folder / f"samples/{identity}/events/0001.lhe.gz")).events
    )


def test_a_grid_gets_events_that_fit_the_registry(here):
    """Everything between a grid and a check works on it, and says which generator it was."""
    ids = planned("zprime", "mumu_inv", {"m_zp": [0.5, 2, 8], "g_prime": [1e-4, 1e-3]})
    assert len(ids) == 3
    made = run(jobs=2)
    assert made["parts"]["made"] == 3
    assert made["events"] == 900
    found = check()
    assert not found["failed"]
    assert len(found["pulls"]) == 3
    assert all(abs(row["pull"]) < 4 for row in found["pulls"])
    assert {row["generator"] for row in query()} == {"native"}
    shown = show(ids[0])
    assert shown["generator"] == "native"
    assert shown["status"] == "generated"
    assert not verify()["failed"]
    path = here / f"samples/{ids[0]}/events/0001.lhe.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    assert f"id = {ids[0]}" in text
    assert "native generator" in text


def test_events_are_what_the_accord_asks_for(here):
    """Rows, mothers, masses, balance of momenta; resonances stand between beams and leaves."""
    (identity,) = planned(
        "idm", "hp_mumu_chi2_ee", None, fixed={"m_chi1": 1, "delta_m": 0.2, "m_hp": 0.5}
    )
    run()
    expected = [11, -11, 9900022, 9900051, 9900052, 9900051, 11, -11, 9900025, 13, -13]
    mothers = [0, 0, 1, 3, 3, 5, 5, 5, 1, 9, 9]
    for event in events_of(identity, here)[:50]:
        rows = event.particles
        assert [int(row.id) for row in rows] == expected
        assert [int(row.mother1) for row in rows] == mothers
        assert [int(row.status) for row in rows] == [-1, -1, 2, 1, 2, 1, 1, 1, 2, 1, 1]
        momenta = np.array([[row.e, row.px, row.py, row.pz] for row in rows])
        square = momenta[:, 0] ** 2 - (momenta[:, 1:] ** 2).sum(axis=1)
        assert np.allclose(square, [row.m**2 for row in rows], atol=1e-8)
        assert momenta[0, 3] > 0
        for i in range(2, len(rows)):
            daughters = [k for k, mother in enumerate(mothers) if mother == i + 1]
            if daughters:
                assert np.allclose(momenta[daughters].sum(axis=0), momenta[i], atol=1e-8)
        finals = [i for i, row in enumerate(rows) if row.status == 1]
        assert np.allclose(momenta[finals].sum(axis=0), [10.58, 0, 0, 0], atol=1e-8)


def test_a_part_by_hand_is_what_run_makes(here):
    """The shell command makes the same bytes, and they can be taken in."""
    (identity,) = planned("alp", "gamma_gg", {"m_a": [2]})
    said = by_hand(identity)
    assert "300 events" in said
    path = here / f"samples/{identity}/parts/0001/events.lhe.gz"
    content = path.read_bytes()
    assert ingest([path])["files"]["new"] == 1
    again = here / "again"
    again.mkdir()
    generate("alp", {"process": "gamma_gg", "scan": {"m_a": [2]}, "events": 300,
                     "generator": {"name": "native"}}, output=again / "samples",
             catalog=str(again / "books.db"))  # fmt: skip
    run(catalog=str(again / "books.db"))
    assert (again / f"samples/{identity}/events/0001.lhe.gz").read_bytes() == content


@pytest.mark.thorough
def test_lifetimes_are_in_the_file_where_they_are_asked_for(here):
    """Proper lengths c tau follow an exponential with the registry's ctau."""
    scan = {"m_ap": [1.0]}
    fixed = {"m_hp": 0.4, "epsilon": 3e-5, "alpha_D": 0.01}
    settings = {"generator": {"lifetime": "generator"}, "fixed": fixed, "events": 4000}
    (identity,) = planned("dark_higgs", "mumu_inv", scan, **settings)
    run()
    events = events_of(identity, here)
    lengths = np.array([event.particles[2].lifetime for event in events])
    ctau = show(identity)["derived"]["ctau_ap"]
    assert ctau == pytest.approx(HBARC_GEV_MM / show(identity)["derived"]["width_ap"], rel=1e-9)
    assert lengths.mean() == pytest.approx(ctau, rel=4 / math.sqrt(len(lengths)))
    assert np.median(lengths) == pytest.approx(ctau * math.log(2), rel=0.1)
    (prompt,) = planned("dark_higgs", "mumu_inv", scan, fixed=fixed)
    assert prompt != identity
    run()
    assert {row.lifetime for event in events_of(prompt, here) for row in event.particles} == {0.0}


@pytest.mark.thorough
def test_chains_of_a_channel_come_in_proportion(here):
    """Each chain of 4mu2e has its number and its part: A' -> ee beside h' is 1 of 3."""
    (identity,) = planned(
        "dark_higgs", "six_leptons/4mu2e", None, events=3000,
        fixed={"m_ap": 1.0, "m_hp": 2.5, "alpha_D": 1e-3},
    )  # fmt: skip
    run()
    file = pylhe.LHEFile.fromfile(str(here / f"samples/{identity}/events/0001.lhe.gz"))
    rates = np.array([process.xSection for process in file.init.procInfo])
    counts = np.bincount([int(event.eventinfo.pid) for event in file.events])[1:]
    assert rates / rates.sum() == pytest.approx([1 / 3, 2 / 3], abs=0.02)
    assert counts / counts.sum() == pytest.approx(rates / rates.sum(), abs=0.035)


@pytest.mark.usefixtures("here")
def test_export_to_the_detector_simulation():
    """Steering files of basf2 take its events."""
    model = load_model("zprime")
    process = replace(find_process(model, "mumu_inv"), generator="native")
    settings = NATIVE.settings(model, process, {})
    (identity,) = planned("zprime", "mumu_inv", {"m_zp": [1]})
    shown = show(identity)
    sample = SampleInput(identity, shown["parameters"], shown["derived"])
    found = NATIVE.campaign(model, process, settings).for_detector(sample)
    assert found.source == "lhe"
    assert [particle.pdg_id for particle in found.particles] == [9900026]
    own = NATIVE.campaign(model, process, {**settings, "lifetime": "generator"})
    with pytest.raises(InputError, match="basf2 does not read them"):
        own.for_detector(sample).check_read()


def refused(model, process, **given):
    """Return what is said when native is to make a process."""
    found = load_model(model) if isinstance(model, str) else model
    wanted = replace(find_process(found, process), generator="native")
    with pytest.raises(InputError) as caught:
        NATIVE.settings(found, wanted, given)
    return f"{caught.value.message}; {caught.value.hint}"


@pytest.mark.parametrize(
    ("model", "process", "given", "said"),
    [
        ("alp", "bu_k_a", {}, "decay of a single particle"),
        ("dark_higgs", "b0_kstar_hp", {}, "decay of a single particle"),
        ("zprime", "mumu_inv", {"isr": "leading-log"}, "no initial-state radiation"),
        ("zprime", "mumu_inv", {"lifetimes": "generator"}, "did you mean 'lifetime'"),
        ("zprime", "mumu_inv", {"lifetime": "both"}, "known: displacer, generator"),
        ("zprime", "mumu_inv", {"sqrt_s": "fast"}, "generator.sqrt_s is 'fast'"),
    ],
)
def test_what_cannot_be_made_is_refused(model, process, given, said):
    """One line says what is wrong, before anything is written."""
    assert said in refused(model, process, **given)


def altered(tmp_path, name, changes):
    """Return a shipped model after changes of its text."""
    folder = next(p for p in resources.search_path("models") if (p / f"{name}.yaml").is_file())
    text = (folder / f"{name}.yaml").read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / f"{name}.yaml").write_text(text)
    return load_model(name, tmp_path)


def test_no_diagram_is_said(tmp_path):
    """Interactions that do not join the particles of a chain."""
    old, new = "[ee_gamma, mumu_gamma, mumu_zp]", "[ee_gamma, mumu_zp]"
    model = altered(tmp_path, "zprime", {old: new})
    assert "no diagram leads from e- e+ to mu- mu+ zp" in refused(model, "mumu_inv")


def test_two_majorana_lines_are_said(tmp_path):
    """Four Majorana fermions out of one block."""
    old, new = "e- e+ > gamma (ap > chi1 (chi2 > chi1 e- e+))", "e- e+ > chi1 chi1 chi1 chi1"
    said = refused(altered(tmp_path, "idm", {old: new}), "gamma_chi2_ee")
    assert "4 Majorana fermions" in said
    assert "MadGraph" in said


def test_colour_is_said(tmp_path):
    """A quark among the particles."""
    listed = "interactions: [ee_gamma, mumu_gamma, mumu_zp]"
    changes = {"pdg_id: 9900053": "pdg_id: 4", listed: listed[:-1] + ", chichi_zp]"}
    model = altered(tmp_path, "zprime", changes)
    assert "has chi, which has colour" in refused(model, "mumu_inv")


def test_a_decay_without_a_width_is_said(tmp_path):
    """A particle that decays in a chain needs a width."""
    old = "    width: width_zp\n    ctau: ctau_zp\n"
    model = altered(tmp_path, "zprime", {old: ""})
    assert "zp decays in mumu_mumu, and has no width" in refused(model, "mumu_mumu")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sqrt_s: 10.58", "sqrt_s: 1.0e30", "sqrt_s is 1e+30"),
        ("lifetime: displacer", "lifetime: ''", "one of displacer, generator"),
        ('structure: "Gamma(3,2,1)"', "structure: null", "the structure of ee_gamma is None"),
        ("width: 0}", "width: -1}", "the width of e- is -1.0"),
        ("  sqrt_s: 10.58\n", "", "it does not say sqrt_s"),
        ("chains:", "chain:", "it does not say chains"),
        ("mu- mu+ zp", "mu- mu+ zq", "'zq'"),
        ("Gamma(3,2,1)", "Gamma(3,2,1", "cannot be read"),
        ("coupling: [0, 0.001]", "coupling: nothing", "sample.yaml"),
        ("mass: 2,", "mass: 12,", "too light"),
    ],
)
def test_a_spoilt_card_is_told(here, old, new, said):
    """A card that was edited by hand: one line, and no events."""
    (identity,) = planned("zprime", "mumu_inv", {"m_zp": [2]})
    path = here / f"samples/{identity}/{CARD}"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    printed = by_hand(identity, code=1)
    assert printed.startswith("error: ")
    assert said in printed
    assert "Traceback" not in printed
    assert not (here / f"samples/{identity}/parts/0001/events.lhe.gz").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("change", [("events: 300", "events: 0"), ("seed: ", "seed: -")])
def test_a_spoilt_part_is_told(here, change):
    """Numbers of a part are whole and above zero."""
    (identity,) = planned("zprime", "mumu_inv", {"m_zp": [2]})
    path = here / f"samples/{identity}/parts/0001/part.yaml"
    path.write_text(path.read_text().replace(*change))
    printed = by_hand(identity, code=1)
    assert "a whole number above 0 is wanted" in printed
    assert len(printed.splitlines()) == 2


@pytest.mark.parametrize(
    "events", [1, *(pytest.param(n, marks=pytest.mark.thorough) for n in (2, 7)), 100]
)
def test_a_rare_chain_may_be_missing_in_the_last_block(here, events):
    """A' -> mu mu just above its threshold is rare; few events are as many as asked for."""
    ids = planned(
        "dark_higgs", "six_leptons", {"m_ap": {"linspace": [0.2114, 0.214, 3]}}, events=events,
        fixed={"m_hp": 3.0, "alpha_D": 1e-4},
    )  # fmt: skip
    assert run()["parts"]["made"] == len(ids) == 3
    for identity in ids:
        assert len(events_of(identity, here)) == events


def test_a_server_makes_one_part_after_the_other(here):
    """One process makes parts as standard input asks; what goes wrong ends one part only."""
    first, second = planned("zprime", "mumu_inv", {"m_zp": [1, 2]})
    wishes = [(first, 1), ("zprime-000000000000", 1), (second, 1)]
    lines = [
        json.dumps({"sample": name, "part": part, "log": str(here / f"log{i}")})
        for i, (name, part) in enumerate(wishes)
    ]
    done = subprocess.run(
        [sys.executable, "-m", "mcbook.sampling", "--serve"], cwd="samples",
        input="\n".join(lines) + "\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["status"] for answer in answers] == [0, 1, 0]
    assert "error: " in (here / "log1").read_text()
    for identity in (first, second):
        found = NATIVE.read_back(str(here / f"samples/{identity}/parts/0001/events.lhe.gz"))
        assert found.sample_id == identity


def test_usage_is_said():
    """The command by hand without its words."""
    done = subprocess.run(
        [sys.executable, "-m", "mcbook.sampling", "one"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_files_go_to_their_generator(here):
    """MadGraph does not take what is native, and native nothing else; spoilt ones are refused."""
    (identity,) = planned("zprime", "mumu_inv", {"m_zp": [1]})
    by_hand(identity)
    path = here / f"samples/{identity}/parts/0001/events.lhe.gz"
    head = path.read_bytes()[:4096]
    takers = [name for name in generators.names() if generators.get(name).recognises(head)]
    assert takers == ["native"]
    text = gzip.decompress(path.read_bytes()).decode()
    for old, new, said in [
        ("</LesHouchesEvents>", "", "truncated|end"),
        ("events = 300", "events = 301", "holds 300 events, its header says 301"),
        ("<mcbook>", "<other>", "no LHE file of mcbook"),
    ]:
        spoilt = here / "spoilt.lhe"
        spoilt.write_text(text.replace(old, new).replace("</mcbook>", "</other>" if "other" in new
                                                         else "</mcbook>"))  # fmt: skip
        with pytest.raises(WorkError, match=said):
            NATIVE.read_back(str(spoilt))
    moved = here / "moved.lhe"
    moved.write_text(text.replace("m_zp = 1\n", "m_zp = 1.5\n"))
    (refusal,) = ingest([moved])["refused"]
    assert "m_zp = 1.5 where 1 was asked for" in refusal["reason"]


@pytest.mark.thorough
def test_acceptance_of_samples_with_lifetimes(here):
    """Where lifetimes shape the events, samples of one mass and two couplings are two points."""
    grid = {"fixed": {"m_hp": 0.4, "alpha_D": 0.01}, "generator": {"lifetime": "generator"}}
    planned("dark_higgs", "mumu_inv", {"m_ap": [1.0, 2.0], "epsilon": [1e-4, 1e-3]}, **grid)
    run()
    measure_acceptance(here / "acceptance.csv")
    head = (here / "acceptance.csv").read_text().splitlines()
    columns, *rows = (line.split(",") for line in head if not line.startswith("#"))
    assert len(rows) == 4
    assert {"m_ap", "epsilon"} <= set(columns)
    assert "alpha_D" not in columns


def test_a_generator_may_be_named_alone(here):
    """``generator: native`` is short for ``generator: {name: native}``."""
    (here / "grid.yaml").write_text("model: zprime\nscan: {m_zp: [1]}\ngenerator: native\n")
    (identity,) = generate(None, "grid.yaml")["ids"]
    assert show(identity)["generator"] == "native"
