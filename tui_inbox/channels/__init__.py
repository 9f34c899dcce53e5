"""One adapter per channel behind one protocol (:mod:`tui_inbox.channels.port`)."""
