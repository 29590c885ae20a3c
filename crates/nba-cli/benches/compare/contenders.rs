//! Who is measured: floors in plain SQL and COPY, the `nba` program, and reladiff where it is installed.

use super::Result;
use nba_db::embedded::{EmbeddedOptions, EmbeddedServer, TcpPort};
use std::collections::BTreeMap;
use std::process::Command;

/// Builds the tables and plants the differences.
const PAIR_SQL: &str = include_str!("pair.sql");
/// Database of the tables, on both servers.
const DATABASE: &str = "pair";

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Missing,
    Added,
    Changed,
}

/// Differing rows by key.
pub(crate) type Found = BTreeMap<i64, Kind>;

/// Whose figures can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    OneServer,
    TwoServers,
    Again,
}

impl Group {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::OneServer => "Both tables on one server",
            Self::TwoServers => "One table on each of two servers",
            Self::Again => "Again, nothing was written",
        }
    }
}

/// Something that compares, or does the least that comparing takes.
pub(crate) struct Contender {
    pub(crate) group: Group,
    /// Floors start with `floor:`; the first of a group is what the others are measured by.
    pub(crate) name: &'static str,
    /// At most so many times the floor's time (or seconds, in the group without a floor).
    pub(crate) target: Option<f64>,
    /// Run at once.
    pub(crate) commands: Box<dyn Fn() -> Vec<Command>>,
    /// Reads what they print; `None` for what finds nothing.
    pub(crate) found: Option<fn(&[String]) -> Found>,
}

/// Two servers: the first has both tables, the second the new one.
pub(crate) struct Pair {
    both: EmbeddedServer,
    other: EmbeddedServer,
    columns: Vec<String>,
    planted: Found,
    rows: u64,
    /// A project for the `nba` program.
    pub(crate) project: tempfile::TempDir,
}

impl Pair {
    pub(crate) async fn build(rows: u64) -> Result<Self> {
        let both = server("2GB").await?;
        let other = server("1GB").await?;
        let project = tempfile::tempdir()?;
        let script = project.path().join("pair.sql");
        std::fs::write(&script, PAIR_SQL)?;
        both.create_database(DATABASE).await?;
        other.create_database(DATABASE).await?;
        eprintln!("building two tables of {rows} rows");
        ok(psql(&both)
            .args(["-v", &format!("rows={rows}"), "-f"])
            .arg(&script))?;
        eprintln!("copying the new one to a second server");
        let create = "create table new_events (like old_events including all)";
        let ask = |sql| text(psql(&both).args(["-c", sql]));
        // The definition travels as DDL, the rows as a pipe.
        ok(psql(&other).args(["-c", definition()?, "-c", create]))?;
        ok(Command::new("bash").args(["-o", "pipefail", "-c"]).arg(format!(
            "{} -c 'copy new_events to stdout (format binary)' | {} -c 'copy new_events from stdin (format binary)'",
            shell(&both),
            shell(&other)
        )))?;
        ok(psql(&other).args(["-c", "vacuum (freeze, analyze) new_events"]))?;
        let columns = ask(
            "select attname from pg_attribute where attrelid = 'old_events'::regclass and attnum > 1 order by attnum",
        )?;
        let planted = ask("select id, kind from planted")?
            .lines()
            .filter_map(|line| {
                let (id, kind) = line.split_once('|')?;
                let kind = match kind {
                    "missing" => Kind::Missing,
                    "added" => Kind::Added,
                    _ => Kind::Changed,
                };
                Some((id.parse().ok()?, kind))
            })
            .collect();
        Ok(Self {
            columns: columns.lines().map(str::to_owned).collect(),
            planted,
            rows,
            both,
            other,
            project,
        })
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.both.stop().await?;
        self.other.stop().await?;
        Ok(())
    }

    pub(crate) fn planted(&self) -> &Found {
        &self.planted
    }

    /// Process ids of the servers.
    pub(crate) fn servers(&self) -> Vec<u32> {
        [&self.both, &self.other]
            .into_iter()
            .filter_map(|server| {
                let file =
                    std::fs::read_to_string(server.data_dir().join("postmaster.pid")).ok()?;
                file.lines().next()?.trim().parse().ok()
            })
            .collect()
    }

    /// The least a comparison on one server takes: a merge join of one half of the keys.
    fn join_sql(&self, half: u8) -> String {
        let middle = self.rows / 2;
        let range = if half == 0 {
            format!("id < {middle}")
        } else {
            format!("id >= {middle}")
        };
        let differs: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("o.{column} is distinct from n.{column}"))
            .collect();
        format!(
            "set enable_hashjoin = off; set enable_sort = off; set enable_seqscan = off; \
             select coalesce(o.id, n.id), case when n.id is null then 'missing' when o.id is null then 'added' else 'changed' end \
             from (select * from old_events where {range}) as o full join (select * from new_events where {range}) as n on o.id = n.id \
             where o.id is null or n.id is null or {}",
            differs.join(" or ")
        )
    }
}

async fn server(shared_buffers: &str) -> Result<EmbeddedServer> {
    let conf = [
        ("shared_buffers", shared_buffers),
        ("max_wal_size", "8GB"),
        // Nothing else may run while something is measured.
        ("autovacuum", "off"),
        ("track_io_timing", "off"),
    ];
    let options = EmbeddedOptions {
        tcp: Some(TcpPort::Any),
        conf: conf
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        hba: vec!["host all all 127.0.0.1/32 trust".to_owned()],
        ..EmbeddedOptions::default()
    };
    Ok(EmbeddedServer::start(options).await?)
}

/// All contenders, in the order of their turns.
pub(crate) fn all(pair: &Pair, peer: Option<&str>) -> Result<Vec<Contender>> {
    let (both, other) = (pair.both.url(DATABASE), pair.other.url(DATABASE));
    let joins: Vec<String> = (0..2).map(|half| pair.join_sql(half)).collect();
    let mut all =
        vec![
            Contender {
                group: Group::OneServer,
                name: "floor: merge join forced by hand, 2 key ranges",
                target: None,
                commands: Box::new({
                    let server = Psql::of(&pair.both);
                    move || joins.iter().map(|sql| server.run(sql)).collect()
                }),
                found: Some(tagged),
            },
            Contender {
                group: Group::OneServer,
                name: "`count(*)` of both",
                target: None,
                commands: Box::new({
                    let server = Psql::of(&pair.both);
                    move || {
                        vec![server.run(
                            "select count(*) from old_events; select count(*) from new_events",
                        )]
                    }
                }),
                found: None,
            },
            Contender {
                group: Group::OneServer,
                name: "**nba db compare**, one server",
                target: Some(1.2),
                commands: Box::new({
                    let project = pair.project.path().to_owned();
                    let both = both.clone();
                    move || vec![nba(&project, &both, &both)]
                }),
                found: Some(ours),
            },
            Contender {
                group: Group::TwoServers,
                name: "floor: two `COPY … BINARY` at once, to nowhere",
                target: None,
                commands: Box::new({
                    let (left, right) = (Psql::of(&pair.both), Psql::of(&pair.other));
                    move || {
                        vec![
                            left.discard("copy old_events to stdout (format binary)"),
                            right.discard("copy new_events to stdout (format binary)"),
                        ]
                    }
                }),
                found: None,
            },
            Contender {
                group: Group::TwoServers,
                name: "**nba db compare**, two servers",
                target: Some(1.3),
                commands: Box::new({
                    let project = pair.project.path().to_owned();
                    let both = both.clone();
                    move || vec![nba(&project, &both, &other)]
                }),
                found: Some(ours),
            },
            // The first turn, which is not timed, reads everything; the others find that nothing was written since.
            Contender {
                group: Group::Again,
                name: "**nba db compare --resume**, one server",
                target: Some(0.5),
                commands: Box::new({
                    let project = pair.project.path().to_owned();
                    move || {
                        let mut command = nba(&project, &both, &both);
                        command.arg("--resume").arg(project.join("progress"));
                        vec![command]
                    }
                }),
                found: Some(ours),
            },
            again(pair)?,
        ];
    if let Some(peer) = peer {
        all.extend(reladiff(pair, peer));
    }
    Ok(all)
}

/// Both tables once more after they were proven and nobody wrote to them.
fn again(pair: &Pair) -> Result<Contender> {
    let (project, target) = (pair.project.path().to_owned(), pair.both.url(DATABASE));
    let run = move |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nba"));
        command
            .env_clear()
            .env("HOME", &project)
            .arg("--project")
            .arg(&project)
            .args(["--quiet", "--json", "--target", &target])
            .args(words);
        command
    };
    eprintln!("proving both tables once, for the quick run");
    ok(&mut run(&["baseline", "capture", "--rows", "none"]))?;
    ok(&mut run(&["verify"]))?;
    Ok(Contender {
        group: Group::Again,
        name: "**nba verify --quick**",
        target: Some(0.5),
        commands: Box::new(move || vec![run(&["verify", "--quick"])]),
        found: None,
    })
}

fn reladiff(pair: &Pair, program: &str) -> Vec<Contender> {
    let tcp = |server: &EmbeddedServer| {
        format!(
            "postgresql://postgres@127.0.0.1:{}/{DATABASE}",
            server.port()
        )
    };
    let (both, other) = (tcp(&pair.both), tcp(&pair.other));
    let command = move |program: &str, left: &str, right: &str, flags: &[&str]| {
        let mut command = Command::new(program);
        command
            .args([
                left,
                "old_events",
                right,
                "new_events",
                "-k",
                "id",
                "-c",
                "%",
            ])
            .args(flags)
            // Else its JSON is broken at the width of the terminal.
            .env("COLUMNS", "100000");
        vec![command]
    };
    let contender = |group, name, right: &str, flags: &'static [&'static str]| Contender {
        group,
        name,
        target: None,
        commands: Box::new({
            let (program, left, right) = (program.to_owned(), both.clone(), right.to_owned());
            move || command(&program, &left, &right, flags)
        }),
        found: Some(plus_and_minus),
    };
    vec![
        contender(
            Group::OneServer,
            "reladiff 0.6.0 joindiff, 2 threads",
            &both,
            &["-a", "joindiff", "-j", "2", "--json"],
        ),
        contender(
            Group::OneServer,
            "reladiff 0.6.0 hashdiff, 4 threads",
            &both,
            &["-a", "hashdiff", "-j", "4", "--json", "--skip-sort-results"],
        ),
        contender(
            Group::TwoServers,
            "reladiff 0.6.0 hashdiff, 4 threads, two servers",
            &other,
            &["-a", "hashdiff", "-j", "4", "--json", "--skip-sort-results"],
        ),
    ]
}

/// The `nba` program as a person runs it.
fn nba(project: &std::path::Path, left: &str, right: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nba"));
    command
        .env_clear()
        .env("HOME", project)
        .arg("--project")
        .arg(project)
        .args([
            "--quiet",
            "--json",
            "db",
            "compare",
            "old_events",
            "new_events",
        ])
        .args([
            "--left-target",
            left,
            "--right-target",
            right,
            "--limit",
            "1000",
        ]);
    command
}

/// How to reach a server with psql.
struct Psql {
    program: std::path::PathBuf,
    url: String,
}

impl Psql {
    fn of(server: &EmbeddedServer) -> Self {
        Self {
            program: server.programs().program("psql"),
            url: server.url(DATABASE),
        }
    }

    fn run(&self, sql: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args([
            "-X",
            "-q",
            "-At",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &self.url,
            "-c",
            sql,
        ]);
        command
    }

    fn discard(&self, sql: &str) -> Command {
        let mut command = self.run(sql);
        command.args(["-o", "/dev/null"]);
        command
    }
}

fn psql(server: &EmbeddedServer) -> Command {
    let mut command = Command::new(server.programs().program("psql"));
    command.args([
        "-X",
        "-q",
        "-At",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        &server.url(DATABASE),
    ]);
    command
}

fn shell(server: &EmbeddedServer) -> String {
    format!(
        "'{}' -X -q -d '{}'",
        server.programs().program("psql").display(),
        server.url(DATABASE)
    )
}

fn text(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn ok(command: &mut Command) -> Result<()> {
    text(command).map(drop)
}

/// The statement that creates the old table.
fn definition() -> Result<&'static str> {
    let start = PAIR_SQL
        .find("create table old_events")
        .ok_or("the script creates the table")?;
    let length = PAIR_SQL[start..].find(";\n").ok_or("the statement ends")?;
    Ok(&PAIR_SQL[start..start + length])
}

/// Lines `key|kind` of psql.
fn tagged(outputs: &[String]) -> Found {
    outputs
        .iter()
        .flat_map(|output| output.lines())
        .filter_map(|line| {
            let (key, kind) = line.split_once('|')?;
            let kind = match kind {
                "missing" => Kind::Missing,
                "added" => Kind::Added,
                "changed" => Kind::Changed,
                _ => return None,
            };
            Some((key.parse().ok()?, kind))
        })
        .collect()
}

/// The differences in the JSON of `nba db compare`.
fn ours(outputs: &[String]) -> Found {
    let document: serde_json::Value = outputs
        .first()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    document["differences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|difference| {
            let key = difference["key"][0].as_str()?.parse().ok()?;
            let what = difference["what"].as_object()?.keys().next()?.as_str();
            let kind = match what {
                "missing" => Kind::Missing,
                "added" => Kind::Added,
                "changed" => Kind::Changed,
                _ => return None,
            };
            Some((key, kind))
        })
        .collect()
}

/// Lines `["-", ["key", …]]` for a row of the old table, `["+", …]` for one of the new.
fn plus_and_minus(outputs: &[String]) -> Found {
    let mut found = Found::new();
    for line in outputs.iter().flat_map(|output| output.lines()) {
        let Ok(serde_json::Value::Array(parts)) = serde_json::from_str(line) else {
            continue;
        };
        let key = parts.get(1).and_then(|row| match &row[0] {
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        });
        let kind = match parts.first().and_then(serde_json::Value::as_str) {
            Some("-") => Kind::Missing,
            Some("+") => Kind::Added,
            _ => continue,
        };
        if let Some(key) = key {
            found
                .entry(key)
                .and_modify(|known| *known = Kind::Changed)
                .or_insert(kind);
        }
    }
    found
}
