//! `nba config`.

use super::Code;
use crate::cli::ConfigCommand;
use crate::context::Context;

pub(crate) fn run(context: &Context, command: &ConfigCommand) -> anyhow::Result<Code> {
    let out = context.out;
    match command {
        ConfigCommand::Show { prefix } => {
            let mut explanation = context.config()?.explain();
            if let Some(prefix) = prefix {
                explanation
                    .values
                    .retain(|value| value.key.starts_with(prefix.as_str()));
            }
            out.json(&explanation)?;
            out.line(explanation.render_text().trim_end());
            Ok(nba_utils::exit_code::PROVEN)
        }
        ConfigCommand::Check => {
            let check = context.config()?.check();
            out.json(&check)?;
            out.line(check.render_text().trim_end());
            Ok(check.verdict.exit_code())
        }
        ConfigCommand::Reference => {
            let text = nba_config::reference_markdown();
            out.json(&text)?;
            out.line(text.trim_end());
            Ok(nba_utils::exit_code::PROVEN)
        }
        ConfigCommand::Example => {
            out.json(&nba_config::EXAMPLE_PROJECT_FILE)?;
            out.line(nba_config::EXAMPLE_PROJECT_FILE.trim_end());
            Ok(nba_utils::exit_code::PROVEN)
        }
    }
}
