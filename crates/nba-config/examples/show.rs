//! Prints what this process is configured to do: `cargo run -p nba-config --example show [check | reference]`.

use nba_config::{Config, ConfigError, reference_markdown};

fn main() -> Result<(), ConfigError> {
    let text = match std::env::args().nth(1).as_deref() {
        Some("reference") => reference_markdown(),
        Some("check") => Config::global()?.check().render_text(),
        _ => Config::global()?.explain().render_text(),
    };
    print!("{text}");
    Ok(())
}
