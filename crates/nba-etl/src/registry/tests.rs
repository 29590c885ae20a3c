use std::path::Path;
use std::time::Duration;

use super::*;

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

/// A registry of these files.
fn registry(files: &[(&str, &str)]) -> Registry {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        write(dir.path(), path, text);
    }
    Registry::discover(dir.path()).unwrap()
}

fn script(path: &str, text: &str) -> ScriptInfo {
    registry(&[(path, text)]).find(path).unwrap().clone()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ')
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn refused(flags: &Flags, arguments: &str, part: &str) {
    let problems = flags.check(&words(arguments));
    assert!(
        problems
            .iter()
            .any(|problem| problem.to_string().contains(part)),
        "{arguments}: {problems:?}"
    );
}

#[track_caller]
fn accepted(flags: &Flags, arguments: &str) {
    assert_eq!(flags.check(&words(arguments)), [], "{arguments}");
}

fn hazards(script: &ScriptInfo) -> Vec<(HazardKind, usize)> {
    script.hazards.iter().map(|h| (h.kind, h.line)).collect()
}

const PARSER: &str = r#"#!/usr/bin/env python3
"""Loads things. input("is no question here")"""
import argparse  # --not-an-option

def main():
    parser = argparse.ArgumentParser(description="see --help, or \"load.py\"")
    parser.add_argument("--year", "-y", type=int, required=True, help="a \
year")
    parser.add_argument(
        "--mode",
        choices=["full", 'delta'],  # two of them
        default="delta",
    )
    parser.add_argument("--seasons", nargs="+", type=int)
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--tag", action="append")
    parser.add_argument("--rate", type=float, default=0.75)
    parser.add_argument("--db-password")
    parser.add_argument("input", nargs="?")
    parser.parse_args()

if __name__ == "__main__":
    main()
"#;

#[test]
fn argparse_is_read_from_the_source() {
    let script = script("etl/load.py", PARSER);
    let flags = &script.flags;
    assert_eq!(flags.parser, ParserKind::Argparse);
    assert_eq!(script.interpreter, "python3");
    assert_eq!(
        script.summary.as_deref(),
        Some("Loads things. input(\"is no question here\")")
    );
    assert!(script.entry_point);
    let names: Vec<&str> = flags.options.iter().map(Flag::name).collect();
    assert_eq!(
        names,
        [
            "--year",
            "--mode",
            "--seasons",
            "--dry-run",
            "--tag",
            "--rate",
            "--db-password"
        ]
    );
    assert_eq!(flags.option("-y").unwrap().line, 7);
    assert_eq!(flags.option("--mode").unwrap().choices, ["full", "delta"]);
    assert_eq!(
        flags.option("--rate").unwrap().default.as_deref(),
        Some("0.75")
    );
    assert_eq!(flags.positionals.len(), 1);
    assert!(!flags.positionals[0].required);
    assert!(hazards(&script).is_empty(), "{:?}", script.hazards);
}

#[test]
fn only_what_the_script_will_understand_is_accepted() {
    let flags = script("load.py", PARSER).flags;
    accepted(&flags, "--year 2024");
    accepted(&flags, "--year=2024 --seasons 2020 2021 --dry-run");
    accepted(
        &flags,
        "-y 2024 --tag a --tag b --rate .5 --mode full file.json",
    );
    accepted(&flags, "--help --year 1");
    // argparse would take each of these for something.
    refused(&flags, "--ye 2024", "silently take it for `--year`");
    refused(
        &flags,
        "--year 2024 --season 2024",
        "silently take it for `--seasons`",
    );
    refused(&flags, "--year 2024 --yaer 1", "near: --year");
    refused(&flags, "", "`--year` is required");
    refused(&flags, "--year", "lacks its value");
    refused(&flags, "--year --dry-run", "lacks its value");
    refused(&flags, "--year 20x4", "not a whole number");
    refused(&flags, "--year 1 --year 2", "given twice");
    refused(&flags, "--year 1 --mode all", "none of full, delta");
    refused(&flags, "--year 1 --dry-run=yes", "takes no value");
    refused(&flags, "--year 1 a b", "one too many");
    refused(
        &flags,
        "--year 1 --db-password hunter22",
        "every user of the machine",
    );
    let shown = format!(
        "{:?}",
        flags.check(&words(
            "--year 1 --db-password hunter22 --db-password=hunter22"
        ))
    );
    assert!(!shown.contains("hunter22"), "{shown}");
    let broken = flags.check(&["--year".to_owned(), "1\n2".to_owned()]);
    assert_eq!(broken.len(), 1);
}

#[test]
fn a_script_without_a_parser_takes_nothing() {
    let flags = script("a.py", "print('hello')\n").flags;
    accepted(&flags, "");
    refused(&flags, "--season 2024", "it has none");
    refused(&flags, "2024", "would be ignored");
    let flags = script("b.py", "import sys\nif '--test' in sys.argv:\n    pass\n").flags;
    accepted(&flags, "--test");
    refused(&flags, "--tset", "near: --test");
    // What is made at run time is not judged.
    let open = script("c.py", "p.add_argument(name)\n").flags;
    assert!(open.open.is_some());
    accepted(&open, "--anything 1");
}

#[test]
fn getopt_click_and_sub_commands() {
    let flags = script(
        "g.py",
        "import getopt\ngetopt.getopt(argv, 'hd:', ['days=', 'dry-run'])\n",
    )
    .flags;
    accepted(&flags, "-d 3 --dry-run");
    refused(&flags, "--days", "lacks its value");
    let flags = script(
        "k.py",
        "@click.option('--n', 'count', type=int)\n@click.argument('out')\ndef f(): pass\n",
    )
    .flags;
    accepted(&flags, "--n 3 x");
    refused(&flags, "--n x x", "not a whole number");
    let flags = script(
        "s.py",
        "p = argparse.ArgumentParser()\nsub.add_parser('update')\nsub.add_parser('show')\n",
    )
    .flags;
    accepted(&flags, "show");
    refused(&flags, "shwo", "none of update, show");
}

#[test]
fn shell_options_come_from_case_tests_and_getopts() {
    let case = script(
        "run.sh",
        "#!/bin/bash\n# Runs it.\nwhile [ $# -gt 0 ]; do\n  case \"$1\" in\n    --test|-t) TEST=1; shift ;;\n    --start-date)\n      START=\"$2\"\n      shift 2\n      ;;\n    *) exit 1 ;;\n  esac\ndone\n",
    );
    assert_eq!(case.summary.as_deref(), Some("Runs it."));
    accepted(&case.flags, "--test --start-date 2024-01-01");
    refused(&case.flags, "--start-date", "lacks its value");
    refused(&case.flags, "--start 2024", "silently take it");
    let test = script("x.sh", "if [ \"$1\" = \"--dry-run\" ]; then echo; fi\n");
    accepted(&test.flags, "--dry-run");
    refused(&test.flags, "--dry", "not an option");
    let getopts = script("o.sh", "while getopts \"t:d\" opt; do :; done\n");
    accepted(&getopts.flags, "-t 3 -d");
    let agent = script(
        "a.sh",
        "case \"$1\" in\n  start)\n    nohup python3 x.py &\n    ;;\n  stop) ;;\nesac\n",
    );
    accepted(&agent.flags, "start");
    refused(&agent.flags, "begin", "none of start, stop");
    // One word with a blank in it is a value.
    let scheduled = script(
        "s.sh",
        "ARGS=\"${1:---days 3}\"\nDRY=\"${2:-}\"\npython3 x.py $ARGS\n",
    );
    assert_eq!(scheduled.flags.check(&["--days 7".to_owned()]), []);
    refused(&scheduled.flags, "--days 7", "not an option");
}

#[test]
fn r_flags_that_are_evaluated_take_seasons_only() {
    let text = "# All of it.\nargs <- commandArgs(trailingOnly = TRUE)\nout <- if (length(args) > 0) args[[1]] else '/tmp/x'\nup <- '--upload-to-s3' %in% args\ns <- grep('^--seasons=', args, value = TRUE)\nseasons <- eval(parse(text = sub('--seasons=', '', s)))\n";
    let script = script("all.R", text);
    assert_eq!(script.interpreter, "Rscript");
    accepted(&script.flags, "out --upload-to-s3 --seasons=2002:2024");
    refused(
        &script.flags,
        "out --seasons=system('id')",
        "runs it as code",
    );
    refused(&script.flags, "out --upload", "silently");
    assert!(hazards(&script).contains(&(HazardKind::EvaluatesInput, 6)));
}

#[test]
fn tables_prefixes_and_variables_are_those_of_the_code() {
    let text = r#"
"""INSERT INTO docstring_table is documentation."""
import os
# DELETE FROM comment_table
host = os.environ["DB_HOST"]
name = os.environ.get("RDS_DB_NAME", "nba")
for v in ("POSTGRES_USER", "POSTGRES_DB"):
    pass
cursor.execute("""
    INSERT INTO public.play_by_play (a)
    VALUES (%s)
""")
cursor.execute(f"DROP TABLE IF EXISTS {target} CASCADE")
cursor.execute("update games set a = 1")
print("please update the games, copy all files to the server")
s3.put_object(Key=f"espn_play_by_play/{game}.json")
s3.get_object(Key="pbp/1.json")
open("data/schedule/1.json")
frame.to_sql("hoopr_schedule", engine)
"#;
    let script = script("load.py", text);
    let written: Vec<&str> = script.written_tables().collect();
    assert_eq!(written, ["games", "hoopr_schedule", "public.play_by_play"]);
    let destroyed: Vec<(&str, usize)> = script
        .tables
        .iter()
        .filter(|t| t.effect == TableEffect::Destroys)
        .map(|t| (t.table.as_str(), t.line))
        .collect();
    assert_eq!(destroyed, [("{target}", 13)]);
    let prefixes: Vec<&str> = script.prefixes.iter().map(String::as_str).collect();
    assert!(
        prefixes.contains(&"espn_play_by_play/") && prefixes.contains(&"pbp/"),
        "{prefixes:?}"
    );
    assert!(script.writes_objects);
    let families: Vec<&str> = script.families.iter().map(String::as_str).collect();
    assert_eq!(families, ["DB_*", "POSTGRES_*", "RDS_*"]);
}

#[test]
fn dangers_are_named_with_their_line() {
    let shell = script(
        "d.sh",
        "#!/bin/bash\nOUT=/Users/somebody/data\nrm -rf \"$OUT\"\nread -p 'Go on? ' x\nnohup python3 /Users/somebody/a.py > log 2>&1 &\npython3 b.py | tee log\nif [ $? -ne 0 ]; then exit 1; fi\nfoo && bar\nX=\"DB_PASSWORD=$DB_PASSWORD\"\npip install pandas\n# read -p 'commented'\n",
    );
    let found = hazards(&shell);
    for wanted in [
        (HazardKind::HardCodedHome, 2),
        (HazardKind::Destructive, 3),
        (HazardKind::Prompt, 4),
        (HazardKind::BackgroundChild, 5),
        (HazardKind::MaskedFailure, 6),
        (HazardKind::SecretOnCommandLine, 9),
        (HazardKind::Installs, 10),
    ] {
        assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
    }
    assert!(
        !found.iter().any(|(_, line)| matches!(line, 7 | 8 | 11)),
        "{found:?}"
    );
    let python = script(
        "p.py",
        "import logging, subprocess\nlogging.FileHandler('logs/x.log')\nanswer = input('really? ')\nhost = 'nba.abc.us-east-1.rds.amazonaws.com'\nsubprocess.Popen(['sleep'])\nx = eval(cell)\n",
    );
    let found = hazards(&python);
    for wanted in [
        (HazardKind::NeedsFolder, 2),
        (HazardKind::Prompt, 3),
        (HazardKind::DefaultServer, 4),
        (HazardKind::BackgroundChild, 5),
        (HazardKind::EvaluatesInput, 6),
    ] {
        assert!(found.contains(&wanted), "{wanted:?} in {found:?}");
    }
}

#[test]
fn a_call_that_leads_nowhere_is_named_with_what_may_be_meant() {
    let registry = registry(&[
        (
            "scripts/etl/run.sh",
            "python3 \"$(dirname \"$0\")/scrape_missing_espn_data.py\" --start-date 1\npython3 scripts/etl/there.py\n",
        ),
        (
            "scripts/etl/scrape_missing_games.py",
            "if __name__ == '__main__': pass\n",
        ),
        (
            "scripts/etl/there.py",
            "from scripts.scrapers.hoopr import X\nfrom scripts.etl import run\nimport json\nimport scripts.etl.there2\n",
        ),
    ]);
    let run = registry.find("run.sh").unwrap();
    let missing: Vec<&ScriptCall> = run.missing().collect();
    let [call] = &missing[..] else {
        panic!("{:?}", run.calls);
    };
    assert_eq!(
        (call.written.as_str(), call.line),
        ("scrape_missing_espn_data.py", 1)
    );
    assert_eq!(call.near, ["scripts/etl/scrape_missing_games.py"]);
    let there = registry.find("there").unwrap();
    let modules: Vec<&str> = there.missing().map(|call| call.written.as_str()).collect();
    assert_eq!(modules, ["scripts.scrapers.hoopr", "scripts.etl.there2"]);
    assert_eq!(
        there.called_by.iter().collect::<Vec<_>>(),
        ["scripts/etl/run.sh"]
    );
}

#[test]
fn schedules_reach_scripts_through_others() {
    let registry = registry(&[
        (
            "deployment/cron/crontab.installed",
            "SHELL=/bin/bash\n# comment\n0 3 * * * cd /Users/x/proj && python3 scripts/nightly.py\n*/15 * * * * /Users/x/proj/scripts/often.sh\n0 4 * * 0 scripts/gone.sh\n99 * * * * scripts/often.sh\n0 5 * * * cd /x && ./a.sh $(date +%u)\n",
        ),
        (
            "scripts/nightly.py",
            "import subprocess\nsubprocess.run(['python3', 'scripts/step.py'])\nif __name__ == '__main__': pass\n",
        ),
        ("scripts/step.py", ""),
        ("scripts/often.sh", "echo\n"),
        (
            "deployment/systemd/x.service",
            "[Service]\nExecStart=/opt/homebrew/bin/python3 scripts/nightly.py\n",
        ),
    ]);
    let step = registry.find("step").unwrap();
    assert_eq!(step.schedules.len(), 2, "{:?}", registry.schedules);
    let nightly = &registry.schedules[0];
    assert_eq!(nightly.scripts, ["scripts/nightly.py"]);
    assert_eq!(nightly.longest_gap, Some(Duration::from_secs(86_400)));
    assert_eq!(registry.schedules[1].scripts, ["scripts/often.sh"]);
    let gone = &registry.schedules[2];
    assert_eq!(gone.missing, ["scripts/gone.sh"]);
    assert!(
        gone.problems.iter().any(|p| p.contains("home folder")),
        "{gone:?}"
    );
    assert!(registry.schedules[3].problems[0].contains("not between 0 and 59"));
    assert!(
        registry.schedules[4]
            .problems
            .iter()
            .any(|p| p.contains('%'))
    );
}

#[test]
fn cron_times_are_worked_out() {
    let gap = |text: &str| {
        text.parse::<CronTime>()
            .unwrap()
            .longest_gap()
            .map(|g| g.as_secs())
    };
    assert_eq!(gap("*/15 * * * *"), Some(15 * 60));
    assert_eq!(gap("0 */6 * * *"), Some(6 * 3600));
    assert_eq!(gap("0 9 * * 1"), Some(7 * 86_400));
    assert_eq!(gap("@monthly"), Some(31 * 86_400));
    // Day of month and weekday both given: either is enough.
    assert_eq!(gap("0 0 1 * 1"), Some(7 * 86_400));
    assert_eq!(
        gap("0 0 * jan sun"),
        // From the last Sunday of January 2024 to the first of 2025.
        Some(343 * 86_400)
    );
    for wrong in [
        "",
        "* * * *",
        "60 * * * *",
        "0 24 * * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "a * * * *",
    ] {
        assert!(wrong.parse::<CronTime>().is_err(), "{wrong}");
    }
    let nightly: CronTime = "0 3 * * *".parse().unwrap();
    let at = |text: &str| text.parse::<chrono::NaiveDateTime>().unwrap();
    assert_eq!(
        nightly.last_before(at("2025-11-08T02:59:00")),
        Some(at("2025-11-07T03:00:00"))
    );
    assert_eq!(
        nightly.last_before(at("2025-11-08T03:01:00")),
        Some(at("2025-11-08T03:00:00"))
    );
}

#[test]
fn names_are_resolved_or_explained() {
    let registry = registry(&[
        (
            "scripts/etl/espn_web_scraper.py",
            "if __name__ == '__main__': pass\n",
        ),
        ("scripts/etl/load.py", "if __name__ == '__main__': pass\n"),
        ("scripts/db/load.py", "if __name__ == '__main__': pass\n"),
    ]);
    assert_eq!(
        registry.find("espn_web_scraper").unwrap().path,
        "scripts/etl/espn_web_scraper.py"
    );
    let error = registry.find("load").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("scripts/db/load.py or scripts/etl/load.py"),
        "{error}"
    );
    let entry_points = BTreeMap::from([
        ("etl.espn".to_owned(), "espn_web_scraper".to_owned()),
        (
            "etl.hoopr".to_owned(),
            "scripts/etl/run_espn_scraper.sh".to_owned(),
        ),
    ]);
    assert_eq!(
        registry.resolve("etl.espn", &entry_points).unwrap().path,
        "scripts/etl/espn_web_scraper.py"
    );
    let error = registry.resolve("etl.hoopr", &entry_points).unwrap_err();
    assert!(
        error.to_string().contains("entry point of `etl.hoopr`"),
        "{error}"
    );
    assert!(
        error.hint().unwrap().contains("espn_web_scraper.py"),
        "{error:?}"
    );
    assert!(Registry::discover(Path::new("/no/such/folder")).is_err());
}

#[test]
fn odd_sources_do_no_harm() {
    for text in [
        "'unclosed\nprint('x')\n",
        "\"\"\"never closed",
        "f(((((",
        "add_argument(",
        "\\",
        "parser.add_argument('--ü', '--é')\n",
        "x = '\u{1F3C0}' # \u{1F3C0}\n",
        "\0\u{feff}",
    ] {
        for name in ["a.py", "a.sh", "a.R", "crontab"] {
            registry(&[(name, text)]);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("big.py"), vec![b'x'; 3 << 20]).unwrap();
    std::fs::write(
        dir.path().join("latin.py"),
        b"x = '\xe9'\nparser.add_argument('--a')\n",
    )
    .unwrap();
    std::os::unix::fs::symlink("/etc", dir.path().join("link")).unwrap();
    let registry = Registry::discover(dir.path()).unwrap();
    assert_eq!(registry.unread.len(), 1);
    assert_eq!(registry.scripts.len(), 1);
}

proptest::proptest! {
    #[test]
    fn no_source_panics(text in "[-a-z'\"#()\\[\\]{}\\\\\n =,.$&|;<>/*0-9é]{0,200}") {
        for language in [Language::Python, Language::Shell, Language::R] {
            Source::read(language, &text);
        }
        // Whatever it is, it is no schedule that panics.
        let _ = text.parse::<CronTime>();
        schedule::read(Scheduler::Cron, "crontab", &text);
    }

    #[test]
    fn what_a_parser_declares_is_accepted(
        names in proptest::collection::btree_set("[a-z]{3,8}(-[a-z]{2,5})?", 1..6),
        value in "[a-z0-9_./]{1,12}",
    ) {
        // A name that is another's beginning, or a secret's, is refused on purpose.
        let text: String = names.iter().map(|n| format!("p.add_argument('--{n}')\n")).collect();
        let source = Source::read(Language::Python, &text);
        for name in names.iter().filter(|n| !nba_utils::redact::names_a_secret(n)) {
            let arguments = [format!("--{name}"), value.clone()];
            proptest::prop_assert_eq!(source.flags.check(&arguments), []);
        }
    }
}
