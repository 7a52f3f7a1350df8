"""Workspaces for tests: one written out, and random ones."""

import copy
import json

import numpy as np


def modifier(kind, name, data=None):
    """Return a modifier as JSON."""
    return {"name": name, "type": kind, "data": data}


LUMI = {"name": "lumi", "auxdata": [1.0], "inits": [1.0], "sigmas": [0.017], "bounds": [[0.5, 1.5]]}


def search(poi="mu"):
    """Return the backgrounds of a search with a signal region and a control region."""

    def background(name, data, *more):
        return {"name": name, "data": data, "modifiers": [modifier("lumi", "lumi"), *more]}

    jes = {"hi_data": [11.0, 8.4, 4.1], "lo_data": [9.2, 7.7, 3.9]}
    return {
        "channels": [
            {
                "name": "SR",
                "samples": [
                    background("tautau", [10.0, 8.0, 4.0],
                               modifier("normfactor", "k_tautau"),
                               modifier("histosys", "scale", jes),
                               modifier("staterror", "mcstat_SR", [0.9, 0.0, 0.5])),
                    background("mumu", [3.0, 2.5, 0.0],
                               modifier("normsys", "scale", {"hi": 1.05, "lo": 0.94}),
                               modifier("shapesys", "fakes", [0.6, 0.0, 0.3]),
                               modifier("staterror", "mcstat_SR", [0.2, 0.3, 0.1])),
                ],
            },
            {
                "name": "CR",
                "samples": [
                    background("tautau", [120.0, 60.0],
                               modifier("normfactor", "k_tautau"),
                               modifier("normsys", "theory", {"hi": 1.1, "lo": 0.9})),
                ],
            },
        ],
        "observations": [
            {"name": "SR", "data": [12.0, 11.0, 3.0]},
            {"name": "CR", "data": [131.0, 58.0]},
        ],
        "measurements": [measurement(poi, copy.deepcopy(LUMI))],
        "version": "1.0.0",
    }  # fmt: skip


def measurement(poi, *parameters):
    """Return a measurement as JSON."""
    return {"name": "main", "config": {"poi": poi, "parameters": list(parameters)}}


def signal(size=1.0, poi="mu"):
    """Return the signal of a patch of `search` as a sample of its signal region."""
    return {
        "name": "signal",
        "data": [1.0 * size, 3.0 * size, 2.0 * size],
        "modifiers": [
            modifier("normfactor", poi),
            modifier("lumi", "lumi"),
            modifier("normsys", "efficiency", {"hi": 1.05, "lo": 0.95}),
            modifier("staterror", "mcstat_SR", [0.05 * size, 0.1 * size, 0.08 * size]),
        ],
    }


def add(channel, sample):
    """Return the operation that adds a sample to a channel."""
    return {"op": "add", "path": f"/channels/{channel}/samples/-", "value": sample}


def patchset(workspace, patches, labels=("m_zp",)):
    """Return a patchset for a workspace; *patches* maps names to values and operations."""
    from pyhf.utils import digest

    return {
        "metadata": {
            "references": {"hepdata": "ins1234567"},
            "description": "signals for a test",
            "digests": {"sha256": digest(workspace)},
            "labels": list(labels),
        },
        "patches": [
            {"metadata": {"name": name, "values": values}, "patch": operations}
            for name, (values, operations) in patches.items()
        ],
        "version": "1.0.0",
    }


def write(path, document):
    """Write a document, and return where."""
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def random_workspace(seed):  # noqa: C901
    """Return a workspace with everything that is batched, zeros and all."""
    rng = np.random.default_rng(seed)
    lumi = round(float(rng.uniform(0.5, 40)), 3)
    channels, observations = [], []
    names = ["z", "a", "m"][: rng.integers(1, 4)]
    for c, channel in enumerate(names):
        n_bins = int(rng.integers(1, 4))
        samples = []
        for sample in ("sig", "bkg", "other", "more_sig")[: rng.integers(2, 5)]:
            data = rng.uniform(0.5, 20, n_bins) * (rng.random(n_bins) > 0.15) / lumi
            mods = [modifier("normfactor", "mu")] if "sig" in sample else []
            mods.append(modifier("lumi", "lumi"))
            if rng.random() < 0.5:
                hi, lo = rng.uniform(0.6, 1.6, 2)
                mods.append(modifier("normsys", "shared", {"hi": hi, "lo": lo}))
            if rng.random() < 0.6:
                hi, lo = data * rng.uniform(1, 1.3), data * rng.uniform(0.7, 1.1, n_bins)
                hi[0] += 0.3  # a shift of an empty bin
                mods.append(modifier("histosys", "shared", {"hi_data": hi.tolist(),
                                                            "lo_data": lo.tolist()}))  # fmt: skip
            if rng.random() < 0.4:
                mods.append(modifier("normsys", f"only_{sample}", {"hi": 1.2, "lo": 0.7}))
            if rng.random() < 0.5:
                sigma = data * 0.3 * (rng.random(n_bins) > 0.2) + 0.01
                mods.append(modifier("shapesys", f"shape_{channel}_{sample}", sigma.tolist()))
            if sample != "other":
                sigma = data * rng.uniform(0.1, 0.3) * (rng.random(n_bins) > 0.3)
                mods.append(modifier("staterror", f"stat_{channel}", sigma.tolist()))
            if sample == "bkg":
                mods.append(modifier("normfactor", "k_bkg"))
            if sample == "other":
                mods.append(modifier("normfactor", "fixed_k"))
            samples.append({"name": sample, "data": data.tolist(), "modifiers": mods})
        channels.append({"name": channel, "samples": samples})
        observations.append({"name": channel, "data": rng.poisson(12, n_bins).tolist()})
        assert c < 3
    parameters = [
        {"name": "lumi", "auxdata": [lumi], "inits": [lumi], "sigmas": [0.03 * lumi],
         "bounds": [[0.0, 10 * lumi]]},
        {"name": "fixed_k", "inits": [1.3], "bounds": [[0, 5]], "fixed": True},
        {"name": "k_bkg", "inits": [1.1], "bounds": [[0, 20]]},
        {"name": "mu", "inits": [1.0], "bounds": [[0, 40]]},
    ]  # fmt: skip
    return {
        "channels": channels,
        "observations": observations,
        "measurements": [{"name": "main", "config": {"poi": "mu", "parameters": parameters}}],
        "version": "1.0.0",
    }
