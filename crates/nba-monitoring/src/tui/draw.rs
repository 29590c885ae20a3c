//! Drawing.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Row, Table, TableState, Wrap};

use super::{App, HOURS, PARTS, Page, Run};
use crate::checks::whole;
use crate::evidence::EvidenceRow;
use crate::plot::Plot;
use crate::watch::{CheckState, EventKind, Level, Point, Standing};

const KEYS: &str = "↑↓ move  Enter more  Tab page  ? keys  q quit";

/// Draws everything.
pub fn draw(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>) {
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(4),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    header(frame, app, now, head);
    match (app.page, app.open) {
        (Page::Checks, true) => detail(frame, app, now, body),
        (Page::Checks, false) => checks(frame, app, now, body),
        (Page::Tables, true) => table_detail(frame, app, now, body),
        (Page::Tables, false) => tables(frame, app, body),
        (Page::Events, _) => events(frame, app, body),
        (Page::Runs, true) => run_detail(frame, app, now, body),
        (Page::Runs, false) => runs(frame, app, now, body),
        (Page::Ledger, true) => record_detail(frame, app.records().get(app.line), now, body),
        (Page::Ledger, false) => ledger(frame, app, now, body),
    }
    frame.render_widget(
        Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::DIM)),
        foot,
    );
    if app.help {
        help(frame);
    }
}

fn colour(level: Level) -> Color {
    match level {
        Level::Good => Color::Green,
        Level::Warning | Level::Unsettled => Color::Yellow,
        Level::Critical => Color::Red,
        Level::Unknown => Color::Magenta,
        Level::NotApplicable => Color::DarkGray,
    }
}

/// A mark and a word, so that nothing depends on colour.
fn word(check: &CheckState) -> (String, Color) {
    if check.maintenance.is_some() {
        return ("‖ maintenance".to_owned(), Color::DarkGray);
    }
    if check.is_suspect() {
        return (format!("… suspect {}", check.streak.looks), Color::Yellow);
    }
    let text = match check.level {
        Level::Good => "✓ good",
        Level::NotApplicable => "- no matter",
        Level::Unsettled => "… unsettled",
        Level::Warning => "! warning",
        Level::Unknown => "? can't tell",
        Level::Critical => "✗ critical",
    };
    (text.to_owned(), colour(check.level))
}

fn header(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>, area: Rect) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut lines = Vec::new();
    match &app.state {
        None => lines.push(Line::styled("nothing has been watched yet", bold)),
        Some(state) => {
            let standing = state.standing();
            let tone = match standing {
                Standing::Healthy => Color::Green,
                Standing::Suspect | Standing::Warning => Color::Yellow,
                Standing::Critical => Color::Red,
                Standing::Unknown => Color::Magenta,
            };
            let target = state
                .memory
                .identity
                .as_ref()
                .map_or("no database has answered yet", |identity| {
                    identity.brief.database.as_str()
                });
            let last = state
                .last_tick
                .map_or_else(|| "never".to_owned(), |at| age(at, now));
            lines.push(Line::from(vec![
                Span::styled(
                    format!(" {} ", standing.as_str().to_uppercase()),
                    bold.fg(Color::Black).bg(tone),
                ),
                Span::styled(format!(" {target}"), bold),
                Span::raw(format!(
                    "   last look {last} ago, {} ms, look {}",
                    state.last_ms, state.ticks
                )),
            ]));
            lines.push(Line::styled(
                format!("cost: {}", state.cost.line()),
                Style::new().add_modifier(Modifier::DIM),
            ));
        }
    }
    let pages = Page::ALL.iter().map(|page| {
        let style = if *page == app.page {
            bold.add_modifier(Modifier::UNDERLINED)
        } else {
            Style::new()
        };
        Span::styled(format!("{}  ", page.title()), style)
    });
    let mut menu: Vec<Span<'_>> = pages.collect();
    if let Some(problem) = &app.problem {
        menu.push(Span::styled(
            problem.clone(),
            Style::new().fg(Color::Magenta),
        ));
    }
    lines.push(Line::from(menu));
    frame.render_widget(Paragraph::new(lines), area);
}

fn checks(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>, area: Rect) {
    let ids = app.checks();
    let rows = ids.iter().filter_map(|id| {
        let check = app.state.as_ref()?.checks.get(*id)?;
        let (text, colour) = word(check);
        let points = app.series.get(*id).map(Vec::as_slice).unwrap_or_default();
        Some(Row::new([
            Text::styled(text, Style::new().fg(colour)),
            Text::raw((*id).to_owned()),
            Text::raw(age(check.since, now)),
            Text::raw(spark(points, 16)),
            Text::raw(check.last.message.clone()),
        ]))
    });
    let widths = [
        Constraint::Length(13),
        Constraint::Length(28),
        Constraint::Length(8),
        Constraint::Length(17),
        Constraint::Min(10),
    ];
    table(
        frame,
        app,
        area,
        rows.collect(),
        &widths,
        ["state", "check", "since", "24 hours", "last look"].to_vec(),
    );
}

fn tables(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let volumes = app
        .state
        .iter()
        .flat_map(|state| &state.memory.volumes.tables);
    let rows = volumes.map(|(name, volume)| {
        let points = app
            .series
            .get(&format!("rows:{name}"))
            .map(Vec::as_slice)
            .unwrap_or_default();
        Row::new([
            Text::raw(name.clone()),
            Text::raw(format!("{:>14}", whole(volume.rows))),
            Text::raw(spark(points, 40)),
        ])
    });
    let widths = [
        Constraint::Length(40),
        Constraint::Length(14),
        Constraint::Min(10),
    ];
    table(
        frame,
        app,
        area,
        rows.collect(),
        &widths,
        ["table", "          rows", "24 hours"].to_vec(),
    );
}

fn events(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let rows = app.events.iter().map(|event| {
        let colour = match event.kind {
            EventKind::Cleared => Color::Green,
            _ => colour(event.level),
        };
        Row::new([
            Text::raw(event.at.format("%Y-%m-%d %H:%M").to_string()),
            Text::styled(event.kind.as_str(), Style::new().fg(colour)),
            Text::raw(event.check.clone()),
            Text::raw(event.message.clone()),
        ])
    });
    let widths = [
        Constraint::Length(16),
        Constraint::Length(14),
        Constraint::Length(28),
        Constraint::Min(10),
    ];
    table(
        frame,
        app,
        area,
        rows.collect(),
        &widths,
        ["when, UTC", "what", "check", "message"].to_vec(),
    );
}

fn table(
    frame: &mut Frame<'_>,
    app: &App,
    area: Rect,
    rows: Vec<Row<'_>>,
    widths: &[Constraint],
    header: Vec<&'static str>,
) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let table = Table::new(rows, widths.iter().copied())
        .header(Row::new(header).style(bold))
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
        .block(Block::new().borders(Borders::TOP));
    let mut position = TableState::default().with_selected(Some(app.line));
    frame.render_stateful_widget(table, area, &mut position);
}

fn detail(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>, area: Rect) {
    let ids = app.checks();
    let Some((id, check)) = ids
        .get(app.line)
        .and_then(|id| app.state.as_ref()?.checks.get_key_value(*id))
    else {
        return;
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let (text, colour) = word(check);
    let mut lines = vec![
        Line::from(vec![
            Span::styled(format!("{text}  "), Style::new().fg(colour)),
            Span::styled(id.clone(), bold),
        ]),
        Line::raw(format!(
            "since {} ({})",
            check.since.format("%Y-%m-%d %H:%M:%S UTC"),
            age(check.since, now)
        )),
        Line::raw(""),
        Line::raw(check.last.message.clone()),
        Line::raw(""),
    ];
    if let Some(spec) = crate::checks::find(id) {
        lines.push(Line::from(vec![
            Span::styled("proves that ", bold),
            Span::raw(spec.proves),
        ]));
        lines.push(Line::from(vec![
            Span::styled("when refuted ", bold),
            Span::raw(spec.remedy),
        ]));
        lines.push(Line::raw(""));
    }
    let points = app.series.get(id).map(Vec::as_slice).unwrap_or_default();
    lines.push(Line::from(vec![
        Span::styled("24 hours ", bold),
        Span::raw(spark(points, 48)),
    ]));
    let events = app
        .events
        .iter()
        .filter(|event| event.check == *id)
        .take(10);
    for event in events {
        lines.push(Line::raw(format!(
            "{} {} {}",
            event.at.format("%Y-%m-%d %H:%M"),
            event.kind.as_str(),
            event.message
        )));
    }
    opened(frame, lines, area);
}

/// One line of a page, opened.
fn opened(frame: &mut Frame<'_>, lines: Vec<Line<'_>>, area: Rect) {
    let block = Block::new().borders(Borders::TOP).title(" Esc goes back ");
    frame.render_widget(
        Paragraph::new(lines)
            .wrap(Wrap { trim: false })
            .block(block),
        area,
    );
}

fn table_detail(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>, area: Rect) {
    let mut volumes = app
        .state
        .iter()
        .flat_map(|state| &state.memory.volumes.tables);
    let Some((name, volume)) = volumes.nth(app.line) else {
        return;
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut lines = vec![
        Line::styled(name.clone(), bold),
        Line::raw(format!(
            "about {} rows by the server's statistics; {} inserted and {} deleted since its counters began",
            whole(volume.rows),
            whole(volume.inserted),
            whole(volume.deleted)
        )),
        Line::raw(""),
    ];
    let series = format!("rows:{name}");
    let points = app.series.get(&series).map(Vec::as_slice);
    let plot = Plot {
        name: &series,
        unit: "rows",
        points: points.unwrap_or_default(),
        from: now - TimeDelta::hours(HOURS),
        to: now,
        parts: PARTS,
    };
    lines.extend(plot.text().into_iter().map(Line::raw));
    let about = format!("health.table:{name}");
    if let Some(check) = app
        .state
        .as_ref()
        .and_then(|state| state.checks.get(&about))
    {
        let (text, colour) = word(check);
        lines.push(Line::raw(""));
        lines.push(Line::from(vec![
            Span::styled("beside the baseline ", bold),
            Span::styled(text, Style::new().fg(colour)),
            Span::raw(format!("  {}", check.last.message)),
        ]));
    }
    opened(frame, lines, area);
}

fn runs(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>, area: Rect) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    match app.evidence.as_ref().map(|evidence| &evidence.chapters) {
        None => return says(frame, area, "being read …", Color::Reset),
        Some(Err(why)) => {
            return says(frame, area, &format!("? can't tell: {why}"), Color::Magenta);
        }
        Some(Ok(chapters)) if chapters.is_empty() => {
            return says(
                frame,
                area,
                "nothing is on record: no run, no drill, no dual run",
                Color::Magenta,
            );
        }
        Some(Ok(_)) => {}
    }
    let rows = app.runs().into_iter().map(|line| match line {
        Run::Title(chapter) => Row::new([
            Text::raw(""),
            Text::raw(""),
            Text::styled(chapter.title.clone(), bold),
            Text::raw(chapter.summary.clone()),
        ]),
        Run::Record(record) => record_row(record, now),
    });
    records(frame, app, area, rows.collect());
}

fn ledger(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>, area: Rect) {
    let chain = match app.evidence.as_ref().map(|evidence| &evidence.ledger) {
        None => return says(frame, area, "being read …", Color::Reset),
        Some(Err(why)) => {
            return says(frame, area, &format!("? can't tell: {why}"), Color::Magenta);
        }
        Some(Ok(chain)) => chain,
    };
    let [top, body] = Layout::vertical([Constraint::Length(2), Constraint::Min(1)]).areas(area);
    let reasons = chain.verdict.reasons().join("; ");
    let (text, colour) = if chain.verdict.is_proven() {
        (
            format!(
                "✓ unbroken: {} records, each with the digest of the one before",
                chain.records
            ),
            Color::Green,
        )
    } else if chain.verdict.is_refuted() {
        (format!("✗ BROKEN: {reasons}"), Color::Red)
    } else {
        (
            format!("? can't tell: {reasons}; {} records", chain.records),
            Color::Magenta,
        )
    };
    says(frame, top, &text, colour);
    let rows = chain.newest.iter().map(|record| record_row(record, now));
    records(frame, app, body, rows.collect());
}

/// A line in place of a table.
fn says(frame: &mut Frame<'_>, area: Rect, text: &str, colour: Color) {
    frame.render_widget(
        Paragraph::new(text)
            .style(Style::new().fg(colour))
            .wrap(Wrap { trim: false })
            .block(Block::new().borders(Borders::TOP)),
        area,
    );
}

/// A mark and a word, so that nothing depends on colour.
fn verdict(record: &EvidenceRow) -> (&'static str, Color) {
    match record.verdict.as_str() {
        "proven" => ("✓ proven", Color::Green),
        "refuted" => ("✗ refuted", Color::Red),
        "not_applicable" => ("- no matter", Color::DarkGray),
        _ => ("? not proven", Color::Magenta),
    }
}

fn record_row(record: &EvidenceRow, now: DateTime<Utc>) -> Row<'static> {
    let (text, colour) = verdict(record);
    Row::new([
        Text::raw(format!("{} ago", age(record.at, now))),
        Text::styled(text, Style::new().fg(colour)),
        Text::raw(record.subject.clone()),
        Text::raw(record.detail.clone()),
    ])
}

fn records(frame: &mut Frame<'_>, app: &App, area: Rect, rows: Vec<Row<'_>>) {
    let widths = [
        Constraint::Length(11),
        Constraint::Length(12),
        Constraint::Length(28),
        Constraint::Min(10),
    ];
    table(
        frame,
        app,
        area,
        rows,
        &widths,
        ["when", "verdict", "what", "detail"].to_vec(),
    );
}

fn run_detail(frame: &mut Frame<'_>, app: &App, now: DateTime<Utc>, area: Rect) {
    match app.runs().get(app.line) {
        Some(Run::Record(record)) => record_detail(frame, Some(record), now, area),
        Some(Run::Title(chapter)) => says(
            frame,
            area,
            &format!("{}: {}", chapter.title, chapter.summary),
            Color::Reset,
        ),
        None => runs(frame, app, now, area),
    }
}

fn record_detail(
    frame: &mut Frame<'_>,
    record: Option<&EvidenceRow>,
    now: DateTime<Utc>,
    area: Rect,
) {
    let Some(record) = record else {
        return says(frame, area, "this record is no longer shown", Color::Reset);
    };
    let (text, colour) = verdict(record);
    let mut lines = vec![
        Line::from(vec![
            Span::styled(format!("{text}  "), Style::new().fg(colour)),
            Span::styled(
                record.subject.clone(),
                Style::new().add_modifier(Modifier::BOLD),
            ),
        ]),
        Line::raw(format!(
            "{} ({} ago)",
            record.at.format("%Y-%m-%d %H:%M:%S UTC"),
            age(record.at, now)
        )),
        Line::raw(""),
        Line::raw(record.detail.clone()),
    ];
    if !record.digest.is_empty() {
        lines.push(Line::raw(""));
        lines.push(Line::raw(format!("record before: {}", record.digest)));
    }
    opened(frame, lines, area);
}

fn help(frame: &mut Frame<'_>) {
    let text = "↑ ↓  k j        line above, below\nPgUp PgDn       ten lines\nHome End        first, last\nTab Shift-Tab   next page, page before: checks,\n                tables, events, runs, ledger\nEnter           more about the line\nEsc             back\n?               this\nq  Ctrl-C       quit\n\nAny key closes this.";
    let area = frame.area();
    let width = area.width.min(52);
    let height = area.height.min(14);
    let place = Rect::new(
        (area.width - width) / 2,
        (area.height - height) / 2,
        width,
        height,
    );
    frame.render_widget(Clear, place);
    frame.render_widget(
        Paragraph::new(text).block(Block::bordered().title(" Keys ")),
        place,
    );
}

/// Eight heights; a time of trouble is `!`, a time without a look is blank.
fn spark(points: &[Point], width: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = &points[points.len().saturating_sub(width)..];
    let values = || shown.iter().filter_map(|point| point.mean);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    shown
        .iter()
        .map(|point| match point.mean {
            _ if point.level.is_alarm() => '!',
            None => '·',
            Some(value) => {
                let share = if high > low {
                    (value - low) / (high - low)
                } else {
                    0.0
                };
                let steps = (0_u8..7)
                    .take_while(|step| share * 8.0 >= f64::from(step + 1))
                    .count();
                BARS[steps]
            }
        })
        .collect()
}

/// How long, in the unit that matters.
fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
