"""Upper limits on plain arrays: many hypotheses at once, no catalog needed."""
