"""Generator cards from templates."""
