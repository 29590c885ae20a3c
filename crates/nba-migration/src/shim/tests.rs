use super::*;

fn environment() -> Environment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test's own Python is found as the shell finds it"
    )]
    let path = std::env::var("PATH").unwrap_or_default();
    Environment::allowed([("PATH", path)])
}

struct Checkout(tempfile::TempDir);

impl Checkout {
    fn with(old: &str, new: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [("scripts/clock.py", old), ("package/clock.py", new)] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn shim(&self) -> Shim {
        let python = Path::new("python3");
        write(
            self.0.path(),
            "scripts/clock.py",
            "package.clock",
            environment(),
            python,
        )
        .unwrap()
        .0
    }
}

const CLOCK: &str =
    "import os\nLIMIT = 720\n\ndef seconds(text):\n    return 1\n\ndef left(text):\n    return 2\n";

#[test]
fn both_names_are_one_module_and_nothing_public_is_lost() {
    let place = Checkout::with(CLOCK, CLOCK);
    let shim = place.shim();
    assert_eq!(shim.verdict, Verdict::Proven, "{shim:?}");
    assert_eq!(shim.names, 3, "{shim:?}");
    // The old file is as it was; the stand-in runs as a program and as a module.
    let old = std::fs::read_to_string(place.0.path().join("scripts/clock.py")).unwrap();
    assert_eq!(old, CLOCK);
    let said = std::process::Command::new("python3")
        .arg(&shim.file)
        .env("PYTHONPATH", place.0.path())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(said.status.success() && said.stdout.is_empty(), "{said:?}");
}

#[test]
fn a_function_that_got_lost_a_chatty_import_and_a_missing_module_are_told() {
    for (new, words) in [
        (
            "LIMIT = 720\n\ndef seconds(text):\n    return 1\n",
            "`left` of the old file is gone",
        ),
        ("print('hello')\n", "standard output"),
        ("import nothing_of_this_name\n", "nothing_of_this_name"),
    ] {
        let shim = Checkout::with(CLOCK, new).shim();
        assert!(shim.verdict.is_refuted(), "{shim:?}");
        assert!(shim.verdict.to_string().contains(words), "{shim:?}");
    }
    let place = Checkout::with(CLOCK, CLOCK);
    let python = Path::new("python3");
    for (old, new) in [
        ("scripts/clock", "package.clock"),
        ("../clock.py", "package.clock"),
        ("scripts/clock.py", "package clock"),
        ("scripts/clock.py", "scripts.clock"),
        ("scripts/clock.py", "a\"; import os #"),
    ] {
        assert!(
            write(place.0.path(), old, new, environment(), python).is_err(),
            "{old} {new}"
        );
    }
    // Without a Python nothing is known.
    let nobody = write(
        place.0.path(),
        "scripts/clock.py",
        "package.clock",
        environment(),
        Path::new("/nonexistent/python3"),
    );
    assert!(matches!(nobody, Err(ShimError::Run(_))));
}
