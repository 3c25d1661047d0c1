"""Experiments: each a folder that runs from one command and keeps its results beside it."""
