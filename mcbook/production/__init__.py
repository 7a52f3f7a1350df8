"""From points to sample folders: what shares a sample, what is written and in which order."""
