"""``mcbook models``: what the registry holds, and what follows at one point."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mcbook.errors import InputError, did_you_mean
from mcbook.production import sharing
from mcbook.production.plan import Planner, rate
from mcbook.registry.bounds import apart, outside
from mcbook.registry.derive import Deriver
from mcbook.registry.loader import find_process, load_model, model_names, with_constants
from mcbook.registry.model import Parameter, Process, Role, SignalModel


def list_models(models_dir: str | Path | None = None) -> list[dict[str, Any]]:
    """Return one record per signal model: name, title, parameters, processes.

    Raises
    ------
    InputError
        If a model file is not right.
    """
    models = [load_model(name, models_dir) for name in model_names(models_dir)]
    return [
        {
            "model": model.name,
            "title": model.title,
            "parameters": list(model.parameters),
            "processes": list(model.processes),
            "default_process": model.default_process,
        }
        for model in models
    ]


def describe_model(
    name: str,
    at: Mapping[str, float] | None = None,
    process: str | None = None,
    constants: Mapping[str, float] | None = None,
    generator: Mapping[str, Any] | None = None,
    models_dir: str | Path | None = None,
) -> dict[str, Any]:
    """Describe a signal model, with its derived quantities at one point.

    Parameters
    ----------
    name
        Name of the model.
    at
        Values of parameters; the others take their defaults.
    process
        Describe only this process.
    constants
        Other values for the model's constants.
    generator
        Generator settings: ``alpha`` and ``sqrt_s`` enter derived quantities.

    Raises
    ------
    InputError
        If a name is not known, or a value is outside its hard bounds.
    """
    model = with_constants(load_model(name, models_dir), constants or {})
    wanted = [find_process(model, process)] if process else list(model.processes.values())
    point = _point(model, at or {})
    columns = {key: np.array([value]) for key, value in point.items()}
    planners = [Planner(model, entry, generator or {}) for entry in wanted]
    deriver = planners[0].deriver
    return {
        "model": model.name,
        "title": model.title,
        "description": model.description,
        "references": list(model.references),
        "parameters": {key: _parameter(model.parameters[key], point[key]) for key in point},
        "constants": {key: entry.value for key, entry in model.constants.items()},
        "derived": _derived(deriver, columns),
        "processes": {planner.process.name: _process(planner, columns) for planner in planners},
        "constraints": _constraints(deriver, columns),
        "warnings": _warnings(model, deriver, columns),
    }


def _point(model: SignalModel, at: Mapping[str, float]) -> dict[str, float]:
    for key, value in at.items():
        if key not in model.parameters:
            raise InputError(
                f"the model {model.name} has no parameter {key!r}",
                hint=did_you_mean(key, model.parameters),
            )
        for broken, bound in outside(model.parameters[key], np.array(value)):
            if broken:
                raise InputError(
                    f"{key} = {value:.9g} is outside its hard bounds", hint=f"it must be {bound}"
                )
    values = {key: at.get(key, parameter.default) for key, parameter in model.parameters.items()}
    return {key: np.nan if value is None else float(value) for key, value in values.items()}


def _parameter(parameter: Parameter, value: float) -> dict[str, Any]:
    limits = ("minimum", "above", "maximum", "below")
    return {
        "value": None if np.isnan(value) else value,
        "unit": parameter.unit,
        "latex": parameter.latex,
        "description": parameter.description,
        "default": parameter.default,
        "optional": parameter.is_optional,
        "bounds": {key: bound for key in limits if (bound := getattr(parameter, key)) is not None},
        "interest": list(parameter.interest) if parameter.interest else None,
        "reference": parameter.reference,
    }


def _derived(deriver: Deriver, columns: Mapping[str, Any]) -> dict[str, Any]:
    model = deriver.model
    values = deriver.compute(columns)
    labels = deriver.labels(columns)
    given = {key: column[0] for key, column in columns.items() if not np.isnan(column[0])}
    found: dict[str, Any] = {}
    for name, entry in model.derived.items():
        value = float(values[name][0])
        record: dict[str, Any] = {"value": value, "unit": entry.unit, "source": entry.source}
        if not np.isfinite(value):
            record |= {"value": None, "reason": deriver.undefined(name, given, values)}
        if entry.formula is not None:
            record["formula"] = entry.formula
        if entry.description:
            record["description"] = entry.description
        used = sorted(deriver.depends_on(name) & set(model.constants))
        if used:
            record["constants"] = {key: model.constants[key].value for key in used}
        modelled = {
            quantity: label[0]
            for quantity, label in labels.items()
            if quantity == name or quantity in deriver.depends_on(name)
        }
        if modelled:
            record["width_model"] = modelled
        found[name] = record
    return found


def _process(planner: Planner, columns: Mapping[str, Any]) -> dict[str, Any]:
    process = planner.process
    reasons = planner.reasons(columns)
    record: dict[str, Any] = {
        "title": process.title,
        "generator": process.generator,
        "channels": {
            channel.name or process.name: {
                "chain": [str(chain) for chain in channel.chains],
                "fraction": channel.fraction.text if channel.fraction else None,
            }
            for channel in process.channels
        },
        "roles": {name: _role(role) for name, role in process.roles.items()},
        "requires": list(process.requires),
        "constraints": [entry.text for entry in process.constraints],
        "production": process.production,
        "settings": planner.settings,
        "open": reasons[0] == "",
    }
    if reasons[0]:
        record["reason"] = reasons[0]
    else:
        record["expected"] = _expected(planner, process, columns)
    return record


def _expected(planner: Planner, process: Process, columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the generator should report: production times the fractions it contains."""
    derived = planner.deriver.compute(columns)
    closed = sharing.closed_channels(planner.deriver, process, columns, planner.sqrt_s)
    kept = planner.restricted(tuple(name for name, reasons in closed.items() if not reasons[0]))
    value = float(rate(planner.deriver, kept, columns, derived)[0])
    wide = sharing.wide_particles(planner.deriver, kept, columns, planner.sqrt_s)
    return {
        "value": value if np.isfinite(value) else None,
        "unit": planner.model.derived[process.production].unit,
        "wide": [name for name, mask in wide.items() if mask[0]],
        "includes": [channel.fraction.text for channel in kept.channels if channel.fraction],
    }


def _role(role: Role) -> str | list[str]:
    return sorted(role) if len(role) > 1 else next(iter(role), "unused")


def _constraints(deriver: Deriver, columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    constraints = deriver.model.constraints
    holds = deriver.evaluate(constraints, columns)
    return [
        {"constraint": entry.text, "holds": bool(held[0])}
        for entry, held in zip(constraints, holds, strict=True)
    ]


def _warnings(model: SignalModel, deriver: Deriver, columns: Mapping[str, Any]) -> list[str]:
    held = deriver.evaluate([entry.when for entry in model.warnings], columns)
    found = [reason for some, reason in apart(model.together, columns) if some[0]]
    found += [w.text for w, mask in zip(model.warnings, held, strict=True) if mask[0]]
    for name, parameter in model.parameters.items():
        value = columns[name][0]
        if parameter.interest and (value < parameter.interest[0] or value > parameter.interest[1]):
            low, high = parameter.interest
            found.append(f"{name} = {value:g} is outside the range of interest {low:g} to {high:g}")
    return found
