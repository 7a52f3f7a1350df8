"""Finds signal models and processes by name.

A model is checked whole when it is read: every name that an expression uses, every formula with its
version and arguments, every particle of every chain, charges, spins and roles.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

from mcbook import resources
from mcbook.errors import InputError, did_you_mean
from mcbook.registry import checks
from mcbook.registry.bounds import complaint
from mcbook.registry.model import Process, SignalModel
from mcbook.registry.reader import Reader, StandardModel

STANDARD_MODEL = "standard_model"


def model_names(models_dir: str | Path | None = None) -> list[str]:
    """Return the names of all signal models that can be found, sorted."""
    found = {
        path.stem
        for folder in resources.search_path("models", models_dir)
        for path in folder.glob("*.yaml")
    }
    return sorted(found - {STANDARD_MODEL})


def load_model(name: str, models_dir: str | Path | None = None) -> SignalModel:
    """Read a signal model by name.

    Parameters
    ----------
    name
        Name of the model; its file is ``<name>.yaml``.
    models_dir
        A folder that is looked into first.

    Raises
    ------
    InputError
        If there is no such model, or its file is not right.
    """
    for folder in resources.search_path("models", models_dir):
        path = folder / f"{name}.yaml"
        if path.is_file() and name != STANDARD_MODEL:
            return read_model(path)
    raise InputError(
        f"there is no signal model {name!r}", hint=did_you_mean(name, model_names(models_dir))
    )


@cache
def read_model(path: Path) -> SignalModel:
    """Read a signal model from a file; see `load_model`."""
    reader = Reader(path)
    model = reader.model(standard_model())
    checks.check_model(model, reader.document)
    return model


def find_process(model: SignalModel, name: str | None) -> Process:
    """Return a process by name, with ``/channel`` behind it to pick one channel.

    Raises
    ------
    InputError
        If the model has no such process, or the process no such channel.
    """
    plain, _, channel = (name or model.default_process).partition("/")
    if plain not in model.processes:
        raise InputError(
            f"the model {model.name} has no process {plain!r}",
            hint=_meant(model, plain),
        )
    process = model.processes[plain]
    if not channel:
        return process
    return with_channels(process, (channel,), name=f"{plain}/{channel}")


def _meant(model: SignalModel, name: str) -> str | None:
    """Return which process a name may mean, with its channels as they are written."""
    hint = did_you_mean(name, model.processes)
    meant = next((p for p in model.processes.values() if f"'{p.plain_name}'" in (hint or "")), None)
    if meant is None or not meant.channel_names or not (hint or "").startswith("did you mean"):
        return hint
    return f"{hint} One channel of it is '{meant.plain_name}/{meant.channel_names[0]}'"


def with_channels(process: Process, names: tuple[str, ...], *, name: str | None = None) -> Process:
    """Return *process* with only the named channels.

    Raises
    ------
    InputError
        If there is no such channel.
    """
    for wanted in names:
        if wanted not in process.channel_names:
            raise InputError(
                f"the process {process.plain_name} has no channel {wanted!r}",
                hint=did_you_mean(wanted, process.channel_names),
            )
    kept = tuple(channel for channel in process.channels if channel.name in names)
    return replace(process, channels=kept, name=name or process.name)


def with_constants(model: SignalModel, values: Mapping[str, float]) -> SignalModel:
    """Return *model* with other values of its constants (``set:`` in a grid).

    Raises
    ------
    InputError
        If the model has no such constant, or a value is not finite or out of its bounds.
    """
    constants = dict(model.constants)
    for name, value in values.items():
        if name not in constants:
            raise InputError(
                f"the model {model.name} has no constant {name!r} to set",
                hint=did_you_mean(name, constants) or "the model has no constants",
            )
        wanted = complaint(constants[name], float(value))
        if wanted is not None:
            raise InputError(
                f"the constant {name} of {model.name} cannot be {value:.9g}",
                hint=f"{wanted}: {constants[name].description}",
            )
        constants[name] = replace(constants[name], value=float(value), default=constants[name].own)
    return replace(model, constants=MappingProxyType(constants))


@cache
def standard_model() -> StandardModel:
    """Return what all signal models share."""
    return StandardModel(resources.shipped("models") / f"{STANDARD_MODEL}.yaml")
