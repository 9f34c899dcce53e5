"""Alembic's revisions of the schema. ``env.py`` runs them on the connection that it is handed."""
