"""Analysis files: read strictly, every error with its line; the box stays closed."""

import itertools
import json

import hist
import numpy as np
import pytest
import uproot
import yaml
from analysis_world import Toy, cls_limit, counting, settle
from hypothesis import given, settings
from hypothesis import strategies as st

from mcbook.analysis import read_analysis, run
from mcbook.analysis.digest import frozen_digest
from mcbook.analysis.tables import Lattice
from mcbook.catalog.unblindings import identity_of
from mcbook.errors import InputError, McbookError

GOOD = """\
schema: 1
name: good
model: zprime
cl: 0.90
luminosity: {value: 79.7, relative_error: 0.01}
samples: {alpha: 1/137.035999, isr: none}
channels:
  recoil:
    process: mumu_inv
    efficiency: {map: map.csv, region: signal, axes: [m_zp]}
    background: {table: background.csv, axes: [m_zp]}
    observed: {table: observed.csv, axes: [m_zp]}
systematics:
  - {source: trigger, affects: signal, relative: 0.02}
  - {source: net, affects: signal, of: "m_zp**2", edges: [-0.5, 9, 81], relative: [0.016, 0.072]}
  - {source: shape, affects: background, channels: [recoil], relative: 0.1}
rate: g_prime
scan: {m_zp: [1, 2, 3, 4]}
"""

WRONG = [
    ("schema: 1", "schema: 2", "line 1"),
    ("name: good", "name: not good", "line 2"),
    ("model: zprime", "model: zprim", "zprime"),
    ("cl: 0.90", "cl: 90", "line 4"),
    ("cl: 0.90", "cl: 1", "line 4"),
    ("cl: 0.90", "method: exakt", "exact"),
    ("luminosity: {value: 79.7", "luminosity: {value: -1", "line 5"),
    ("relative_error: 0.01", "relative_error: 1.5", "line 5"),
    ("relative_error: 0.01", "error: 0.01", "line 5"),
    ("luminosity:", "n_bb:", "luminosity"),
    ("samples: {alpha: 1/137.035999, isr: none}", "alpha: 1/137.035999", "'samples'"),
    ("1/137.035999", "1/127.9", "must agree"),
    ("1/137.035999", "1/m_zp", "m_zp"),
    ("alpha: 1/137.035999", "alpha: 137.035999", "did you mean 1/137.035999?"),
    ("isr: none}", "isr: none, sqrt_s: 10580}", "GeV"),
    ("isr: none}", "isr: none}\nsqrt_s: 10580", "GeV"),
    ("isr: none}", "isr: none}\nalpha: 0.1", "line 7"),
    ("isr: none", "isr: leading-log", "must agree"),
    ("isr: none}", "isr: leading-log}\nisr: leading-log", "Born"),
    ("mumu_inv", "mumu_in", "mumu_inv"),
    ("axes: [m_zp]}", "axes: [m_z]}", "m_zp"),
    ("axes: [m_zp]}", "axes: [m_mu]}", "constant"),
    ("axes: [m_zp]}", "axes: []}", "line 10"),
    ("signal, axes: [m_zp]}", "signal, axes: [m_zp], thresholds: [m_zp + 8.6]}", "condition"),
    ("map: map.csv", "maps: map.csv", "map"),
    ("{table: background.csv, axes: [m_zp]}", "{tabel: background.csv}", "line 11"),
    ("{table: background.csv, axes: [m_zp]}", "-3", "below 0"),
    ("{table: background.csv, axes: [m_zp]}", "{value: 0, stat: 3}", "background of 0"),
    ("{table: observed.csv, axes: [m_zp]}", "2.5", "observed events"),
    ("{table: observed.csv, axes: [m_zp]}",
     "{histogram: h.csv, window: {centre: m_zp, resolution: 0.1, width: 2}}", "binned"),
    ("affects: signal, relative: 0.02", "affects: signals, relative: 0.02", "signal"),
    ("relative: 0.02", "relative: 1.0", "line 14"),
    ("relative: 0.02", "relative: [0.1, 0.2]", "edges"),
    ("edges: [-0.5, 9, 81]", "edges: [-0.5, 9]", "rising edges"),
    ("edges: [-0.5, 9, 81]", "edges: [9, -0.5, 81]", "rising edges"),
    ("source: net", "source: trigger", "twice"),
    ("source: trigger", "source: luminosity", "relative_error"),
    ("channels: [recoil]", "channels: [recol]", "recoil"),
    ("rate: g_prime", "rate: g_prim", "g_prime"),
    ("rate: g_prime", "rate: br", "sigma_br"),
    ("rate: g_prime", "rate: m_zp", "what the limit is on"),
    ("rate: g_prime", "rate: {limit: g_prime, range: [1, 0.1]}", "low, high"),
    ("rate: g_prime", "rate: {limit: g_prime, range: [1e-5, 5]}", "3.5449077"),
    ("rate: g_prime", "rate: {limit: g_prime, vary: m_zp}", "g_prime"),
    ("scan: {m_zp:", "scan: {m_zq:", "m_zp"),
    ("scan: {m_zp: [1, 2, 3, 4]}", "scan: {m_zp: [1, 2], g_prime: [1, 2]}", "g_prime"),
    ("scan: {m_zp:", "scan: {ctau_xy:", "ctau_zp"),
    ("scan:", "scann:", "scan"),
    ("scan:", "vetoes: [{m_zp: [2, 1], reason: x}]\nscan:", "low, high"),
    ("scan:", "vetoes: [{when: 'g_prime > 1', reason: x}]\nscan:", "depends on g_prime"),
    ("scan:", "vetoes: [{width_zp: [0, 1], reason: x}]\nscan:", "width_zp depends on g_prime"),
    ("scan:", "require: ['g_prime < 1']\nscan:", "what the limit is on"),
    ('of: "m_zp**2"', 'of: "g_prime"', "all along the scan"),
    ("background.csv, axes: [m_zp]", "background.csv, axes: [width_zp]", "width_zp depends on"),
    ("observed.csv, axes: [m_zp]", "observed.csv, axes: [g_prime]", "depends on g_prime"),
    ("{table: background.csv, axes: [m_zp]}",
     "{histogram: h.csv, window: {centre: m_zp, resolution: width_zp, width: 2}}", "width_zp"),
    ("[1, 2, 3, 4]}", "[1, 2], ctau_zp: [1, 2]}", "no efficiency map has ctau_zp"),
    ("rate: g_prime", "rate: {limit: 1/g_prime, vary: g_prime}", "does not grow"),
    ("rate: g_prime", "rate: {limit: -g_prime, vary: g_prime}", "does not grow"),
    ("scan:", "vetoes: [{m_zp: [1, 2]}]\nscan:", "reason"),
    ("scan:", "branching: {br_zp_iv: 1}\nscan:", "br_zp_inv"),
    ("scan:", "branching: {br_zp_mumu: 1}\nscan:", "br_zp_inv"),
    ("scan:", "cross_section: bron\nscan:", "born"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the tables of the good analysis."""
    background = "# events\nm_zp,background,background_stat,background_veto_rel\n"
    background += "1,1,0.1,0.05\n3,100,1,0.05\n4,100,1,0.05\n"
    (tmp_path / "background.csv").write_text(background)
    (tmp_path / "observed.csv").write_text("m_zp,observed\n1,2\n2,9\n4,90\n")
    header = "sample_id,region,n_generated,n_selected,sumw_generated,sumw,sumw2,m_zp\n"
    rows = "".join(f"s{m},signal,10000,600,10000,600,600,{m}\n" for m in (1, 2, 3, 4))
    (tmp_path / "map.csv").write_text(header + rows)
    return tmp_path


def write(folder, text=GOOD, *changes):
    """Write an analysis and return its path."""
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "analysis.yaml"
    path.write_text(text, encoding="utf-8")
    return path


MAPS = {"recoil": Toy(lambda m_zp: 0 * m_zp + 0.06)}


@pytest.mark.parametrize(("old", "new", "says"), WRONG)
def test_wrong_files(folder, old, new, says):
    """What is wrong is said, with the line where there is one, and what would be right."""
    with pytest.raises(InputError) as caught:
        run(read_analysis(write(folder, GOOD, (old, new))), maps=MAPS, upper_limits=counting)
    assert says in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.thorough
@given(st.data())
@settings(max_examples=100)
def test_no_file_breaks_the_reader(tmp_path_factory, data):
    """Whatever stands in place of a value, the answer is an analysis or one clear error."""
    content = yaml.safe_load(GOOD)
    key = data.draw(st.sampled_from(sorted(content)))
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2)
        | st.text("a1_{", max_size=3),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
            st.sampled_from(["value", "process", "recoil", "relative", "m_zp", "limit"]), inner,
            max_size=2),
        max_leaves=4,
    )  # fmt: skip
    content[key] = data.draw(values)
    path = tmp_path_factory.mktemp("any") / "analysis.yaml"
    path.write_text(json.dumps(content))
    try:
        read_analysis(path)
    except McbookError as error:
        said = error.message
    else:
        return
    assert str(path) in said


def test_confidence_level(folder):
    """File and argument must agree, and one of them must say it."""
    path = write(folder)
    with pytest.raises(InputError, match=r"line 4 \(cl\)"):
        run(read_analysis(path), cl=0.95, maps=MAPS, upper_limits=counting)
    assert run(read_analysis(path), cl=0.9, maps=MAPS, upper_limits=counting).header["cl"] == 0.9
    without = read_analysis(write(folder, GOOD, ("cl: 0.90\n", "")))
    with pytest.raises(InputError, match="no confidence level"):
        run(without, maps=MAPS, upper_limits=counting)


def test_background_table(folder):
    """Between rows the logarithm is interpolated: 10 in the middle of 1 and 100."""
    seen = []

    def spy(likelihoods, **options):
        seen.append(likelihoods)
        return counting(likelihoods, **options)

    run(read_analysis(write(folder)), maps=MAPS, upper_limits=spy)
    assert seen[0].background[:, 0] == pytest.approx([1, 10, 100, 100])
    assert seen[0].observed is None
    found = {(m.kind, m.name): m for m in seen[0].modifiers}
    assert set(found) == {
        ("normsys", "luminosity"), ("normsys", "trigger"), ("normsys", "net"),
        ("normsys", "shape"), ("normsys", "veto"), ("staterror", "background_statistics_recoil"),
    }  # fmt: skip
    assert found["normsys", "net"].data["hi"] == pytest.approx([1.016, 1.016, 1.072, 1.072])
    assert found["normsys", "net"].data["lo"] == pytest.approx([0.984, 0.984, 0.928, 0.928])
    assert found["normsys", "shape"].sample == found["normsys", "veto"].sample == 1
    assert found["normsys", "luminosity"].sample == 0


def test_outside_the_tables(folder):
    """A hypothesis beyond a table or a range of systematics is refused, with the reason."""
    path = write(folder, GOOD, ("[1, 2, 3, 4]", "[0.5, 2, 5, 9.5]"))
    rows = run(read_analysis(path), maps=MAPS, upper_limits=counting).document()["limits"]
    assert [row["flags"] for row in rows] == [["refused"], ["interpolated"], *[["refused"]] * 2]
    assert "outside 1 to 4" in rows[0]["status"]
    assert "net is not known" in rows[3]["status"]
    assert json.dumps(rows, allow_nan=False)


def test_closed_box(folder):
    """Without unblinding no file with data is opened, and expected limits do not know of it."""
    path = write(folder)
    analysis = read_analysis(path)
    opened = settle(analysis, unblinded=True, maps=MAPS, upper_limits=counting).document()
    (folder / "observed.csv").unlink()
    closed = run(read_analysis(path), maps=MAPS, upper_limits=counting).document()
    for before, after in zip(closed["limits"], opened["limits"], strict=True):
        assert before["observed"] is None
        assert before["rate"]["observed"] is None
        assert before["expected"] == after["expected"]
        assert before["rate"]["expected"] == after["rate"]["expected"]
        assert "expected_postfit" in after
        assert "expected_postfit" not in before
    n_two = opened["limits"][1]
    assert n_two["observed_events"] == pytest.approx(cls_limit(9, 10.0, 0.9))
    assert opened["limits"][2]["observed"] is None  # no count for 3 GeV
    assert opened["limits"][2]["expected"][2] is not None
    with pytest.raises(InputError, match=r"observed.csv cannot be read"):
        settle(read_analysis(path), unblinded=True, maps=MAPS, upper_limits=counting)
    without = write(folder, GOOD, ("    observed: {table: observed.csv, axes: [m_zp]}\n", ""))
    with pytest.raises(InputError, match="no observed counts"):
        settle(read_analysis(without), unblinded=True, maps=MAPS, upper_limits=counting)


def test_no_uncertain_zero(folder):
    """A background of 0 has no absolute error, neither in a table nor in a window."""
    table = folder / "background.csv"
    table.write_text(table.read_text().replace("1,1,0.1", "1,0,0.1"))
    with pytest.raises(InputError, match="background of 0 in a row"):
        run(read_analysis(write(folder)), maps=MAPS, upper_limits=counting)
    bins = "0,5,0,1\n5,20,4,1\n"
    (folder / "h.csv").write_text(f"low,high,background,background_stat\n{bins}")
    changes = ("{table: background.csv, axes: [m_zp]}", HISTOGRAM), ("[1, 2, 3, 4]", "[1.5, 3]")
    path = write(folder, GOOD, ("{table: observed.csv, axes: [m_zp]}", "3"), *changes)
    rows = run(read_analysis(path), maps=MAPS, upper_limits=counting).document()["limits"]
    assert rows[0]["status"] == "the window has an uncertainty on a background of 0"
    assert rows[1]["expected"][2] is not None


def test_no_look_without_a_record(folder):
    """The counts are read with the record of a look into just this analysis, and no other."""
    first = read_analysis(write(folder))
    digests = {"recoil": "0" * 64}
    look = {"analysis": "good", "frozen": frozen_digest(first, digests), "at": "now", "who": "me",
            "why": "a test", "files": []}  # fmt: skip
    whole = look | {"id": identity_of(look)}
    options = {"maps": MAPS, "digests": digests, "upper_limits": counting}
    assert run(first, look=whole, **options).is_unblinded
    other = read_analysis(write(folder, GOOD, ("relative: 0.02", "relative: 0.03")))
    empty = {**look, "why": ""}
    for analysis, wrong in (
        (other, whole), (first, {}), (first, look), (first, whole | {"who": "you"}),
        (first, {"frozen": look["frozen"]}), (first, empty | {"id": identity_of(empty)}),
    ):  # fmt: skip
        with pytest.raises(InputError, match="stays closed"):
            run(analysis, look=wrong, **options)
    with pytest.raises(InputError, match="stays closed"):
        run(first, look=whole, **options | {"digests": None})


def test_frozen_digest(folder):
    """The digest moves with everything but data, comments and layout."""
    first = frozen_digest(read_analysis(write(folder)))
    (folder / "observed.csv").write_text("m_zp,observed\n1,7\n")
    same = GOOD.replace("{table: observed.csv, axes: [m_zp]}", "7") + "# a comment\n"
    assert frozen_digest(read_analysis(write(folder, same))) == first
    changed = write(folder, GOOD, ("relative: 0.02", "relative: 0.03"))
    assert frozen_digest(read_analysis(changed)) != first
    path = write(folder)
    assert frozen_digest(read_analysis(path)) == first
    assert frozen_digest(read_analysis(path), method="bayesian") != first
    assert frozen_digest(read_analysis(path), cl=0.90, method="auto") == first
    without = read_analysis(write(folder, GOOD, ("cl: 0.90\n", "")))
    assert frozen_digest(without, cl=0.90) == first
    assert frozen_digest(without, cl=0.95) != first
    path = write(folder)
    table = folder / "background.csv"
    table.write_text(table.read_text().replace("3,100", "3,101"))
    assert frozen_digest(read_analysis(path)) != first


def test_what_picks_the_data_is_frozen(folder):
    """A window may not move unseen; where the data lie, and what they are, is not frozen."""
    events = "{events: e.csv, column: m2, window: {centre: m_zp**2, resolution: 0.5, width: 2}}"
    old = "{table: observed.csv, axes: [m_zp]}"

    def digest(entry):
        return frozen_digest(read_analysis(write(folder, GOOD, (old, entry))))

    assert digest(events) == digest(events.replace("e.csv", "other.csv"))
    assert digest(events) != digest(events.replace("width: 2", "width: 0.3"))
    assert digest(events) != digest(events.replace("column: m2", "column: m3"))
    assert digest("7") == digest("8") == digest(old)


def test_the_signal_model_is_frozen(folder, root):
    """What the user's own entry of the model says counts; its comments do not."""
    models = folder / "models"
    models.mkdir()
    text = (root / "models" / "zprime.yaml").read_text()
    (models / "zprime.yaml").write_text(f"# mine\n{text}")
    path = write(folder)
    shipped = frozen_digest(read_analysis(path))
    assert frozen_digest(read_analysis(path, models_dir=models)) == shipped
    changed = text.replace("gauge boson Z'", "vector Z'")
    assert changed != text
    (models / "zprime.yaml").write_text(changed)
    assert frozen_digest(read_analysis(path, models_dir=models)) != shipped


HISTOGRAM = "{histogram: h.csv, window: {centre: 'm_zp**2', resolution: 0.5, width: 2}}"


def test_windows(folder):
    """A window counts bins in part for a background, and events one by one for data."""
    edges = np.linspace(0, 20, 41)
    rows = [f"{a},{b},4" for a, b in itertools.pairwise(edges)]
    (folder / "h.csv").write_text("low,high,background\n" + "\n".join(rows))
    values = [8.1, 8.9, 9.3, 9.95, 10.05, 12]
    (folder / "events.csv").write_text("m2\n" + "\n".join(map(str, values)))
    events = HISTOGRAM.replace("histogram: h.csv", "events: events.csv, column: m2")
    path = write(
        folder, GOOD,
        ("{table: background.csv, axes: [m_zp]}", HISTOGRAM),
        ("{table: observed.csv, axes: [m_zp]}", events),
        ("[1, 2, 3, 4]", "[0.9, 3, 3.05]"),
    )  # fmt: skip
    seen = []

    def spy(likelihoods, **options):
        seen.append(likelihoods)
        return counting(likelihoods, **options)

    result = settle(read_analysis(path), unblinded=True, maps=MAPS, upper_limits=spy)
    rows = result.document()["limits"]
    assert "not within the histogram" in rows[0]["status"]  # 0.81 - 1 is below zero
    assert seen[-1].background[:, 0] == pytest.approx([16, 16])  # 2 GeV^2 of 8 per GeV^2
    # 8 to 10 holds four of the values; 9.3025 +- 1 holds 8.9 to 10.05
    assert seen[-1].observed[:, 0] == pytest.approx([4, 4])
    (folder / "events.csv").write_text("m2\n")
    settle(read_analysis(path), unblinded=True, maps=MAPS, upper_limits=spy)
    assert seen[-1].observed[:, 0].tolist() == [0, 0]  # nothing is left: that is a count
    undefined = events.replace("resolution: 0.5", "resolution: 3 - m_zp")
    changes = ("{table: observed.csv, axes: [m_zp]}", undefined), ("background.csv", "flat.csv")
    (folder / "flat.csv").write_text("m_zp,background\n1,20\n4,20\n")
    rows = settle(read_analysis(write(folder, GOOD, *changes)), unblinded=True, maps=MAPS,
                  upper_limits=counting).document()["limits"]  # fmt: skip
    assert [row["observed"] is None for row in rows] == [False, False, True, True]


def test_coarse_bins_for_data(folder):
    """Where data are binned, whole bins are counted, and a window that they miss is refused."""
    for name, width in (("h.csv", 0.5), ("coarse.csv", 0.8)):
        edges = np.arange(0, 20, width)
        rows = [f"{a},{a + width},4,4" for a in edges]
        (folder / name).write_text("low,high,background\n" + "\n".join(r[:-2] for r in rows))
        (folder / f"data_{name}").write_text(
            "low,high,observed\n" + "\n".join(r[:-2] for r in rows)
        )
    for name, refused in (("h.csv", False), ("coarse.csv", True)):
        text = HISTOGRAM.replace("h.csv", name)
        path = write(
            folder, GOOD,
            ("{table: background.csv, axes: [m_zp]}", text),
            ("{table: observed.csv, axes: [m_zp]}", text.replace(name, f"data_{name}")),
            ("[1, 2, 3, 4]", "[3]"),
        )  # fmt: skip
        rows = settle(
            read_analysis(path), unblinded=True, maps=MAPS, upper_limits=counting
        ).document()["limits"]
        assert (rows[0]["flags"] == ["refused"]) == refused
        if not refused:  # 8 to 10 are four bins with 4 events each, expected and observed
            assert rows[0]["observed_events"] == pytest.approx(cls_limit(16, 16, 0.9))


def test_root_background(folder):
    """A histogram in a ROOT file counts as one in a table does, with its errors."""
    edges, values = np.linspace(0, 20, 41), np.full(40, 4.0)
    weighted = hist.Hist(hist.axis.Variable(edges), storage=hist.storage.Weight())
    weighted[...] = np.stack([values, 0.5 * values], axis=-1)
    with uproot.recreate(folder / "h.root") as file:
        file["plain"] = values, edges
        file["weighted"] = weighted
        file["plane"] = np.histogram2d([1.0], [1.0])
    for name, variance in (("plain", 4.0), ("weighted", 2.0)):
        text = HISTOGRAM.replace("h.csv", f"h.root, name: {name}")
        changes = ("{table: background.csv, axes: [m_zp]}", text), ("[1, 2, 3, 4]", "[3, 3.05]")
        seen = []

        def spy(likelihoods, seen=seen, **options):
            seen.append(likelihoods)
            return counting(likelihoods, **options)

        path = write(folder, GOOD, ("observed: {table: observed.csv, axes: [m_zp]}", ""), *changes)
        run(read_analysis(path), maps=MAPS, upper_limits=spy)
        assert seen[0].background[:, 0] == pytest.approx([16, 16])
        (sigma,) = [m.data["sigma"][:, 0] for m in seen[0].modifiers if m.kind == "staterror"]
        # 9.3025 +- 1 has 3 whole bins, 0.395 of one and 0.605 of another
        parts = np.array([4, 3 + 0.395**2 + 0.605**2])
        assert sigma == pytest.approx(np.sqrt(parts * variance))
    for name, says in ((", name: plane", "2 axes"), ("", "needs the 'name'"), (", name: x", "'x'")):
        text = HISTOGRAM.replace("h.csv", f"h.root{name}")
        path = write(folder, GOOD, ("observed: {table: observed.csv, axes: [m_zp]}", ""),
                     ("{table: background.csv, axes: [m_zp]}", text))  # fmt: skip
        with pytest.raises(InputError, match=says):
            run(read_analysis(path), maps=MAPS, upper_limits=counting)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("low,high,background\n0,1,2\n2,3,2\n", "follow each other"),
        ("low,high,background\n0,0,2\n0,3,2\n", "follow each other"),
        ("low,high,background\n0,20,-2\n", "negative background"),
        ("low,high,observed\n0,20,2\n", "'background' is missing"),
    ],
)
def test_wrong_histograms(folder, text, says):
    """Bins follow each other, and no background is negative."""
    (folder / "h.csv").write_text(text)
    changes = ("{table: background.csv, axes: [m_zp]}", HISTOGRAM), ("[1, 2, 3, 4]", "[3]")
    with pytest.raises(InputError, match=says):
        run(read_analysis(write(folder, GOOD, *changes)), maps=MAPS, upper_limits=counting)


def test_sideband(folder):
    """A background from sidebands is a free number with its own count; data is not part of it."""
    (folder / "background.csv").write_text(
        "m_zp,sideband_observed,sideband_ratio\n1,0,10\n2,3,10\n3,1,10\n"
    )
    seen = []

    def spy(likelihoods, **options):
        seen.append(likelihoods)
        return counting(likelihoods, **options)

    rows = run(read_analysis(write(folder)), maps=MAPS, upper_limits=spy).document()["limits"]
    assert seen[0].background[:, 0] == pytest.approx([0, 0.3, 0.1])
    (sideband,) = [m for m in seen[0].modifiers if m.kind == "sideband"]
    assert sideband.data["observed"].tolist() == [0, 3, 1]
    assert "no row" in rows[3]["status"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m_zp,backgroud\n1,2\n", "background"),
        ("m_zp,background,background_trigger\n1,2,3\n", "background_trigger"),
        ("m_zp,background\n1,-2\n", "negative"),
        ("m_zp,background\n1,nan\n", "line 2 (column background)"),
        ("m_zp,background\n1,2,3\n", "line 2: 3 values for 2 columns"),
        ("m_zp,background\n1,2\n1,3\n", "full grid"),
        ("m_zp,background,background_x_rel\n1,2,1.5\n", "below 1"),
        ("m_zp,sideband_observed,sideband_ratio\n1,2.5,10\n", "whole numbers"),
        ("m_zp,sideband_observed,sideband_ratio\n1,-1,10\n", "whole numbers"),
        ("m_zp,sideband_observed,sideband_ratio\n1,1,0\n", "above zero"),
        ("m_zp,sideband_observed,background\n1,1,0\n", "sideband_ratio"),
        ("m_zp,background,background_shape_rel\n1,2,0.1\n2,2,0.1\n", "under systematics"),
    ],
)
def test_wrong_tables(folder, text, says):
    """A table says what is wrong with it."""
    (folder / "background.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        run(read_analysis(write(folder)), maps=MAPS, upper_limits=counting)
    assert says in f"{caught.value.message} {caught.value.hint}"


@given(st.lists(st.floats(0.1, 5), min_size=2, max_size=4, unique=True),
       st.lists(st.floats(1, 9), min_size=2, max_size=3, unique=True),
       st.floats(0, 1), st.floats(0, 1))  # fmt: skip
def test_lattice_is_exact_for_powers(first, second, u, v):
    """exp(a x + b y) is interpolated exactly in two dimensions, from rows in any order."""
    x, y = (grid.ravel() for grid in np.meshgrid(first, second, indexing="ij"))
    lattice = Lattice({"x": x, "y": y}, {"b": np.exp(0.3 * x - 0.2 * y)}, "table")
    at = {
        "x": np.array([min(first) + u * (max(first) - min(first))]),
        "y": np.array([min(second) + v * (max(second) - min(second))]),
    }
    wanted = np.exp(0.3 * at["x"] - 0.2 * at["y"])
    assert lattice.interpolate("b", at, 1) == pytest.approx(wanted)
    assert lattice.exactly("b", {"x": x, "y": y}, len(x)) == pytest.approx(
        np.exp(0.3 * x - 0.2 * y)
    )
