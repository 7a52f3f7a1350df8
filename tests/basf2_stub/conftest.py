"""These modules are run by scripts of their own: pytest is not to import them for doctests."""

collect_ignore_glob = ["*.py"]
