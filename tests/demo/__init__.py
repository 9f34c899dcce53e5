"""The demo: its data, its files, its processes."""
