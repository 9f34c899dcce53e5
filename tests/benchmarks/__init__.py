"""How fast the program is, as ratios against a floor measured in the same run: ``python -m tests.benchmarks``.

Not part of the test suite: a wall clock on a shared machine proves nothing, a ratio within one run does.
"""
