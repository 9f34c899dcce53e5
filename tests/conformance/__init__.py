"""One list of checks for every channel: what an adapter must do, and what its channel has no way to do."""
