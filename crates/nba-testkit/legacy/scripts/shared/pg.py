"""Sessions with PostgreSQL through the psql program, so that plain Python is enough."""

import csv
import io
import os
import subprocess


class DatabaseDown(Exception):
    """No session could be had."""


class SqlError(Exception):
    """The server refused a statement."""


class Session:
    """Every call is one psql process and one transaction."""

    def __init__(self, host, port, name, user, password):
        self.command = [
            "psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1",
            "-h", host, "-p", str(port), "-U", user, "-d", name,
        ]
        self.environment = dict(os.environ)
        self.environment["PGPASSWORD"] = password or ""
        self.execute("SELECT 1")

    def execute(self, sql):
        try:
            done = subprocess.run(
                self.command, input=sql, capture_output=True, text=True,
                env=self.environment, encoding="utf-8",
            )
        except FileNotFoundError as e:
            raise DatabaseDown("psql is not installed") from e
        if done.returncode == 2:
            raise DatabaseDown(done.stderr.strip())
        if done.returncode != 0:
            raise SqlError(done.stderr.strip())
        return done.stdout

    def query(self, sql):
        """Rows as lists of text; NULL and '' both arrive as ''."""
        text = self.execute("COPY (" + sql + ") TO STDOUT WITH (FORMAT csv)")
        return list(csv.reader(io.StringIO(text)))


def copy_text(value):
    """One cell of COPY's text format."""
    if value is None:
        return "\\N"
    if value is True:
        return "t"
    if value is False:
        return "f"
    text = str(value)
    for raw, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(raw, escaped)
    return text


def upsert_script(table, columns, rows, key, refresh, widen=()):
    """SQL that inserts the rows and, where the key exists, refreshes some columns only."""
    lines = [
        "BEGIN;",
        f"CREATE TEMP TABLE incoming AS SELECT {', '.join(columns)} FROM {table} WITH NO DATA;",
    ]
    lines += [f"ALTER TABLE incoming ALTER {column} TYPE {kind};" for column, kind in widen]
    lines.append(f"COPY incoming ({', '.join(columns)}) FROM STDIN;")
    lines += ["\t".join(copy_text(cell) for cell in row) for row in rows]
    lines.append("\\.")
    names = ", ".join(columns)
    action = "NOTHING"
    if refresh:
        changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in refresh)
        action = f"UPDATE SET {changes}, updated_at = CURRENT_TIMESTAMP"
    target = f" ({', '.join(key)})" if key else ""
    lines.append(f"INSERT INTO {table} ({names}) SELECT {names} FROM incoming ON CONFLICT{target} DO {action};")
    lines.append("COMMIT;")
    return "\n".join(lines) + "\n"
