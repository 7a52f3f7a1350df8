"""Event generators, each one module behind the `Generator` Protocol."""
