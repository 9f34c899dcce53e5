"""tui-inbox: a keyboard-driven terminal inbox for following up on customers."""

__version__ = "0.1.0"
