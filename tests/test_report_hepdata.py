"""HEPData submissions: what is in the tables is what is in the limits document."""

import json
import math
import sys
import warnings

import numpy as np
import pytest
import yaml
from analysis_world import IDM as IDM_WORLD
from analysis_world import ZPRIME as ZPRIME_WORLD
from analysis_world import Toy, analysis_in, changed, counting, settle

from mcbook.errors import InputError, WorkError
from mcbook.report import hepdata
from mcbook.report.document import read_document
from mcbook.report.hepdata import submission, write_submission
from mcbook.verbs.limits import set_limits

RESULT = "r-0123456789ab"
NINE = 5.1e-9  # relative: half a unit of the ninth digit


ZPRIME = changed(
    ZPRIME_WORLD,
    ("model: zprime", 'title: "Zerfälle à la π⁰: 50 % ± 1"\nmodel: zprime'),
    ("background: 0", "background: 3.2"),
    ("observed: 0", "observed: 2"),
)
IDM = changed(IDM_WORLD, ("background: 0", "background: 2\n    observed: 1"))

COUNTS = """\
hypothesis,m_zp,observed,signal,background,background_eff_rel
a,1.0,0,2.5,0.0,0
1-2,2.0,3,2.5,2.1,0.1
c,3.0,,2.5,8,0.25
"""


@pytest.fixture
def make(tmp_path):
    """Return a function that runs an analysis, given as text with replacements."""

    def run_text(text, maps, *changes, **options):
        analysis = analysis_in(tmp_path, text, *changes)
        found = settle(analysis, maps=maps, upper_limits=counting, **options).document()
        return {"schema": 1, "kind": "analysis", "result": RESULT, **found}

    return run_text


@pytest.fixture
def zprime(make):
    """Return a function that gives limits on g'; above 4 GeV there is no efficiency."""

    def document(*changes, **options):
        toy = Toy(lambda m_zp: 0.05 + 0.01 * m_zp, refuse=lambda m_zp: m_zp > 4)
        return make(ZPRIME, {"recoil": toy}, *changes, **options)

    return document


def window(ctau, first=10.0, last=600.0, boost=1.2):
    """Return the probability to decay between two lengths [mm]."""
    return np.exp(-first / (boost * ctau)) - np.exp(-last / (boost * ctau))


@pytest.fixture
def islands(make):
    """Return a function that gives excluded intervals of epsilon.

    Two windows of decay lengths and the gap between them make two islands.
    """

    def efficiency(m_chi1, ctau_chi2):
        near, far = window(ctau_chi2, 1e-3, 3e-3), window(ctau_chi2, 100.0, 600.0)
        return m_chi1 * (0.05 * near + 0.5 * far)

    def document(*changes, **options):
        return make(IDM, {"mumu": Toy(efficiency)}, *changes, **options)

    return document


def tables(folder):
    """Return head and tables of a submission in a folder, by file name."""
    with (folder / "submission.yaml").open(encoding="ascii") as file:
        head, *entries = yaml.safe_load_all(file)
    found = {}
    for entry in entries:
        data = yaml.safe_load((folder / entry["data_file"]).read_text(encoding="ascii"))
        found[entry["data_file"]] = entry | data
    return head, found


def columns(table):
    """Return the columns of a table by name, with a cell's value for each row."""
    variables = table["independent_variables"] + table["dependent_variables"]
    return {v["header"]["name"]: [cell["value"] for cell in v["values"]] for v in variables}


def variable(table, name):
    """Return one variable of a table."""
    variables = table["independent_variables"] + table["dependent_variables"]
    (found,) = (v for v in variables if v["header"]["name"] == name)
    return found


def band(cell):
    """Return the five limits that a cell and its errors stand for."""
    value = cell["value"]
    errors = {entry["label"]: entry["asymerror"] for entry in cell.get("errors", [])}
    none = {"minus": 0.0, "plus": 0.0}
    one, two = (errors.get(f"{n} sigma", none) for n in (1, 2))
    ends = two["minus"], one["minus"], 0.0, one["plus"], two["plus"]
    return [value + end if end != "" else None for end in ends]


def validate(folder):
    """Check a folder with HEPData's own program."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it leaves files open and uses what jsonschema deprecates
        from hepdata_validator.full_submission_validator import FullSubmissionValidator

        validator = FullSubmissionValidator(autoload_remote_schemas=False)
        assert validator.validate(directory=str(folder)), validator.get_messages()


@pytest.mark.parametrize("unblinded", [False, True])
def test_numbers(zprime, tmp_path, unblinded):
    """Limits come back from the tables; errors rebuild the band; who has no limit is counted."""
    document = zprime(unblinded=unblinded)
    written = write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    head, found = tables(tmp_path / "hepdata")
    assert written == [str(tmp_path / "hepdata" / n) for n in ("submission.yaml", *found)]
    assert list(found) == [
        "limits_rate.yaml", "limits_sigma.yaml", "limits_sigma_br.yaml", "limits_strength.yaml",
        "limits_events.yaml", "efficiency.yaml",
    ]  # fmt: skip
    rows = document["limits"][:3]
    units = {"rate": None, "sigma": "fb", "sigma_br": "fb", "strength": None}
    for key, title in (
        ("rate", "g_prime"),
        ("sigma", "production cross section"),
        ("sigma_br", "cross section times branching fraction"),
        ("strength", "signal strength"),
    ):
        table = found[f"limits_{key}.yaml"]
        got = columns(table)
        assert variable(table, "m_zp")["header"] == {"name": "m_zp", "units": "GeV"}
        assert got["m_zp"] == [0.1, 1.0, 3.0]
        entries = [row.get({"sigma": "sigma_fb", "sigma_br": "sigma_br_fb"}.get(key, key), row)
                   for row in rows]  # fmt: skip
        expected = variable(table, f"Expected upper limit on {title}")
        assert expected["header"].get("units") == units[key]
        for entry, cell in zip(entries, expected["values"], strict=True):
            assert band(cell) == pytest.approx(entry["expected"], rel=NINE)
        assert (f"Observed upper limit on {title}" in got) == unblinded
        if unblinded:
            observed = got[f"Observed upper limit on {title}"]
            assert observed == pytest.approx([e["observed"] for e in entries], rel=NINE)
            after = variable(table, f"Expected upper limit on {title} (post-fit)")
            for entry, cell in zip(entries, after["values"], strict=True):
                assert band(cell) == pytest.approx(entry["expected_postfit"], rel=NINE)
        assert "left out: 1. Why: outside the map (1)" in table["description"]
        assert got["Limit point"] == [f"{RESULT}:{n}" for n in (1, 2, 3)]
        assert RESULT in table["description"]
    efficiency = columns(found["efficiency.yaml"])["Signal efficiency, channel recoil"]
    assert efficiency == pytest.approx([0.051, 0.06, 0.08], rel=NINE)
    assert "Zerfälle à la π⁰: 50 % ± 1." in head["comment"]


def test_limits_by_hand(zprime, tmp_path):
    """The cross section times fraction is the limit on events over luminosity and efficiency."""
    write_submission(zprime(unblinded=True), tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    sigma = columns(found["limits_sigma_br.yaml"])
    events = columns(found["limits_events.yaml"])["Observed upper limit on signal events"]
    efficiency = np.array([0.051, 0.06, 0.08])
    name = "Observed upper limit on cross section times branching fraction"
    assert sigma[name] == pytest.approx(np.array(events) / (79.7 * efficiency), rel=1e-8)


def test_qualifiers_and_keywords(zprime, tmp_path):
    """Each column says reaction, energy, luminosity, level, method, alpha, ISR and overrides."""
    changes = [("cl: 0.90", "cl: 0.90\nbranching: {br_zp_inv: 1}")]
    write_submission(zprime(*changes, unblinded=True), tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    table = found["limits_rate.yaml"]
    for name in ("Observed upper limit on g_prime", "Expected upper limit on g_prime"):
        entries = variable(table, name)["qualifiers"]
        got = {entry["name"]: entry["value"] for entry in entries}
        assert got == {
            "RE": "E+ E- --> MU+ MU- ZPRIME", "SQRT(S)": 10.58, "LUMINOSITY": 79.7, "CL": 90.0,
            "METHOD": "exact", "MODEL": "zprime", "CROSS SECTION": "born",
            "ALPHA": pytest.approx(1 / 137.035999, rel=NINE), "ISR": "none", "br_zp_inv": "1",
            "RESULT": RESULT,
        }  # fmt: skip
        units = {entry["name"]: entry["units"] for entry in entries if "units" in entry}
        assert units == {"SQRT(S)": "GeV", "LUMINOSITY": "fb^-1", "CL": "%"}
    keywords = {entry["name"]: entry["values"] for entry in table["keywords"]}
    assert keywords == {
        "reactions": ["E+ E- --> MU+ MU- ZPRIME"], "observables": ["CLS"], "cmenergies": [10.58],
    }  # fmt: skip
    assert found["limits_sigma.yaml"]["keywords"][1]["values"] == ["CLS", "SIG"]
    assert found["efficiency.yaml"]["keywords"][1]["values"] == ["EFF"]


def test_decays_are_reactions_of_their_own(zprime, tmp_path):
    """A Z' that decays in the process is a second reaction."""
    write_submission(
        zprime(("mumu_inv", "mumu_mumu"), ("[0.1, 1, 3, 5]", "[1, 3]")), tmp_path / "hepdata"
    )
    _, found = tables(tmp_path / "hepdata")
    reactions = found["limits_rate.yaml"]["keywords"][0]["values"]
    assert reactions == ["E+ E- --> MU+ MU- ZPRIME", "ZPRIME --> MU+ MU-"]


def test_bayesian(zprime, tmp_path):
    """A Bayesian limit has a credibility level."""
    document = zprime()
    document["method"] = "bayesian"
    for row in document["limits"]:
        row["method"] = row["method"] and "bayesian"
    write_submission(document, tmp_path / "hepdata")
    head, found = tables(tmp_path / "hepdata")
    names = {q["name"] for q in found["limits_rate.yaml"]["dependent_variables"][0]["qualifiers"]}
    assert "credibility level" in names
    assert "CL" not in names
    assert "Credibility level: 90%" in head["comment"]


@pytest.mark.thorough
@pytest.mark.parametrize("unblinded", [False, True])
def test_islands(islands, tmp_path, unblinded):
    """Each excluded interval is a row; edges come back band by band, dashes where there is none."""
    document = islands(unblinded=unblinded)
    write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    table = found["limits_rate.yaml"]
    got = columns(table)
    rows = document["limits"]
    numbers = [len(row["rate"]["expected"][2]) for row in rows]
    assert max(numbers) == 2
    bands = {"Expected {} edge of excluded epsilon": ("expected", 2),
             "Expected {} edge of excluded epsilon (-2 sigma)": ("expected", 0),
             "Expected {} edge of excluded epsilon (+1 sigma)": ("expected", 3)}  # fmt: skip
    if unblinded:
        bands["Observed {} edge of excluded epsilon"] = ("observed", None)
        bands["Expected {} edge of excluded epsilon (post-fit, +2 sigma)"] = ("expected_postfit", 4)
    points = got["Limit point"]
    for title, (key, place) in bands.items():
        lower, upper = got[title.format("lower")], got[title.format("upper")]
        for number, row in enumerate(rows, 1):
            ends = row["rate"][key] if place is None else row["rate"][key][place]
            lines = [i for i, point in enumerate(points) if point == f"{RESULT}:{number}"]
            back = [[lower[i], upper[i]] for i in lines if lower[i] != "-"]
            assert len(back) == len(ends)
            for (low, high), wanted in zip(back, ends, strict=True):
                assert (low, high) == pytest.approx(wanted, rel=NINE)
                assert low < high
    assert got["m_chi1"] == [row["parameters"]["m_chi1"] for row, n in _lines(rows) for _ in n]
    assert got["Interval"] == [k + 1 for _, n in _lines(rows) for k in n]
    assert ("Observed lower edge of excluded epsilon" in got) == unblinded


def _lines(rows):
    for row in rows:
        bands = [*row["rate"]["expected"], *row["rate"].get("expected_postfit", [])]
        bands.append(row["rate"]["observed"] or [])
        yield row, range(max(len(entry) for entry in bands))


def test_open_edges(make, tmp_path):
    """An edge that is none, where the map ends, is told in its row and in the description."""
    toy = Toy(
        lambda m_chi1, ctau_chi2: 0.3 * m_chi1 * window(ctau_chi2),
        refuse=lambda m_chi1, ctau_chi2: ctau_chi2 > 30,  # noqa: ARG005 - an axis has a name
    )
    document = make(IDM, {"mumu": toy})
    write_submission(document, tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    table = found["limits_rate.yaml"]
    assert "nothing is known beyond (10)" in table["description"]
    for text in columns(table)["Open edges"]:
        assert "expected lower edge: unknown" in text
        assert "upper" not in text
    (island,) = document["limits"][0]["rate"]["expected"][2]
    assert columns(table)["Expected lower edge of excluded epsilon"][0] == pytest.approx(island[0])


def test_nothing_excluded(islands, tmp_path):
    """A hypothesis at which nothing is excluded has a row of dashes that says so."""
    document = islands(("value: 365", "value: 1e-9"))
    assert document["limits"][0]["rate"]["expected"] == [[]] * 5
    write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    got = columns(found["limits_rate.yaml"])
    assert got["Expected lower edge of excluded epsilon"] == ["-", "-"]
    assert got["Note"] == ["expected: nothing is excluded within the scan"] * 2


def test_b_decays(make, tmp_path):
    """N_BB in place of a luminosity, no cross sections, no reaction where HEPData has no word."""
    text = ZPRIME.replace("recoil", "mumu").replace("m_zp", "m_hp").replace("zprime", "dark_higgs")
    changes = [
        ("luminosity: {value: 79.7", "n_bb: {value: 198e6"), ("mumu_inv", "bu_k_hp/mumu"),
        ("rate: g_prime", "rate: br\nfixed: {theta: 1e-4}"), ("[0.1, 1, 3, 5]", "[0.5, 1]"),
    ]  # fmt: skip
    document = make(text, {"mumu": Toy(lambda m_hp: 0.1 * m_hp)}, *changes)
    write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    assert list(found) == [
        "limits_rate.yaml", "limits_strength.yaml", "limits_events.yaml", "efficiency.yaml",
    ]  # fmt: skip
    expected = variable(
        found["limits_rate.yaml"], "Expected upper limit on product of branching fractions"
    )
    events = variable(found["limits_events.yaml"], "Expected upper limit on signal events")
    for efficiency, product, number in zip(
        (0.05, 0.1), expected["values"], events["values"], strict=True
    ):
        both = 198e6 * 0.54 / 1.05 * 2 * efficiency  # either B of a charged pair is the signal
        assert product["value"] == pytest.approx(number["value"] / both, rel=1e-8)
    got = {entry["name"]: entry["value"] for entry in expected["qualifiers"]}
    assert got["N_BB"] == 198e6
    assert not {"RE", "LUMINOSITY"} & set(got)
    assert "reactions" not in {k["name"] for k in found["limits_rate.yaml"]["keywords"]}


def test_lifetime_as_an_axis(make, tmp_path):
    """A free lifetime is an axis in mm; the cross section that is limited has one table."""
    changes = [
        ("rate: {limit: epsilon, range: [1e-6, 0.1]}", "rate: sigma_br"),
        ("m_chi1: [0.8, 1.0]}", "m_chi1: [0.8, 1.0], ctau_chi2: [5, 50, 500]}"),
    ]
    toy = Toy(lambda m_chi1, ctau_chi2: 0.02 * m_chi1 * window(ctau_chi2))
    document = make(IDM, {"mumu": toy}, *changes)
    write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    assert next(iter(found)) == "limits_sigma_br.yaml"
    assert "limits_rate.yaml" not in found
    table = found["limits_sigma_br.yaml"]
    assert variable(table, "ctau_chi2")["header"]["units"] == "mm"
    assert columns(table)["ctau_chi2"] == [5, 50, 500, 5, 50, 500]


def test_counts(tmp_path):
    """Counts tables have limits on the strength; names of hypotheses are no ranges of numbers."""
    (tmp_path / "counts.csv").write_text(COUNTS, encoding="ascii")
    set_limits(tmp_path / "counts.csv", cl=0.95, output=tmp_path / "out")
    document = read_document(tmp_path / "out")
    assert document == read_document(tmp_path / "out" / "limits.json")
    write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    assert list(found) == ["limits_strength.yaml", "limits_events.yaml"]
    table = found["limits_strength.yaml"]
    got = columns(table)
    assert variable(table, "m_zp")["header"] == {"name": "m_zp"}
    assert got["Name of the hypothesis"] == ["a", "1-2", "c"]
    observed = got["Observed upper limit on signal strength"]
    assert observed[0] == pytest.approx(-math.log(0.05) / 2.5, rel=1e-6)
    assert observed[2] == "-"
    for row, cell in zip(document["limits"],
                         variable(table, "Expected upper limit on signal strength")["values"],
                         strict=True):  # fmt: skip
        assert band(cell) == pytest.approx(row["expected"], rel=NINE)
    events = columns(found["limits_events.yaml"])["Observed upper limit on signal events"]
    assert events[0] == pytest.approx(-math.log(0.05), rel=1e-6)
    assert len(events) == 2
    assert "Limit point" not in got


def test_no_parameter(tmp_path):
    """Without a parameter that varies, hypotheses are numbered."""
    text = "hypothesis,observed,signal,background\nonly,1,2,1.5\n"
    (tmp_path / "counts.csv").write_text(text, encoding="ascii")
    set_limits(tmp_path / "counts.csv", cl=0.9, output=tmp_path)
    write_submission(read_document(tmp_path), tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    got = columns(found["limits_strength.yaml"])
    assert got["Hypothesis"] == [1]
    assert got["Name of the hypothesis"] == ["only"]


def test_one_hypothesis(zprime, tmp_path):
    """A single mass is a qualifier, and the row is numbered."""
    document = zprime(("[0.1, 1, 3, 5]", "[1]"))
    write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    table = found["limits_rate.yaml"]
    assert columns(table)["Hypothesis"] == [1]
    qualifiers = table["dependent_variables"][0]["qualifiers"]
    assert {"name": "m_zp", "units": "GeV", "value": 1.0} in qualifiers


def test_bands_with_holes(zprime, tmp_path):
    """An unknown edge is empty; without a median the edges have columns; no width has no errors."""
    document = zprime()
    low, _, middle, high, _ = document["limits"][0]["rate"]["expected"]
    fives = ([low, None, middle, high, None], [low, None, None, high, None], [middle] * 5)
    for row, five in zip(document["limits"], fives, strict=False):
        row["rate"]["expected"] = five
    write_submission(document, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    table = found["limits_rate.yaml"]
    cells = variable(table, "Expected upper limit on g_prime")["values"]
    assert band(cells[0])[1] is None
    assert band(cells[0])[0] == pytest.approx(low)
    assert cells[1] == {"value": "-"}
    assert "errors" not in cells[2]
    got = columns(table)
    assert got["Expected upper limit on g_prime, -2 sigma"][1] == pytest.approx(low)
    assert got["Expected upper limit on g_prime, +1 sigma"][1] == pytest.approx(high)
    assert got["Expected upper limit on g_prime, -1 sigma"][1] == "-"


def test_no_limit_at_all(make):
    """A submission without a table is none."""
    maps = {"recoil": Toy(lambda m_zp: m_zp, refuse=lambda m_zp: m_zp > 0)}
    with pytest.raises(InputError, match="no hypothesis") as caught:
        submission(make(ZPRIME, maps))
    assert "outside the map" in caught.value.hint


def test_samples_lead_back(zprime, tmp_path):
    """A row names its samples."""
    document = zprime()
    document["limits"][1]["samples"] = ["zprime-0123456789ab", "zprime-ba9876543210"]
    write_submission(document, tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    for table in found.values():
        names = columns(table)["Samples"]
        assert names == ["-", "zprime-0123456789ab, zprime-ba9876543210", "-"]


def test_figures(zprime, tmp_path):
    """Figures go along; one that is missing, or named as a table, is told before anything is."""
    figure = tmp_path / "exclusion.pdf"
    figure.write_bytes(b"%PDF\x00\xff")
    folder = tmp_path / "hepdata"
    write_submission(zprime(), folder, figures={"The excluded plane": figure})
    validate(folder)
    head, _ = tables(folder)
    assert head["additional_resources"] == [
        {"location": "exclusion.pdf", "description": "The excluded plane"}
    ]
    assert (folder / "exclusion.pdf").read_bytes() == figure.read_bytes()
    (tmp_path / "submission.yaml").touch()
    for name, message in (("none.pdf", "cannot be read"), ("submission.yaml", "already")):
        with pytest.raises(InputError, match=message):
            submission(zprime(), figures={"one": tmp_path / name})


def test_replacing(zprime, tmp_path):
    """An earlier submission is replaced, whole; anything else is left alone."""
    folder = tmp_path / "hepdata"
    figure = tmp_path / "exclusion.pdf"
    figure.write_bytes(b"%PDF")
    write_submission(zprime(), folder, figures={"one": figure})
    write_submission(zprime(("rate: g_prime", "rate: sigma")), folder)
    validate(folder)
    assert not (folder / "exclusion.pdf").exists()
    assert not (folder / "limits_rate.yaml").exists()
    (folder / "notes.txt").write_text("mine", encoding="ascii")
    with pytest.raises(InputError, match=r"holds notes\.txt"):
        write_submission(zprime(), folder)
    assert (folder / "notes.txt").exists()
    with pytest.raises(InputError, match="a file is there"):
        write_submission(zprime(), figure)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["analysis.yaml", "exclusion.pdf", "hepdata"]


def test_invalid_is_not_written(zprime, tmp_path, monkeypatch):
    """What the validator does not take is said, and nothing is written."""
    monkeypatch.setattr(hepdata, "_dump", lambda *_: "name: [")
    with pytest.raises(WorkError, match=r"hepdata-validator does not take.*submission\.yaml"):
        write_submission(zprime(), tmp_path / "out" / "hepdata")
    assert not list((tmp_path / "out").iterdir())


def test_without_the_validator(zprime, tmp_path, monkeypatch):
    """Where hepdata-validator is not installed, the same is written."""
    write_submission(zprime(), tmp_path / "with")
    monkeypatch.setitem(sys.modules, "hepdata_validator.full_submission_validator", None)
    write_submission(zprime(), tmp_path / "without")
    for path in (tmp_path / "with").iterdir():
        assert path.read_bytes() == (tmp_path / "without" / path.name).read_bytes()


def test_model_that_is_not_here(zprime, tmp_path):
    """Units of a signal model that is not in the registry are left out, and that is said."""
    write_submission(zprime() | {"model": "elsewhere"}, tmp_path / "hepdata")
    validate(tmp_path / "hepdata")
    _, found = tables(tmp_path / "hepdata")
    table = found["limits_rate.yaml"]
    assert variable(table, "m_zp")["header"] == {"name": "m_zp"}
    assert "no signal model 'elsewhere'" in table["description"]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (["schema"], 2, "(schema): must be 1, not 2"),
        (["schema"], True, "(schema): must be 1"),
        (["kind"], "anlysis", "(kind): 'anlysis' is no kind"),
        (["cl"], 90, "(cl): 90 is no level between 0 and 1"),
        (["cl"], None, "(cl): null is no number"),
        (["result"], "r-1", '(result): "r-1" is no id'),
        (["limits"], [], "(limits): there is none"),
        (["limits"], {}, "(limits): {} is no list"),
        (["limits", 0], 3, "(limits, row 1): 3 is no mapping"),
        (["limits", 1, "expected"], [1, 2], "(limits, row 2.expected): [1, 2] is no list of 5"),
        (["limits", 1, "expected", 3], "x", '(limits, row 2.expected[3]): "x" is no number'),
        (["limits", 1, "parameters", "m_zp"], [], "(limits, row 2.parameters.m_zp): [] is no"),
        (["limits", 0, "rate", "name"], "x", "(limits, row 1.rate.name): 'x' is not 'g_prime'"),
        (["limits", 0, "rate", "observed"], [[1, 2]], "(limits, row 1.rate.observed)"),
        (["limits", 0, "rate", "kind"], "intervals", "(limits, row 1.rate"),
        (["limits", 0, "rate"], None, "(limits, row 1.rate): null is no mapping"),
        (["limits", 0, "samples"], [1], "(limits, row 1.samples[0]): 1 is no text"),
        (["limits", 0, "status"], "\ud800", "(limits, row 1.status)"),
        (["luminosity", "value"], 10**400, "(luminosity.value)"),
        (["rate"], {}, "(rate.name): the key is missing"),
        (["processes", "recoil"], 1, "(processes.recoil): 1 is no text"),
        (["title"], None, "(title): null is no text"),
    ],
)  # fmt: skip
def test_what_is_refused(zprime, tmp_path, key, value, message):
    """One line names file and key."""
    document = zprime(unblinded=True)
    entry = document
    for name in key[:-1]:
        entry = entry[name]
    entry[key[-1]] = value
    path = tmp_path / "limits.json"
    path.write_text(json.dumps(document), encoding="ascii")
    with pytest.raises(InputError) as caught:
        read_document(path)
    assert message in caught.value.message
    assert caught.value.message.startswith(str(path))
    with pytest.raises(InputError):
        submission(document)


def test_missing_keys(zprime):
    """Whatever key a document lacks, it is read all the same or refused in one line."""
    whole = zprime(unblinded=True)
    places = [(), ("rate",), ("luminosity",), ("limits", 0), ("limits", 0, "rate"),
              ("limits", 3, "rate"), ("limits", 0, "sigma_fb")]  # fmt: skip
    for place in places:
        entry = whole
        for name in place:
            entry = entry[name]
        for key in list(entry):
            kept = entry.pop(key)
            try:
                submission(whole)
            except InputError as error:
                assert "the limits document" in error.message  # noqa: PT017
            entry[key] = kept
    assert submission(whole)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"schema": NaN}', "[" * 100_000])
def test_no_document(tmp_path, text):
    """A file that is something else is refused by name; a folder without one is."""
    with pytest.raises(InputError, match="there is no file"):
        read_document(tmp_path)
    (tmp_path / "limits.json").write_text(text, encoding="ascii")
    with pytest.raises(InputError) as caught:
        read_document(tmp_path)
    assert str(tmp_path / "limits.json") in caught.value.message


def test_unknown_keys(zprime, tmp_path):
    """Keys that a later version adds do not matter."""
    document = zprime() | {"later": [1]}
    document["limits"][0]["later"] = {"x": None}
    (tmp_path / "limits.json").write_text(json.dumps(document), encoding="ascii")
    read = read_document(tmp_path)
    assert read == json.loads(json.dumps(document))
    assert submission(read) == submission(zprime())
