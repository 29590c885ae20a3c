//! `nba phase` and `nba preflight`.

use super::{Code, assumptions, cleanup, phase_report};
use crate::cli::phase::{PhaseCommand, ProfileArgs};
use crate::context::Context;
use crate::render::Tone;
use chrono::Utc;
use nba_migration::assumptions::register;
use nba_migration::ledger::Entry;
use nba_migration::phase::{GateResult, PHASES, Profile, Standing, advance, waive};
use nba_migration::switch::all_to_legacy;
use nba_utils::{Verdict, exit_code};
use serde_json::json;

fn profile(args: ProfileArgs) -> Profile {
    if args.fast {
        Profile::Fast
    } else {
        Profile::Safe
    }
}

pub(crate) fn run(context: &Context, command: &PhaseCommand) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let now = Utc::now();
    match command {
        PhaseCommand::Status { profile: args } => {
            let standing = Standing::read(&ledger, profile(*args), now)?;
            context.out.json(&standing)?;
            shown(context, &standing);
            Ok(standing.verdict.exit_code())
        }
        PhaseCommand::Next { profile: args } => {
            let standing = Standing::read(&ledger, profile(*args), now)?;
            let next: Vec<_> = standing
                .open()
                .map(|result| json!({"gate": result.gate.id, "title": result.gate.title, "run": result.gate.remedy, "why": result.verdict}))
                .collect();
            context.out.json(&next)?;
            for result in standing.open() {
                context.out.line(&format!(
                    "{:<32} {}: {}",
                    result.gate.remedy, result.gate.id, result.gate.title
                ));
            }
            if next.is_empty() && standing.phase < PHASES.len() {
                context.out.line("nba phase advance");
            }
            Ok(exit_code::PROVEN)
        }
        PhaseCommand::Check {
            profile: args,
            fall_back,
        } => {
            let standing = Standing::read(&ledger, profile(*args), now)?;
            let mut moved = Vec::new();
            if *fall_back && !standing.alarms.is_empty() {
                moved = all_to_legacy(&ledger, "nba phase check", &standing.alarms.join("; "))?;
            }
            context
                .out
                .json(&json!({"standing": standing, "moved_to_legacy": moved}))?;
            shown(context, &standing);
            for capability in &moved {
                context.out.line(&format!("`{capability}` is legacy again"));
            }
            if standing.alarms.is_empty() {
                return Ok(standing.verdict.exit_code());
            }
            context
                .out
                .line("going back is called for: `nba rollback run`");
            Ok(exit_code::REFUTED)
        }
        PhaseCommand::Advance { profile: args } => {
            let (to, receipt) = advance(&ledger, profile(*args), now)?;
            context.out.json(&json!({"phase": to, "record": receipt}))?;
            let text = match PHASES.get(to) {
                Some(phase) => format!("phase {to}: {}", phase.title),
                None => "all phases are done".to_owned(),
            };
            context.out.line(&Tone::Good.paint(&text));
            Ok(exit_code::PROVEN)
        }
        PhaseCommand::Waive {
            gate,
            owner,
            reason,
            until,
        } => {
            let receipt = waive(&ledger, gate, owner, reason, *until, now)?;
            context.out.json(&receipt)?;
            context.out.line(&format!(
                "`{gate}` is waived by {owner} until {until}; record {}",
                receipt.sequence
            ));
            Ok(exit_code::PROVEN)
        }
        PhaseCommand::Report { markdown } => phase_report::report(context, markdown.as_deref()),
        PhaseCommand::Watch { days } => phase_report::watch(context, *days),
        PhaseCommand::Benchmark { tolerance } => phase_report::benchmark(context, *tolerance),
        PhaseCommand::Cleanup(args) => cleanup::cleanup(context, args),
        PhaseCommand::Shim(args) => cleanup::shim(context, args),
        PhaseCommand::Acknowledge { owner, note } => {
            let entry = Entry::new("acknowledged", Verdict::Proven)
                .figure("owner", owner.as_str())
                .figure("note", note.as_str());
            let receipt = ledger.append(&entry)?;
            context.out.json(&receipt)?;
            context
                .out
                .line(&format!("record {}: {owner}: {note}", receipt.sequence));
            Ok(exit_code::PROVEN)
        }
    }
}

/// The gates of phase 0, whatever the present phase: the check list of the legacy plan, with evidence.
pub(crate) fn preflight(context: &Context) -> anyhow::Result<Code> {
    let config = context.config()?;
    let ledger = Context::ledger(&config)?;
    let now = Utc::now();
    let report = Standing::preflight(&ledger, now)?;
    let assumed = register(&ledger, now)?;
    let verdict = Verdict::all([report.verdict.clone(), assumed.verdict.clone()]);
    let mut document = serde_json::to_value(&report)?;
    document["verdict"] = json!(verdict);
    document["register"] = json!(assumed);
    context.out.json(&document)?;
    context.out.line(&Tone::of(&verdict).paint(&format!(
        "preflight: {}",
        verdict.as_str().replace('_', " ")
    )));
    for result in &report.gates {
        gate(context, result);
    }
    assumptions::show(context, &assumed);
    Ok(verdict.exit_code())
}

fn shown(context: &Context, standing: &Standing) {
    let text = match PHASES.get(standing.phase) {
        Some(phase) => format!(
            "phase {}: {} (risk {}, week {})",
            standing.phase, phase.title, phase.risk, phase.weeks
        ),
        None => "all phases are done".to_owned(),
    };
    context.out.line(&Tone::Strong.paint(&text));
    for result in &standing.gates {
        gate(context, result);
    }
    for alarm in &standing.alarms {
        context
            .out
            .line(&Tone::Bad.paint(&format!("alarm: {alarm}")));
    }
    for waiver in &standing.waivers {
        let state = if waiver.active { "until" } else { "ended" };
        context.out.line(&format!(
            "waiver of `{}` by {}, {state} {}: {}",
            waiver.gate, waiver.owner, waiver.until, waiver.reason
        ));
    }
}

fn gate(context: &Context, result: &GateResult) {
    let word = match &result.waiver {
        Some(_) => Tone::Unsure.paint("waived"),
        None => Tone::of(&result.verdict).paint(result.verdict.as_str().replace('_', " ").as_str()),
    };
    context.out.line(&format!(
        "  {word} {}: {}",
        result.gate.id, result.gate.title
    ));
    if !result.passes() {
        for reason in result.verdict.reasons() {
            context.out.line(&format!("      {reason}"));
        }
    }
}
