//! The main part of each page.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::chart::Chart;
use super::html::{Text, figure, level_pill, moment, page, pill, segment, since, standing_pill};
use super::site::{RANGES, Range, Site, View};
use crate::checks::{CATALOGUE, DB_MS, Group, LookCost, PAGES, figure as number, size, whole};
use crate::evidence::{Chapter, EvidenceRow};
use crate::watch::{CheckState, Event, EventKind, Level, Series, State};

/// Ids of checks that come from the health report.
const HEALTH: &str = "health.";
/// Ids of row estimates in the history.
const ROWS: &str = "rows:";

/// A problem that every page shows first.
fn notes(view: &View, now: DateTime<Utc>) -> String {
    let mut text = String::new();
    let problems = [
        view.stale(now),
        view.state.as_ref().and(view.problem.clone()),
    ];
    for problem in problems.into_iter().flatten() {
        let _ = write!(
            text,
            "<p class=\"note unknown\" role=\"alert\">{}</p>",
            Text(problem)
        );
    }
    text
}

pub(super) fn overview(site: &Site, view: &View, now: DateTime<Utc>) -> String {
    let mut main = notes(view, now);
    let Some(state) = &view.state else {
        main.push_str("<section class=\"card\"><h1>Nothing has been watched yet</h1><p>Start <code>nba serve</code> or <code>nba dashboard --continuous</code> in this project.</p></section>");
        return page("Nothing yet", "/", &main);
    };
    let standing = if view.stale(now).is_some() {
        crate::watch::Standing::Unknown
    } else {
        state.standing()
    };
    let range = RANGES[0];
    let series = site.series("", range, now);
    hero(&mut main, state, standing, now);
    let empty = Series::new();
    let series = match &series {
        Ok(series) => series.as_ref(),
        Err(error) => {
            let _ = write!(
                main,
                "<p class=\"note unknown\" role=\"alert\">{}</p>",
                Text(nba_utils::ErrorReport::new(error))
            );
            &empty
        }
    };
    let list = |main: &mut String, title: &str, id: &str, checks: &[(&String, &CheckState)]| {
        let _ = write!(
            main,
            "<section class=\"card\" aria-labelledby=\"{id}\"><h2 id=\"{id}\">{}</h2><ul class=\"checks\">",
            Text(title)
        );
        for (check, known) in checks {
            row(main, check, known, series, range, now);
        }
        main.push_str("</ul></section>");
    };
    let mut trouble: Vec<(&String, &CheckState)> = state
        .checks
        .iter()
        .filter(|(_, check)| check.level.is_alarm() || check.is_suspect())
        .collect();
    trouble.sort_by_key(|(id, check)| (std::cmp::Reverse(check.level), check.since, *id));
    if !trouble.is_empty() {
        list(&mut main, "Needs attention", "attention", &trouble);
    }
    for group in [
        Group::Server,
        Group::Freshness,
        Group::Volume,
        Group::Work,
        Group::Lake,
        Group::Evidence,
        Group::Monitor,
    ] {
        let checks: Vec<(&String, &CheckState)> = CATALOGUE
            .iter()
            .filter(|spec| spec.group == group)
            .filter_map(|spec| state.checks.get_key_value(spec.id))
            .collect();
        if !checks.is_empty() {
            list(
                &mut main,
                group.title(),
                &format!("g-{}", group.title()),
                &checks,
            );
        }
    }
    let health: Vec<(&String, &CheckState)> = state
        .checks
        .iter()
        .filter(|(id, _)| id.starts_with(HEALTH))
        .collect();
    if !health.is_empty() {
        let good = health
            .iter()
            .filter(|(_, check)| check.level == Level::Good)
            .count();
        let _ = write!(
            main,
            "<section class=\"card\" aria-labelledby=\"g-baseline\"><h2 id=\"g-baseline\">Compared with the baseline</h2><details id=\"baseline\"><summary>{good} of {} checks are proven</summary><ul class=\"checks\">",
            health.len()
        );
        for (id, check) in &health {
            row(&mut main, id, check, series, range, now);
        }
        main.push_str("</ul></details></section>");
    }
    watching(&mut main, state, series, range, now);
    let title = format!("{}: {}", standing.as_str(), target(state));
    page(&title, "/", &main)
}

/// What the watch itself costs.
fn watching(main: &mut String, state: &State, series: &Series, range: Range, now: DateTime<Utc>) {
    let LookCost {
        connections,
        statements,
        db_ms,
        pages,
        received_bytes,
        baseline_ms,
        memory_bytes,
        history_bytes,
        hour_db_ms,
        dearest,
        put_off,
        ..
    } = &state.cost;
    main.push_str(
        "<section class=\"card\" aria-labelledby=\"cost\"><h2 id=\"cost\">What watching costs</h2>",
    );
    if state.cost == LookCost::default() {
        main.push_str(
            "<p>The last look was taken by a program that did not count this.</p></section>",
        );
        return;
    }
    let count = |count: &Option<u64>| count.map(|count| whole(number(count)));
    let bytes = |count: &Option<u64>| count.map(|count| size(number(count)));
    let ms = |ms: &Option<f64>| ms.map(|ms| format!("{ms:.1} ms"));
    let tiles = [
        ("database time", ms(db_ms)),
        ("in the last hour", ms(hour_db_ms)),
        ("statements", count(statements)),
        ("pages of tables", count(pages)),
        ("received", bytes(received_bytes)),
        ("connections", count(connections)),
        ("memory", bytes(memory_bytes)),
        ("history", bytes(history_bytes)),
        (
            "with the baseline",
            baseline_ms.map(|ms| format!("{} ms", whole(number(ms)))),
        ),
    ];
    main.push_str("<dl class=\"tiles\">");
    for (name, value) in tiles {
        // A look without a comparison has none, and that is no lack of knowledge.
        if value.is_none() && name == "with the baseline" {
            continue;
        }
        let value = value.unwrap_or_else(|| "not known".to_owned());
        let _ = write!(main, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(value));
    }
    main.push_str("</dl>");
    main.push_str("<div class=\"grid\">");
    for (name, title, unit) in [
        (DB_MS, "database time of a look", "ms"),
        (PAGES, "pages of tables in a look", "pages"),
    ] {
        let points = series.get(name).map(Vec::as_slice).unwrap_or_default();
        if points.is_empty() {
            continue;
        }
        let chart = Chart {
            name: title,
            unit,
            points,
            from: range.from(now),
            to: now,
            parts: range.parts,
        };
        let _ = write!(
            main,
            "<article class=\"card\"><h3>{title}</h3>{}</article>",
            chart.spark()
        );
    }
    main.push_str("</div>");
    let named: Vec<String> = dearest
        .iter()
        .map(|(id, ms)| format!("{id} {ms:.1} ms"))
        .collect();
    if !named.is_empty() {
        let _ = write!(
            main,
            "<p class=\"small muted\">The dearest checks: {}.</p>",
            Text(named.join(", "))
        );
    }
    if !put_off.is_empty() {
        let _ = write!(
            main,
            "<p class=\"note warning\">Over budget, not asked: {}</p>",
            Text(put_off.join(", "))
        );
    }
    main.push_str("<p class=\"small muted\">Database time is what was waited for answers beyond the way there and back. Viewers of these pages cost the database nothing.</p></section>");
}

fn target(state: &State) -> String {
    state.memory.identity.as_ref().map_or_else(
        || "no database has answered yet".to_owned(),
        |identity| identity.brief.database.clone(),
    )
}

fn hero(main: &mut String, state: &State, standing: crate::watch::Standing, now: DateTime<Utc>) {
    let count = |wanted: &dyn Fn(&CheckState) -> bool| {
        state.checks.values().filter(|check| wanted(check)).count()
    };
    let worst = state
        .checks
        .values()
        .filter(|check| check.level.is_alarm())
        .max_by_key(|check| (check.level, std::cmp::Reverse(check.since)));
    let sentence = match worst {
        Some(check) => format!("{} {}", Text(&check.last.id), since(check.since, now)),
        None => format!("watched {}", since(state.started, now)),
    };
    let system = state
        .memory
        .identity
        .as_ref()
        .map_or_else(String::new, |identity| {
            let version: Vec<&str> = identity.version.split_whitespace().take(2).collect();
            let system = identity
                .brief
                .system_identifier
                .as_deref()
                .unwrap_or("unknown");
            format!(
                "{} · system {system} · role {}",
                version.join(" "),
                identity.brief.role
            )
        });
    let last = state
        .last_tick
        .map_or_else(|| "never".to_owned(), |at| moment(at, now));
    let _ = write!(
        main,
        "<section class=\"hero {class}\" aria-label=\"Overall state\"><div>{pill}<h1>{target}</h1><p>{sentence}</p><p class=\"muted small\">{system}</p></div>\
         <dl class=\"tiles\"><div><dt>in alarm</dt><dd>{alarm}</dd></div><div><dt>suspect</dt><dd>{suspect}</dd></div><div><dt>proven</dt><dd>{good}</dd></div>\
         <div><dt>last look</dt><dd>{last}</dd></div><div><dt>it took</dt><dd>{took} ms</dd></div></dl></section>",
        class = standing.as_str(),
        pill = standing_pill(standing),
        target = Text(target(state)),
        system = Text(system),
        alarm = count(&|check| check.level.is_alarm()),
        suspect = count(&CheckState::is_suspect),
        good = count(&|check| check.level == Level::Good && !check.is_suspect()),
        took = state.last_ms,
    );
}

fn row(
    main: &mut String,
    id: &str,
    check: &CheckState,
    series: &Series,
    range: Range,
    now: DateTime<Utc>,
) {
    let pill = match (check.is_suspect(), &check.maintenance) {
        (_, Some(_)) => pill("not_applicable", "⏸", "maintenance"),
        (true, None) => pill(
            "suspect",
            "…",
            &format!("suspect, {} bad", check.streak.looks),
        ),
        (false, None) => level_pill(check.level),
    };
    let note = match (&check.maintenance, &check.acknowledged) {
        (Some(reason), _) => format!(" · maintenance: {}", Text(reason)),
        (None, Some(by)) => format!(" · looked after by {}", Text(&by.by)),
        (None, None) => String::new(),
    };
    let unit = crate::checks::find(id).map_or(
        if id.starts_with("health.table:") {
            "rows"
        } else {
            ""
        },
        |spec| spec.value,
    );
    let spark = series.get(id).map_or_else(String::new, |points| {
        Chart {
            name: id,
            unit,
            points,
            from: range.from(now),
            to: now,
            parts: range.parts,
        }
        .spark()
    });
    let _ = write!(
        main,
        "<li><span class=\"pillcell\">{pill}</span><div class=\"what\"><h3><a href=\"/check/{}\">{}</a></h3><p class=\"small\">{}</p><p class=\"small muted\">{}{note}</p></div><span class=\"sparkcell\">{spark}</span></li>",
        segment(id),
        Text(id),
        Text(&check.last.message),
        since(check.since, now),
    );
}

/// Links to the other ranges.
fn ranges(main: &mut String, here: &str, shown: Range) {
    main.push_str("<ul class=\"ranges\" aria-label=\"Time shown\">");
    for range in RANGES {
        let current = if range == shown {
            " aria-current=\"true\""
        } else {
            ""
        };
        let _ = write!(
            main,
            "<li><a href=\"{here}?range={}\"{current}>{}</a></li>",
            range.name, range.title
        );
    }
    main.push_str("</ul>");
}

/// One check; `None` when there is no such one.
pub(super) fn check(
    site: &Site,
    view: &View,
    id: &str,
    range: Range,
    now: DateTime<Utc>,
) -> Option<String> {
    let known = view.state.as_ref()?.checks.get(id)?;
    let spec = crate::checks::find(id);
    let mut main = notes(view, now);
    let _ = write!(
        main,
        "<section class=\"hero {}\" aria-label=\"State\"><div>{}<h1 class=\"mono\">{}</h1><p>{}</p><p class=\"muted small\">{}, last look {}</p></div></section>",
        known.level.as_str(),
        level_pill(known.level),
        Text(id),
        Text(&known.last.message),
        since(known.since, now),
        moment(known.seen, now),
    );
    main.push_str("<section class=\"card\" aria-labelledby=\"past\"><h2 id=\"past\">Past</h2>");
    ranges(&mut main, &format!("/check/{}", segment(id)), range);
    let unit = spec.map_or(
        if id.starts_with("health.table:") {
            "rows"
        } else {
            ""
        },
        |spec| spec.value,
    );
    match site.series(id, range, now) {
        Ok(series) => {
            let points = series.get(id).map(Vec::as_slice).unwrap_or_default();
            let chart = Chart {
                name: id,
                unit,
                points,
                from: range.from(now),
                to: now,
                parts: range.parts,
            };
            main.push_str(&chart.large());
            if !unit.is_empty() {
                let _ = write!(
                    main,
                    "<p class=\"small muted\">{}; the band goes from the least to the greatest value of each stretch.</p>",
                    Text(unit)
                );
            }
        }
        Err(error) => {
            let _ = write!(
                main,
                "<p class=\"note unknown\" role=\"alert\">{}</p>",
                Text(nba_utils::ErrorReport::new(&error))
            );
        }
    }
    main.push_str("</section><section class=\"card\" aria-labelledby=\"facts\"><h2 id=\"facts\">What it means</h2><dl class=\"facts\">");
    let mut fact = |name: &str, text: &str| {
        let _ = write!(main, "<dt>{name}</dt><dd>{}</dd>", Text(text));
    };
    if let Some(spec) = spec {
        fact("proves that", spec.proves);
        fact("when refuted", spec.remedy);
        fact("cost", spec.cost.as_str());
        if !spec.source.is_empty() {
            fact("why", spec.source);
        }
    } else {
        fact(
            "proves that",
            "the rule of the baseline holds; `nba health` names the rows that differ",
        );
    }
    fact("last verdict", &known.last.verdict.to_string());
    if let Some(value) = known.last.value {
        fact("last value", &format!("{} {unit}", figure(value, unit)));
    }
    if let Some(by) = &known.acknowledged {
        let note = by.note.as_deref().unwrap_or("");
        fact(
            "acknowledged",
            &format!(
                "by {}, {} {note}",
                by.by,
                by.at.format("%Y-%m-%d %H:%M UTC")
            ),
        );
    }
    main.push_str("</dl></section>");
    let events: Vec<&Event> = view
        .events
        .iter()
        .filter(|event| event.check == id)
        .collect();
    if !events.is_empty() {
        main.push_str(
            "<section class=\"card\" aria-labelledby=\"events\"><h2 id=\"events\">Events</h2>",
        );
        timeline(&mut main, events.into_iter(), now);
        main.push_str("</section>");
    }
    Some(page(id, "", &main))
}

pub(super) fn tables(site: &Site, view: &View, range: Range, now: DateTime<Utc>) -> String {
    let mut main = notes(view, now);
    main.push_str("<h1>Tables</h1><p class=\"muted\">Rows by the server's own statistics, taken at no cost; exact figures come from the health check.</p>");
    ranges(&mut main, "/tables", range);
    let volumes = view
        .state
        .as_ref()
        .map(|state| &state.memory.volumes.tables);
    match (volumes, site.series(ROWS, range, now)) {
        (Some(volumes), Ok(series)) if !volumes.is_empty() => {
            let mut tables: Vec<_> = volumes.iter().collect();
            tables.sort_by(|left, right| {
                right
                    .1
                    .rows
                    .total_cmp(&left.1.rows)
                    .then(left.0.cmp(right.0))
            });
            main.push_str("<div class=\"grid\">");
            for (table, volume) in tables {
                let id = format!("{ROWS}{table}");
                let points = series.get(&id).map(Vec::as_slice).unwrap_or_default();
                let chart = Chart {
                    name: table,
                    unit: "rows",
                    points,
                    from: range.from(now),
                    to: now,
                    parts: range.parts,
                };
                let first = points.iter().find_map(|point| point.mean);
                let change = first.map_or_else(String::new, |first| {
                    let change = volume.rows - first;
                    let sign = if change > 0.0 { "+" } else { "" };
                    format!(
                        " <span class=\"small muted\">{sign}{}</span>",
                        crate::checks::whole(change)
                    )
                });
                let _ = write!(
                    main,
                    "<article class=\"card\"><h3>{}</h3><p class=\"big\">{}{change}</p>{}</article>",
                    Text(table),
                    crate::checks::whole(volume.rows),
                    chart.spark()
                );
            }
            main.push_str("</div>");
        }
        (_, Err(error)) => {
            let _ = write!(
                main,
                "<p class=\"note unknown\" role=\"alert\">{}</p>",
                Text(nba_utils::ErrorReport::new(&error))
            );
        }
        _ => main.push_str("<p class=\"card\">No table has been seen yet.</p>"),
    }
    page("Tables", "/tables", &main)
}

pub(super) fn events(view: &View, now: DateTime<Utc>) -> String {
    let mut main = notes(view, now);
    main.push_str("<h1>Events</h1><p class=\"muted\">What went into alarm and left it, and what happened to the watch itself; newest first.</p><section class=\"card\">");
    if view.events.is_empty() {
        main.push_str("<p>Nothing has happened yet.</p>");
    } else {
        timeline(&mut main, view.events.iter(), now);
    }
    main.push_str("</section>");
    page("Events", "/events", &main)
}

fn timeline<'a>(main: &mut String, events: impl Iterator<Item = &'a Event>, now: DateTime<Utc>) {
    main.push_str("<ol class=\"time\">");
    for event in events {
        let (class, mark, word) = match event.kind {
            EventKind::Raised => (event.level.as_str(), "▲", "raised"),
            EventKind::Changed => (event.level.as_str(), "◆", "changed"),
            EventKind::Cleared => ("good", "▼", "cleared"),
            EventKind::Gap => ("unknown", "?", "nobody watched"),
            EventKind::ClockSetBack => ("unknown", "?", "clock set back"),
            EventKind::StateLost => ("unknown", "?", "state lost"),
            EventKind::CannotWrite => ("unknown", "?", "cannot write"),
            EventKind::NotDelivered => ("unknown", "?", "not delivered"),
        };
        let lasted = match event.kind {
            EventKind::Cleared => {
                let time = (event.at - event.since).to_std().unwrap_or_default();
                format!(
                    " <span class=\"muted small\">after {}</span>",
                    nba_utils::format::duration(time)
                )
            }
            _ => String::new(),
        };
        let _ = write!(
            main,
            "<li><span class=\"small\">{} <span class=\"muted\">({})</span></span>{}<p><strong class=\"mono\">{}</strong> {}{lasted}</p></li>",
            event.at.format("%Y-%m-%d %H:%M"),
            moment(event.at, now),
            pill(class, mark, word),
            Text(&event.check),
            Text(&event.message),
        );
    }
    main.push_str("</ol>");
}

pub(super) fn evidence(
    view: &View,
    chapters: &Result<Vec<Chapter>, String>,
    rows: &Result<Vec<EvidenceRow>, String>,
    now: DateTime<Utc>,
) -> String {
    let mut main = notes(view, now);
    let heading = |main: &mut String| {
        if matches!(chapters, Ok(chapters) if !chapters.is_empty()) {
            main.push_str("<h2>All records</h2>");
        }
    };
    main.push_str("<h1>Evidence</h1><p class=\"muted\">The last records of the project's ledger, newest first. Each carries the digest of the one before; <code>nba ledger verify</code> checks the chain.</p>");
    match chapters {
        Err(why) => {
            let _ = write!(
                main,
                "<p class=\"note unknown\" role=\"alert\">{}</p>",
                Text(why)
            );
        }
        Ok(chapters) => {
            for about in chapters {
                chapter(&mut main, about, now);
            }
        }
    }
    heading(&mut main);
    match rows {
        Err(why) => {
            let _ = write!(
                main,
                "<p class=\"note unknown\" role=\"alert\">{}</p>",
                Text(why)
            );
        }
        Ok(rows) if rows.is_empty() => main.push_str("<p class=\"card\">No record yet.</p>"),
        Ok(rows) => {
            main.push_str("<section class=\"card scroll\" tabindex=\"0\" aria-label=\"Records\"><table><thead><tr><th scope=\"col\">When</th><th scope=\"col\">What</th><th scope=\"col\">Verdict</th><th scope=\"col\">Detail</th><th scope=\"col\">Record before</th></tr></thead><tbody>");
            for row in rows {
                let level = verdict_pill(&row.verdict);
                let digest = row.digest.get(..12).unwrap_or(&row.digest);
                let _ = write!(
                    main,
                    "<tr><td class=\"small\">{}</td><td>{}</td><td>{level}</td><td class=\"small\">{}</td><td class=\"mono small\">{}</td></tr>",
                    moment(row.at, now),
                    Text(&row.subject),
                    Text(&row.detail),
                    Text(digest)
                );
            }
            main.push_str("</tbody></table></section>");
        }
    }
    page("Evidence", "/evidence", &main)
}

/// Records of a chapter that the page shows; `nba report weekly` has all of its week.
const IN_CHAPTER: usize = 8;

/// What the records about one thing come to, and the newest of them.
fn chapter(main: &mut String, about: &Chapter, now: DateTime<Utc>) {
    let _ = write!(
        main,
        "<section class=\"card\" aria-label=\"{0}\"><h2>{0}</h2><p class=\"small muted\">{1}</p>",
        Text(&about.title),
        Text(&about.summary)
    );
    if !about.records.is_empty() {
        main.push_str("<ol class=\"time\">");
        for record in about.records.iter().take(IN_CHAPTER) {
            let _ = write!(
                main,
                "<li><span class=\"small\">{} <span class=\"muted\">({})</span></span>{}<p><strong class=\"mono\">{}</strong> <span class=\"small\">{}</span></p></li>",
                record.at.format("%Y-%m-%d %H:%M"),
                moment(record.at, now),
                verdict_pill(&record.verdict),
                Text(&record.subject),
                Text(&record.detail)
            );
        }
        main.push_str("</ol>");
    }
    main.push_str("</section>");
}

fn verdict_pill(verdict: &str) -> String {
    match verdict {
        "proven" => pill("good", "✓", "proven"),
        "refuted" => pill("critical", "✕", "refuted"),
        "not_proven" => pill("unknown", "?", "not proven"),
        _ => pill("not_applicable", "–", "not applicable"),
    }
}
