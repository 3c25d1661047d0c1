"""Formulas for domain adaptation beside measurement: errors of groups, their best weights, and the bound."""
