//! `nba doctor`: what this machine has and what it lacks.

use super::Code;
use crate::context::Context;
use crate::render::Tone;
use nba_db::embedded::{PgBinaries, Search};
use nba_utils::verdict::Verdict;
use serde::Serialize;
use std::process::{Command, Stdio};

/// One thing that was looked for.
#[derive(Serialize)]
struct Finding {
    name: &'static str,
    needed_for: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
    found: Option<String>,
    hint: Option<String>,
}

pub(crate) fn run(context: &Context) -> anyhow::Result<Code> {
    let config = context.config();
    let bin = config
        .as_ref()
        .ok()
        .and_then(|config| config.postgres_bin_directory().ok().flatten());
    let findings = [
        postgres(bin),
        program(
            "git",
            "legacy checkouts and restore points",
            &["git", "--version"],
            "apt-get install git",
        ),
        program(
            "python3",
            "running legacy scripts",
            &["python3", "--version"],
            "apt-get install python3",
        ),
        program(
            "pg_dump",
            "backups",
            &["pg_dump", "--version"],
            "apt-get install postgresql-client",
        ),
        configuration(config),
    ];
    context.out.json(&findings)?;
    for finding in &findings {
        let mark = Tone::of(&finding.verdict).paint(if finding.verdict.is_proven() {
            "ok     "
        } else {
            "missing"
        });
        let found = finding
            .found
            .clone()
            .unwrap_or_else(|| finding.verdict.reasons().join("; "));
        context
            .out
            .line(&format!("{mark}  {:<14} {found}", finding.name));
        if !finding.verdict.is_proven() {
            context
                .out
                .line(&format!("         needed for {}", finding.needed_for));
            if let Some(hint) = &finding.hint {
                context
                    .out
                    .line(&format!("         {} {hint}", Tone::Strong.paint("hint:")));
            }
        }
    }
    Ok(Verdict::all(findings.into_iter().map(|finding| finding.verdict)).exit_code())
}

fn postgres(explicit: Option<std::path::PathBuf>) -> Finding {
    let (name, needed_for) = ("PostgreSQL", "the demo, the replica and restore drills");
    match PgBinaries::find(&Search {
        explicit,
        ..Search::default()
    }) {
        Ok(programs) => Finding {
            name,
            needed_for,
            verdict: Verdict::Proven,
            found: Some(format!(
                "{} in {}",
                programs.version(),
                programs.folder().display()
            )),
            hint: None,
        },
        Err(error) => Finding {
            name,
            needed_for,
            verdict: Verdict::not_proven(error.to_string()),
            found: None,
            hint: error.hint(),
        },
    }
}

fn program(name: &'static str, needed_for: &'static str, argv: &[&str], hint: &str) -> Finding {
    let outcome = Command::new(argv[0])
        .args(&argv[1..])
        .stdin(Stdio::null())
        .output();
    let (verdict, found) = match outcome {
        Ok(output) if output.status.success() => (
            Verdict::Proven,
            Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        ),
        Ok(output) => (
            Verdict::not_proven(format!("`{name}` does not run: {}", output.status)),
            None,
        ),
        Err(error) => (
            Verdict::not_proven(format!("`{name}` cannot be started: {error}")),
            None,
        ),
    };
    let hint = (!verdict.is_proven()).then(|| hint.to_owned());
    Finding {
        name,
        needed_for,
        verdict,
        found,
        hint,
    }
}

fn configuration(config: anyhow::Result<nba_config::Config>) -> Finding {
    let (name, needed_for) = ("configuration", "everything but the demo");
    let problem = match config.map(|config| config.database()) {
        Ok(Ok(target)) => {
            let found = Some(target.to_url_masked());
            return Finding {
                name,
                needed_for,
                verdict: Verdict::Proven,
                found,
                hint: None,
            };
        }
        Ok(Err(error)) => (error.to_string(), error.hint()),
        Err(error) => (error.to_string(), crate::render::hint(&error)),
    };
    Finding {
        name,
        needed_for,
        verdict: Verdict::not_proven(problem.0),
        found: None,
        hint: problem.1,
    }
}
