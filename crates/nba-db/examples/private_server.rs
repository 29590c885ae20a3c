//! Starts a private PostgreSQL server, says how to connect, and takes it away again on Enter.
//!
//! ```text
//! cargo run -p nba-db --features embedded --example private_server [DATA FOLDER [FOLDER OF PROGRAMS]]
//! ```

use std::{error::Error, io::stdin, time::Instant};

use nba_db::embedded::{EmbeddedOptions, EmbeddedServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut options = match arguments.next().filter(|folder| !folder.is_empty()) {
        Some(folder) => EmbeddedOptions::folder(folder),
        None => EmbeddedOptions::default(),
    };
    options.search.explicit = arguments.next().map(Into::into);

    let begun = Instant::now();
    let server = EmbeddedServer::start(options).await?;
    println!(
        "{} after {:?}",
        server.programs().version(),
        begun.elapsed()
    );
    println!("psql '{}'", server.url("postgres"));
    println!("Enter stops it.");
    stdin().read_line(&mut String::new())?;
    server.stop().await?;
    Ok(())
}
