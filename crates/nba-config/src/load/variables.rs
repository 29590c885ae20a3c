//! Variable files, secret folders and the environment.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use super::{Loader, Variables};
use crate::{
    check::{Code, Severity},
    envfile::{EnvFile, EnvProblemKind},
    error::{ConfigError, Result},
    layer::{Entry, Layer},
    names,
    origin::Origin,
    text,
};

impl Loader<'_> {
    pub(super) fn variable_files(&mut self) -> Result<()> {
        let project = &self.inputs.project;
        let home = self.inputs.home.clone();
        let mut roots: Vec<PathBuf> = home.iter().cloned().collect();
        if home.as_ref() != Some(project) {
            roots.push(project.clone());
        }
        for (context, suffix) in names::SECRETS_CONTEXTS {
            for root in &roots {
                self.secrets_folder(
                    &root.join(format!("{}{context}", names::SECRETS_FOLDER_PREFIX)),
                    suffix,
                )?;
            }
        }
        let dot_env = project.join(names::DOT_ENV);
        if let Some(home) = home {
            let credentials = home.join(names::CREDENTIALS_FILE);
            let own = home.join(names::DOT_ENV);
            // the legacy scripts that know it stop at the first file found (database dossier 3.3)
            if own != dot_env && !credentials.exists() && !dot_env.exists() {
                self.variable_file(&own)?;
            }
            self.variable_file(&credentials)?;
        }
        self.variable_file(&dot_env)
    }

    fn variable_file(&mut self, path: &Path) -> Result<()> {
        let environment = &self.inputs.environment;
        let lookup = |name: &str| environment.get(name).cloned();
        let file = match text::read_if_there(path)? {
            Some(content) => EnvFile::parse(&content, lookup),
            None => {
                self.source(path.display().to_string(), false, 0);
                return Ok(());
            }
        };
        self.check_mode(path);
        let mut reasons = BTreeMap::new();
        for problem in &file.problems {
            let (severity, code) = match &problem.kind {
                EnvProblemKind::Duplicate { .. } => (Severity::Warning, Code::DuplicateVariable),
                EnvProblemKind::Ambiguous(_) => (Severity::Warning, Code::AmbiguousLine),
                _ => (Severity::Warning, Code::BadLine),
            };
            let name = problem
                .name
                .as_ref()
                .map(|name| format!("`{name}`: "))
                .unwrap_or_default();
            let origin = Origin::File {
                path: path.into(),
                line: Some(problem.line),
                variable: problem.name.clone(),
            };
            self.find(
                severity,
                code,
                format!("{name}{}", problem.kind),
                Some(origin),
            );
            if problem.kind.is_fatal() {
                reasons.insert(problem.line, problem.kind.to_string());
            }
        }
        let mut variables = Variables::new();
        for entry in file.entries {
            let origin = Origin::File {
                path: path.into(),
                line: Some(entry.line),
                variable: Some(entry.name.clone()),
            };
            let value = entry
                .value
                .ok_or_else(|| reasons.remove(&entry.line).unwrap_or_default());
            variables.insert(entry.name, Entry { value, origin });
        }
        self.variables(path.display().to_string(), Some(path.into()), variables);
        Ok(())
    }

    /// One file per secret: `NAME.env` holds the raw value. A short `NAME` gets the folder's context.
    fn secrets_folder(&mut self, folder: &Path, context: &str) -> Result<()> {
        let listing = match fs::read_dir(folder) {
            Ok(listing) => listing,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => {
                return Err(ConfigError::Read {
                    path: folder.into(),
                    source,
                });
            }
        };
        let mut variables = Variables::new();
        for item in listing {
            let path = item
                .map_err(|source| ConfigError::Read {
                    path: folder.into(),
                    source,
                })?
                .path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(".env"));
            let Some(name) = name.filter(|name| !name.is_empty()) else {
                continue;
            };
            let in_a_family = names::FAMILIES.iter().any(|family| {
                family
                    .variables
                    .iter()
                    .any(|(_, names)| names.contains(&name))
            });
            let name = if in_a_family && !name.contains(names::HIERARCHY_INFIX) {
                format!("{name}{}{context}", names::HIERARCHY_INFIX)
            } else {
                name.to_owned()
            };
            let Some(content) = text::read_if_there(&path)? else {
                continue;
            };
            self.check_mode(&path);
            let value = content.strip_suffix('\n').unwrap_or(&content);
            let value = value.strip_suffix('\r').unwrap_or(value).to_owned();
            let origin = Origin::File {
                path: path.clone(),
                line: None,
                variable: Some(name.clone()),
            };
            variables.insert(
                name,
                Entry {
                    value: Ok(value),
                    origin,
                },
            );
        }
        self.variables(folder.display().to_string(), Some(folder.into()), variables);
        Ok(())
    }

    pub(super) fn environment(&mut self) {
        let mut variables = Variables::new();
        for (name, value) in &self.inputs.environment {
            let origin = Origin::Environment {
                variable: name.clone(),
            };
            variables.insert(
                name.clone(),
                Entry {
                    value: Ok(value.clone()),
                    origin,
                },
            );
        }
        for name in &self.inputs.not_text {
            let origin = Origin::Environment {
                variable: name.clone(),
            };
            variables.insert(
                name.clone(),
                Entry {
                    value: Err("the value is not UTF-8".into()),
                    origin,
                },
            );
        }
        self.variables("environment".into(), None, variables);
    }

    /// Turns variables into a layer of configuration keys.
    fn variables(&mut self, name: String, path: Option<PathBuf>, mut variables: Variables) {
        let mut layer = Layer::new(name, path);
        let known = known_variables();
        let mut empty = BTreeSet::new();
        for (name, entry) in &variables {
            let ours = own_key(name);
            if !known.contains(name.as_str()) && ours.is_none() {
                continue;
            }
            if let Ok(text) = &entry.value
                && self.is_empty(name, text, &entry.origin)
            {
                empty.insert(name.clone());
                continue;
            }
            if let Some(key) = ours
                && self.accept(&key, &entry.origin)
            {
                layer.entries.insert(key, entry.clone());
            }
        }
        variables.retain(|name, _| !empty.contains(name));

        for family in names::FAMILIES {
            for (field, names) in family.variables {
                self.choose(
                    &mut layer,
                    &variables,
                    family.key(*field),
                    names,
                    Spelling::OneIsRight,
                );
            }
        }
        for key in names::KEYS {
            if !layer.entries.contains_key(key.key) {
                self.choose(
                    &mut layer,
                    &variables,
                    key.key.into(),
                    key.variables,
                    Spelling::AllAreRight,
                );
            }
        }
        if let Some(entry) = variables.get(names::ENVIRONMENT) {
            let message = format!(
                "`{}` is set; the legacy loader chose a server by it, nba does not",
                names::ENVIRONMENT
            );
            self.find(
                Severity::Info,
                Code::EnvironmentIgnored,
                message,
                Some(entry.origin.clone()),
            );
        }
        self.push(layer);
        self.loaded.variables.push(variables);
    }

    /// The first of several names that is set gives the value; the others are compared with it.
    fn choose(
        &mut self,
        layer: &mut Layer,
        variables: &Variables,
        key: String,
        names: &[&str],
        spelling: Spelling,
    ) {
        let mut chosen: Option<(&str, &Entry)> = None;
        for (place, name) in names.iter().enumerate() {
            let Some(entry) = variables.get(*name) else {
                continue;
            };
            if place > 0 && spelling == Spelling::OneIsRight {
                let message = format!("`{name}` is accepted, but the usual name is `{}`", names[0]);
                self.find(
                    Severity::Info,
                    Code::Misspelt,
                    message,
                    Some(entry.origin.clone()),
                );
            }
            match chosen {
                None => chosen = Some((name, entry)),
                Some((first, winner)) if winner.value != entry.value => {
                    let message = format!("`{first}` and `{name}` differ; `{first}` counts");
                    self.find(
                        Severity::Warning,
                        Code::NamesDisagree,
                        message,
                        Some(winner.origin.clone()),
                    );
                    if let Some(finding) = self.loaded.findings.last_mut() {
                        finding.sources.push(entry.origin.clone());
                    }
                }
                Some(_) => {}
            }
        }
        if let Some((_, entry)) = chosen {
            layer.entries.insert(key, entry.clone());
        }
    }
}

/// Do several names of one value count as equally right?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    OneIsRight,
    AllAreRight,
}

/// `database.host` for `NBA_DATABASE__HOST`.
fn own_key(name: &str) -> Option<String> {
    let rest = name.strip_prefix(names::OWN_PREFIX)?;
    rest.contains("__").then(|| {
        rest.split("__")
            .collect::<Vec<_>>()
            .join(".")
            .to_ascii_lowercase()
    })
}

fn known_variables() -> BTreeSet<&'static str> {
    let of_families = names::FAMILIES
        .iter()
        .flat_map(|family| family.variables)
        .flat_map(|(_, names)| *names);
    let of_keys = names::KEYS.iter().flat_map(|key| key.variables);
    of_families
        .chain(of_keys)
        .copied()
        .chain(names::LONE_PASSWORDS)
        .collect()
}
