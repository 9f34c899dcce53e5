"""What the website chat gives to browsers: its page and its script."""
