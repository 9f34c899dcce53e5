"""Use cases: what agents, the sender and the receiver do. No SQL, no HTTP, no screen."""
