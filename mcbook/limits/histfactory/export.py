"""Writes likelihoods as pyhf publishes them: a background-only workspace and a patchset."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mcbook.errors import InputError
from mcbook.limits.histfactory import spec
from mcbook.limits.histfactory.content import VERSION
from mcbook.limits.histfactory.patchset import RESERVED, WORD, digest
from mcbook.limits.likelihoods import Likelihoods

JSON = dict[str, Any]

NO_RECORD = "ins0000000"
"""Stands for a HEPData record that is not there yet: pyhf's schema wants one."""

HYPOTHESIS = "hypothesis"
"""Label that tells patches apart which share all their parameters."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a patch says about its signal.

    Parameters
    ----------
    name
        Name in any letters; the patch has one of letters, digits and ``_``.
    parameters
        Numbers by name; every hypothesis has the same names.
    extra
        What else belongs into the patch, such as ``sample_ids``; plain JSON.
    """

    name: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def documents(
    likelihoods: Likelihoods,
    hypotheses: Sequence[Hypothesis],
    *,
    names: spec.Names | None = None,
    description: str = "",
    hepdata: str | None = None,
) -> tuple[JSON, JSON]:
    """Return a background-only workspace and the patchset that puts each signal into it.

    The workspace is that of the first hypothesis without its signal. A patch adds the signal and
    replaces what else differs: backgrounds, observations and settings of the hypothesis. Patches
    therefore apply to the workspace, as `pyhf.PatchSet.apply` does, not to its channels alone.

    Parameters
    ----------
    likelihoods
        H hypotheses.
    hypotheses
        What they are, in the same order.
    names
        See `mcbook.limits.histfactory.spec.names_of`.
    description
        What the patches stand for.
    hepdata
        INSPIRE number of the HEPData record, such as ``ins1234567``; a placeholder if absent.

    Returns
    -------
    tuple of dict
        Workspace and patchset, of pyhf's schema 1.0.0.

    Raises
    ------
    InputError
        If the hypotheses do not fit the likelihoods, a name is there twice, a number is not
        finite, or a modifier has no counterpart in HistFactory.
    """
    if len(hypotheses) != len(likelihoods) or not hypotheses:
        raise InputError(f"{len(likelihoods)} likelihoods need as many hypotheses, at least one")
    if hepdata is not None and not re.fullmatch(r"ins[0-9]{7}", hepdata):
        raise InputError(f"{hepdata!r} is no HEPData record", hint="such as ins1234567")
    names = names or spec.names_of(likelihoods)
    full = [spec.workspace(likelihoods, row, names) for row in range(len(likelihoods))]
    signals = {name for name, is_signal in zip(names.samples, likelihoods.is_signal, strict=True)
               if is_signal}  # fmt: skip
    base = _without(full[0], signals)
    labels, values = _values(hypotheses)
    patches = [
        {
            "metadata": _metadata(word, value, hypothesis),
            "patch": _operations(base, workspace, signals),
        }
        for word, value, hypothesis, workspace in zip(
            _patch_names(hypotheses), values, hypotheses, full, strict=True
        )
    ]
    metadata = {
        "references": {"hepdata": hepdata or NO_RECORD},
        "digests": {"sha256": digest(base)},
        "labels": labels,
        "description": description or "signal hypotheses written by mcbook",
    }
    return base, {"metadata": metadata, "patches": patches, "version": VERSION}


def text(document: JSON) -> str:
    """Return a document as it is written to a file; its digest survives reading it again."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _without(workspace: JSON, signals: set[str]) -> JSON:
    channels = []
    for channel in workspace["channels"]:
        left = [sample for sample in channel["samples"] if sample["name"] not in signals]
        if not left:
            raise InputError(
                f"channel {channel['name']!r} has no background: pyhf needs a sample in each "
                "channel, if only one of zeros"
            )
        channels.append({"name": channel["name"], "samples": left})
    return {**workspace, "channels": channels}


def _operations(base: JSON, workspace: JSON, signals: set[str]) -> list[JSON]:
    """Return what turns the background-only workspace into that of a hypothesis."""
    found: list[JSON] = []
    pairs = zip(base["channels"], workspace["channels"], strict=True)
    for index, (before, after) in enumerate(pairs):
        where = f"/channels/{index}/samples"
        backgrounds = [sample for sample in after["samples"] if sample["name"] not in signals]
        found += _replaced(before["samples"], backgrounds, where)
        found += [
            _operation("add", f"{where}/{place}", sample)  # in its place: samples keep their order
            for place, sample in enumerate(after["samples"])
            if sample["name"] in signals
        ]
    for key in ("observations", "measurements"):
        found += _replaced(base[key], workspace[key], f"/{key}")
    return found


def _replaced(before: Sequence[JSON], after: Sequence[JSON], where: str) -> list[JSON]:
    return [
        _operation("replace", f"{where}/{index}", new)
        for index, (old, new) in enumerate(zip(before, after, strict=True))
        if old != new
    ]


def _operation(op: str, path: str, value: Any) -> JSON:
    return {"op": op, "path": path, "value": value}


def _values(hypotheses: Sequence[Hypothesis]) -> tuple[list[str], list[list[float | str]]]:
    """Return labels and values; a label with the name comes in where they do not differ."""
    labels = list(hypotheses[0].parameters)
    for label in labels:
        if not WORD.fullmatch(label) or label == HYPOTHESIS:
            raise InputError(f"a patchset cannot have a parameter called {label!r}")
    values: list[list[float | str]] = []
    for hypothesis in hypotheses:
        if list(hypothesis.parameters) != labels:
            raise InputError(
                f"hypothesis {hypothesis.name!r} has other parameters than the first: "
                f"{', '.join(hypothesis.parameters)}; not {', '.join(labels)}"
            )
        numbers = [float(value) for value in hypothesis.parameters.values()]
        if not np.isfinite(numbers).all():
            raise InputError(f"hypothesis {hypothesis.name!r}: a parameter is not finite")
        values.append([*numbers])
    if labels and len({tuple(value) for value in values}) == len(values):
        return labels, values
    named = [[*value, item.name] for value, item in zip(values, hypotheses, strict=True)]
    return [*labels, HYPOTHESIS], named


def _patch_names(hypotheses: Sequence[Hypothesis]) -> list[str]:
    """Return names that pyhf's schema allows, and that differ."""
    if len({hypothesis.name for hypothesis in hypotheses}) < len(hypotheses):
        raise InputError("two hypotheses have the same name")
    taken = set(RESERVED)
    found = []
    for hypothesis in hypotheses:
        word = stem = re.sub(r"[^a-zA-Z0-9_]", "_", hypothesis.name) or "_"
        number = 1
        while word in taken:
            number += 1
            word = f"{stem}_{number}"
        taken.add(word)
        found.append(word)
    return found


def _metadata(word: str, values: list[float | str], hypothesis: Hypothesis) -> JSON:
    known = {"name": word, "values": values, HYPOTHESIS: hypothesis.name}
    return {**hypothesis.extra, **known}
