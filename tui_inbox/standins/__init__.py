"""Local servers that stand in for messaging channels: strict as the real ones, for the demo and the tests.

They know the channels' wire formats and nothing of the store or the services. ``python -m tui_inbox.standins CONFIG``.
"""
