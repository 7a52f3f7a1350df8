"""From dark-sector signal models to Monte Carlo samples that can be found again.

In a notebook ``import mcbook as mb`` gives what the command line does, one function for each
command: `mb.generate`, `mb.query`, `mb.show` and so on. They take what the options say and return
what ``--format json`` prints. A function is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcbook.verbs.acceptance import measure_acceptance
    from mcbook.verbs.batch import collect, export
    from mcbook.verbs.books import copy as copy_catalog
    from mcbook.verbs.books import dump as dump_catalog
    from mcbook.verbs.books import info as catalog_info
    from mcbook.verbs.books import load as load_catalog
    from mcbook.verbs.books import merge as merge_catalogs
    from mcbook.verbs.check import check
    from mcbook.verbs.collection import create_collection, list_collections, show_collection
    from mcbook.verbs.diff import diff
    from mcbook.verbs.doctor import doctor
    from mcbook.verbs.efficiencies import add_efficiency_map, list_efficiency_maps
    from mcbook.verbs.fits import fit
    from mcbook.verbs.generate import generate
    from mcbook.verbs.histograms import read_histograms, write_histograms
    from mcbook.verbs.ingest import ingest
    from mcbook.verbs.lifecycle import note, own, retire, tag
    from mcbook.verbs.limits import set_limits
    from mcbook.verbs.mapplots import plot_efficiency_map
    from mcbook.verbs.mapviews import check_efficiency_map, show_efficiency_map
    from mcbook.verbs.models import describe_model, list_models
    from mcbook.verbs.optimise import optimise
    from mcbook.verbs.propose import propose
    from mcbook.verbs.query import query
    from mcbook.verbs.resolution import measure_resolution
    from mcbook.verbs.results import list_results
    from mcbook.verbs.run import run
    from mcbook.verbs.select import select
    from mcbook.verbs.show import show
    from mcbook.verbs.simulate import simulate
    from mcbook.verbs.simulations import list_simulations
    from mcbook.verbs.smear import smear
    from mcbook.verbs.status import status
    from mcbook.verbs.tour import plan_tour
    from mcbook.verbs.trace import trace
    from mcbook.verbs.ufo import write as write_ufo
    from mcbook.verbs.verify import verify
    from mcbook.verbs.worker import execute

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "add_efficiency_map",
    "catalog_info",
    "check",
    "check_efficiency_map",
    "collect",
    "copy_catalog",
    "create_collection",
    "describe_model",
    "diff",
    "doctor",
    "dump_catalog",
    "execute",
    "export",
    "fit",
    "generate",
    "ingest",
    "list_collections",
    "list_efficiency_maps",
    "list_models",
    "list_results",
    "list_simulations",
    "load_catalog",
    "measure_acceptance",
    "measure_resolution",
    "merge_catalogs",
    "note",
    "optimise",
    "own",
    "plan_tour",
    "plot_efficiency_map",
    "propose",
    "query",
    "read_histograms",
    "retire",
    "run",
    "select",
    "set_limits",
    "show",
    "show_collection",
    "show_efficiency_map",
    "simulate",
    "smear",
    "status",
    "tag",
    "trace",
    "verify",
    "write_histograms",
    "write_ufo",
]

_VERBS = {
    "add_efficiency_map": "efficiencies.add_efficiency_map",
    "catalog_info": "books.info",
    "check": "check.check",
    "check_efficiency_map": "mapviews.check_efficiency_map",
    "collect": "batch.collect",
    "copy_catalog": "books.copy",
    "create_collection": "collection.create_collection",
    "describe_model": "models.describe_model",
    "diff": "diff.diff",
    "doctor": "doctor.doctor",
    "dump_catalog": "books.dump",
    "execute": "worker.execute",
    "export": "batch.export",
    "fit": "fits.fit",
    "generate": "generate.generate",
    "ingest": "ingest.ingest",
    "list_collections": "collection.list_collections",
    "list_efficiency_maps": "efficiencies.list_efficiency_maps",
    "list_models": "models.list_models",
    "list_results": "results.list_results",
    "list_simulations": "simulations.list_simulations",
    "load_catalog": "books.load",
    "measure_acceptance": "acceptance.measure_acceptance",
    "measure_resolution": "resolution.measure_resolution",
    "merge_catalogs": "books.merge",
    "note": "lifecycle.note",
    "optimise": "optimise.optimise",
    "own": "lifecycle.own",
    "plan_tour": "tour.plan_tour",
    "plot_efficiency_map": "mapplots.plot_efficiency_map",
    "propose": "propose.propose",
    "query": "query.query",
    "read_histograms": "histograms.read_histograms",
    "retire": "lifecycle.retire",
    "run": "run.run",
    "select": "select.select",
    "set_limits": "limits.set_limits",
    "show": "show.show",
    "simulate": "simulate.simulate",
    "show_collection": "collection.show_collection",
    "show_efficiency_map": "mapviews.show_efficiency_map",
    "smear": "smear.smear",
    "status": "status.status",
    "tag": "lifecycle.tag",
    "trace": "trace.trace",
    "verify": "verify.verify",
    "write_histograms": "histograms.write_histograms",
    "write_ufo": "ufo.write",
}


def __getattr__(name: str) -> Any:
    """Import a verb when it is first asked for."""
    if name not in _VERBS:
        msg = f"module 'mcbook' has no attribute {name!r}"
        raise AttributeError(msg)
    module, _, function = _VERBS[name].partition(".")
    verb = getattr(import_module(f"mcbook.verbs.{module}"), function)
    globals()[name] = verb
    return verb


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
