"""A sandbox workspace with lifelike data, local channels and customers who answer."""
