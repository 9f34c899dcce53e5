"""The repository layer: everything that knows SQL.

``Store`` (``store.py``) opens a database and hands out units; a unit carries one repository per subject. Reads return
plain frozen rows; writes happen only inside ``Store.write``.
"""
