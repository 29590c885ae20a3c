//! `nba etl probe`: whether the wrapped scripts can be run at all, without letting one of them do anything.

use super::Code;
use crate::context::Context;
use crate::render::Tone;
use nba_config::{Config, ExposeSecret as _};
use nba_etl::registry::{Language, ParserKind, Registry, ScriptInfo};
use nba_etl::runner::{
    Ending, Environment, Interpreter, Isolation, Script, find_interpreter, network_isolation,
    run_async,
};
use nba_migration::ledger::Entry;
use nba_utils::Verdict;
use serde::Serialize;
use std::time::Duration;

/// Longest time for a parser to print its help: modules are imported before.
const DEADLINE: Duration = Duration::from_secs(30);

/// Parses a file and does not run it.
const PARSE: &str =
    "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1])";

/// What is known of one script.
#[derive(Serialize)]
struct Probed {
    script: String,
    /// How it was asked: `help`, `syntax`, or nothing.
    asked: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

pub(super) async fn run(context: &Context, names: &[String]) -> anyhow::Result<Code> {
    let config = context.config()?;
    let registry = Registry::discover(config.project())?;
    let entry_points = config.entry_points()?;
    let scripts: Vec<&ScriptInfo> = if names.is_empty() {
        registry
            .scripts
            .iter()
            .filter(|script| script.entry_point)
            .collect()
    } else {
        names
            .iter()
            .map(|name| registry.resolve(name, &entry_points))
            .collect::<Result<_, _>>()?
    };
    // Asked once: what is started is to reach nobody, where the system lets us see to that.
    let alone = matches!(network_isolation(), Isolation::Possible(..));
    let mut probed = Vec::new();
    for script in scripts {
        let (asked, verdict) = probe(context, &config, script, alone).await?;
        probed.push(Probed {
            script: script.path.clone(),
            asked,
            verdict: verdict.about(&script.path),
        });
    }
    let verdict = Verdict::all(probed.iter().map(|one| one.verdict.clone()));
    let count = |wanted: &str| {
        let found = probed.iter().filter(|one| one.verdict.as_str() == wanted);
        found.count()
    };
    let entry = Entry::new("etl probe", verdict.clone())
        .figure("scripts", probed.len())
        .figure("proven", count("proven"))
        .figure("refuted", count("refuted"));
    context.append(&config, &entry)?;
    context.out.json(&serde_json::json!({
        "verdict": verdict.as_str(),
        "without_network": alone,
        "scripts": probed,
    }))?;
    let rows = probed.iter().map(|one| {
        vec![
            one.script.clone().into(),
            one.asked.into(),
            Tone::of(&one.verdict)
                .paint(one.verdict.as_str().replace('_', " ").as_str())
                .into(),
        ]
    });
    context.out.table(&["script", "asked for", "outcome"], rows);
    for reason in verdict.reasons() {
        context.out.line(&format!("  {reason}"));
    }
    Ok(verdict.exit_code())
}

async fn probe(
    context: &Context,
    config: &Config,
    info: &ScriptInfo,
    alone: bool,
) -> anyhow::Result<(&'static str, Verdict)> {
    let missing: Vec<String> = info
        .missing()
        .map(|call| {
            format!(
                "line {} calls `{}`, which is missing",
                call.line, call.written
            )
        })
        .collect();
    let own = context.inputs()?.environment;
    let mut environment = Environment::allowed(&own);
    environment.without_database();
    environment.set("PYTHONDONTWRITEBYTECODE", "1");
    for secret in config.secrets() {
        environment.hide(secret.expose_secret());
    }
    let interpreter = Interpreter::Automatic;
    let program = match find_interpreter(info, config.project(), &interpreter, &mut environment) {
        Ok(program) => program,
        Err(error) => return Ok(("nothing", Verdict::refuted(error.to_string()))),
    };
    // Only parsers that answer before the script begins may be asked for help: any other script would run.
    let helps = matches!(
        info.flags.parser,
        ParserKind::Argparse | ParserKind::Optparse | ParserKind::Click
    );
    let (asked, arguments) = match (helps, info.language) {
        (true, _) => ("help", vec![info.path.as_str(), "--help"]),
        (false, Language::Python) => ("syntax", vec!["-c", PARSE, info.path.as_str()]),
        (false, Language::Shell) => ("syntax", vec!["-n", info.path.as_str()]),
        (false, _) => {
            let open = Verdict::not_proven("nothing can be asked of it without running it");
            return Ok(("nothing", open));
        }
    };
    let mut script = Script::new(program, arguments, config.project(), environment);
    script.deadline = DEADLINE;
    script.limits.no_network = alone;
    script.adopt = true;
    let report = run_async(script).await?;
    let answered = match (&report.ending, asked) {
        (Ending::Exited(0), "help") if report.stdout.text.to_lowercase().contains("usage") => {
            Verdict::Proven
        }
        (Ending::Exited(0), "help") => {
            Verdict::refuted("it was asked for help, ended with 0 and gave none")
        }
        (Ending::Exited(0), _) => Verdict::Proven,
        (ending, _) => Verdict::refuted(format!(
            "{ending}: {}",
            report.stderr.text.lines().last().unwrap_or("no output")
        )),
    };
    Ok((
        asked,
        Verdict::all([answered, Verdict::from_findings(missing)]),
    ))
}
