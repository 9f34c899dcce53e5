"""The terminal around the program: clipboard, editor, signals."""
