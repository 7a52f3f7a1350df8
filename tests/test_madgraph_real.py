"""The real MadGraph takes the cards and the UFO packages; run with MCBOOK_MG5 set.

Few events and fast processes: the table of all processes is made by benchmarks/madgraph_table.py.
"""

import gzip
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcbook.catalog.store import open_catalog
from mcbook.generators.base import PartInput, SampleInput
from mcbook.generators.madgraph import MadGraph
from mcbook.lhe.momenta import read_momenta
from mcbook.production.publish import sha256
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model
from mcbook.selection.acceptance import accepted
from mcbook.ufo import writer
from mcbook.verbs.check import check
from mcbook.verbs.generate import generate
from mcbook.verbs.ingest import ingest
from mcbook.verbs.run import run

pytestmark = [
    pytest.mark.madgraph,
    pytest.mark.skipif("MCBOOK_MG5" not in os.environ, reason="MCBOOK_MG5 is not set"),
]

COMPLAINTS = re.compile(
    r"CRITICAL|ERROR|Zero result|interrupted|not executed|[Ii]nvalid|missed argument|convert"
)


class Run:
    """One part of a sample, run in a samples folder."""

    def __init__(self, folder, what, seed, given=None, **point):
        events = 2000
        model, _, process = what.partition("/")
        generator = MadGraph()
        self.model = load_model(model)
        entry = find_process(self.model, process)
        settings = generator.settings(self.model, entry, given or {})
        campaign = generator.campaign(self.model, entry, settings)
        parameters = {n: p.default for n, p in self.model.parameters.items() if p.default}
        self.parameters = parameters | point
        columns = {name: np.array([value]) for name, value in self.parameters.items()}
        deriver = Deriver(self.model, alpha=settings["alpha"])
        self.derived = {k: float(v[0]) for k, v in deriver.compute(columns).items()}
        self.id = f"{model}-{seed:012x}"
        sample = SampleInput(self.id, self.parameters, self.derived)
        part = PartInput(1, events, seed)
        self.card = campaign.part_files(sample, part)["launch.mg5"].decode()
        files = {
            **campaign.shared_files(),
            **{f"{self.id}/{k}": v for k, v in campaign.sample_files(sample).items()},
            f"{self.id}/parts/0001/launch.mg5": self.card.encode(),
        }
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        done = subprocess.run(
            ["sh", "-c", campaign.command(self.id, 1)],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.log = done.stdout + done.stderr
        self.returncode = done.returncode
        self.pristine = {
            name: (folder / name).read_bytes() == content for name, content in files.items()
        }
        self.output = folder / campaign.outputs(self.id, 1)[0]
        self.found = generator.read_back(str(self.output))

    def events(self):
        """Return the particle rows of every event."""
        text = gzip.decompress(self.output.read_bytes()).decode()
        for block in re.findall(r"<event>\n(.*?)</event>", text, re.DOTALL):
            rows = block.splitlines()
            count = int(rows[0].split()[0])
            yield [list(map(float, row.split())) for row in rows[1 : count + 1]]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Return a samples folder that the runs of this module share."""
    return tmp_path_factory.mktemp("samples")


@pytest.fixture(scope="module")
def zprime(samples):
    """Run e+e- -> mu+mu- Z' once."""
    return Run(samples, "zprime/mumu_inv", 11, m_zp=1.5)


def test_cards_run_without_complaint(zprime):
    """MadGraph takes package and cards as they are, and leaves the pristine files alone."""
    assert zprime.returncode == 0
    complaints = [line for line in zprime.log.splitlines() if COMPLAINTS.search(line)]
    assert complaints == []
    assert all(zprime.pristine.values())


def test_file_says_what_was_asked(zprime):
    """The LHE header has the id, the seed, the events and every parameter of the card."""
    found = zprime.found
    assert (found.sample_id, found.seed, found.events) == (zprime.id, 11, 2000)
    asked = re.findall(r"^set param_card \S+ \d+ (\S+) # (\w+)$", zprime.card, re.MULTILINE)
    assert len(asked) == 6
    for value, name in asked:
        assert found.parameters[name.lower()] == pytest.approx(float(value), rel=2e-6)


def test_cross_section(zprime):
    """The cross section is that of the registry, within three times MadGraph's own error."""
    expected = zprime.derived["xsec_mumu_zp"]
    error = max(3 * zprime.found.cross_section_error_fb, 0.02 * expected)
    assert zprime.found.cross_section_fb == pytest.approx(expected, abs=error)


def test_electron_flies_along_z(zprime):
    """The first beam is the electron, along +z as at Belle II, with half of sqrt(s)."""
    rows = next(zprime.events())
    assert rows[0][0] == 11
    assert rows[0][8] > 0
    assert rows[0][9] == pytest.approx(5.29)


def test_particles_as_arrays(zprime):
    """Its particles are read by column, to the numbers that Python reads line by line."""
    found = read_momenta(zprime.output)
    rows = np.array([row for rows in zprime.events() for row in rows])
    columns = [found.pdg, found.status, *found.mothers.T]
    assert np.array_equal(np.transpose(columns), rows[:, :4])
    columns = [found.px, found.py, found.pz, found.energy, found.mass, found.lifetime]
    assert np.array_equal(np.transpose(columns), rows[:, 6:12])
    assert 0.7 < accepted(found).mean() < 0.95  # the native generator has 0.84


def test_state_does_not_carry_over(samples):
    """A launch without ISR after one with ISR in the same folder gives the Born cross section."""
    with_isr = Run(samples, "alp/gamma_gg", 21, given={"isr": "leading-log"}, m_a=2.0)
    without = Run(samples, "alp/gamma_gg", 22, m_a=2.0)
    assert with_isr.output.parents[1] == without.output.parents[1]
    totals = [sum(row[9] for row in rows if row[1] == -1) for rows in with_isr.events()]
    assert min(totals) < 10.4
    assert max(totals) < 10.5801
    expected = without.derived["xsec_gamma_a"]
    assert without.found.cross_section_fb == pytest.approx(expected, rel=0.01)
    totals = [sum(row[9] for row in rows if row[1] == -1) for rows in without.events()]
    assert min(totals) == pytest.approx(10.58, abs=1e-4)


def test_lifetime_in_the_file(samples):
    """With lifetime: generator the proper decay lengths average to c tau of the registry."""
    run = Run(samples, "alp/gamma_gg", 23, given={"lifetime": "generator"}, m_a=2.0)
    lengths = [row[11] for rows in run.events() for row in rows if row[0] == 9900036]
    assert len(lengths) == 2000
    spread = 4 / np.sqrt(len(lengths))
    assert np.mean(lengths) == pytest.approx(run.derived["ctau_a"], rel=spread)


def test_foreign_package(samples, tmp_path):
    """A package with other names and its own alpha runs with the names translated."""
    folder = tmp_path / "Other_UFO"
    folder.mkdir()
    model = load_model("zprime")
    words = {"m_zp": "MZp", "width_zp": "WZp", "g_prime": "gZp"}
    for name, text in writer.write_ufo(model, model.processes["mumu_inv"].interactions, ()).items():
        changed = text.decode()
        for ours, theirs in words.items():
            changed = re.sub(rf"\b{ours}\b", theirs, changed)
        (folder / name).write_text(changed)
    given = {"ufo": str(folder), "names": words, "alpha": 1 / 127.9}
    run = Run(samples, "zprime/mumu_inv", 31, given=given, m_zp=2.0)
    expected = run.derived["xsec_mumu_zp"]
    error = max(3 * run.found.cross_section_error_fb, 0.02 * expected)
    assert run.found.cross_section_fb == pytest.approx(expected, abs=error)
    assert run.found.parameters["aewm1"] == pytest.approx(127.9)


def test_run_makes_events_and_books_them(tmp_path, monkeypatch):
    """``mcbook run`` with two workers: one process folder, checked files, pulls that hold."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCBOOK_CATALOG", "mcbook.db")
    grid = {"scan": {"m_chi1": [0.5, 1.0]}, "fixed": {"alpha_D": 1e-3, "m_hp": 0.4},
            "derived": {"m_ap": "3 * m_chi1", "delta_m": "0.2 * m_chi1"},
            "process": "gamma_chi2_ee"}  # fmt: skip
    generate("idm", grid, events=1000)
    found = run(jobs=2)
    assert found["failures"] == []
    assert found["parts"]["made"] == 2
    assert len(list((tmp_path / "samples" / "processes").iterdir())) == 1
    checked = check()
    assert not checked["failed"]
    assert [row["samples"] for row in checked["processes"]] == [2]
    copy = tmp_path / "copy.lhe.gz"
    (first, *_) = sorted(tmp_path.glob("samples/*/events/0001.lhe.gz"))
    copy.write_bytes(first.read_bytes())
    assert ingest([copy])["files"]["known"] == 1
    assert run()["parts"]["asked"] == 0


def test_run_says_why_madgraph_failed(tmp_path, monkeypatch):
    """A card that MadGraph does not like: it exits with 0, and the part fails with its words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCBOOK_CATALOG", "mcbook.db")
    made = generate("zprime", {"scan": {"m_zp": [2.0]}}, events=500)
    name = f"{made['ids'][0]}/parts/0001/launch.mg5"
    card = tmp_path / "samples" / name
    text = card.read_text()

    def rewrite(mass):
        """Change the card, and what the books say of it."""
        card.write_text(text.replace("MASS 9900026 2", f"MASS 9900026 {mass}"))
        with open_catalog(None, mode="write") as catalog, catalog.writing() as books:
            digest = sha256(card.read_bytes())
            books.change("UPDATE cards SET sha256 = ? WHERE path = ?", [(digest, name)])

    rewrite("20")
    (failure,) = run()["failures"]
    assert "Zero result" in failure["reason"]
    assert Path(failure["log"]).read_text()
    rewrite("3")
    (failure,) = run(retry=True)["failures"]
    assert "m_zp = 3 where 2 was asked for" in failure["reason"]
    rewrite("2")
    assert run(retry=True)["parts"]["made"] == 1


def test_a_run_by_hand_does_not_spoil_others(tmp_path, monkeypatch):
    """A lock that a hand run left in the shared folder stays there; its output can be ingested."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MCBOOK_CATALOG", "mcbook.db")
    made = generate("zprime", {"scan": {"m_zp": [2.0, 3.0]}}, events=500)
    subprocess.run(["sh", "-c", made["command"]], check=True, capture_output=True)
    (shared,) = (tmp_path / "samples" / "processes").iterdir()
    outputs = list(shared.glob("madgraph/Events/*/unweighted_events.lhe.gz"))
    assert len(outputs) == 1
    assert ingest(outputs)["files"]["new"] == 1
    (shared / "madgraph" / "RunWeb").write_text("")
    assert run()["parts"]["made"] == 1
    assert not check()["failed"]
