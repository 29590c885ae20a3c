//! The few YAML values that documented legacy programs use.

use std::path::Path;

use super::{Loaded, Loader, Source};
use crate::{
    layer::{Entry, Layer},
    names::{self, Field},
    origin::Origin,
    text,
    yaml::{self, Node, NodeValue, YamlFile},
};

impl Loader<'_> {
    /// The YAML values that documented programs use: DIMS's connection, the package's database file, bucket and region.
    pub(super) fn yaml(&mut self, mut place: Place) {
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
}

/// Where the YAML files belong among the layers and sources.
pub(super) struct Place {
    layer: usize,
    source: usize,
}

impl Place {
    /// Behind what has been read so far.
    pub(super) fn here(loaded: &Loaded) -> Self {
        Self {
            layer: loaded.layers.len(),
            source: loaded.sources.len(),
        }
    }

    fn layer(&mut self, loaded: &mut Loaded, layer: Layer) {
        loaded.layers.insert(self.layer, layer);
        self.layer += 1;
    }

    fn source(&mut self, loaded: &mut Loaded, source: Source) {
        loaded.sources.insert(self.source, source);
        self.source += 1;
    }
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
