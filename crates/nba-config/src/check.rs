//! What is wrong or doubtful about the configuration as a whole.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use nba_utils::Verdict;
use serde::Serialize;

use crate::{
    config::Config,
    error::{ConfigError, ErrorKind},
    layer::Layer,
    names::{self, Field, Selection},
    origin::Origin,
    resolve::{self, Candidate, State},
    target::{DatabaseTarget, Host, SslMode},
    yaml::{YamlFile, YamlNoteKind},
};

/// Places shown per finding in text; JSON has them all.
const SHOWN_SOURCES: usize = 5;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Works, but somebody should look.
    Warning,
    /// nba refuses to go on like this.
    Error,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])+ $name:ident = $text:literal,)+) => {
        /// What a finding is about; stable names for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])+ #[serde(rename = $text)] $name,)+
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

codes! {
    /// Complete families point at different servers and none was chosen.
    TargetConflict = "target-conflict",
    /// No family is complete.
    NoTarget = "no-target",
    /// A target cannot be used for another reason.
    TargetUnusable = "target-unusable",
    /// Families point at different servers; a choice decided.
    OtherServer = "other-server",
    /// Several families point at the same server.
    SameServer = "same-server",
    /// Same server, but another role or password.
    OtherLogin = "other-login",
    /// A family is set in part.
    IncompleteFamily = "incomplete-family",
    /// A family's value cannot be used.
    InvalidFamily = "invalid-family",
    /// The host comes from one source and overrides another one, the password from a different source.
    MixedSources = "mixed-sources",
    /// A password variable belongs to no family.
    LonePassword = "lone-password",
    /// The server's certificate is not verified.
    Unverified = "tls-unverified",
    /// `ENVIRONMENT` is set.
    EnvironmentIgnored = "environment-ignored",
    /// A variable's usual name is another one.
    Misspelt = "misspelt-variable",
    /// Two names of one value differ.
    NamesDisagree = "names-disagree",
    /// An empty text counts as not set.
    EmptyValue = "empty-value",
    /// The key is not known.
    UnknownKey = "unknown-key",
    /// A target has the name of a family.
    ReservedName = "reserved-name",
    /// A section's value cannot be used.
    BadValue = "bad-value",
    /// A line of a variable file cannot be used.
    BadLine = "bad-line",
    /// python-dotenv and the shell read a line differently.
    AmbiguousLine = "ambiguous-line",
    /// A variable is defined twice in one file.
    DuplicateVariable = "duplicate-variable",
    /// A file with secrets can be read by others.
    ReadableByOthers = "readable-by-others",
    /// A folder of secrets is not read.
    FolderNotRead = "folder-not-read",
    /// A YAML file has no content.
    YamlEmpty = "yaml-empty",
    /// A YAML key is there twice.
    YamlDuplicateKey = "yaml-duplicate-key",
    /// A YAML text holds a `${…}` that nothing expands.
    YamlPlaceholder = "yaml-placeholder",
    /// A YAML text is another type to PyYAML.
    YamlType = "yaml-type",
    /// A YAML file cannot be read.
    YamlUnreadable = "yaml-unreadable",
}

/// One thing that is wrong or doubtful. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub code: Code,
    /// What it is.
    pub message: String,
    /// Where it is.
    pub sources: Vec<Origin>,
    /// What to do.
    pub hint: Option<String>,
}

/// What `nba config check` says.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ConfigCheck {
    /// Proven: one target, no conflict. Refuted: a conflict or an unusable value. Not proven: no target.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The target that would be used, without its password.
    pub target: Option<String>,
    /// What was found, worst first.
    pub findings: Vec<Finding>,
}

impl Config {
    /// Looks for conflicts, mixed-up sources and everything doubtful in the legacy files.
    #[must_use]
    pub fn check(&self) -> ConfigCheck {
        let mut check = Checker {
            config: self,
            findings: self.loaded.findings.clone(),
        };
        let target = check.database();
        check.sections();
        check.mixed_sources();
        check.lone_passwords();
        check.other_secret_folders();
        check.yaml_files();
        let mut findings = check.findings;
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let reasons = |wanted: fn(&Finding) -> bool| {
            findings
                .iter()
                .filter(move |f| f.severity == Severity::Error && wanted(f))
                .map(|f| f.message.clone())
        };
        let open = |finding: &Finding| finding.code == Code::NoTarget;
        let verdict = Verdict::all([
            Verdict::from_findings(reasons(|finding| finding.code != Code::NoTarget)),
            findings
                .iter()
                .find(|finding| open(finding))
                .map_or(Verdict::Proven, |finding| {
                    Verdict::not_proven(finding.message.clone())
                }),
        ]);
        ConfigCheck {
            verdict,
            target: target.map(|target| target.to_url_masked()),
            findings,
        }
    }
}

struct Checker<'a> {
    config: &'a Config,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn add(&mut self, severity: Severity, code: Code, message: String, sources: Vec<Origin>) {
        self.findings.push(Finding {
            severity,
            code,
            message,
            sources,
            hint: None,
        });
    }

    fn add_error(&mut self, code: Code, error: &ConfigError) {
        let sources = match error {
            ConfigError::Value { origin, .. } => vec![origin.clone()],
            _ => Vec::new(),
        };
        self.add(Severity::Error, code, error.to_string(), sources);
        if let Some(finding) = self.findings.last_mut() {
            finding.hint = error.hint();
        }
    }

    fn database(&mut self) -> Option<DatabaseTarget> {
        let settings = match self.config.database_settings() {
            Ok(settings) => settings,
            Err(error) => {
                self.add_error(Code::BadValue, &error);
                return None;
            }
        };
        let target = match self.config.database() {
            Ok(target) => Some(target),
            Err(error) => {
                let code = match error.kind() {
                    ErrorKind::Conflict => Code::TargetConflict,
                    ErrorKind::NoTarget => Code::NoTarget,
                    _ => Code::TargetUnusable,
                };
                self.add_error(code, &error);
                None
            }
        };
        for candidate in resolve::candidates(&self.config.loaded, &settings) {
            self.family(&candidate, target.as_ref());
        }
        let chosen = target.as_ref().and_then(|target| target.name.clone());
        for name in resolve::target_names(&self.config.loaded.layers) {
            match self.config.target(&name) {
                Ok(other) if Some(&name) != chosen.as_ref() => self.tls(&other),
                Ok(_) => {}
                // one that was chosen is an error already
                Err(error) if self.findings.iter().any(|f| f.message == error.to_string()) => {}
                Err(error) => {
                    self.add_error(Code::TargetUnusable, &error);
                    if let Some(finding) = self.findings.last_mut() {
                        finding.severity = Severity::Warning;
                    }
                }
            }
        }
        if let Some(target) = &target {
            self.tls(target);
        }
        target
    }

    /// Compares one family with the target in use.
    fn family(&mut self, candidate: &Candidate, target: Option<&DatabaseTarget>) {
        let family = candidate.family;
        let by_name = family.selection == Selection::ByNameOnly;
        match &candidate.state {
            State::Absent => {}
            State::Invalid(error) => {
                let used = target.is_none();
                if !used || by_name {
                    let message = format!("{} cannot be used: {error}", family.title);
                    self.add(Severity::Warning, Code::InvalidFamily, message, Vec::new());
                }
            }
            State::Incomplete { missing, host } => {
                let message = format!("{} lacks {}", family.title, missing.join(", "));
                // half a family that names another host is a mixed-up set waiting to happen
                let elsewhere = match (host, target) {
                    (Some(host), Some(target)) => Host::parse(host) != target.host,
                    (Some(_), None) => true,
                    (None, _) => false,
                };
                let severity = if elsewhere {
                    Severity::Warning
                } else {
                    Severity::Info
                };
                let sources = self.origin_of(family, Field::Host);
                self.add(severity, Code::IncompleteFamily, message, sources);
            }
            State::Complete(other) => {
                let Some(target) = target else { return };
                if target.name.as_deref() == Some(family.id) {
                    return;
                }
                let used = target.name.as_deref().unwrap_or("the target");
                let sources: Vec<_> = other
                    .provenance
                    .get(Field::Host.as_str())
                    .cloned()
                    .into_iter()
                    .collect();
                if other.server() != target.server() {
                    let severity = if by_name {
                        Severity::Info
                    } else {
                        Severity::Warning
                    };
                    let message = format!(
                        "{} names {}, but {used} was chosen: {}",
                        family.title,
                        other.server(),
                        target.server()
                    );
                    self.add(severity, Code::OtherServer, message, sources);
                } else if let Some(what) = resolve::login_difference(target, other) {
                    let message = format!(
                        "{} names the same server with another {what}; {used} is used",
                        family.title
                    );
                    self.add(Severity::Warning, Code::OtherLogin, message, sources);
                } else {
                    let message =
                        format!("{} names the same server and role as {used}", family.title);
                    self.add(Severity::Info, Code::SameServer, message, sources);
                }
            }
        }
    }

    fn origin_of(&self, family: &names::Family, field: Field) -> Vec<Origin> {
        resolve::effective(&self.config.loaded.layers, &family.key(field))
            .map(|entry| entry.origin.clone())
            .into_iter()
            .collect()
    }

    fn tls(&mut self, target: &DatabaseTarget) {
        let verified = matches!(target.ssl, SslMode::VerifyCa | SslMode::VerifyFull);
        if verified || target.host.is_local() {
            return;
        }
        let name = target.name.as_deref().unwrap_or("the target");
        let message = format!(
            "{name}: sslmode={} does not verify that {} is the right server",
            target.ssl, target.host
        );
        let sources = target
            .provenance
            .get(Field::SslMode.as_str())
            .cloned()
            .into_iter()
            .collect();
        self.add(Severity::Warning, Code::Unverified, message, sources);
        if let Some(finding) = self.findings.last_mut() {
            finding.hint = Some(
                "set sslmode=verify-full, with the provider's CA bundle as sslrootcert".into(),
            );
        }
    }

    fn sections(&mut self) {
        let errors = [
            self.config.s3().err(),
            self.config.logging().err(),
            self.config.capabilities().err(),
            self.config.state_directory().err(),
            self.config.postgres_bin_directory().err(),
        ];
        for error in errors.into_iter().flatten() {
            self.add_error(Code::BadValue, &error);
        }
    }

    /// A host of one source over a different host of another, with the password of a third or of the lower one:
    /// the password may go to a server it was never meant for.
    fn mixed_sources(&mut self) {
        let layers = &self.config.loaded.layers;
        let mut found = Vec::new();
        for family in names::FAMILIES {
            let at = |field: Field| {
                let key = family.key(field);
                layers
                    .iter()
                    .rposition(|layer| layer.entries.contains_key(&key))
            };
            let (Some(host), Some(password)) = (at(Field::Host), at(Field::Password)) else {
                continue;
            };
            let key = family.key(Field::Host);
            let value = |layer: &Layer| {
                layer
                    .entries
                    .get(&key)
                    .and_then(|entry| entry.value.clone().ok())
            };
            let here = value(&layers[host]);
            let below = layers[..host]
                .iter()
                .rev()
                .find(|layer| value(layer).is_some_and(|old| Some(old) != here));
            if host != password
                && let Some(below) = below
            {
                let sources = [
                    self.origin_of(family, Field::Host),
                    self.origin_of(family, Field::Password),
                ]
                .concat();
                let message = format!(
                    "{}: the host overrides a different one in {}, but the password comes from elsewhere",
                    family.title, below.name
                );
                found.push((message, sources));
            }
        }
        for (message, sources) in found {
            self.add(Severity::Warning, Code::MixedSources, message, sources);
        }
    }

    fn lone_passwords(&mut self) {
        for name in names::LONE_PASSWORDS {
            let Some(entry) = self.config.loaded.variable(name) else {
                continue;
            };
            let message =
                format!("`{name}` belongs to no variable family and is used by no target");
            let used = self.config.loaded.layers.iter().any(|layer| {
                layer.entries.iter().any(|(key, entry)| {
                    key.ends_with(".password_env") && entry.value.as_deref() == Ok(name)
                })
            });
            if !used {
                self.add(
                    Severity::Info,
                    Code::LonePassword,
                    message,
                    vec![entry.origin.clone()],
                );
                if let Some(finding) = self.findings.last_mut() {
                    finding.hint = Some(format!("name it in nba.toml: password_env = \"{name}\""));
                }
            }
        }
    }

    /// The outer levels of the legacy hierarchy (database dossier 6.3) belong to other projects.
    fn other_secret_folders(&mut self) {
        let own = names::SECRETS_CONTEXTS
            .map(|(context, _)| format!("{}{context}", names::SECRETS_FOLDER_PREFIX));
        let roots = [
            self.config.inputs.home.as_deref(),
            Some(self.config.project()),
        ];
        let mut folders: Vec<PathBuf> = Vec::new();
        for listing in roots
            .into_iter()
            .flatten()
            .filter_map(|root| fs::read_dir(root).ok())
        {
            folders.extend(
                listing
                    .filter_map(|item| Some(item.ok()?.path()))
                    .filter(|path| {
                        let name = path.file_name().unwrap_or_default().to_string_lossy();
                        name.starts_with(names::OTHER_SECRETS_PREFIX)
                            && !own.iter().any(|own| *own == name)
                            && path.is_dir()
                    }),
            );
        }
        folders.sort();
        folders.dedup();
        for path in folders {
            let message = format!(
                "{} is not read: its secrets belong to other projects",
                path.display()
            );
            let origin = Origin::File {
                path,
                line: None,
                variable: None,
            };
            self.add(Severity::Info, Code::FolderNotRead, message, vec![origin]);
        }
    }

    fn yaml_files(&mut self) {
        let project = self.config.project();
        let mut paths = yaml_paths(&project.join(names::YAML_FOLDER));
        paths.extend(yaml_paths(&project.join("inventory")));
        for path in paths {
            match YamlFile::read(&path) {
                Ok(file) => self.yaml_notes(&file),
                Err(error) => {
                    let origin = Origin::File {
                        path,
                        line: None,
                        variable: None,
                    };
                    self.add(
                        Severity::Warning,
                        Code::YamlUnreadable,
                        error.to_string(),
                        vec![origin],
                    );
                }
            }
        }
    }

    /// One finding per file and code: a scraper file has hundreds of the same kind.
    fn yaml_notes(&mut self, file: &YamlFile) {
        let mut groups: BTreeMap<(Code, String), Vec<Origin>> = BTreeMap::new();
        for note in &file.notes {
            let (code, message) = match &note.kind {
                YamlNoteKind::Empty => (Code::YamlEmpty, note.kind.to_string()),
                YamlNoteKind::DuplicateKey { .. } => (
                    Code::YamlDuplicateKey,
                    format!("`{}`: {}", note.path, note.kind),
                ),
                YamlNoteKind::Placeholder { .. } if expanded_elsewhere(&file.path, &note.path) => {
                    continue;
                }
                YamlNoteKind::Placeholder { .. } => (
                    Code::YamlPlaceholder,
                    "`${…}` is plain text here: no program expands it".to_owned(),
                ),
                YamlNoteKind::Yaml11(_) => (
                    Code::YamlType,
                    "unquoted text that PyYAML takes for a boolean, a date or a number in another base"
                        .to_owned(),
                ),
            };
            let origin = Origin::File {
                path: file.path.clone(),
                line: Some(note.line),
                variable: None,
            };
            groups.entry((code, message)).or_default().push(origin);
        }
        for ((code, message), sources) in groups {
            let severity = match code {
                Code::YamlDuplicateKey | Code::YamlPlaceholder => Severity::Warning,
                _ => Severity::Info,
            };
            self.add(severity, code, message, sources);
        }
    }
}

/// DIMS substitutes its connection itself, and hands its metric commands to a shell (database dossier 3.2, 4.1).
fn expanded_elsewhere(path: &Path, key: &str) -> bool {
    path.ends_with(names::DIMS_FILE)
        && (key.starts_with("database.connection.") || key.ends_with(".command"))
}

fn yaml_paths(folder: &Path) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = listing.filter_map(|item| Some(item.ok()?.path()));
    let mut paths: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "yaml" || end == "yml")
        })
        .collect();
    paths.sort();
    paths
}

impl ConfigCheck {
    /// As text for a terminal.
    #[must_use]
    pub fn render_text(&self) -> String {
        let mut out = String::new();
        // writing to a String cannot fail
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> std::fmt::Result {
        for finding in &self.findings {
            writeln!(
                out,
                "{:<7}  {}: {}",
                finding.severity.as_str(),
                finding.code.as_str(),
                finding.message
            )?;
            for source in finding.sources.iter().take(SHOWN_SOURCES) {
                writeln!(out, "         at {source}")?;
            }
            if let Some(more) = finding
                .sources
                .len()
                .checked_sub(SHOWN_SOURCES)
                .filter(|n| *n > 0)
            {
                writeln!(out, "         and at {more} more places")?;
            }
            if let Some(hint) = &finding.hint {
                writeln!(out, "         hint: {}", hint.replace('\n', "\n       "))?;
            }
        }
        if let Some(target) = &self.target {
            writeln!(out, "target   {target}")?;
        }
        writeln!(out, "verdict  {}", self.verdict.as_str())
    }
}
