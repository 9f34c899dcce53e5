"""What one sees: a module for each screen and dialog. No SQL, no HTTP."""
