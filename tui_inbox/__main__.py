"""``python -m tui_inbox``."""

from tui_inbox.cli.main import main

if __name__ == "__main__":
    main()
