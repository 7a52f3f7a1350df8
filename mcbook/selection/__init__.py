"""Which generated events a detector could see: plain arrays, no catalog."""
