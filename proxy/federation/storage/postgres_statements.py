"""What is asked of PostgreSQL, and of the databases that speak its language.

Nothing here that CockroachDB, YugabyteDB or Citus lack: no sequence, no notification, no advisory lock, no extension,
no number of a transaction. A test reads this module and the migrations for that.
"""

from __future__ import annotations

VERSION = "SELECT version FROM schema_version WHERE id = 1"
LOCKED_VERSION = "SELECT version FROM schema_version WHERE id = 1 FOR UPDATE"
FIRST_VERSION = "INSERT INTO schema_version (id, version) VALUES (1, 0) ON CONFLICT (id) DO NOTHING"
NEW_VERSION = "UPDATE schema_version SET version = %s WHERE id = 1"

# With the number up to which was committed: less is what a backup has, and what readers have read would be given again.
NUMBER = "UPDATE writers SET newest = newest + %s, seen = %s WHERE writer = %s AND newest >= %s RETURNING newest"
NEW_WRITER = "INSERT INTO writers (writer, newest, seen) VALUES (%s, %s, %s)"
WRITERS = "SELECT writer, newest FROM writers"
OLD_WRITERS = "SELECT writer, newest FROM writers WHERE seen < %s"
# One after the other: a database whose tables are spread differently does not join them.
ROWS_OF_WRITER = (
    "SELECT 1 FROM contributions WHERE writer = %s LIMIT 1",
    "SELECT 1 FROM certificates WHERE writer = %s LIMIT 1",
    "SELECT 1 FROM rulings WHERE writer = %s LIMIT 1",
)
# With the number that was seen: if the writer has written since, it stays.
CLEAR_WRITER = "DELETE FROM writers WHERE writer = %s AND newest = %s"

PUT = """
INSERT INTO contributions (origin, topic, epoch, sequence, body, fresh, writer, change)
SELECT origin, topic, epoch, sequence, body, 1, %s, change FROM unnest(
    %b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::bytea[], %b::bigint[]
) AS new (origin, topic, epoch, sequence, body, change)
ON CONFLICT (origin, topic) DO UPDATE SET epoch = excluded.epoch, sequence = excluded.sequence, body = excluded.body,
    fresh = 0, writer = excluded.writer, change = excluded.change
WHERE (excluded.epoch, excluded.sequence) > (contributions.epoch, contributions.sequence)
RETURNING origin, topic, fresh
"""
HELD = """
SELECT origin, topic, epoch, sequence FROM contributions
WHERE (origin, topic) IN (SELECT origin, topic FROM unnest(%b::text[], %b::text[]) AS wanted (origin, topic))
"""
FULL = "SELECT origin, COUNT(*) FROM contributions WHERE origin = ANY(%b) GROUP BY origin HAVING COUNT(*) > %s"
DISCARD = "DELETE FROM contributions WHERE origin = %s AND topic = %s"
CHANGES = """
SELECT origin, topic, epoch, sequence, body, change FROM contributions
WHERE writer = %s AND change > %s AND change <= %s ORDER BY change LIMIT %s
"""
TOPICS = "SELECT topic FROM contributions WHERE origin = %s AND body IS NOT NULL ORDER BY topic"
REMOVE = """
UPDATE contributions SET body = NULL, sequence = %s, writer = %s, change = told.change
FROM unnest(%b::text[], %b::bigint[]) AS told (topic, change)
WHERE contributions.origin = %s AND contributions.topic = told.topic
"""

EXPIRE_INVITATIONS = "DELETE FROM tokens WHERE expires <= %s"
COUNT_INVITATIONS = "SELECT COUNT(*) FROM tokens"
ADD_INVITATION = "INSERT INTO tokens (digest, origin, role, expires) VALUES (%s, %s, %s, %s)"
INVITATION = "SELECT digest, origin, role, expires FROM tokens WHERE digest = %s AND expires > %s"
USE_INVITATION = "DELETE FROM tokens WHERE digest = %s AND expires > %s"
DISCARD_INVITATIONS = "DELETE FROM tokens WHERE origin = %s"

EXPIRE_CERTIFICATES = "DELETE FROM certificates WHERE origin = %s AND not_after <= %s"
ADD_CERTIFICATE = "INSERT INTO certificates (serial, origin, role, not_after) VALUES (%s, %s, %s, %s)"
# A write that changes nothing: who revokes waits for it, or collides with it, however strict the isolation.
HOLD_CERTIFICATE = "UPDATE certificates SET not_after = not_after WHERE serial = %s AND origin = %s AND revoked IS NULL"
COUNTS = "SELECT 1 FROM certificates WHERE serial = %s AND revoked IS NULL"
CERTIFICATES = "SELECT serial FROM certificates WHERE origin = %s AND revoked IS NULL ORDER BY serial FOR UPDATE"
REVOKE = """
UPDATE certificates SET revoked = %s, writer = %s, change = told.change
FROM unnest(%b::text[], %b::bigint[]) AS told (serial, change)
WHERE certificates.serial = told.serial
"""
REVOCATIONS = """
SELECT serial, origin, not_after, revoked, change FROM certificates
WHERE writer = %s AND change > %s AND change <= %s ORDER BY change LIMIT %s
"""
ORIGINS = """
SELECT origin, MAX(role), COUNT(*) - COUNT(revoked), MAX(CASE WHEN revoked IS NULL THEN not_after END), MAX(revoked)
FROM certificates WHERE origin > %s GROUP BY origin ORDER BY origin LIMIT %s
"""
COUNT_TOPICS = """
SELECT origin, COUNT(*) FROM contributions WHERE origin = ANY(%b) AND body IS NOT NULL GROUP BY origin
"""

# The row is locked: whoever takes the voter out waits, and then finds the vote.
PRESENT = """
SELECT 1 FROM contributions WHERE origin = %s AND topic = %s AND body IS NOT NULL FOR UPDATE
"""
ACCEPT = """
INSERT INTO rulings (digest, body, time, withdrawn, told, homes, alone, writer, change)
SELECT digest, body, time, 0, 0, homes, alone, %s, change FROM unnest(
    %b::bytea[], %b::bytea[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[]
) AS new (digest, body, time, homes, alone, change)
ON CONFLICT (digest) DO UPDATE SET withdrawn = 0,
    homes = CASE WHEN rulings.homes < excluded.homes THEN excluded.homes ELSE rulings.homes END,
    alone = CASE WHEN rulings.homes = 0 THEN excluded.alone ELSE rulings.alone END,
    time = CASE WHEN rulings.withdrawn = 1 THEN excluded.time ELSE rulings.time END,
    writer = CASE WHEN rulings.withdrawn = 1 THEN excluded.writer ELSE rulings.writer END,
    change = CASE WHEN rulings.withdrawn = 1 THEN excluded.change ELSE rulings.change END
"""
VOTE = """
INSERT INTO votes (digest, origin, witnesses, instances, onset)
SELECT digest, origin, witnesses, instances, onset FROM unnest(
    %b::bytea[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[]
) AS new (digest, origin, witnesses, instances, onset)
ON CONFLICT (digest, origin) DO UPDATE SET witnesses = excluded.witnesses, instances = excluded.instances,
    onset = excluded.onset
"""
HEAR = """
INSERT INTO rulings (digest, body, time, withdrawn, told, homes, alone, writer, change)
SELECT digest, body, time, 0, 1, 0, 0, %s, change FROM unnest(
    %b::bytea[], %b::bytea[], %b::bigint[], %b::bigint[]
) AS new (digest, body, time, change)
ON CONFLICT (digest) DO UPDATE SET withdrawn = 0, told = 1,
    time = CASE WHEN rulings.withdrawn = 1 THEN excluded.time ELSE rulings.time END,
    writer = CASE WHEN rulings.withdrawn = 1 THEN excluded.writer ELSE rulings.writer END,
    change = CASE WHEN rulings.withdrawn = 1 THEN excluded.change ELSE rulings.change END
"""
TAKEN_BACK = """
UPDATE rulings SET told = 0, withdrawn = CASE WHEN homes = 0 THEN 1 ELSE 0 END, writer = %s, change = gone.change
FROM unnest(%b::bytea[], %b::bigint[]) AS gone (digest, change)
WHERE rulings.digest = gone.digest AND withdrawn = 0 AND (told = 1 OR homes = 0)
"""
VOTED = "SELECT digest FROM votes WHERE origin = %s"
UNKNOWN_VOTERS = "SELECT digest FROM rulings WHERE withdrawn = 0 AND told = 0 AND homes = 0"
HOLDING = """
SELECT digest, body, time, told, homes, alone FROM rulings WHERE digest = ANY(%b) AND withdrawn = 0
ORDER BY digest FOR UPDATE
"""
VOTES = "SELECT digest, origin, witnesses, instances, onset FROM votes WHERE digest = ANY(%b)"
DECIDED_AGAIN = """
UPDATE rulings SET homes = less.homes, withdrawn = less.withdrawn,
    writer = CASE WHEN less.withdrawn = 1 THEN %s ELSE rulings.writer END,
    change = CASE WHEN less.withdrawn = 1 THEN less.change ELSE rulings.change END
FROM unnest(%b::bytea[], %b::bigint[], %b::bigint[], %b::bigint[]) AS less (digest, homes, withdrawn, change)
WHERE rulings.digest = less.digest
"""
DISCARD_VOTES_OF = "DELETE FROM votes WHERE origin = %s"
DISCARD_VOTES = "DELETE FROM votes WHERE digest = ANY(%b)"
EXPIRE_RULINGS = """
DELETE FROM rulings
WHERE digest IN (SELECT digest FROM rulings WHERE withdrawn = %s ORDER BY time DESC, digest OFFSET %s)
RETURNING digest
"""
# Cursors of this feed travel to clients: without the writers that have none they are short.
RULING_WRITERS = "SELECT writer, MAX(change) FROM rulings GROUP BY writer"
RULINGS = """
SELECT body, time, withdrawn, change FROM rulings
WHERE writer = %s AND change > %s AND change <= %s ORDER BY change LIMIT %s
"""
