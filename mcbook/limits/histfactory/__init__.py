"""The door to pyhf: its workspaces and patchsets in and out, and pyhf itself as a method.

pyhf (doi:10.21105/joss.02823) is imported only where it has to fit.
"""

from mcbook.limits.histfactory.run import limits
from mcbook.limits.histfactory.workspace import Workspace, read

__all__ = ["Workspace", "limits", "read"]
