//! The week as one HTML file.

use std::fmt::Write as _;

use super::text::{change, lasted, minutes};
use super::{Chapter, PARTS, ROWS, Week};
use crate::checks::{DB_MS, whole};
use crate::serve::chart::Chart;
use crate::serve::html::{Text, level_pill, pill, standing_pill};
use crate::watch::{LOOK_MS, Level};

const STYLE: &str = include_str!("../assets/style.css");
/// What paper and mail need beside it.
const MORE_STYLE: &str = "@media print { body { background: #fff; } .card, .hero { box-shadow: none; break-inside: avoid; } details > * { display: revert; } } \
     ol.time .pill { justify-self: start; } .week td { vertical-align: top; } .week td.mono, .week td:nth-child(3).small { white-space: nowrap; } .week td .spark { min-width: 8rem; }";

impl Week {
    /// The week as one page that loads nothing: styles and drawings are in it.
    #[must_use]
    pub fn html(&self) -> String {
        let mut main = String::new();
        self.head(&mut main);
        self.alarms(&mut main);
        self.all_checks(&mut main);
        self.growth(&mut main);
        for chapter in &self.evidence {
            records(&mut main, chapter);
        }
        self.watching(&mut main);
        let title = format!(
            "{}: week to {}",
            self.database.as_deref().unwrap_or("nba"),
            self.to.format("%Y-%m-%d")
        );
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}</title><style>{STYLE}{MORE_STYLE}</style></head><body><main id=\"main\">{main}</main>\
             <footer>Made by nba {version} at {at}. Times are UTC. Rows are the server's own estimates.</footer></body></html>\n",
            title = Text(title),
            version = env!("CARGO_PKG_VERSION"),
            at = self.to.format("%Y-%m-%d %H:%M UTC"),
        )
    }

    fn head(&self, main: &mut String) {
        let open = self.outages.iter().filter(|outage| outage.until.is_none());
        let tile = |name: &str, value: &dyn std::fmt::Display| {
            format!("<div><dt>{name}</dt><dd>{value}</dd></div>")
        };
        if let Some(problem) = &self.problem {
            let _ = write!(
                main,
                "<p class=\"note unknown\" role=\"alert\">{}</p>",
                Text(problem)
            );
        }
        let _ = write!(
            main,
            "<section class=\"hero {}\" aria-label=\"State\"><div>{}<h1>{}</h1><p>{} to {}</p></div><dl class=\"tiles\">{}{}{}{}</dl></section>",
            self.standing.as_str(),
            standing_pill(self.standing),
            Text(
                self.database
                    .as_deref()
                    .unwrap_or("no database has answered yet")
            ),
            self.from.format("%Y-%m-%d %H:%M"),
            self.to.format("%Y-%m-%d %H:%M"),
            tile("alarms", &self.outages.len()),
            tile("go on", &open.count()),
            tile("looks", &whole(f64::from(self.looks))),
            tile("unwatched", &minutes(self.unwatched_minutes)),
        );
    }

    fn alarms(&self, main: &mut String) {
        main.push_str(
            "<section class=\"card\" aria-labelledby=\"alarms\"><h2 id=\"alarms\">Alarms</h2>",
        );
        if self.outages.is_empty() {
            main.push_str("<p>None in this week.</p></section>");
            return;
        }
        main.push_str("<ol class=\"time\">");
        for outage in &self.outages {
            let _ = write!(
                main,
                "<li><span class=\"small\">{}</span>{}<p><strong class=\"mono\">{}</strong> {}</p></li>",
                Text(lasted(outage)),
                level_pill(outage.level),
                Text(&outage.check),
                Text(&outage.message)
            );
        }
        main.push_str("</ol></section>");
    }

    fn chart<'a>(&'a self, name: &'a str, series: &str, unit: &'a str) -> Chart<'a> {
        Chart {
            name,
            unit,
            points: self
                .series
                .get(series)
                .map(Vec::as_slice)
                .unwrap_or_default(),
            from: self.from,
            to: self.to,
            parts: PARTS,
        }
    }

    fn all_checks(&self, main: &mut String) {
        let good = self
            .checks
            .iter()
            .filter(|check| check.level == Level::Good);
        let _ = write!(
            main,
            "<section class=\"card scroll\" tabindex=\"0\" aria-labelledby=\"checks\"><h2 id=\"checks\">Checks</h2><p class=\"small muted\">{} of {} are good now. \
             The strip has one piece per hour, coloured by the worst look in it.</p><table class=\"week\"><thead><tr><th scope=\"col\">Check</th><th scope=\"col\">Now</th>\
             <th scope=\"col\">Since</th><th scope=\"col\" class=\"number\">Bad hours</th><th scope=\"col\">Week</th></tr></thead><tbody>",
            good.count(),
            self.checks.len()
        );
        let mut checks: Vec<_> = self.checks.iter().collect();
        checks.sort_by_key(|check| {
            (
                std::cmp::Reverse(check.level.is_alarm().then_some(check.level)),
                std::cmp::Reverse(check.bad_hours),
                &check.id,
            )
        });
        for check in checks {
            let bad = match check.hours {
                0 => "–".to_owned(),
                hours => format!("{} of {hours}", check.bad_hours),
            };
            let _ = write!(
                main,
                "<tr><td class=\"mono small\">{}</td><td>{}</td><td class=\"small\">{}</td><td class=\"number\">{bad}</td><td>{}</td></tr>",
                Text(&check.id),
                level_pill(check.level),
                check.since.format("%Y-%m-%d %H:%M"),
                self.chart(&check.id, &check.id, "").spark()
            );
        }
        main.push_str("</tbody></table></section>");
    }

    fn growth(&self, main: &mut String) {
        let grown = self.grown();
        let _ = write!(
            main,
            "<section class=\"card\" aria-labelledby=\"tables\"><h2 id=\"tables\">Growth of tables</h2><p class=\"small muted\">{} of {} tables changed; {} rows in all.</p><div class=\"grid\">",
            grown.len(),
            self.tables.len(),
            change(Some(grown.iter().filter_map(|table| table.gained).sum()))
        );
        for table in &grown {
            let series = format!("{ROWS}{}", table.table);
            let _ = write!(
                main,
                "<article class=\"card\"><h3>{}</h3><p class=\"big\">{} <span class=\"small muted\">{}</span></p>{}</article>",
                Text(&table.table),
                whole(table.rows),
                change(table.gained),
                self.chart(&table.table, &series, "rows").spark()
            );
        }
        main.push_str("</div></section>");
    }

    fn watching(&self, main: &mut String) {
        let _ = write!(
            main,
            "<section class=\"card\" aria-labelledby=\"cost\"><h2 id=\"cost\">What watching cost</h2><p>{}</p>{}<h3>Database time of a look</h3>{}</section>",
            Text(self.cost_line()),
            self.chart("time of a look", LOOK_MS, "ms").large(),
            self.chart("database time of a look", DB_MS, "ms").large()
        );
    }
}

fn records(main: &mut String, chapter: &Chapter) {
    let _ = write!(
        main,
        "<section class=\"card scroll\" tabindex=\"0\" aria-label=\"{0}\"><h2>{0}</h2><p>{1}</p>",
        Text(&chapter.title),
        Text(&chapter.summary)
    );
    if !chapter.records.is_empty() {
        main.push_str("<table class=\"week\"><thead><tr><th scope=\"col\">When</th><th scope=\"col\">What</th><th scope=\"col\">Verdict</th><th scope=\"col\">Detail</th></tr></thead><tbody>");
        for record in &chapter.records {
            let verdict = match record.verdict.as_str() {
                "proven" => pill("good", "✓", "proven"),
                "refuted" => pill("critical", "✕", "refuted"),
                "not_proven" => pill("unknown", "?", "not proven"),
                _ => pill("not_applicable", "–", "not applicable"),
            };
            let _ = write!(
                main,
                "<tr><td class=\"small\">{}</td><td>{}</td><td>{verdict}</td><td class=\"small\">{}</td></tr>",
                record.at.format("%Y-%m-%d %H:%M"),
                Text(&record.subject),
                Text(&record.detail)
            );
        }
        main.push_str("</tbody></table>");
    }
    main.push_str("</section>");
}
