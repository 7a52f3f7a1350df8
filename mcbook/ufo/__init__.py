"""UFO packages written from the registry."""
