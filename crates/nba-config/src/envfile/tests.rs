use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> EnvFile {
    EnvFile::parse(text, |name| {
        (name == "FROM_ENV").then(|| "outside".to_owned())
    })
}

/// One line, its value, and the problem it must be reported with.
#[track_caller]
fn check(line: &str, value: Option<&str>, problem: Option<&str>) {
    let file = parse(&format!("A=1\n{line}\nZ=last\n"));
    let entry = file
        .entries
        .iter()
        .find(|entry| entry.name == "K")
        .expect("an entry for K");
    assert_eq!(entry.value.as_deref(), value, "{line}");
    assert_eq!(entry.line, 2, "{line}");
    assert_eq!(file.get("Z"), Some("last"), "the next line survives {line}");
    match problem {
        None => assert_eq!(file.problems, [], "{line}"),
        Some(part) => {
            assert_eq!(file.problems.len(), 1, "{line}: {:?}", file.problems);
            let problem = &file.problems[0];
            assert_eq!(problem.line, 2, "{line}");
            let text = problem.kind.to_string();
            assert!(text.contains(part), "{line}: {text}");
            assert_eq!(problem.kind.is_fatal(), value.is_none(), "{line}");
        }
    }
}

#[test]
fn lines_that_both_readers_agree_on() {
    for (line, value) in [
        ("K=v", "v"),
        ("export K=v", "v"),
        ("  export\tK=v", "v"),
        ("K='v'", "v"),
        ("K=\"v\"", "v"),
        ("K=v # comment", "v"),
        ("K='v' # it's a comment", "v"),
        ("K=\"v\"\t# \"comment\"", "v"),
        ("K=v#no-comment", "v#no-comment"),
        ("K=#x", "#x"),
        ("K='a # b'", "a # b"),
        ("K='p%a:s?s#w&d@/'", "p%a:s?s#w&d@/"),
        ("K='say \"hi\"'", "say \"hi\""),
        ("K=\"it's\"", "it's"),
        ("K=\"a\\\\b\\\"c\"", "a\\b\"c"),
        ("K='a\\b'", "a\\b"),
        ("K=00712345", "00712345"),
        ("K=a=b", "a=b"),
        ("K=\"${A}/x\"", "1/x"),
        ("K=${A}${FROM_ENV}", "1outside"),
        ("K=\"${NOPE:-fallback}\"", "fallback"),
        ("K=\"${A:-fallback}\"", "1"),
        ("K='a$b'", "a$b"),
        ("K=\"cost 5$\"", "cost 5$"),
        ("K=", ""),
        ("K=''", ""),
        ("K='ü✓'", "ü✓"),
        ("K='tw o'  ", "tw o"),
    ] {
        check(line, Some(value), None);
    }
}

#[test]
fn lines_that_the_two_readers_differ_on_are_read_as_python_does_and_reported() {
    for (line, value, why) in [
        ("K = v", "v", "blank around"),
        ("K= v", "v", "blank around"),
        ("K=a b", "a b", "blank in an unquoted"),
        ("K=a&b", "a&b", "shell operator"),
        ("K=a\\b", "a\\b", "backslash"),
        ("K=a'b'", "a'b'", "quote"),
        ("K=~/x", "~/x", "`~`"),
        ("K='${A}'", "${A}", "single quotes"),
        ("K='a\\\\b'", "a\\b", "single quotes"),
        ("K='a\\'b'", "a'b", "single quotes"),
        (
            "K='ends with\\' # here",
            "ends with\\",
            "closing single quote",
        ),
        ("K=\"a\\nb\"", "a\nb", "escape"),
        ("K=\"a\\$b\"", "a$b", "escape"),
        ("K='v'#x", "v", "directly behind"),
        ("K= # nothing", "", "place of the value"),
    ] {
        check(line, Some(value), Some(why));
    }
}

#[test]
fn lines_that_cannot_be_trusted_poison_only_their_variable() {
    for (line, why) in [
        ("K=$HOME/x", "$NAME"),
        ("K=\"$A\"", "$NAME"),
        ("K=$1", "$NAME"),
        ("K=$(id)", "$(…)"),
        ("K=`id`", "`…`"),
        ("K=\"`id`\"", "`…`"),
        ("K=${NOPE}", "${NOPE} is not set"),
        ("K=\"${K}\"", "${K} is not set"),
        ("K=${A/x/y}", "${…}"),
        ("K=${A", "${"),
        ("K='open", "never closed"),
        ("K=\"open", "never closed"),
        ("K='a'b", "follows the closing quote"),
    ] {
        check(line, None, Some(why));
    }
}

#[test]
fn other_lines() {
    let file = parse(
        "\u{feff}# head\r\n\r\nexport A='1' # one\r\nnot an assignment\r\nexport B\r\nKEY: x\r\n9=x\r\nA=2\r\nC=\"two\r\nlines\"\r\nexport=3",
    );
    assert_eq!(file.get("A"), Some("2"), "the last definition counts");
    assert_eq!(file.get("C"), Some("two\nlines"));
    assert_eq!(file.get("export"), Some("3"));
    let problems: Vec<_> = file
        .problems
        .iter()
        .map(|p| (p.line, p.kind.clone()))
        .collect();
    assert_eq!(
        problems,
        [
            (4, EnvProblemKind::NotAssignment),
            (5, EnvProblemKind::NotAssignment),
            (6, EnvProblemKind::NotAssignment),
            (7, EnvProblemKind::NotAssignment),
            (8, EnvProblemKind::Duplicate { first_line: 3 }),
        ]
    );
    assert_eq!(file.entries.last().map(|entry| entry.line), Some(11));
}

#[test]
fn a_later_bad_definition_does_not_fall_back_to_the_earlier_one() {
    let file = parse("K=good\nK=$bad\n");
    assert_eq!(file.get("K"), None);
}

#[test]
fn files_that_are_not_utf8_name_line_and_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.env");
    std::fs::write(&path, b"A=1\nB='\xe4'\n").unwrap();
    let error = EnvFile::read(&path, |_| None).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}:2: byte 7 of the file is not UTF-8", path.display())
    );
}

/// Every value a shell reads back, by asking a real one.
#[test]
fn written_files_mean_the_same_to_a_shell() {
    let values = [
        "plain",
        "p%a:s?s#w&d@/",
        "it's",
        "a\\b",
        "a\\\\b",
        "end\\",
        "\"$HOME`id`",
        "two\nlines",
        "",
        "ü",
    ];
    let names: Vec<String> = (0..values.len()).map(|n| format!("V{n}")).collect();
    let text = EnvFile::write(names.iter().map(String::as_str).zip(values));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.env");
    std::fs::write(&path, &text).unwrap();
    let print: String = names
        .iter()
        .map(|name| format!("printf '%s\\0' \"${name}\"; "))
        .collect();
    let output = std::process::Command::new("sh")
        .arg("-c")
        .arg(format!(". {}; {print}", path.display()))
        .output()
        .unwrap();
    assert!(output.status.success());
    let read = String::from_utf8(output.stdout).unwrap();
    let read: Vec<_> = read.split_terminator('\0').collect();
    assert_eq!(read, values);
}

proptest! {
    #[test]
    fn written_values_are_read_back(values in proptest::collection::vec("(?s).{0,24}", 0..6)) {
        let names: Vec<String> = (0..values.len()).map(|n| format!("V{n}")).collect();
        let pairs = names.iter().map(String::as_str).zip(values.iter().map(String::as_str));
        let file = EnvFile::parse(&EnvFile::write(pairs), |_| None);
        prop_assert!(file.problems.iter().all(|problem| !problem.kind.is_fatal()), "{:?}", file.problems);
        let read: Vec<_> = file.entries.iter().map(|entry| entry.value.clone().unwrap()).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn awkward_values_are_read_back(value in "[a\\\\'\"$`{}#%&\r\n =~]{0,12}") {
        let file = EnvFile::parse(&EnvFile::write([("K", value.as_str())]), |_| None);
        prop_assert_eq!(file.get("K"), Some(value.as_str()));
    }

    #[test]
    fn no_text_breaks_the_parser(text in "(?s)[A-C=${}'\"\\\\`# \r\nexport:-]{0,60}") {
        let file = EnvFile::parse(&text, |_| None);
        let lines = text.split('\n').count();
        prop_assert!(file.problems.iter().all(|problem| (1..=lines).contains(&problem.line)));
    }
}
