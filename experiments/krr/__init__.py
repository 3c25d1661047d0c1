"""Kernel ridge regression where theory knows the answer: the formulas against simulation."""
