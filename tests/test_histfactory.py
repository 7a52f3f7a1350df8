"""What is written for pyhf and read from it is the same likelihood; pyhf's limits are right."""

import numpy as np
import pyhf
import pytest
from pyhf_workspaces import random_workspace, search, signal
from slow_likelihood import expected, minus_log

from mcbook.limits.histfactory import rows
from mcbook.limits.histfactory.content import Reader

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
