//! Behind a connection pooler that swallows start-up options, the guard arrives by other means.

use nba_config::{DatabaseTarget, Host, SslMode};
use nba_db::{Database, ErrorKind, GuardMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{open, prepare, tcp_server};

/// What a pooler does with start-up options.
#[derive(Clone, Copy)]
enum Pooler {
    /// pgbouncer as delivered, RDS Proxy.
    Refuses,
    /// pgbouncer with `ignore_startup_parameters = options`.
    Drops,
}

/// Stands between client and server and treats the first message as a pooler would.
async fn start(pooler: Pooler, server: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let length = usize::try_from(client.read_u32().await?).unwrap() - 4;
                let mut body = vec![0; length];
                client.read_exact(&mut body).await?;
                let (version, parameters) = body.split_at(4);
                // A cancel request passes as it is.
                let is_start = version == 196_608_u32.to_be_bytes();
                let mut kept = version.to_vec();
                let mut parts = parameters.split(|byte| *byte == 0);
                while let (true, Some(name), Some(value)) = (is_start, parts.next(), parts.next()) {
                    if name.is_empty() {
                        break;
                    }
                    if name == b"options" {
                        if matches!(pooler, Pooler::Refuses) {
                            let text =
                                b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
                            client.write_u8(b'E').await?;
                            client
                                .write_u32(u32::try_from(text.len() + 4).unwrap())
                                .await?;
                            client.write_all(text).await?;
                            return Ok(());
                        }
                        continue;
                    }
                    for part in [name, b"\0", value, b"\0"] {
                        kept.extend_from_slice(part);
                    }
                }
                if is_start {
                    kept.push(0);
                } else {
                    kept.extend_from_slice(parameters);
                }
                let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
                server
                    .write_u32(u32::try_from(kept.len() + 4).unwrap())
                    .await?;
                server.write_all(&kept).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await?;
                Ok::<_, std::io::Error>(())
            });
        }
    });
    port
}

#[tokio::test]
async fn the_guard_holds_behind_a_pooler() {
    let server = tcp_server().await;
    prepare(
        &open(&server, 2).await,
        "create role reader login superuser password 'p'; create table t (a int)",
    )
    .await;
    for pooler in [Pooler::Refuses, Pooler::Drops] {
        let port = start(pooler, server.port()).await;
        let mut target = DatabaseTarget::new(Host::parse("127.0.0.1"), port, "nba", "reader");
        target.password = Some("p".into());
        target.ssl = SslMode::Disable;
        target.settings.max_connections = 2;
        target.settings.statement_timeout = std::time::Duration::from_millis(1_234);
        let db = Database::connect(&target).await.unwrap();
        assert_eq!(db.guard_mode(), GuardMode::Statements);

        let settings = "select current_setting('statement_timeout'), current_setting('default_transaction_read_only'), \
            current_setting('TimeZone'), left(current_setting('application_name'), 12)";
        let expected = (
            "1234ms".to_owned(),
            "on".to_owned(),
            "UTC".to_owned(),
            "nba/library/".to_owned(),
        );
        for _ in 0..2 {
            let row = &db.query_rows(settings, &[]).await.unwrap()[0];
            assert_eq!((row.get(0), row.get(1), row.get(2), row.get(3)), expected);
            let row: (String, String, String, String) =
                sqlx::query_as(settings).fetch_one(db.pool()).await.unwrap();
            assert_eq!(row, expected);
            let error = db.query("insert into t values (1)", &[]).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReadOnly);
            let error = sqlx::query("insert into t values (1)")
                .execute(db.pool())
                .await
                .unwrap_err();
            assert_eq!(db.error("writing", error).kind(), ErrorKind::ReadOnly);

            // Switched off by a borrower; the second turn finds the guard in place again.
            let off = "set default_transaction_read_only = off; set statement_timeout = 0";
            db.session()
                .await
                .unwrap()
                .batch_execute(off)
                .await
                .unwrap();
            let mut connection = db.pool().acquire().await.unwrap();
            sqlx::raw_sql(off).execute(&mut *connection).await.unwrap();
        }
        assert!(db.identity().await.unwrap().read_only_proof.is_proven());
    }
}
