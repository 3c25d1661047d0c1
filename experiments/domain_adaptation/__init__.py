"""Domain adaptation: synthetic target data against the shift."""
