"""The steps of ``mcbook select``: counts, efficiencies, backgrounds, data, and their files."""
