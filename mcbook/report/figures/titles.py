"""What axes and legends say: symbols and units from the registry, the level, the data."""

import re
from collections.abc import Mapping
from typing import Any

from mcbook.errors import InputError
from mcbook.registry.loader import load_model
from mcbook.registry.model import SignalModel

Document = Mapping[str, Any]

_WORDS = {
    "mu": r"signal strength $\mu$",
    "sigma": r"$\sigma$ [fb]",
    "sigma_br": r"$\sigma \times \mathcal{B}$ [fb]",
    "br": r"$\mathcal{B}$",
}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def model_of(document: Document) -> SignalModel | None:
    """Return the signal model that a document names, if it is at hand."""
    try:
        return load_model(document["model"]) if document.get("model") else None
    except InputError:
        return None


def title(name: str, model: SignalModel | None) -> str:
    """Return the title of an axis: symbol and unit.

    Parameters
    ----------
    name
        A parameter, a lifetime, an expression, or a word such as ``sigma_br``.
    model
        Where symbols and units come from; without it names stand for themselves.
    """
    if name in _WORDS:
        return _WORDS[name]
    if model is None:
        return name
    symbol, unit = symbol_of(name, model), _unit(name, model)
    return f"{symbol} [{unit}]" if unit else symbol


def symbol_of(name: str, model: SignalModel | None) -> str:
    """Return a symbol in mathtext; what has none stands for itself."""
    if model is None:
        return name
    if name in model.parameters:
        return f"${model.parameters[name].latex}$"
    for particle in model.particles.values():
        if particle.ctau == name:
            return rf"$c\tau({particle.latex})$"
    if name in model.derived or not _WORD.search(name):
        return name
    return _expression(name, model)


def level(document: Document) -> str:
    """Return the level as a legend says it."""
    methods = {row["method"] for row in document["limits"] if row["method"]}
    kind = "credibility level" if methods == {"bayesian"} else "CL"
    return f"{100 * document['cl']:g}% {kind}"


def data(document: Document) -> str:
    """Return what the data are, for above the axes; an empty text where it is not known."""
    found = []
    if "luminosity" in document:
        found.append(rf"{document['luminosity']['value']:g} fb$^{{-1}}$")
    if "n_bb" in document:
        found.append(rf"$N_{{B\bar{{B}}}}$ = {document['n_bb']['value']:.4g}")
    if "sqrt_s" in document:
        found.append(rf"$\sqrt{{s}}$ = {document['sqrt_s']:g} GeV")
    return ", ".join(found)


def _unit(name: str, model: SignalModel) -> str:
    if name in model.parameters:
        unit = model.parameters[name].unit
    elif name in model.derived:
        unit = model.derived[name].unit
    else:
        return ""
    return "" if unit == "1" else unit


def _expression(text: str, model: SignalModel) -> str:
    """Return a product of powers in mathtext; anything else as it is written."""
    parts = []
    for factor in re.split(r"(?<!\*)\*(?!\*)", text.replace(" ", "")):
        base, _, power = factor.partition("**")
        if base not in model.parameters or not re.fullmatch(r"[0-9.]*", power):
            return text
        latex = model.parameters[base].latex
        if power:
            latex = f"{{{latex}}}^{{{power}}}" if "'" not in latex else f"({latex})^{{{power}}}"
        parts.append(latex)
    return "$" + r"\, ".join(parts) + "$"
