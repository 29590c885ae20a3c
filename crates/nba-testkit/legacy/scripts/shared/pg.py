"""Sessions with PostgreSQL through the psql program, so that plain Python is enough."""

import atexit
import csv
import io
import os
import subprocess
import tempfile
import uuid


class DatabaseDown(Exception):
    """No session could be had."""


class SqlError(Exception):
    """The server refused a statement."""


class Psql:
    """A running psql; starting one for every call would be most of the work of a small load."""

    running = {}

    def __init__(self, host, port, name, user, password):
        self.command = [
            "psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1",
            "-h", host, "-p", str(port), "-U", user, "-d", name,
        ]
        self.environment = dict(os.environ)
        self.environment["PGPASSWORD"] = password or ""
        self.end_mark = f"end of the answer {uuid.uuid4()}\n"
        self.process = self.errors = None
        atexit.register(self.close)

    @classmethod
    def of(cls, *target):
        """The one that talks to this database already, or a new one."""
        if target not in cls.running:
            cls.running[target] = cls(*target)
        return cls.running[target]

    def execute(self, sql):
        try:
            if self.process is None:
                self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")
                self.process = subprocess.Popen(
                    self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                    env=self.environment, encoding="utf-8",
                )
            self.process.stdin.write(f"{sql}\n;\n\\echo {self.end_mark}")
            self.process.stdin.flush()
        except FileNotFoundError as e:
            raise DatabaseDown("psql is not installed") from e
        except BrokenPipeError:
            pass  # it has ended, and has said why
        answer = []
        for line in self.process.stdout:
            if line == self.end_mark:
                return "".join(answer)
            answer.append(line)
        # The first error ends it, and its transaction; the next call starts another.
        code = self.close()
        self.errors.seek(0)
        problem = self.errors.read().strip()
        if code == 2:
            raise DatabaseDown(problem)
        raise SqlError(problem)

    def close(self):
        """Ends it, where it runs, and returns its exit code."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended already
        process.stdout.close()
        return process.wait()


class Session:
    """Every call is one transaction."""

    def __init__(self, host, port, name, user, password):
        self.psql = Psql.of(host, port, name, user, password)
        self.execute("SELECT 1")

    def execute(self, sql):
        return self.psql.execute(sql)

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
        f"CREATE TEMP TABLE incoming ON COMMIT DROP AS SELECT {', '.join(columns)} FROM {table} WITH NO DATA;",
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
