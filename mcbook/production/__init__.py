"""From points to sample folders: which points share a sample, what is written, and in which order."""
