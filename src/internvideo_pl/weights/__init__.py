"""Weights from anywhere: opened safely, recognised by their names, converted, audited, with their history."""
