"""From an analysis file to limits on a cross section or a coupling.

`read_analysis` reads the file, `run` makes the limits.
"""

from mcbook.analysis.file import read_analysis
from mcbook.analysis.records import Analysis
from mcbook.analysis.result import AnalysisResult
from mcbook.analysis.run import run

__all__ = ["Analysis", "AnalysisResult", "read_analysis", "run"]
