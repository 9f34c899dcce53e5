"""Plain dataclasses and pure rules. Imports the standard library only; no clock, no randomness, no I/O."""
