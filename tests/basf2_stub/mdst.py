"""The output."""

import _rules


def add_mdst_output(
    path, mc=True, filename="mdst.root", additionalBranches=(), dataDescription=None
):
    """Add it."""
    if filename.startswith("/"):
        _rules.fatal(f"an absolute path, which no grid site has: {filename}")
    for key, value in (dataDescription or {}).items():
        if not (isinstance(key, str) and isinstance(value, str)):
            _rules.fatal(f"dataDescription: {key} is {value!r}, and all of it must be text")
    path.append(
        ("add_mdst_output", {"mc": mc, "filename": filename, "dataDescription": dataDescription,
                             "additionalBranches": list(additionalBranches)})
    )  # fmt: skip
