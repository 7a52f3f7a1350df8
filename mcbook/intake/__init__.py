"""What comes back from generators: read, checked, and bound to its sample."""
