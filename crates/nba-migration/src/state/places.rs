//! Where a machine keeps what runs by itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{DateTime, Utc};

use super::command::{Shell, hide_line};
use super::crontab::{self, Form};
use super::{Job, Source, launchd, systemd};

/// Files and folders deeper in a checkout are not looked for schedules.
const DEPTH: usize = 6;
/// Largest file that is read as a schedule.
const LARGEST: u64 = 1024 * 1024;

/// Where to look.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Places {
    /// What stands for `/`.
    pub root: PathBuf,
    /// The home of the user whose jobs these are.
    pub home: PathBuf,
    /// The user.
    pub user: String,
    /// Crontabs of users, as files, instead of asking `crontab -l` and looking into the spool.
    pub crontabs: Vec<PathBuf>,
    /// Folders of programs, for commands without one.
    pub path: Vec<PathBuf>,
}

impl Places {
    /// This machine, seen by `user` whose home is `home`.
    #[must_use]
    pub fn machine(user: impl Into<String>, home: impl Into<PathBuf>) -> Self {
        Self {
            root: PathBuf::from("/"),
            home: home.into(),
            user: user.into(),
            crontabs: Vec::new(),
            // What cron itself uses on Debian; others differ by less than they agree.
            path: ["/usr/bin", "/bin"].map(PathBuf::from).into(),
        }
    }

    pub(super) fn proc(&self) -> &Path {
        Path::new("/proc")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Everything that is found; what cannot be read goes into `unseen`.
    pub(super) fn jobs(&self, project: &Path, unseen: &mut Vec<String>) -> Vec<Job> {
        let mut jobs = Vec::new();
        self.user_crontabs(&mut jobs, unseen);
        let system = self.at("etc/crontab");
        self.crontab_file(
            &system,
            Source::SystemCrontab,
            Form::System,
            &mut jobs,
            unseen,
        );
        for file in files(&self.at("etc/cron.d"), unseen) {
            self.crontab_file(
                &file,
                Source::SystemCrontab,
                Form::System,
                &mut jobs,
                unseen,
            );
        }
        for period in ["hourly", "daily", "weekly", "monthly"] {
            for file in files(&self.at(&format!("etc/cron.{period}")), unseen) {
                let schedule = format!("cron.{period}");
                let command = file.display().to_string();
                if is_hidden(&file) {
                    continue;
                }
                jobs.push(self.job(
                    Source::CronFolder,
                    command.clone(),
                    Some(schedule),
                    Some("root".to_owned()),
                    Path::new("/"),
                    &command,
                ));
            }
        }
        for folder in [
            "etc/systemd/system",
            "lib/systemd/system",
            "usr/lib/systemd/system",
            "run/systemd/system",
        ] {
            // The distribution's own services are many and not ours; those of the administrator are all looked at.
            let all = folder.starts_with("etc");
            self.systemd(&self.at(folder), all, project, &mut jobs, unseen);
        }
        self.systemd(
            &self.home.join(".config/systemd/user"),
            true,
            project,
            &mut jobs,
            unseen,
        );
        for folder in [
            self.home.join("Library/LaunchAgents"),
            self.at("Library/LaunchAgents"),
            self.at("Library/LaunchDaemons"),
        ] {
            for file in files(&folder, unseen) {
                self.agent(&file, Source::Launchd, &mut jobs, unseen);
            }
        }
        self.committed(project, &mut jobs, unseen);
        // `/lib` is a link to `/usr/lib` on most machines.
        jobs.dedup_by(|a, b| a == b);
        jobs
    }

    fn user_crontabs(&self, jobs: &mut Vec<Job>, unseen: &mut Vec<String>) {
        if !self.crontabs.is_empty() {
            for file in &self.crontabs {
                self.crontab_file(file, Source::UserCrontab, Form::User, jobs, unseen);
            }
            return;
        }
        match Command::new("crontab")
            .arg("-l")
            .stdin(Stdio::null())
            .output()
        {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                self.crontab_text(
                    &text,
                    "crontab -l",
                    Source::UserCrontab,
                    Form::User,
                    jobs,
                    unseen,
                );
            }
            // An empty crontab is said with a failure.
            Ok(output) if String::from_utf8_lossy(&output.stderr).contains("no crontab for") => {}
            Ok(output) => unseen.push(format!(
                "the crontab: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )),
            // Without the program there is no cron that could run anything.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => unseen.push(format!("the crontab: {error}")),
        }
        for spool in [
            "var/spool/cron/crontabs",
            "var/spool/cron",
            "usr/lib/cron/tabs",
        ] {
            for file in files(&self.at(spool), unseen) {
                let owner = file
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned());
                // Our own was asked for above.
                if owner.as_deref() != Some(self.user.as_str()) {
                    self.crontab_file(&file, Source::UserCrontab, Form::User, jobs, unseen);
                }
            }
        }
    }

    fn crontab_file(
        &self,
        file: &Path,
        source: Source,
        form: Form,
        jobs: &mut Vec<Job>,
        unseen: &mut Vec<String>,
    ) {
        if is_hidden(file) {
            return;
        }
        if let Some(text) = read(file, unseen) {
            self.crontab_text(
                &text,
                &file.display().to_string(),
                source,
                form,
                jobs,
                unseen,
            );
        }
    }

    fn crontab_text(
        &self,
        text: &str,
        place: &str,
        source: Source,
        form: Form,
        jobs: &mut Vec<Job>,
        unseen: &mut Vec<String>,
    ) {
        let crontab = crontab::parse(text, form);
        for number in &crontab.unread {
            unseen.push(format!("{place}:{number}: neither a setting nor a job"));
        }
        // Cron starts commands in the home folder; nothing else (F03).
        let home = crontab.home.clone().unwrap_or_else(|| self.home.clone());
        for line in crontab.lines {
            let user = line
                .user
                .clone()
                .or_else(|| (source == Source::UserCrontab).then(|| self.user.clone()));
            let mut job = self.job_with(
                source,
                format!("{place}:{}", line.number),
                Some(line.schedule),
                user,
                &home,
                &line.command,
                crontab.path.as_deref().unwrap_or(&self.path),
            );
            if source == Source::Committed {
                // It may be meant for another machine.
                job.disabled = true;
            }
            jobs.push(job);
        }
    }

    fn systemd(
        &self,
        folder: &Path,
        all: bool,
        project: &Path,
        jobs: &mut Vec<Job>,
        unseen: &mut Vec<String>,
    ) {
        let units = files(folder, unseen);
        let mut times: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in units.iter().filter(|file| ends(file, ".timer")) {
            if let Some(text) = read(file, unseen) {
                let unit = systemd::parse(&text);
                let starts = unit.starts.unwrap_or_else(|| stem(file) + ".service");
                times.entry(starts).or_default().extend(unit.times);
            }
        }
        for file in units.iter().filter(|file| ends(file, ".service")) {
            let Some(text) = read(file, unseen) else {
                continue;
            };
            let found = self.service(file, &text, Source::Systemd, &times);
            jobs.extend(found.into_iter().filter(|job| all || job.concerns(project)));
        }
    }

    fn service(
        &self,
        file: &Path,
        text: &str,
        source: Source,
        times: &BTreeMap<String, Vec<String>>,
    ) -> Vec<Job> {
        let unit = systemd::parse(text);
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let folder = match unit.folder.as_deref() {
            Some(folder) if folder == Path::new("~") || folder.starts_with("%h") => {
                self.home.clone()
            }
            Some(folder) => folder.to_owned(),
            None => PathBuf::from("/"),
        };
        unit.commands
            .iter()
            .map(|command| {
                let command = command.replace("%h", &self.home.display().to_string());
                let schedule = times.get(&name).map(|times| times.join(", "));
                self.job(
                    source,
                    file.display().to_string(),
                    schedule,
                    unit.user.clone(),
                    &folder,
                    &command,
                )
            })
            .collect()
    }

    fn agent(&self, file: &Path, source: Source, jobs: &mut Vec<Job>, unseen: &mut Vec<String>) {
        if !ends(file, ".plist") {
            return;
        }
        let Some(text) = read(file, unseen) else {
            return;
        };
        let Some(agent) = launchd::parse(&text) else {
            unseen.push(format!("{}: not an XML property list", file.display()));
            return;
        };
        let folder = agent.folder.clone().unwrap_or_else(|| PathBuf::from("/"));
        let quoted: Vec<String> = agent
            .arguments
            .iter()
            .map(|word| format!("'{word}'"))
            .collect();
        let times = (!agent.times.is_empty()).then(|| agent.times.join(", "));
        let mut job = self.job(
            source,
            file.display().to_string(),
            times,
            agent.user.clone(),
            &folder,
            &quoted.join(" "),
        );
        job.command = hide_line(&agent.arguments.join(" "));
        job.disabled = agent.disabled || source == Source::Committed;
        for output in agent.outputs {
            let last = modified(&output);
            job.outputs.insert(output.display().to_string(), last);
        }
        jobs.push(job);
    }

    /// What somebody meant to install.
    fn committed(&self, project: &Path, jobs: &mut Vec<Job>, unseen: &mut Vec<String>) {
        let walk = walkdir::WalkDir::new(project)
            .max_depth(DEPTH)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|entry| {
                entry.file_name() != ".git"
                    && entry.file_name() != ".nba"
                    && entry.file_name() != "node_modules"
            });
        for entry in walk {
            let Ok(entry) = entry else {
                unseen.push(format!("a folder of `{}`", project.display()));
                continue;
            };
            let (path, name) = (
                entry.path(),
                entry.file_name().to_string_lossy().to_lowercase(),
            );
            if !entry.file_type().is_file()
                || entry.metadata().map_or(0, |metadata| metadata.len()) > LARGEST
            {
                continue;
            }
            if name.contains("crontab") || name.ends_with(".cron") {
                self.crontab_file(path, Source::Committed, Form::User, jobs, unseen);
            } else if name.ends_with(".service") {
                if let Some(text) = read(path, unseen) {
                    let mut found = self.service(path, &text, Source::Committed, &BTreeMap::new());
                    for job in &mut found {
                        job.disabled = true;
                    }
                    jobs.extend(found);
                }
            } else if name.ends_with(".plist") {
                self.agent(path, Source::Committed, jobs, unseen);
            }
        }
    }

    fn job(
        &self,
        source: Source,
        place: String,
        schedule: Option<String>,
        user: Option<String>,
        folder: &Path,
        command: &str,
    ) -> Job {
        self.job_with(source, place, schedule, user, folder, command, &self.path)
    }

    #[expect(clippy::too_many_arguments, reason = "what a job is")]
    fn job_with(
        &self,
        source: Source,
        place: String,
        schedule: Option<String>,
        user: Option<String>,
        folder: &Path,
        command: &str,
        path: &[PathBuf],
    ) -> Job {
        let shell = Shell {
            path,
            home: &self.home,
            root: &self.root,
        };
        let line = shell.follow(command, folder);
        Job {
            source,
            place,
            schedule,
            user,
            folder: folder.to_owned(),
            command: hide_line(command),
            outputs: line
                .outputs
                .into_iter()
                .map(|path| (path.display().to_string(), modified(&path)))
                .collect(),
            steps: line.steps,
            disabled: false,
        }
    }
}

fn modified(path: &Path) -> Option<DateTime<Utc>> {
    path.metadata().ok()?.modified().ok().map(DateTime::from)
}

fn is_hidden(file: &Path) -> bool {
    file.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn ends(file: &Path, ending: &str) -> bool {
    file.to_string_lossy().ends_with(ending)
}

fn stem(file: &Path) -> String {
    file.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The files of a folder, by name; a folder that is not there has none, one that may not be read is told.
fn files(folder: &Path, unseen: &mut Vec<String>) -> Vec<PathBuf> {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) => {
            if !matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) {
                unseen.push(format!("{}: {error}", folder.display()));
            }
            return Vec::new();
        }
    };
    let mut found: Vec<PathBuf> = listing
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}

fn read(file: &Path, unseen: &mut Vec<String>) -> Option<String> {
    match fs::read(file) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                unseen.push(format!("{}: {error}", file.display()));
            }
            None
        }
    }
}
