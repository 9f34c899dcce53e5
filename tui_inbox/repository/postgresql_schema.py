"""What a PostgreSQL schema has beside the tables: triggers that ring the doorbell, count, and keep the record.

Counters are kept per statement and not per row: a bulk load would else change one row a thousand times.
"""

from __future__ import annotations

from collections.abc import Iterable

from tui_inbox.repository import postgresql_search_schema
from tui_inbox.repository.postgresql import OURS

BELL = "tui_inbox"
"""Channel of the notifications. A doorbell only: they say that something changed, not what."""
SHOWN = (
    "activity",
    "agents",
    "channel_health",
    "channels",
    "contact_channels",
    "contact_tags",
    "contacts",
    "conversations",
    "outbox",
    "teams",
    "templates",
    "timeline",
)
"""Tables that screens read and senders wait for. Drafts, heartbeats and presence ring for nobody."""


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN {body} END $body$"


def _bell() -> Iterable[str]:
    # The server tells of many equal notifications in one transaction once.
    yield _function("tui_inbox_ring", f"PERFORM pg_notify('{BELL}', ''); RETURN NULL;")
    for table in SHOWN:
        yield (
            f"CREATE TRIGGER {table}_rings AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION tui_inbox_ring()"
        )


RECORD = (
    _function(
        "activity_append_only",
        "RAISE EXCEPTION 'activity is append-only' USING ERRCODE = 'integrity_constraint_violation';",
    ),
    "CREATE TRIGGER activity_no_change BEFORE UPDATE OR DELETE ON activity "
    "FOR EACH ROW EXECUTE FUNCTION activity_append_only()",
    "CREATE TRIGGER activity_no_truncate BEFORE TRUNCATE ON activity EXECUTE FUNCTION activity_append_only()",
)
PRESENCE = (
    "CREATE UNLOGGED TABLE presence (agent_id bigint NOT NULL, contact_id bigint NOT NULL, doing text NOT NULL, "
    "since bigint NOT NULL, seen_at bigint NOT NULL, PRIMARY KEY (agent_id, contact_id))",
)
"""Of :mod:`tui_inbox.repository.presence`: may be lost at any moment, so the server need not keep it safe."""
EXTRAS = (f"COMMENT ON TABLE alembic_version IS '{OURS}'", *RECORD, *PRESENCE)
"""What finishes the schema of the first version."""


def counting(table: str, counters: str, key: str, rows: str) -> Iterable[str]:
    """Triggers on ``table`` that keep ``counters`` by ``key``: ``rows`` gives the key of each row of ``{changed}``."""
    changes = {
        "INSERT": ("NEW TABLE AS added", f"SELECT {rows.format(changed='added')}, 1 AS n FROM added"),
        "DELETE": ("OLD TABLE AS gone", f"SELECT {rows.format(changed='gone')}, -1 AS n FROM gone"),
        "UPDATE": (
            "OLD TABLE AS gone NEW TABLE AS added",
            f"SELECT {rows.format(changed='added')}, 1 AS n FROM added UNION ALL "
            f"SELECT {rows.format(changed='gone')}, -1 FROM gone",
        ),
    }
    for event, (seen, differing) in changes.items():
        name = f"{counters}_{event.lower()}"
        # In the order of the key, so that two who count the same rows never wait for each other.
        yield _function(
            name, f"{_added(counters, key, f'SELECT {key}, sum(n) AS n FROM ({differing}) d')} RETURN NULL;"
        )
        yield _statement_trigger(name, event, table, seen)


def _added(counters: str, key: str, summed: str) -> str:
    return (
        f"INSERT INTO {counters} AS c ({key}, number) {summed} GROUP BY {key} HAVING sum(n) <> 0 ORDER BY {key} "
        f"ON CONFLICT ({key}) DO UPDATE SET number = c.number + EXCLUDED.number;"
    )


def _statement_trigger(name: str, event: str, table: str, seen: str) -> str:
    return (
        f"CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {seen} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
    )


def _counting_channels() -> Iterable[str]:
    """A contact counts once for each kind of channel, however many addresses of that kind it has."""
    for event, seen, sign in (("INSERT", "NEW TABLE AS changed", 1), ("DELETE", "OLD TABLE AS changed", -1)):
        name = f"channel_counts_{event.lower()}"
        other = (
            "SELECT 1 FROM contact_channels o JOIN channels h ON h.id = o.channel_id WHERE h.kind = d.kind AND "
            "o.contact_id = d.contact_id AND o.id NOT IN (SELECT id FROM changed)"
        )
        people = "SELECT DISTINCT w.contact_id, h.kind FROM changed w JOIN channels h ON h.id = w.channel_id"
        summed = f"SELECT kind, sum({sign}) AS n FROM ({people}) d WHERE NOT EXISTS ({other})"
        body = _added("channel_counts", "kind", summed).replace("HAVING sum(n)", f"HAVING sum({sign})")
        yield _function(name, f"{body} RETURN NULL;")
        yield _statement_trigger(name, event, "contact_channels", seen)


_COUNTED = {
    "conversation_counts": "SELECT coalesce(assignee_id, 0), coalesce(team_id, 0), status, count(*)::int "
    "FROM conversations GROUP BY 1, 2, 3",
    "tag_counts": "SELECT tag_folded, tag, count(*)::int FROM contact_tags GROUP BY tag_folded, tag",
    "channel_counts": "SELECT h.kind, count(DISTINCT o.contact_id)::int FROM contact_channels o "
    "JOIN channels h ON h.id = o.channel_id GROUP BY h.kind",
}
COUNT = tuple(
    statement
    for table, counted in _COUNTED.items()
    for statement in (f"DELETE FROM {table}", f"INSERT INTO {table} {counted}")
)
"""Reckon every counter anew."""


def _differing(table: str, counted: str) -> str:
    kept = f"SELECT * FROM {table} WHERE number > 0"
    return f"(({kept}) EXCEPT ({counted})) UNION ALL (({counted}) EXCEPT ({kept})) LIMIT 1"


COUNT_CHECKS = tuple(
    (
        _differing(table, counted),
        f"The numbers in {table} are not those of the rows; they need to be counted anew.",
    )
    for table, counted in _COUNTED.items()
)
"""Queries that find a counter that is wrong, and what to say of it."""

SEARCH_EXTRAS: tuple[str, ...] = (
    *_bell(),
    *counting(
        "conversations",
        "conversation_counts",
        "assignee_id, team_id, status",
        "coalesce({changed}.assignee_id, 0) AS assignee_id, coalesce({changed}.team_id, 0) AS team_id, "
        "{changed}.status",
    ),
    *counting("contact_tags", "tag_counts", "tag_folded, tag", "{changed}.tag_folded, {changed}.tag"),
    *_counting_channels(),
    *postgresql_search_schema.SCHEMA,
    *COUNT,
)
"""What finishes the schema that has search and counters."""
