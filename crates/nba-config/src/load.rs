//! Reads every source into layers, lowest precedence first, and notes what is odd about them.

use std::{collections::BTreeMap, fs, path::Path};

use secrecy::ExposeSecret;

use self::legacy_yaml::Place;
use crate::{
    check::{Code, Finding, Severity},
    error::{ConfigError, Result},
    inputs::Inputs,
    layer::{Entry, Layer},
    names,
    origin::Origin,
    text, toml_file,
};

mod legacy_yaml;
mod variables;

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
    let place = Place::here(&loader.loaded);
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
