//! The embedded server: starting, reusing, isolating, and cleaning up after every kind of death.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nba_db::embedded::{
    EmbeddedError, EmbeddedErrorKind, EmbeddedOptions, EmbeddedServer, PgBinaries, RunAs,
    SOCKET_PATH_MAX, Search, Storage, TcpPort, stop_folder,
};

/// Everything here is quick; only a broken clean-up waits this long.
const DEADLINE: Duration = Duration::from_secs(30);

/// An ephemeral server whose run folder belongs to the test alone.
fn options(root: &Path) -> EmbeddedOptions {
    EmbeddedOptions {
        run_dir: Some(root.join("run")),
        ..EmbeddedOptions::default()
    }
}

async fn scalar(server: &EmbeddedServer, database: &str, sql: &str) -> String {
    let (client, connection) =
        tokio_postgres::connect(&server.url(database), tokio_postgres::NoTls)
            .await
            .unwrap();
    tokio::spawn(connection);
    for message in client.simple_query(sql).await.unwrap() {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            return row.get(0).unwrap().to_owned();
        }
    }
    String::new()
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn postmaster(data: &Path) -> u32 {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap();
    text.lines().next().unwrap().trim().parse().unwrap()
}

/// Whether a process exists and is no zombie.
fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap().starts_with('Z'))
}

fn kill(signal: &str, pid: u32) {
    let status = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

fn ephemeral_folders(root: &Path) -> usize {
    fs::read_dir(root.join("run")).map_or(0, |entries| {
        entries
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().starts_with("e-")
            })
            .count()
    })
}

#[tokio::test]
async fn serves_databases_and_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let server = EmbeddedServer::start(options(root.path())).await.unwrap();
    server.create_database("one \"quoted\" name").await.unwrap();
    scalar(
        &server,
        "one \"quoted\" name",
        "create table t as select 7 as x",
    )
    .await;
    server
        .create_database_from_template("two", "one \"quoted\" name")
        .await
        .unwrap();
    assert_eq!(scalar(&server, "two", "select x from t").await, "7");
    // The same URL for the other driver and for psql.
    let pool = sqlx::PgPool::connect(&server.url("two")).await.unwrap();
    let x: i32 = sqlx::query_scalar("select x from t")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(x, 7);
    let psql = Command::new(server.programs().program("psql"))
        .args(["-XAtc", "select x from t", &server.url("two")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&psql.stdout), "7\n");
    server.drop_database("two").await.unwrap();
    server.drop_database("two").await.unwrap();
    let twice = server.create_database("postgres").await.unwrap_err();
    assert!(twice.to_string().contains("42P04"), "{twice}");
    assert_eq!(
        scalar(&server, "postgres", "show listen_addresses").await,
        ""
    );

    let pid = postmaster(&server.data_dir());
    server.stop().await.unwrap();
    server.stop().await.unwrap();
    assert!(!alive(pid));
    assert_eq!(ephemeral_folders(root.path()), 0);
}

#[tokio::test]
async fn dropping_stops_and_removes() {
    let root = tempfile::tempdir().unwrap();
    let server = EmbeddedServer::start(options(root.path())).await.unwrap();
    let pid = postmaster(&server.data_dir());
    drop(server);
    assert!(!alive(pid));
    assert_eq!(ephemeral_folders(root.path()), 0);
}

#[tokio::test]
async fn restart_keeps_data_and_address() {
    let root = tempfile::tempdir().unwrap();
    let server = EmbeddedServer::start(options(root.path())).await.unwrap();
    scalar(&server, "postgres", "create table kept as select 1 as x").await;
    let (url, pid) = (server.url("postgres"), postmaster(&server.data_dir()));
    server.restart().await.unwrap();
    assert_eq!(server.url("postgres"), url);
    assert_ne!(postmaster(&server.data_dir()), pid);
    assert_eq!(scalar(&server, "postgres", "select x from kept").await, "1");
    drop(server);
    assert_eq!(ephemeral_folders(root.path()), 0);
}

#[tokio::test]
async fn two_servers_at_once_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = tokio::join!(
        EmbeddedServer::start(options(root.path())),
        EmbeddedServer::start(options(root.path())),
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    let identifier = "select system_identifier from pg_control_system()";
    assert_ne!(
        scalar(&a, "postgres", identifier).await,
        scalar(&b, "postgres", identifier).await,
        "copies of one template must not share the identifier"
    );
    drop(a);
    assert_eq!(scalar(&b, "postgres", "select 1").await, "1");
}

#[tokio::test]
async fn a_copied_cluster_writes_restarts_and_passes_its_own_checks() {
    let root = tempfile::tempdir().unwrap();
    drop(EmbeddedServer::start(options(root.path())).await.unwrap());
    let server = EmbeddedServer::start(options(root.path())).await.unwrap();
    scalar(
        &server,
        "postgres",
        "create table t as select generate_series(1, 50000) as x",
    )
    .await;
    scalar(&server, "postgres", "select pg_switch_wal()").await;
    server.restart().await.unwrap();
    assert_eq!(
        scalar(&server, "postgres", "select sum(x) from t").await,
        "1250025000"
    );
    let shown = Command::new(server.programs().program("pg_controldata"))
        .arg(server.data_dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[shown.stdout, shown.stderr].concat()).into_owned();
    assert!(!said.contains("WARNING"), "{said}");
}

#[tokio::test]
async fn a_damaged_template_is_made_again() {
    let root = tempfile::tempdir().unwrap();
    let cache = root.path().join("cache");
    let options = || EmbeddedOptions {
        cache_dir: Some(cache.clone()),
        ..options(root.path())
    };
    drop(EmbeddedServer::start(options()).await.unwrap());
    let template = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap();
    fs::remove_file(template.join("global/pg_filenode.map")).unwrap();
    let server = EmbeddedServer::start(options()).await.unwrap();
    assert_eq!(scalar(&server, "postgres", "select 1").await, "1");
    assert!(template.join("global/pg_filenode.map").exists());
}

#[tokio::test]
async fn racing_for_the_template_gives_everyone_a_server() {
    let root = tempfile::tempdir().unwrap();
    let mut helpers: Vec<Helper> = (0..3)
        .map(|_| Helper::start(root.path(), "ephemeral", None))
        .collect();
    let sockets: std::collections::HashSet<PathBuf> = helpers
        .iter_mut()
        .map(|helper| helper.ready().data)
        .collect();
    assert_eq!(sockets.len(), 3);
}

#[tokio::test]
async fn reuses_its_data_folder() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("my data, it's here");
    let start = || {
        EmbeddedServer::start(EmbeddedOptions {
            run_dir: Some(root.path().join("run")),
            ..EmbeddedOptions::folder(&folder)
        })
    };
    let server = start().await.unwrap();
    scalar(&server, "postgres", "create table kept as select 1 as x").await;
    assert_eq!(scalar(&server, "postgres", "show fsync").await, "on");
    let busy = start().await.unwrap_err();
    assert_eq!(busy.kind(), EmbeddedErrorKind::Folder);
    assert!(busy.hint().is_some());
    drop(server);
    let again = start().await.unwrap();
    assert_eq!(scalar(&again, "postgres", "select x from kept").await, "1");
}

#[tokio::test]
async fn a_left_over_pid_file_with_a_number_in_use_again_is_no_obstacle() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("folder");
    let server = EmbeddedServer::start(EmbeddedOptions::folder(&folder))
        .await
        .unwrap();
    let pid_file = server.data_dir().join("postmaster.pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    drop(server);
    let (_, rest) = text.split_once('\n').unwrap();
    // Says `ready`, and names a living process: this one.
    fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    let server = EmbeddedServer::start(EmbeddedOptions::folder(&folder))
        .await
        .unwrap();
    assert_eq!(scalar(&server, "postgres", "select 1").await, "1");
}

#[tokio::test]
async fn an_initialisation_that_was_cut_short_is_done_again() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("folder");
    fs::create_dir_all(folder.join("data.new/base")).unwrap();
    fs::write(folder.join("nba-embedded"), "").unwrap();
    fs::write(folder.join("data.new/PG_VERSION"), "15\n").unwrap();
    let server = EmbeddedServer::start(EmbeddedOptions::folder(&folder))
        .await
        .unwrap();
    assert_eq!(scalar(&server, "postgres", "select 1").await, "1");
    assert!(!folder.join("data.new").exists());
}

#[tokio::test]
async fn foreign_folders_are_refused_and_untouched() {
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("PG_VERSION"), "15\n").unwrap();
    let error = EmbeddedServer::start(EmbeddedOptions::folder(root.path()))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EmbeddedError::ForeignFolder { .. }),
        "{error}"
    );
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn another_version_s_folder_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("data");
    drop(
        EmbeddedServer::start(EmbeddedOptions::folder(&folder))
            .await
            .unwrap(),
    );
    fs::write(folder.join("data/PG_VERSION"), "9.6\n").unwrap();
    let error = EmbeddedServer::start(EmbeddedOptions::folder(&folder))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("9.6"), "{error}");
}

#[tokio::test]
async fn long_folders_get_a_short_socket_and_long_sockets_an_error() {
    let root = tempfile::tempdir().unwrap();
    let long = root.path().join("x".repeat(SOCKET_PATH_MAX));
    let server = EmbeddedServer::start(EmbeddedOptions {
        run_dir: Some(root.path().join("run")),
        ..EmbeddedOptions::folder(&long)
    })
    .await
    .unwrap();
    assert_eq!(scalar(&server, "postgres", "select 1").await, "1");
    let socket = server.socket_dir().to_owned();
    assert!(!socket.starts_with(&long));
    drop(server);
    assert!(!socket.exists(), "the short folder goes with the server");

    let error = EmbeddedServer::start(EmbeddedOptions {
        socket_dir: Some(long),
        ..options(root.path())
    })
    .await
    .unwrap_err();
    assert!(
        matches!(error, EmbeddedError::SocketPathTooLong { .. }),
        "{error}"
    );
    assert_eq!(ephemeral_folders(root.path()), 0);
}

#[tokio::test]
async fn tcp_is_local_and_asks_for_passwords() {
    let root = tempfile::tempdir().unwrap();
    let server = EmbeddedServer::start(EmbeddedOptions {
        tcp: Some(TcpPort::Any),
        conf: vec![("work_mem".to_owned(), "7MB".to_owned())],
        ..options(root.path())
    })
    .await
    .unwrap();
    assert_eq!(scalar(&server, "postgres", "show work_mem").await, "7MB");
    scalar(
        &server,
        "postgres",
        "create role r login password 's%20 ecret'",
    )
    .await;
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(server.port())
        .user("r")
        .dbname("postgres");
    assert!(config.connect(tokio_postgres::NoTls).await.is_err());
    config.password("s%20 ecret");
    drop(config.connect(tokio_postgres::NoTls).await.unwrap());
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let error = EmbeddedServer::start(EmbeddedOptions {
        conf: vec![("work_mem".to_owned(), "no number".to_owned())],
        ..options(root.path())
    })
    .await
    .unwrap_err();
    assert_eq!(error.kind(), EmbeddedErrorKind::Server);
    assert!(error.to_string().contains("work_mem"), "{error}");
    assert_eq!(ephemeral_folders(root.path()), 0);

    let error = EmbeddedServer::start(EmbeddedOptions {
        initdb_args: vec!["--no-such-option".to_owned()],
        ..options(root.path())
    })
    .await
    .unwrap_err();
    assert!(error.to_string().contains("no-such-option"), "{error}");
    assert_eq!(ephemeral_folders(root.path()), 0);
}

#[tokio::test]
async fn missing_programs_are_named_with_the_command_that_installs_them() {
    let nowhere = Search {
        explicit: None,
        places: vec![],
    };
    let error = EmbeddedServer::start(EmbeddedOptions {
        search: nowhere,
        ..EmbeddedOptions::default()
    })
    .await
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("no PostgreSQL server programs found")
    );
    let hint = error.hint().unwrap();
    if Path::new("/usr/bin/apt-get").exists() {
        assert!(hint.contains("apt-get install -y postgresql`"), "{hint}");
    }

    let empty = tempfile::tempdir().unwrap();
    let explicit = Search {
        explicit: Some(empty.path().to_owned()),
        ..Search::default()
    };
    let error = PgBinaries::find(&explicit).unwrap_err();
    assert!(error.to_string().contains("`initdb` is missing"), "{error}");
}

#[tokio::test]
async fn killed_with_minus_nine_the_server_and_its_folder_go() {
    let root = tempfile::tempdir().unwrap();
    let mut helper = Helper::start(root.path(), "ephemeral", None);
    let ready = helper.ready();
    kill("-KILL", helper.child.id());
    helper.child.wait().unwrap();
    wait_until("the server is gone", || !alive(ready.postmaster));
    wait_until("the folder is gone", || ephemeral_folders(root.path()) == 0);
}

#[tokio::test]
async fn killed_together_with_the_guardian_the_next_start_sweeps() {
    let root = tempfile::tempdir().unwrap();
    let mut helper = Helper::start(root.path(), "ephemeral", None);
    let ready = helper.ready();
    // Guardian and reader are the process group of the server's parent.
    let stat = fs::read_to_string(format!("/proc/{}/stat", ready.postmaster)).unwrap();
    let guardian: u32 = stat
        .rsplit(") ")
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let children =
        fs::read_to_string(format!("/proc/{guardian}/task/{guardian}/children")).unwrap();
    for child in children.split_whitespace() {
        let child: u32 = child.parse().unwrap();
        if child != ready.postmaster {
            kill("-KILL", child);
        }
    }
    kill("-KILL", guardian);
    kill("-KILL", helper.child.id());
    helper.child.wait().unwrap();
    assert!(alive(ready.postmaster), "the orphan this test is about");

    let server = EmbeddedServer::start(options(root.path())).await.unwrap();
    assert!(!alive(ready.postmaster));
    assert_eq!(ephemeral_folders(root.path()), 1);
    drop(server);
}

#[tokio::test]
async fn a_server_somebody_else_started_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("folder");
    let server = EmbeddedServer::start(EmbeddedOptions::folder(&folder))
        .await
        .unwrap();
    let path = server.detach().unwrap();
    // From here on it no longer carries the id we remember.
    fs::write(path.join("run"), "another").unwrap();
    let pid = postmaster(&path.join("data"));
    let error = stop_folder(&path).unwrap_err();
    assert!(error.to_string().contains(&pid.to_string()), "{error}");
    assert!(alive(pid));
    kill("-INT", pid);
    wait_until("it is gone", || !alive(pid));
    assert!(!stop_folder(&path).unwrap());
}

#[tokio::test]
async fn a_detached_server_outlives_us_until_it_is_stopped() {
    let root = tempfile::tempdir().unwrap();
    let mut helper = Helper::start(root.path(), "detach", None);
    let ready = helper.ready();
    helper.child.wait().unwrap();
    assert!(alive(ready.postmaster));
    let folder = ready.data.parent().unwrap();
    let busy = EmbeddedServer::start(EmbeddedOptions::folder(folder))
        .await
        .unwrap_err();
    assert!(
        busy.to_string().contains(&ready.postmaster.to_string()),
        "{busy}"
    );
    assert!(stop_folder(folder).unwrap());
    assert!(!alive(ready.postmaster));
    // At once: the guardian is gone too.
    EmbeddedServer::start(EmbeddedOptions::folder(folder))
        .await
        .unwrap();
}

#[tokio::test]
async fn root_can_use_either_way_and_hears_about_both() {
    if !is_root() {
        println!("SKIPPED: not root");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for run_as in [RunAs::UserNamespace, RunAs::OtherAccount] {
        let started = EmbeddedServer::start(EmbeddedOptions {
            run_as,
            ..options(root.path())
        })
        .await;
        match started {
            Ok(server) => assert_eq!(scalar(&server, "postgres", "select 1").await, "1"),
            // Where a container forbids one way, the other must do: that is `Auto`, tested everywhere else.
            Err(error) => assert_eq!(error.kind(), EmbeddedErrorKind::Forbidden, "{error}"),
        }
    }
    assert_eq!(ephemeral_folders(root.path()), 0);
}

#[tokio::test]
async fn works_as_a_normal_user() {
    if !is_root() {
        println!("SKIPPED: all other tests ran as a normal user");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut helper = Helper::start(root.path(), "ephemeral", Some(65534));
    let ready = helper.ready();
    let status = fs::read_to_string(format!("/proc/{}/status", ready.postmaster)).unwrap();
    assert!(status.contains("Uid:\t65534\t65534"), "{status}");
    kill("-KILL", helper.child.id());
    helper.child.wait().unwrap();
    wait_until("the folder is gone", || ephemeral_folders(root.path()) == 0);
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.contains("Uid:\t0\t")
}

/// This test program, started once more to own a server and to be killed.
struct Helper {
    child: Child,
}

/// What a helper says once its server runs.
struct Ready {
    data: PathBuf,
    postmaster: u32,
}

impl Helper {
    fn start(root: &Path, mode: &str, uid: Option<u32>) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = match uid {
            None => Command::new(program),
            Some(uid) => {
                // Build folders are often closed to others.
                let copy = root.join("helper");
                fs::copy(program, &copy).unwrap();
                fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).unwrap();
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={uid}"), &format!("--regid={uid}")]);
                command.args(["--clear-groups", "--"]).arg(copy);
                command
            }
        };
        let child = command
            .args(["--exact", "embedded::helper", "--nocapture"])
            .env("NBA_TEST_HELPER", mode)
            .env("NBA_TEST_ROOT", root)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child }
    }

    fn ready(&mut self) -> Ready {
        let output = BufReader::new(self.child.stdout.take().unwrap());
        for line in output.lines() {
            if let Some((_, data)) = line.unwrap().split_once("READY ") {
                let data = PathBuf::from(data);
                return Ready {
                    postmaster: postmaster(&data),
                    data,
                };
            }
        }
        panic!("the helper ended without a server");
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Body of [`Helper`]; does nothing when run as an ordinary test.
#[test]
#[expect(clippy::disallowed_methods, reason = "the test talks to its own child")]
fn helper() {
    let (Ok(mode), Ok(root)) = (
        std::env::var("NBA_TEST_HELPER"),
        std::env::var("NBA_TEST_ROOT"),
    ) else {
        return;
    };
    let mut options = options(Path::new(&root));
    if mode == "detach" {
        options.storage = Storage::Folder(Path::new(&root).join("detached"));
    }
    let server = EmbeddedServer::start_blocking(&options).unwrap();
    println!("READY {}", server.data_dir().display());
    if mode == "detach" {
        server.detach().unwrap();
        return;
    }
    // Until the test closes the pipe or kills us.
    let _ = std::io::stdin().read_line(&mut String::new());
}
