"""The framework: paths, modules, logging, and what was asked for, as a trace."""

import json
import os
import sys
from pathlib import Path

import _rules
import pdg

trace = {"release": _rules.RELEASE, "tags": [], "seed": None, "functions": []}
statistics = "statistics"


class LogLevel:
    """Levels of messages."""

    DEBUG, INFO, WARNING, ERROR = range(4)


def set_log_level(level):
    """Take a level."""
    trace["log_level"] = level


def set_random_seed(seed):
    """Take a seed."""
    if not isinstance(seed, int | str):
        _rules.fatal("the seed is neither a number nor a text")
    trace["seed"] = seed


def B2FATAL(text):  # noqa: N802
    """Stop."""
    _rules.fatal(text)


def B2INFO(text):  # noqa: N802
    """Say something."""
    sys.stdout.write(f"INFO {text}\n")


class _Conditions:
    """Global tags: the last one that is prepended is asked first."""

    def prepend_globaltag(self, tag):
        """Put a tag before the others."""
        trace["tags"].insert(0, tag)


conditions = _Conditions()


class Path_(list):  # noqa: N801
    """Modules with their parameters."""

    def add_module(self, name, **parameters):
        """Add a module."""
        self.append((name, _rules.parameters_of(name, parameters)))


def create_path():
    """Return an empty path."""
    return Path_()


def process(path):
    """Check the path, leave its output and a trace."""
    trace["events"] = _rules.check(path, pdg.particles)
    trace["modules"] = path
    trace["particles"] = {str(code): entry for code, entry in pdg.particles.items()}
    for name, parameters in path:
        if name in {"add_mdst_output", "RootOutput"}:
            Path(parameters.get("filename") or parameters["outputFileName"]).touch()
    if "BASF2_STUB_TRACE" in os.environ:
        Path(os.environ["BASF2_STUB_TRACE"]).write_text(json.dumps(trace))
