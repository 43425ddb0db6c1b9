"""Predictions to numbers: one torchmetrics.Metric a protocol, rates in percent."""
