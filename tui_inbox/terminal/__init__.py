"""The terminal itself: what goes down the line, signals, the clipboard, the outside editor. No widget lives here."""
