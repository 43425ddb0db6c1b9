"""Predictions to the files that challenges' servers score, and what is wrong with such a file."""
