//! Comparison of two tables of 2,000,000 rows × 30 columns with 140 planted differences, as a Markdown table.
//!
//! ```text
//! scripts/bench-compare [--rows 2000000] [--repeats 3] [--only TEXT] [--peer PATH OF reladiff]
//! ```
//!
//! Every contender is a program of its own against the same private servers and runs in turns with the others. A first turn
//! warms the caches and watches the memory of the server; the times are the medians of the later ones. What a contender
//! reports is held against the planted rows, one by one.

mod contenders;
mod measure;

use contenders::{Contender, Group, Pair};
use measure::{Cost, Watch, run};
use std::error::Error;
use std::time::Duration;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows of each table, unless told otherwise.
const ROWS: u64 = 2_000_000;
/// Timed turns, unless told otherwise.
const REPEATS: usize = 3;
/// Fewer rows do not hold the planted differences.
const MIN_ROWS: u64 = 10_000;

struct Arguments {
    rows: u64,
    repeats: usize,
    only: Option<String>,
    peer: Option<String>,
}

impl Arguments {
    fn parse() -> Result<Self> {
        let mut found = Self {
            rows: ROWS,
            repeats: REPEATS,
            only: None,
            peer: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--rows" => found.rows = value()?.parse()?,
                "--repeats" => found.repeats = value()?.parse()?,
                "--only" => found.only = Some(value()?),
                "--peer" => found.peer = Some(value()?),
                // Cargo adds it.
                "--bench" => {}
                other => return Err(format!("unknown argument {other}").into()),
            }
        }
        if found.rows < MIN_ROWS || found.repeats == 0 {
            return Err(format!("at least {MIN_ROWS} rows and one repeat, please").into());
        }
        Ok(found)
    }
}

/// What one contender did.
struct Line {
    group: Group,
    name: &'static str,
    target: Option<f64>,
    cost: Cost,
    found: String,
    exact: bool,
    codes: Vec<Option<i32>>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    let pair = Pair::build(arguments.rows).await?;
    let outcome = measure_all(&arguments, &pair);
    pair.stop().await?;
    let lines = outcome?;
    report(&arguments, &lines);
    Ok(())
}

fn measure_all(arguments: &Arguments, pair: &Pair) -> Result<Vec<Line>> {
    let mut contenders = contenders::all(pair, arguments.peer.as_deref())?;
    if let Some(only) = &arguments.only {
        contenders.retain(|contender| contender.name.contains(only.as_str()));
    }
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); contenders.len()];
    let mut lines = Vec::new();
    for turn in 0..=arguments.repeats {
        for (at, contender) in contenders.iter().enumerate() {
            let watch = if turn == 0 {
                Watch::ServerMemory
            } else {
                Watch::Time
            };
            let ran = run((contender.commands)(), &pair.servers(), watch)?;
            eprintln!(
                "turn {turn}: {}: {:.2} s",
                contender.name,
                ran.cost.wall.as_secs_f64()
            );
            costs[at].push(ran.cost);
            let (found, exact) = judge(contender, pair, &ran.outputs);
            if !exact {
                eprintln!(
                    "{}",
                    ran.outputs
                        .join("\n")
                        .chars()
                        .take(4_000)
                        .collect::<String>()
                );
            }
            if turn == 0 {
                lines.push(Line {
                    group: contender.group,
                    name: contender.name,
                    target: contender.target,
                    cost: Cost::default(),
                    found,
                    exact,
                    codes: ran.codes,
                });
            } else if !exact {
                lines[at].found = found;
                lines[at].exact = false;
            }
        }
    }
    for (line, costs) in lines.iter_mut().zip(costs) {
        line.cost = summary(&costs);
    }
    Ok(lines)
}

/// What was found, in words, and whether it is exactly what was planted.
fn judge(contender: &Contender, pair: &Pair, outputs: &[String]) -> (String, bool) {
    let Some(read) = contender.found else {
        return ("-".to_owned(), true);
    };
    let found = read(outputs);
    let planted = pair.planted();
    if found == *planted {
        return (format!("{} exact", found.len()), true);
    }
    let right = found
        .iter()
        .filter(|(key, kind)| planted.get(key) == Some(kind))
        .count();
    (
        format!(
            "**{right} of {}**, {} wrong",
            planted.len(),
            found.len() - right
        ),
        false,
    )
}

/// Medians of the timed turns; the peaks of all.
fn summary(costs: &[Cost]) -> Cost {
    let timed = &costs[1..];
    let median = |of: fn(&Cost) -> Duration| {
        let mut values: Vec<Duration> = timed.iter().map(of).collect();
        values.sort();
        values[values.len() / 2]
    };
    Cost {
        wall: median(|cost| cost.wall),
        client_cpu: median(|cost| cost.client_cpu),
        server_cpu: median(|cost| cost.server_cpu),
        client_kib: costs.iter().map(|cost| cost.client_kib).max().unwrap_or(0),
        server_kib: costs.iter().map(|cost| cost.server_kib).max().unwrap_or(0),
    }
}

fn report(arguments: &Arguments, lines: &[Line]) {
    println!(
        "{} rows × 30 columns on each side, 140 planted differences, {} timed turns, medians; 1 turn before to warm up.",
        arguments.rows, arguments.repeats
    );
    for group in [Group::OneServer, Group::TwoServers, Group::Again] {
        let of_group: Vec<&Line> = lines.iter().filter(|line| line.group == group).collect();
        if of_group.is_empty() {
            continue;
        }
        let floor = of_group
            .iter()
            .find(|line| line.name.starts_with("floor:"))
            .map(|line| line.cost);
        println!("\n{}\n", group.title());
        println!(
            "| what | wall s | client CPU s | server CPU s | client MiB | server MiB | found | exit | wall ÷ floor | CPU ÷ floor |"
        );
        println!("|---|---:|---:|---:|---:|---:|---|---|---:|---:|");
        for line in &of_group {
            let ratio = |of: fn(&Cost) -> Duration| {
                floor.map_or_else(
                    || "-".to_owned(),
                    |floor| {
                        format!(
                            "{:.2}",
                            of(&line.cost).as_secs_f64() / of(&floor).as_secs_f64()
                        )
                    },
                )
            };
            let codes: Vec<String> = line
                .codes
                .iter()
                .map(|code| code.map_or_else(|| "signal".to_owned(), |code| code.to_string()))
                .collect();
            println!(
                "| {} | {:.2} | {:.2} | {:.2} | {} | {} | {} | {} | {} | {} |",
                line.name,
                line.cost.wall.as_secs_f64(),
                line.cost.client_cpu.as_secs_f64(),
                line.cost.server_cpu.as_secs_f64(),
                line.cost.client_kib / 1024,
                line.cost.server_kib / 1024,
                line.found,
                codes.join(" "),
                ratio(|cost| cost.wall),
                ratio(|cost| cost.client_cpu + cost.server_cpu),
            );
        }
        println!();
        for line in &of_group {
            targets(line, floor, &of_group);
        }
    }
}

/// Says for one of ours which targets it meets.
fn targets(line: &Line, floor: Option<Cost>, group: &[&Line]) {
    let Some(target) = line.target else {
        return;
    };
    let say = |met: bool, what: String| {
        println!(
            "- {}: {what}: **{}**",
            line.name,
            if met { "met" } else { "missed" }
        );
    };
    if line.group == Group::Again {
        let wall = line.cost.wall.as_secs_f64();
        say(wall <= target, format!("{wall:.2} s, target {target} s"));
        return;
    }
    if let Some(floor) = floor {
        let ratio = line.cost.wall.as_secs_f64() / floor.wall.as_secs_f64();
        say(
            ratio <= target,
            format!("{ratio:.2} × the floor, target {target}"),
        );
    }
    let limit = 64 * 1024;
    let client = line.cost.client_kib;
    say(
        client <= limit,
        format!("client memory {} MiB, target 64", client / 1024),
    );
    if line.group == Group::OneServer {
        let both = client + line.cost.server_kib;
        say(
            both <= limit,
            format!("memory of both sides {} MiB, target 64", both / 1024),
        );
    }
    say(
        line.exact,
        "finds every planted difference and nothing else".to_owned(),
    );
    for peer in group
        .iter()
        .filter(|other| other.name.starts_with("reladiff"))
    {
        let times = peer.cost.wall.as_secs_f64() / line.cost.wall.as_secs_f64();
        say(
            times >= 4.0,
            format!("{times:.1} × as fast as {}, target 4", peer.name),
        );
    }
}
