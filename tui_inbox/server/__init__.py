"""The webhook receiver and the processes around it."""
