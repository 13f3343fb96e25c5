"""Encodings and the reply class of script-mode inference."""
