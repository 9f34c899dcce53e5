"""The user documentation: one Markdown file a page, printed by ``tui-inbox manual PAGE``."""
