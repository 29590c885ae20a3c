//! `nba guide`: the runbook, made from the gates and from the program's own commands, so that it cannot drift.

use super::Code;
use crate::cli::Cli;
use crate::context::Context;
use crate::render::Tone;
use clap::CommandFactory as _;
use nba_migration::phase::{PHASES, gates};
use nba_utils::exit_code;
use serde_json::json;

pub(crate) fn run(context: &Context, only: Option<u8>) -> anyhow::Result<Code> {
    let mut program = Cli::command();
    program.build();
    let wanted = |number: usize| only.is_none_or(|only| usize::from(only) == number);
    let phases: Vec<_> = PHASES
        .iter()
        .enumerate()
        .filter(|(number, _)| wanted(*number))
        .map(|(number, phase)| {
            let gates: Vec<_> = gates()
                .into_iter()
                .filter(|gate| gate.phase == number)
                .map(|gate| {
                    json!({
                        "gate": gate.id,
                        "title": gate.title,
                        "run": gate.remedy,
                        "what_it_does": about(&program, gate.remedy),
                        "hours_it_counts": gate.max_age_hours,
                        "runs_in_a_row": gate.in_a_row,
                    })
                })
                .collect();
            json!({"phase": number, "title": phase.title, "risk": phase.risk, "weeks": phase.weeks, "gates": gates})
        })
        .collect();
    context.out.json(&phases)?;
    for (number, phase) in PHASES
        .iter()
        .enumerate()
        .filter(|(number, _)| wanted(*number))
    {
        context.out.line(&Tone::Strong.paint(&format!(
            "phase {number}: {} (risk {}, week {})",
            phase.title, phase.risk, phase.weeks
        )));
        for gate in gates().into_iter().filter(|gate| gate.phase == number) {
            context
                .out
                .line(&format!("  {:<18} {}", gate.id, gate.title));
            let about = about(&program, gate.remedy).unwrap_or_else(|| {
                "not part of this program yet: waive the gate in writing".to_owned()
            });
            context
                .out
                .line(&format!("    {:<30} {about}", gate.remedy));
        }
        context.out.line(
            "    nba phase advance              Close the present phase, if every gate passes",
        );
    }
    Ok(exit_code::PROVEN)
}

/// What a command line does, by the program's own definition; `None` when there is no such command.
fn about(program: &clap::Command, line: &str) -> Option<String> {
    let mut command = program;
    for word in line
        .split_whitespace()
        .skip(1)
        .take_while(|word| !word.starts_with('-'))
    {
        command = command.find_subcommand(word)?;
    }
    command.get_about().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_names_a_command_of_this_program() {
        let program = Cli::command();
        let unknown: std::collections::BTreeSet<&str> = gates()
            .iter()
            .map(|gate| gate.remedy)
            .filter(|remedy| about(&program, remedy).is_none())
            .collect();
        // The runner of old and new side by side brings its command along.
        assert!(
            unknown.is_empty() || unknown == std::collections::BTreeSet::from(["nba shadow run"]),
            "{unknown:?}"
        );
    }
}
