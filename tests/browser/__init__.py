"""What only a real browser can show. Skipped where no Chromium is installed, unless it must be there."""
