"""Tokens to predictions."""
