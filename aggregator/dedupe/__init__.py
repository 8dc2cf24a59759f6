"""What is the same: one entry over time (identity), one article over many sources (stories)."""
