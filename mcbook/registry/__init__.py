"""Signal models: what they are made of and what follows from their parameters."""
