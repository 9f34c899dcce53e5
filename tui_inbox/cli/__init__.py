"""The command line. Modules import click and the standard library only; the rest is imported when a command runs."""
