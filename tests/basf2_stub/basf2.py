"""Stub of basf2: takes steering scripts, checks them by `_rules` and writes down what they asked.

The release is the one of ``BELLE2_RELEASE``; the record goes to ``BASF2_STUB_TRACE``.
"""

import copy
import enum
import json
import os
import pathlib
from types import SimpleNamespace

import _rules
import _session
import _tables
from _session import error as B2ERROR  # noqa: F401, N812
from _session import fatal as B2FATAL  # noqa: N812
from _session import info as B2INFO  # noqa: F401, N812
from _session import warning as B2WARNING  # noqa: F401, N812

LogLevel = enum.Enum("LogLevel", "DEBUG INFO RESULT WARNING ERROR FATAL")


class Module:
    """A module of a path, or a function that adds modules, with its parameters."""

    def __init__(self, name, parameters=None):
        self._name, self._helper = name, parameters is not None
        self._given = parameters or {}
        if not self._helper and name not in _tables.MODULES:
            B2FATAL(f"there is no module {name} in {_session.RELEASE}")

    def name(self):
        """Return the name."""
        return self._name

    def param(self, name, *value):
        """Set one parameter, or all those of a dictionary."""
        given = name if isinstance(name, dict) else {name: value[0] if value else None}
        known = _tables.MODULES[self._name]
        for key, entry in given.items():
            if key not in known:
                B2FATAL(f"{self._name}: there is no parameter {key} in {_session.RELEASE}")
            _tables.check_value(self._name, key, known[key][0], entry)
            self._given[key] = copy.deepcopy(entry)

    def set_log_level(self, level):
        """Change what is logged."""
        if not isinstance(level, LogLevel):
            raise TypeError("set_log_level takes a LogLevel")

    def parameters(self):
        """Return the parameters as they are in the end (only the stub has this method)."""
        if self._helper:
            return self._given
        known = _tables.MODULES[self._name]
        for key, (_, default) in known.items():
            if default is _tables.FORCED and key not in self._given:
                B2FATAL(f"{self._name}: parameter {key} is missing")
        return {key: default for key, (_, default) in known.items()} | self._given


class Path:
    """A path."""

    def __init__(self):
        self._modules = []

    def add_module(self, module, **parameters):
        """Add a module by its name, or one that was made before."""
        module = register_module(module) if isinstance(module, str) else module
        if not isinstance(module, Module) or module in self._modules:
            B2FATAL(f"add_module: {module!r} is no module, or is in the path already")
        if parameters:
            module.param(parameters)
        self._modules.append(module)
        return module

    def modules(self):
        """Return the modules in their order."""
        return list(self._modules)


def register_module(name):
    """Make a module."""
    return Module(name)


def create_path():
    """Make a path."""
    return Path()


def add_helper(path, name, /, **parameters):
    """Write down the call of a function that adds modules (only the stub has this function)."""
    if not isinstance(path, Path):
        B2FATAL(f"{name}: {path!r} is no path")
    for key, value in parameters.items():
        _tables.check_paths(name, key, value)
    path._modules.append(Module(name, copy.deepcopy(parameters)))


def set_random_seed(seed):
    """Set the seed."""
    if type(seed) not in (int, str) or seed == "":
        raise TypeError("set_random_seed takes an int or a str")
    _session.settings["seed"] = seed


def set_log_level(level):
    """Change what is logged."""
    if not isinstance(level, LogLevel):
        raise TypeError("set_log_level takes a LogLevel")
    _session.settings["log_level"] = level.name


class _Logging:
    """The settings of the log."""

    __slots__ = ()
    log_level = property(
        lambda _: LogLevel[_session.settings["log_level"]], lambda _, level: set_log_level(level)
    )


logging = _Logging()


class _Conditions:
    """The settings of the conditions database."""

    __slots__ = ()

    @property
    def globaltags(self):
        """The tags of the script, the most important one first."""
        return list(_session.globaltags)

    @staticmethod
    def prepend_globaltag(tag):
        """Add a tag that wins over the others."""
        _session.globaltags.insert(0, _tag(tag))

    @staticmethod
    def append_globaltag(tag):
        """Add a tag that the others win over."""
        _session.globaltags.append(_tag(tag))


def _tag(tag):
    if not isinstance(tag, str) or len(tag.split()) != 1 or tag in _session.globaltags:
        B2FATAL(f"a global tag is one word, given once: {tag!r}")
    return tag


conditions = _Conditions()


def find_file(filename, data_type="", *, silent=False):
    """Return the name of a file beside the script (basf2 would return its absolute path)."""
    _tables.check_paths("find_file", "filename", filename)
    if pathlib.Path(filename).is_file():
        return filename
    if silent:
        return ""
    raise FileNotFoundError(f"find_file: there is no {data_type} file {filename}")


statistics = SimpleNamespace()


def process(path, max_event=0):
    """Check the path and write down what it does."""
    if _session.settings["processed"]:
        B2FATAL("process is called twice")
    if not isinstance(path, Path) or max_event:
        B2FATAL("process takes a path; the number of events is not its business")
    _session.settings["processed"] = True
    modules = [
        {"name": module.name(), "parameters": module.parameters(), "helper": module._helper}
        for module in path.modules()
    ]
    events, outputs = _rules.check(modules)
    for name in outputs:
        pathlib.Path(name).touch()
    trace = {
        "release": _session.RELEASE,
        "modules": modules,
        "particles": _session.particles,
        "globaltags": _session.globaltags,
        "seed": _session.settings["seed"],
        "log_level": _session.settings["log_level"],
        "warnings": _session.warnings,
        "events": events,
        "outputs": outputs,
    }
    if where := os.environ.get("BASF2_STUB_TRACE"):
        pathlib.Path(where).write_text(json.dumps(trace, indent=1), encoding="utf-8")
