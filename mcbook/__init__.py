"""From dark-sector signal models to Monte Carlo samples that can be found again."""

__version__ = "0.1.0"
