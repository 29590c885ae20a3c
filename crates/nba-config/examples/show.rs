//! Prints what this process is configured to do: `cargo run -p nba-config --example show [check]`.

use nba_config::{Config, ConfigError};

fn main() -> Result<(), ConfigError> {
    let config = Config::global()?;
    if std::env::args().any(|argument| argument == "check") {
        print!("{}", config.check().render_text());
    } else {
        print!("{}", config.explain().render_text());
    }
    Ok(())
}
