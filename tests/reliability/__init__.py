"""Crashes and faults: real processes are killed and paused while a server that keeps the truth goes wrong around them.

``python -m tests.reliability --list`` names the scenarios; each prints what it measured and every violation of what is
promised (reference: reliability, sections 1.6, 1.7 and 6). The tests run the same scenarios at a small size.
"""
