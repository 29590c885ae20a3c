//! Which database is this? Asked first, and compared before anything else.

use std::net::IpAddr;

use nba_db::tokio_postgres::Client;
use nba_utils::Verdict;
use serde::{Deserialize, Serialize};

/// What tells one database from another of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TargetIdentity {
    /// Made once by initdb; `None` where the role may not read it.
    pub system_identifier: Option<String>,
    /// Such as `15.14`.
    pub server_version: String,
    /// Database name.
    pub database: String,
    /// Object id of the database; differs between two databases of one server.
    pub database_oid: u32,
    /// Role of the session.
    pub role: String,
    /// Server address as the server sees it; `None` over a unix socket.
    pub server_addr: Option<IpAddr>,
}

const IDENTITY_SQL: &str = "select current_setting('server_version'), current_database()::text, \
(select oid from pg_database where datname = current_database()), current_user::text, inet_server_addr()";

impl TargetIdentity {
    /// Asks the server.
    ///
    /// # Errors
    ///
    /// The driver's error when a query fails; a missing right to the system identifier is not one.
    pub async fn read(client: &Client) -> Result<Self, nba_db::tokio_postgres::Error> {
        let row = client.query_one(IDENTITY_SQL, &[]).await?;
        let identifier = client
            .query_one(
                "select system_identifier::text from pg_control_system()",
                &[],
            )
            .await;
        Ok(Self {
            system_identifier: identifier.ok().map(|row| row.get(0)),
            server_version: row.get(0),
            database: row.get(1),
            database_oid: row.get(2),
            role: row.get(3),
            server_addr: row.get(4),
        })
    }

    /// Whether both are the same database; `NotProven` where the system identifier of one is unknown.
    #[must_use]
    pub fn same_target(&self, other: &Self) -> Verdict {
        let (Some(left), Some(right)) = (&self.system_identifier, &other.system_identifier) else {
            return Verdict::not_proven("the role may not read the server's system identifier");
        };
        let mut differences = Vec::new();
        if left != right {
            differences.push(format!(
                "another server: system identifier {left} expected, found {right}"
            ));
        }
        if self.database != other.database {
            differences.push(format!(
                "another database: `{}` expected, found `{}`",
                self.database, other.database
            ));
        } else if left == right && self.database_oid != other.database_oid {
            differences.push(format!(
                "the database `{}` was dropped and created again",
                self.database
            ));
        }
        Verdict::from_findings(differences)
    }
}
