//! What ran before and has to run again after a rollback (monitoring dossier 6.21, GC2).

use std::path::Path;

use serde::Serialize;

use crate::state::{self, Job, Source, StateCapture};

/// Something that was running when the state was captured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Service {
    /// A unit, an agent, or a process.
    pub what: String,
    /// How it is known.
    pub why: String,
    /// The exact command, where there is one; it is printed, never run.
    pub command: Option<String>,
}

/// What has to be started again according to a capture: services and agents that were switched on and concern the project, and
/// processes of the project that are gone since. Schedules of cron start by themselves and are not among them.
#[must_use]
pub fn services(capture: &StateCapture) -> Vec<Service> {
    let captured = capture.captured_at.format("%Y-%m-%d %H:%M UTC");
    let mut found: Vec<Service> = Vec::new();
    for job in capture
        .jobs
        .iter()
        .filter(|job| !job.disabled && job.concerns(&capture.project))
    {
        let Some(command) = start(job) else { continue };
        let service = Service {
            what: job.place.clone(),
            why: format!("it was switched on at the capture of {captured}"),
            command: Some(command),
        };
        if !found.contains(&service) {
            found.push(service);
        }
    }
    for old in &capture.processes {
        let now = state::process(&Path::new("/proc").join(old.pid.to_string()), old.pid);
        if now.is_ok_and(|now| now.started_ticks == old.started_ticks) {
            continue;
        }
        found.push(Service {
            what: old.command.join(" "),
            why: format!(
                "process {} ran at the capture of {captured}, in `{}`, and does not run now; its own supervisor or owner starts it",
                old.pid,
                old.folder
                    .as_deref()
                    .unwrap_or(Path::new("unknown"))
                    .display()
            ),
            // Secrets in its arguments are hidden: the line as it is known would not start it.
            command: None,
        });
    }
    found
}

fn start(job: &Job) -> Option<String> {
    let file = Path::new(&job.place);
    let name = file.file_name()?.to_str()?;
    match job.source {
        Source::Systemd if job.place.contains("/systemd/user/") => {
            Some(format!("systemctl --user start {name}"))
        }
        Source::Systemd => Some(format!("systemctl start {name}")),
        Source::Launchd => Some(format!("launchctl bootstrap gui/$(id -u) {}", job.place)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Places, capture};

    #[test]
    fn exactly_what_ran_is_named_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let project = dir.path().join("project");
        let units = dir.path().join(".config/systemd/user");
        for folder in [&project, &units] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(project.join("run.sh"), "sleep 600\n").unwrap();
        let unit = |folder: &Path| {
            format!(
                "[Service]\nWorkingDirectory={0}\nExecStart=/bin/sh {0}/run.sh\n",
                folder.display()
            )
        };
        std::fs::write(units.join("ours.service"), unit(&project)).unwrap();
        std::fs::write(units.join("other.service"), unit(Path::new("/usr"))).unwrap();
        let start = || {
            let mut command = std::process::Command::new("sleep");
            command.arg("600").current_dir(&project);
            command.spawn().unwrap()
        };
        let (mut stays, mut goes) = (start(), start());
        let crontab = dir.path().join("installed");
        std::fs::write(&crontab, "").unwrap();
        let mut places = Places::machine("me", dir.path().to_owned());
        places.root = dir.path().join("root");
        std::fs::create_dir_all(&places.root).unwrap();
        places.crontabs = vec![crontab];
        let found = capture(&project, &places).unwrap();
        goes.kill().unwrap();
        goes.wait().unwrap();
        let named = services(&found);
        stays.kill().unwrap();
        stays.wait().unwrap();
        let commands: Vec<&str> = named
            .iter()
            .filter_map(|service| service.command.as_deref())
            .collect();
        assert_eq!(
            commands,
            ["systemctl --user start ours.service"],
            "{named:?}"
        );
        let processes: Vec<&Service> = named
            .iter()
            .filter(|service| service.command.is_none())
            .collect();
        assert_eq!(processes.len(), 1, "{named:?}");
        assert!(processes[0].why.contains(&format!("process {}", goes.id())));
        let plan = crate::rollback::plan(&project, None).with_services(&named);
        let last = plan.steps.last().unwrap();
        assert_eq!(last.command.as_deref(), Some("nba health"), "{plan:?}");
        assert!(
            plan.steps[plan.steps.len() - 3]
                .action
                .starts_with("start again")
        );
    }
}
