//! Reads every source into layers, lowest precedence first, and notes what is odd about them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use secrecy::ExposeSecret;

use crate::{
    check::{Code, Finding, Severity},
    envfile::{EnvFile, EnvProblemKind},
    error::{ConfigError, Result},
    inputs::Inputs,
    layer::{Entry, Layer},
    names::{self, Field},
    origin::Origin,
    text, toml_file,
    yaml::{self, Node, NodeValue, YamlFile},
};

/// A place that was looked at, for "what did you read?".
#[derive(Debug, Clone, serde::Serialize)]
pub struct Source {
    /// Path, or `environment`, `flags`, `defaults`.
    pub name: String,
    /// Was it there?
    pub found: bool,
    /// How many values it gave.
    pub values: usize,
    /// Why it gave none, where it is there but cannot be understood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Source {
    fn new(name: impl Into<String>, found: bool, values: usize) -> Self {
        Self {
            name: name.into(),
            found,
            values,
            problem: None,
        }
    }
}

/// Variables of one source by name.
type Variables = BTreeMap<String, Entry>;

pub(crate) struct Loaded {
    /// Lowest precedence first.
    pub(crate) layers: Vec<Layer>,
    /// Raw variables, lowest precedence first.
    pub(crate) variables: Vec<Variables>,
    pub(crate) sources: Vec<Source>,
    pub(crate) findings: Vec<Finding>,
}

pub(crate) fn load(inputs: &Inputs) -> Result<Loaded> {
    let mut loader = Loader {
        inputs,
        loaded: Loaded::empty(),
    };
    loader.defaults();
    loader.project_file()?;
    // YAML needs the variables for its placeholders, and still ranks below them
    let place = Place {
        layer: loader.loaded.layers.len(),
        source: loader.loaded.sources.len(),
    };
    loader.variable_files()?;
    loader.environment();
    loader.yaml(place);
    loader.flags()?;
    Ok(loader.loaded)
}

impl Loaded {
    fn empty() -> Self {
        Self {
            layers: Vec::new(),
            variables: Vec::new(),
            sources: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The variable that counts: the one in the highest source that has it.
    pub(crate) fn variable(&self, name: &str) -> Option<&Entry> {
        self.variables
            .iter()
            .rev()
            .find_map(|source| source.get(name))
    }
}

struct Loader<'a> {
    inputs: &'a Inputs,
    loaded: Loaded,
}

impl Loader<'_> {
    fn find(&mut self, severity: Severity, code: Code, message: String, origin: Option<Origin>) {
        self.loaded.findings.push(Finding {
            severity,
            code,
            message,
            sources: origin.into_iter().collect(),
            hint: None,
        });
    }

    fn source(&mut self, name: impl Into<String>, found: bool, values: usize) {
        self.loaded.sources.push(Source::new(name, found, values));
    }

    fn push(&mut self, layer: Layer) {
        let name = layer
            .path
            .as_ref()
            .map_or_else(|| layer.name.clone(), |path| path.display().to_string());
        self.source(name, true, layer.entries.len());
        self.loaded.layers.push(layer);
    }

    fn defaults(&mut self) {
        let mut layer = Layer::new("defaults", None);
        for key in names::KEYS {
            if let Some(default) = key.default {
                layer.insert(key.key, default, Origin::Default);
            }
        }
        self.loaded.layers.push(layer);
    }

    fn project_file(&mut self) -> Result<()> {
        let path = self.inputs.project.join(names::PROJECT_FILE);
        let Some(content) = text::read_if_there(&path)? else {
            self.source(path.display().to_string(), false, 0);
            return Ok(());
        };
        let mut layer = Layer::new("project file", Some(path.clone()));
        let mut has_password = false;
        for value in toml_file::parse(&path, &content)? {
            let origin = Origin::File {
                path: path.clone(),
                line: Some(value.line),
                variable: None,
            };
            if self.accept(&value.key, &origin) && !self.is_empty(&value.key, &value.text, &origin)
            {
                has_password |= value.key.ends_with(".password") || value.key.ends_with(".url");
                layer.insert(value.key, value.text, origin);
            }
        }
        if has_password {
            self.check_mode(&path);
        }
        self.push(layer);
        Ok(())
    }

    /// Is the key known? Otherwise it is reported with the nearest one that is.
    fn accept(&mut self, key: &str, origin: &Origin) -> bool {
        let reserved = key
            .split('.')
            .nth(1)
            .filter(|_| key.starts_with("targets."));
        if let Some(name) = reserved
            && names::family(name).is_some()
        {
            self.find(
                Severity::Error,
                Code::ReservedName,
                format!(
                    "`targets.{name}`: `{name}` is the name of a variable family; choose another"
                ),
                Some(origin.clone()),
            );
            return false;
        }
        if names::find_key(key).is_some() {
            return true;
        }
        self.find(
            Severity::Warning,
            Code::UnknownKey,
            format!("`{key}` is not a configuration key and has no effect"),
            Some(origin.clone()),
        );
        if let (Some(near), Some(finding)) =
            (names::nearest_key(key), self.loaded.findings.last_mut())
        {
            finding.hint = Some(format!("did you mean `{near}`?"));
        }
        false
    }

    /// An empty text is not a value: at legacy HEAD it hid the next family (database dossier 6.3).
    fn is_empty(&mut self, name: &str, text: &str, origin: &Origin) -> bool {
        let empty = text.is_empty();
        if empty {
            self.find(
                Severity::Info,
                Code::EmptyValue,
                format!("`{name}` is set to an empty text and counts as not set"),
                Some(origin.clone()),
            );
        }
        empty
    }

    fn variable_files(&mut self) -> Result<()> {
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

    fn environment(&mut self) {
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

    fn flags(&mut self) -> Result<()> {
        let mut layer = Layer::new("flags", None);
        if let Some(target) = &self.inputs.flags.target {
            layer.insert(
                "database.target",
                target,
                Origin::Flag {
                    flag: "--target".into(),
                },
            );
        }
        if let Some(url) = &self.inputs.flags.database_url {
            let key = format!("family.{}.url", names::FLAG_FAMILY);
            layer.insert(
                key,
                url.expose_secret(),
                Origin::Flag {
                    flag: "--database-url".into(),
                },
            );
        }
        for (key, value) in &self.inputs.flags.set {
            let origin = Origin::Flag {
                flag: format!("--set {key}"),
            };
            // a mistyped flag is no legacy file to be lenient with
            if !self.accept(key, &origin) {
                let near = names::nearest_key(key).map(|near| format!("; did you mean `{near}`?"));
                let expected = format!("is not a configuration key{}", near.unwrap_or_default());
                return Err(ConfigError::Value {
                    key: key.clone(),
                    origin,
                    expected,
                });
            }
            if !self.is_empty(key, value.expose_secret(), &origin) {
                layer.insert(key, value.expose_secret(), origin);
            }
        }
        if !layer.entries.is_empty() {
            self.push(layer);
        }
        Ok(())
    }

    /// The YAML values that documented programs use: DIMS's connection, the package's database file, bucket and region.
    fn yaml(&mut self, mut place: Place) {
        let files: [(&str, &[(&str, &str)]); 4] = [
            (
                "config/cloudwatch_config.yaml",
                &[("aws.region", "s3.region")],
            ),
            (
                "config/reconciliation_config.yaml",
                &[("s3.bucket", "s3.bucket")],
            ),
            (names::DATABASE_YAML, &[]),
            (names::DIMS_FILE, &[]),
        ];
        for (file_name, values) in files {
            let path = self.inputs.project.join(file_name);
            let parsed = text::read_if_there(&path).and_then(|content| {
                content
                    .map(|text| YamlFile::parse(&path, &text))
                    .transpose()
            });
            let name = path.display().to_string();
            let file = match parsed {
                Ok(Some(file)) => file,
                Ok(None) => {
                    if values.is_empty() {
                        place.source(&mut self.loaded, Source::new(name, false, 0));
                    }
                    continue;
                }
                // a broken legacy file is a finding of `check`, not a reason to know nothing
                Err(error) => {
                    let problem = Some(error.to_string());
                    place.source(
                        &mut self.loaded,
                        Source {
                            problem,
                            ..Source::new(name, true, 0)
                        },
                    );
                    continue;
                }
            };
            let mut layer = Layer::new("legacy YAML", Some(path.clone()));
            for (from, to) in values {
                if let Some(node) = file.root.get(from)
                    && let Some(text) = node.as_str()
                    && yaml::placeholder(text).is_none()
                    && !text.is_empty()
                {
                    let origin = Origin::File {
                        path: path.clone(),
                        line: Some(node.line),
                        variable: None,
                    };
                    layer.insert(*to, text, origin);
                }
            }
            let (id, connection) = match file_name {
                names::DIMS_FILE => (names::DIMS_FAMILY, file.root.get("database.connection")),
                names::DATABASE_YAML => (names::YAML_FAMILY, Some(nested(&file.root, "database"))),
                _ => ("", None),
            };
            if let (Some(family), Some(connection)) = (names::family(id), connection) {
                self.connection(&mut layer, &path, family, connection);
            }
            place.source(
                &mut self.loaded,
                Source::new(name, true, layer.entries.len()),
            );
            place.layer(&mut self.loaded, layer);
        }
    }

    fn connection(
        &mut self,
        layer: &mut Layer,
        path: &Path,
        family: &names::Family,
        connection: &Node,
    ) {
        for field in [
            Field::Host,
            Field::Port,
            Field::Database,
            Field::User,
            Field::Password,
            Field::SslMode,
        ] {
            let Some(node) = connection.get(field.as_str()) else {
                continue;
            };
            let Some(text) = node.as_str() else { continue };
            let key = family.key(field);
            let mut origin = Origin::File {
                path: path.into(),
                line: Some(node.line),
                variable: None,
            };
            if self.is_empty(
                &format!("database.connection.{}", field.as_str()),
                text,
                &origin,
            ) {
                continue;
            }
            // only DIMS documents that it substitutes variables (database dossier 3.2)
            let value = match placeholder_name(text) {
                Some(name) if family.id == names::DIMS_FAMILY => {
                    if let Origin::File { variable, .. } = &mut origin {
                        *variable = Some(name.into());
                    }
                    match self.loaded.variable(name) {
                        Some(entry) => entry.value.clone(),
                        None => continue,
                    }
                }
                _ if text.contains("${") => Err("holds a `${…}` that nothing expands".into()),
                _ => Ok(text.to_owned()),
            };
            layer.entries.insert(key, Entry { value, origin });
        }
    }

    /// A file with secrets should be its owner's alone.
    fn check_mode(&mut self, path: &Path) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            /// Any right of the group or of others.
            const OTHERS: u32 = 0o077;
            let Ok(metadata) = fs::metadata(path) else {
                return;
            };
            let mode = metadata.permissions().mode();
            if mode & OTHERS != 0 {
                let origin = Origin::File {
                    path: path.into(),
                    line: None,
                    variable: None,
                };
                let message = format!(
                    "{} can be read by others (mode {:o})",
                    path.display(),
                    mode & 0o777
                );
                self.find(
                    Severity::Warning,
                    Code::ReadableByOthers,
                    message,
                    Some(origin),
                );
                if let Some(finding) = self.loaded.findings.last_mut() {
                    finding.hint = Some(format!("chmod 600 {}", path.display()));
                }
            }
        }
        #[cfg(not(unix))]
        let _ = path;
    }
}

/// Where the YAML files belong among the layers and sources.
struct Place {
    layer: usize,
    source: usize,
}

impl Place {
    fn layer(&mut self, loaded: &mut Loaded, layer: Layer) {
        loaded.layers.insert(self.layer, layer);
        self.layer += 1;
    }

    fn source(&mut self, loaded: &mut Loaded, source: Source) {
        loaded.sources.insert(self.source, source);
        self.source += 1;
    }
}

/// Do several names of one value count as equally right?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spelling {
    OneIsRight,
    AllAreRight,
}

/// The mapping under `key`, or the mapping itself where `key` is no section.
fn nested<'a>(root: &'a Node, key: &str) -> &'a Node {
    match root.get(key) {
        Some(node) if matches!(node.value, NodeValue::Mapping(_)) => node,
        _ => root,
    }
}

/// `NAME` where the whole text is `${NAME}`.
fn placeholder_name(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    let fits = !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
    fits.then_some(name)
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
