"""What is written for pyhf and read from it is the same likelihood; pyhf's limits are right."""

import logging
from dataclasses import replace

import numpy as np
import pyhf
import pytest
from pyhf_workspaces import random_workspace, search, signal
from scipy.optimize import brentq
from scipy.stats import norm
from slow_likelihood import expected, minus_log

from mcbook.errors import InputError
from mcbook.limits.histfactory import limits, rows, spec
from mcbook.limits.histfactory.content import Reader
from mcbook.limits.likelihoods import Likelihoods, Modifier, one_bin

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*RefResolver is deprecated"),  # pyhf 0.7.6 uses it
    pytest.mark.filterwarnings("ignore::RuntimeWarning:pyhf"),  # pyhf divides empty bins by zero
]


def converted(workspace):
    """Return a workspace as a batch of one."""
    return rows.stacked([rows.row(Reader().read(workspace, "test"))])


def values_for(model, parameters, workspace, batch):
    """Translate pyhf's parameters to names with numbers, or with one number per bin."""
    config = model.config
    found, lumi = {}, None
    for name in config.par_order:
        part = np.asarray(parameters[config.par_slice(name)])
        found[name] = float(part[0]) if config.param_set(name).is_scalar else part
        if name == "lumi":
            lumi = config.param_set(name).auxdata[0]
    if lumi:
        found["lumi"] /= lumi
    inits = {
        item["name"]: item["inits"][0]
        for item in workspace["measurements"][0]["config"]["parameters"]
    }
    if "k_bkg" in found:
        found["k_bkg"] /= inits.get("k_bkg", 1.0)
    for name, value in found.items():
        if isinstance(value, np.ndarray):
            found[name] = per_bin(name, value, workspace, batch.n_bins)
    return found


def per_bin(name, values, workspace, n_bins):
    """Spread gammas, which pyhf sorts by channel, over the bins in the order of the file."""
    where, start = {}, 0
    for channel in workspace["channels"]:
        size = len(channel["samples"][0]["data"])
        where[channel["name"]] = slice(start, start + size)
        start += size
    found, left = np.ones(n_bins), list(values)
    for channel in sorted(workspace["channels"], key=lambda channel: channel["name"]):
        if any(m["name"] == name for s in channel["samples"] for m in s["modifiers"]):
            bins = where[channel["name"]]
            found[bins] = [left.pop(0) for _ in range(bins.stop - bins.start)]
    assert not left
    return found


def moved(model, rng):
    """Return random parameters, those that are fixed where they are."""
    config = model.config
    start = np.array(config.suggested_init())
    new = start.copy()
    for name in config.par_order:
        part, kind = config.par_slice(name), config.param_set(name)
        if name == "lumi":
            new[part] *= rng.uniform(0.9, 1.1)
        elif kind.constrained and kind.is_scalar:
            new[part] = rng.uniform(-2.5, 2.5)
        else:
            new[part] = rng.uniform(0.4, 2.0, len(new[part]))
    return np.where(config.suggested_fixed(), start, new)


@pytest.mark.parametrize("seed", range(40))
def test_conversion_is_exact(seed):
    """Expected counts and likelihood ratios are pyhf's at random parameters."""
    workspace = random_workspace(seed)
    compare(workspace, seed)


def test_conversion_of_the_search():
    """The same for a workspace written by hand."""
    workspace = search()
    workspace["channels"][0]["samples"].append(signal())
    compare(workspace, 1)


def compare(workspace, seed):
    """Compare pyhf and `slow_likelihood` on the arrays read from a workspace."""
    opened = pyhf.Workspace(workspace)
    model, batch = opened.model(), converted(workspace)
    rng = np.random.default_rng(seed)
    data = opened.data(model)
    differences = []
    for _ in range(3):
        parameters = moved(model, rng)
        mu = parameters[model.config.poi_index]
        values = values_for(model, parameters, workspace, batch)
        ours = dict(zip(bins_of(workspace), expected(batch, 0, mu, values), strict=True))
        theirs = model.expected_actualdata(parameters)
        assert [ours[key] for key in sorted(ours)] == pytest.approx(list(theirs), rel=1e-12)
        if (theirs > 0).all():
            theirs_nll = -float(model.logpdf(parameters, data)[0])
            differences.append(minus_log(batch, 0, mu, values) - theirs_nll)
    assert differences == pytest.approx(differences[:1] * len(differences), abs=1e-8)


def bins_of(workspace):
    """Return channel and number of each bin in the order of the file."""
    return [
        (channel["name"], index)
        for channel in workspace["channels"]
        for index in range(len(channel["samples"][0]["data"]))
    ]


def numbers(*values):
    """Return an array for a batch of as many hypotheses."""
    return np.array(values, dtype=float)


def everything(n_rows=3):
    """Return a batch with every kind of modifier, in two channels of two and one bins."""
    rng = np.random.default_rng(5)
    yields = rng.uniform(1, 20, (n_rows, 4, 3))
    yields[:, 0, 2] = 0.0  # the signal is in the first channel
    yields[:, 3] = 0.0
    yields[:, 3, 1] = 7.0  # the sideband's background is in one bin
    relative = rng.uniform(0.01, 0.3, (n_rows, 8))
    stat = yields[:, 1:3].sum(axis=1) * 0.1
    stat[:, 1] = 0.0

    def norm(column):
        return {"hi": 1 + relative[:, column], "lo": 1 - relative[:, column + 1]}

    modifiers = (
        Modifier("lumi", "lumi", 0, {"sigma": relative[:, 0]}),
        Modifier("lumi", "lumi", 1, {"sigma": relative[:, 0]}),
        Modifier("lumi", "n_bb", 2, {"sigma": relative[:, 1]}),
        Modifier("normsys", "eff", 0, norm(2)),
        Modifier("normsys", "shape", 1, norm(4)),
        Modifier("histosys", "shape", 1, {"hi": yields[:, 1] * 1.2, "lo": yields[:, 1] * 0.95}),
        Modifier("shapesys", "fakes", 1, {"sigma": yields[:, 1] * 0.3}),
        Modifier("normfactor", "k", 2, {}),
        Modifier("staterror", "stat", 1, {"sigma": stat}),
        Modifier("staterror", "stat", 2, {"sigma": stat}),
        Modifier("sideband", "cr", 3, {"observed": numbers(9, 0, 30)[:n_rows],
                                       "ratio": numbers(2, 2, 4)[:n_rows]}),
    )  # fmt: skip
    observed = rng.poisson(25, (n_rows, 3)).astype(float)
    return Likelihoods(yields, np.array([True, False, False, False]), modifiers, observed)


CHANNELS = (("high", 2), ("low", 1))


@pytest.mark.parametrize("row", range(3))
def test_what_is_written_is_the_likelihood(row):
    """In a written workspace pyhf expects what the arrays say, at random parameters."""
    batch = everything()
    names = spec.names_of(batch, CHANNELS, ["sig", "one", "two", "side"])
    workspace = spec.workspace(batch, row, names)
    opened = pyhf.Workspace(workspace)
    model = opened.model()
    rng, data, config = np.random.default_rng(row), opened.data(model), model.config
    counts, ratio = (batch.modifiers[-1].data[key][row] for key in ("observed", "ratio"))
    differences = []
    for _ in range(3):
        parameters = moved(model, rng)
        value = {name: parameters[config.par_slice(name)] for name in config.par_order}
        free = float(value["cr"][0]) * max(counts, 1.0) / ratio  # background in the sideband's bin
        values = {name: float(value[name][0]) for name in ("lumi", "eff", "shape", "k")}
        values["n_bb"] = 1 + batch.modifiers[2].data["sigma"][row] * float(value["n_bb"][0])
        values["fakes"] = np.concatenate([value["fakes_high"], value["fakes_low"]])
        values["stat"] = np.concatenate([value["stat_high"], value["stat_low"]])
        values["cr"] = None
        mu = float(value["mu"][0])
        scaled = batch.yields.copy()
        scaled[row, 3, 1] = free
        moved_batch = replace(batch, yields=scaled)
        ours = expected(moved_batch, row, mu, values)
        theirs = model.expected_actualdata(parameters)
        assert config.channels == ["high", "high_sideband", "low"]
        assert theirs[[0, 1, 3]] == pytest.approx(ours, rel=1e-12)
        assert theirs[2] == pytest.approx(ratio * free, rel=1e-12)
        nll = minus_log(moved_batch, row, mu, values)
        nll += ratio * free - counts * np.log(ratio * free)
        differences.append(nll + float(model.logpdf(parameters, data)[0]))
    assert differences == pytest.approx(differences[:1] * 3, abs=1e-7)


def test_names_must_fit():
    """Channels share out the bins, and every sample has a name of its own."""
    batch = everything()
    with pytest.raises(InputError, match="share out 3 bins"):
        spec.names_of(batch, [("a", 2)])
    with pytest.raises(InputError, match="4 samples"):
        spec.names_of(batch, None, ["a"])
    with pytest.raises(InputError, match="must differ"):
        spec.names_of(batch, None, ["a", "a", "b", "c"])


@pytest.mark.parametrize(
    ("modifiers", "said"),
    [
        ([("shapesys", "x", 0), ("shapesys", "x", 1)], "on several samples"),
        ([("normfactor", "x", 0), ("lumi", "x", 1)], "something else"),
        ([("lumi", "x", 1), ("lumi", "y", 1), ("lumi", "z", 1)], "one luminosity"),
    ],
)
def test_what_histfactory_lacks_is_refused(modifiers, said):
    """A likelihood that pyhf's format cannot say is an error, and not another likelihood."""
    data = {"lumi": {"sigma": numbers(0.1)}, "shapesys": {"sigma": numbers(1)[:, None]}}
    batch = one_bin(
        [1.0],
        [5.0],
        [5.0],
        [Modifier(kind, name, k, data.get(kind, {})) for kind, name, k in modifiers],
    )
    with pytest.raises(InputError, match=said):
        spec.workspace(batch, 0)


# --- limits of pyhf: few, they are slow ---


def counting(background, observed, cl):
    """Return asymptotic CLs limits of one bin without systematics: arXiv:1007.1727, qtilde.

    Observed, and expected at -2 to 2 standard deviations.
    """

    def root_q(mu, n):
        best = max(n - background, 0.0)
        total = mu + background
        q = 2 * (total - (best + background))
        if n:
            q -= 2 * n * np.log(total / (best + background))
        return np.sqrt(max(q, 0.0)) if mu > best else 0.0

    def cls(mu):
        root, asimov = root_q(mu, observed), root_q(mu, background)
        t = root - asimov if root <= asimov else (root**2 - asimov**2) / (2 * asimov)
        return norm.sf(t + asimov) / norm.sf(t)

    def root(function):
        return brentq(lambda mu: function(mu) - (1 - cl), 1e-3, 500, xtol=1e-12)

    def band(n):
        return root(lambda mu: norm.sf(root_q(mu, background) - n) / norm.cdf(n))

    return root(cls), [band(n) for n in (-2, -1, 0, 1, 2)]


def test_counting_is_the_textbook():
    """Without background z^2 / 2, and the values of the field for n = b."""
    assert counting(1e-9, 0, 0.90)[0] == pytest.approx(1.353, abs=1e-3)
    assert counting(1.0, 0, 0.90)[0] == pytest.approx(1.752, abs=1e-3)
    assert counting(10.0, 10, 0.95)[0] == pytest.approx(7.539, abs=1e-3)


@pytest.mark.parametrize(
    ("background", "observed", "cl"),
    [(1e-3, 0, 0.90), (1.0, 1, 0.95), (100.0, 100, 0.95), (20.0, 35, 0.90)],
)
def test_limits_without_systematics(background, observed, cl):
    """The level is the one asked for, from hardly any background to plenty."""
    found = limits(one_bin([1.0], [background], [observed]), cl=cl)
    assert (list(found.method), list(found.status)) == (["pyhf"], ["ok"])
    observed_limit, band = counting(background, observed, cl)
    assert found.observed[0] == pytest.approx(observed_limit, rel=5e-6)
    assert found.expected[0] == pytest.approx(band, rel=5e-6)


@pytest.mark.thorough
def test_limits_do_not_depend_on_the_size_of_the_signal():
    """A limit far from 1 is found like any other, and an excess is no failure."""
    batch = one_bin([1e-4, 1e3], [20.0, 20.0], [40.0, 40.0])
    found = limits(batch, cl=0.9, rtol=1e-5)
    assert found.observed[0] * 1e-4 == pytest.approx(found.observed[1] * 1e3, rel=1e-4)
    assert found.observed[0] * 1e-4 > 20


@pytest.mark.thorough
def test_limits_without_observation():
    """Nothing observed gives the expected limits of nominal background, and no observed one."""
    none = limits(one_bin([1.0], [10.0]), cl=0.9)
    asimov = limits(one_bin([1.0], [10.0], [10.0]), cl=0.9)
    assert np.isnan(none.observed[0])
    assert none.is_ok[0]
    assert none.expected == pytest.approx(asimov.expected, rel=1e-5)
    nominal = limits(one_bin([1.0], [10.0], [14.0]), cl=0.9, asimov="nominal")
    assert nominal.expected == pytest.approx(asimov.expected, rel=1e-5)
    assert nominal.observed[0] > asimov.observed[0]


@pytest.mark.thorough
def test_on_off_limits():
    """An empty sideband leaves the background at 0, or where the count itself wants it.

    Without a count and without a sideband count, q(mu) is 2 mu: the limit is z^2 / 2.
    """
    side = Modifier("sideband", "cr", 1, {"observed": numbers(0, 0), "ratio": numbers(3, 3)})
    found = limits(one_bin([1.0, 1.0], [1.0, 1.0], [0.0, 4.0], [side]), cl=0.95)
    assert found.observed[0] == pytest.approx(1.9207, rel=1e-4)
    # b = 4 / (1 + 3) fits n = 4 and m = 0 at mu = 0: the Asimov counts are 1 and 3
    as_if = Modifier("sideband", "cr", 1, {"observed": numbers(3), "ratio": numbers(3)})
    asimov = limits(one_bin([1.0], [1.0], [1.0], [as_if]), cl=0.95)
    assert found.expected[1] == pytest.approx(asimov.expected[0], rel=1e-5)


def test_what_fails_says_so():
    """Without a signal there is no limit; the others are not touched."""
    found = limits(one_bin([0.0, 1.0], [1.0, 1.0], [1.0, 1.0]), cl=0.95, rtol=1e-3)
    assert found.status[0] == "failed: there is no signal"
    assert np.isnan(found.observed[0])
    assert np.isnan(found.expected[0]).all()
    assert found.is_ok[1]


def test_pyhf_is_left_as_found():
    """The global backend, its optimizer and its logger are the caller's."""
    before, level = pyhf.get_backend(), logging.getLogger("pyhf").level
    limits(one_bin([0.0], [1.0], [1.0]), cl=0.95)
    assert pyhf.get_backend() == before
    assert logging.getLogger("pyhf").level == level
    with pytest.raises(InputError, match="between 0 and 1"):
        limits(one_bin([1.0], [1.0], [1.0]), cl=90)
