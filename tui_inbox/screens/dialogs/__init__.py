"""Dialogs over a screen: each asks one thing and returns the answer, or ``None`` when it was left."""
