"""Predictions and targets to a scalar: pure functions."""
