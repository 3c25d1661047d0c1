"""Measurements: speed against named peers, and how often the advice is right."""
