//! From layers to exactly one target: families as wholes, conflicts refused, nothing guessed.

use std::{collections::BTreeMap, str::FromStr as _};

use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    error::{ConfigError, Result},
    layer::{Entry, Layer},
    load::Loaded,
    names::{self, Family, Field, Selection},
    origin::Origin,
    settings::DatabaseSettings,
    target::{DatabaseTarget, Host, SslMode},
    url,
};

/// What one family (or `[targets.NAME]`) amounts to.
pub(crate) enum State {
    /// Nothing of it is set.
    Absent,
    /// Some of it is set; `missing` says how to set the rest.
    Incomplete {
        missing: Vec<String>,
        host: Option<String>,
    },
    /// A value cannot be used.
    Invalid(ConfigError),
    /// A whole target.
    Complete(Box<DatabaseTarget>),
}

/// A family and what it amounts to.
pub(crate) struct Candidate {
    pub(crate) family: &'static Family,
    pub(crate) state: State,
}

impl Candidate {
    pub(crate) fn target(&self) -> Option<&DatabaseTarget> {
        match &self.state {
            State::Complete(target) => Some(target),
            _ => None,
        }
    }
}

/// The value that counts for a key: the one in the highest layer.
pub(crate) fn effective<'a>(layers: &'a [Layer], key: &str) -> Option<&'a Entry> {
    layers.iter().rev().find_map(|layer| layer.entries.get(key))
}

/// The text that counts for a key; `Err` where it cannot be trusted.
pub(crate) fn text<'a>(layers: &'a [Layer], key: &str) -> Result<Option<(&'a str, &'a Origin)>> {
    match effective(layers, key) {
        None => Ok(None),
        Some(entry) => match &entry.value {
            Ok(text) => Ok(Some((text, &entry.origin))),
            Err(why) => Err(bad(key, &entry.origin, why.clone())),
        },
    }
}

fn bad(key: &str, origin: &Origin, expected: impl Into<String>) -> ConfigError {
    ConfigError::Value {
        key: key.into(),
        origin: origin.clone(),
        expected: expected.into(),
    }
}

/// Puts one target together from keys that belong to one family only.
pub(crate) struct Assembly<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) settings: &'a DatabaseSettings,
    pub(crate) name: &'a str,
    pub(crate) password_optional: bool,
}

impl Assembly<'_> {
    /// `key` and `setting` name a field for the program and for a person.
    pub(crate) fn state(
        &self,
        key: impl Fn(Field) -> String,
        setting: impl Fn(Field) -> String,
    ) -> State {
        let mut found: BTreeMap<Field, (&str, &Origin)> = BTreeMap::new();
        for field in Field::ALL {
            match text(&self.loaded.layers, &key(field)) {
                Ok(Some(value)) => {
                    found.insert(field, value);
                }
                Ok(None) => {}
                Err(error) => return State::Invalid(error),
            }
        }
        if found.is_empty() {
            return State::Absent;
        }
        match self.assemble(&found, &key, &setting) {
            Ok(state) => state,
            Err(error) => State::Invalid(error),
        }
    }

    fn assemble(
        &self,
        found: &BTreeMap<Field, (&str, &Origin)>,
        key: &impl Fn(Field) -> String,
        setting: &impl Fn(Field) -> String,
    ) -> Result<State> {
        let mut target = match found.get(&Field::Url) {
            Some((text, origin)) => {
                let doubled = [Field::Host, Field::Port, Field::Database, Field::User];
                if let Some(field) = doubled.iter().find(|field| found.contains_key(field)) {
                    let why = format!("give either the url or `{}`, not both", setting(*field));
                    return Err(bad(&key(Field::Url), origin, why));
                }
                let mut target = url::parse(text)
                    .map_err(|problem| bad(&key(Field::Url), origin, problem.to_string()))?;
                for field in [Field::Host, Field::Port, Field::Database, Field::User] {
                    target.provenance.insert(field.as_str(), (*origin).clone());
                }
                if target.password.is_some() {
                    target
                        .provenance
                        .insert(Field::Password.as_str(), (*origin).clone());
                }
                // its own time-out, if the URL gave one
                let limit = target.settings.connect_timeout;
                let given = limit != DatabaseSettings::default().connect_timeout;
                target.settings = self.settings.clone();
                if given {
                    target.settings.connect_timeout = limit;
                }
                target
            }
            None => match self.fields_to_target(found, key, setting)? {
                Ok(target) => target,
                Err(missing) => {
                    let host = found.get(&Field::Host).map(|(host, _)| (*host).to_owned());
                    return Ok(State::Incomplete { missing, host });
                }
            },
        };
        self.password(&mut target, found, key)?;
        tls(&mut target, found, key)?;
        target.name = Some(self.name.into());
        if target.password.is_none() && !self.password_optional && !target.host.is_local() {
            let missing = vec![setting(Field::Password)];
            return Ok(State::Incomplete {
                missing,
                host: Some(target.host.to_string()),
            });
        }
        Ok(State::Complete(Box::new(target)))
    }

    /// The inner `Err` lists what is missing.
    fn fields_to_target(
        &self,
        found: &BTreeMap<Field, (&str, &Origin)>,
        key: &impl Fn(Field) -> String,
        setting: &impl Fn(Field) -> String,
    ) -> Result<Result<DatabaseTarget, Vec<String>>> {
        let get = |field: Field| found.get(&field).map(|(text, _)| *text);
        let port = match found.get(&Field::Port) {
            None => names::DEFAULT_PORT,
            Some((text, origin)) => {
                let port = text.trim().parse().ok().filter(|port: &u16| *port != 0);
                port.ok_or_else(|| {
                    bad(
                        &key(Field::Port),
                        origin,
                        "must be a number from 1 to 65535",
                    )
                })?
            }
        };
        if let Some((host, origin)) = found.get(&Field::Host) {
            let fits = host.starts_with('/')
                || !host.contains(|c: char| {
                    c.is_whitespace() || matches!(c, '/' | '@' | ',' | '?' | '#')
                });
            let address = host.parse::<std::net::IpAddr>().is_ok();
            if host.contains(':') && !host.starts_with('/') && !address {
                let why = format!(
                    "holds a `:`; the port belongs into {}",
                    setting(Field::Port)
                );
                return Err(bad(&key(Field::Host), origin, why));
            }
            if !fits {
                let why =
                    "must be one host name, an address, or a socket folder that starts with `/`";
                return Err(bad(&key(Field::Host), origin, why));
            }
        }
        let (Some(host), Some(database), Some(user)) =
            (get(Field::Host), get(Field::Database), get(Field::User))
        else {
            let mut needed = vec![Field::Host, Field::Database, Field::User];
            if !self.password_optional && !found.contains_key(&Field::PasswordEnv) {
                needed.push(Field::Password);
            }
            let missing = needed.iter().filter(|field| !found.contains_key(field));
            return Ok(Err(missing.map(|field| setting(*field)).collect()));
        };
        let mut target = DatabaseTarget::new(Host::parse(host), port, database, user);
        target.settings = self.settings.clone();
        for field in [Field::Host, Field::Port, Field::Database, Field::User] {
            let origin = found
                .get(&field)
                .map_or(Origin::Default, |(_, origin)| (*origin).clone());
            target.provenance.insert(field.as_str(), origin);
        }
        Ok(Ok(target))
    }

    fn password(
        &self,
        target: &mut DatabaseTarget,
        found: &BTreeMap<Field, (&str, &Origin)>,
        key: &impl Fn(Field) -> String,
    ) -> Result<()> {
        if let Some((text, origin)) = found.get(&Field::Password) {
            target.password = Some((*text).into());
            target
                .provenance
                .insert(Field::Password.as_str(), (*origin).clone());
            return Ok(());
        }
        let Some((variable, origin)) = found.get(&Field::PasswordEnv) else {
            return Ok(());
        };
        let entry = self.loaded.variable(variable).ok_or_else(|| {
            bad(
                &key(Field::PasswordEnv),
                origin,
                format!("names the variable `{variable}`, which is not set"),
            )
        })?;
        match &entry.value {
            Ok(text) => {
                target.password = Some(SecretString::from(text.as_str()));
                target
                    .provenance
                    .insert(Field::Password.as_str(), entry.origin.clone());
                Ok(())
            }
            Err(why) => Err(bad(variable, &entry.origin, why.clone())),
        }
    }
}

fn tls(
    target: &mut DatabaseTarget,
    found: &BTreeMap<Field, (&str, &Origin)>,
    key: &impl Fn(Field) -> String,
) -> Result<()> {
    if let Some((text, origin)) = found.get(&Field::SslMode) {
        target.ssl = SslMode::from_str(text)
            .map_err(|error| bad(&key(Field::SslMode), origin, error.to_string()))?;
        target
            .provenance
            .insert(Field::SslMode.as_str(), (*origin).clone());
    }
    if let Some((text, origin)) = found.get(&Field::SslRootCert) {
        target.ssl_root_cert = Some(text.into());
        target
            .provenance
            .insert(Field::SslRootCert.as_str(), (*origin).clone());
    }
    Ok(())
}

/// Every family, highest precedence first.
pub(crate) fn candidates(loaded: &Loaded, settings: &DatabaseSettings) -> Vec<Candidate> {
    names::FAMILIES
        .iter()
        .map(|family| candidate(loaded, settings, family))
        .collect()
}

pub(crate) fn candidate(
    loaded: &Loaded,
    settings: &DatabaseSettings,
    family: &'static Family,
) -> Candidate {
    let assembly = Assembly {
        loaded,
        settings,
        name: family.id,
        password_optional: family.password_optional,
    };
    let state = assembly.state(|field| family.key(field), |field| family.setting(field));
    Candidate { family, state }
}

/// The names in `[targets.NAME]`.
pub(crate) fn target_names(layers: &[Layer]) -> Vec<String> {
    let keys = layers.iter().flat_map(|layer| layer.entries.keys());
    let names = keys.filter_map(|key| key.strip_prefix("targets.")?.split('.').next());
    let names: std::collections::BTreeSet<_> = names.map(str::to_owned).collect();
    names.into_iter().collect()
}

/// `[targets.NAME]`, or the family of that name.
pub(crate) fn named(
    loaded: &Loaded,
    settings: &DatabaseSettings,
    name: &str,
) -> Result<DatabaseTarget> {
    if !target_names(&loaded.layers)
        .iter()
        .any(|known| known == name)
    {
        let Some(family) = names::family(name).filter(|family| family.id != names::FLAG_FAMILY)
        else {
            return Err(ConfigError::UnknownTarget {
                name: name.into(),
                known: known(loaded, settings),
            });
        };
        return finish(name, candidate(loaded, settings, family).state, || {
            [Field::Host, Field::Database, Field::User]
                .map(|field| family.setting(field))
                .into()
        });
    }
    let family_key = format!("targets.{name}.family");
    if let Some((id, origin)) = text(&loaded.layers, &family_key)? {
        let family = names::family(id).ok_or_else(|| {
            bad(
                &family_key,
                origin,
                format!("`{id}` is not a variable family"),
            )
        })?;
        let key = |field: Field| format!("targets.{name}.{}", field.as_str());
        let mut own = BTreeMap::new();
        for field in Field::ALL {
            let Some(value) = text(&loaded.layers, &key(field))? else {
                continue;
            };
            // how to verify the server is no part of who it is
            if !matches!(field, Field::SslMode | Field::SslRootCert) {
                let why = format!("give either the family or `{}`, not both", field.as_str());
                return Err(bad(&family_key, origin, why));
            }
            own.insert(field, value);
        }
        let state = candidate(loaded, settings, family).state;
        let mut target = finish(id, state, || vec![family.setting(Field::Host)])?;
        tls(&mut target, &own, &key)?;
        target.name = Some(name.into());
        return Ok(target);
    }
    let assembly = Assembly {
        loaded,
        settings,
        name,
        password_optional: true,
    };
    let key = |field: Field| format!("targets.{name}.{}", field.as_str());
    finish(name, assembly.state(key, key), Vec::new)
}

fn finish(name: &str, state: State, needed: impl Fn() -> Vec<String>) -> Result<DatabaseTarget> {
    match state {
        State::Complete(target) => Ok(*target),
        State::Invalid(error) => Err(error),
        State::Incomplete { missing, .. } => Err(ConfigError::Incomplete {
            name: name.into(),
            missing,
        }),
        State::Absent => Err(ConfigError::Incomplete {
            name: name.into(),
            missing: needed(),
        }),
    }
}

/// What can be named with `--target` now.
pub(crate) fn known(loaded: &Loaded, settings: &DatabaseSettings) -> Vec<String> {
    let mut known = target_names(&loaded.layers);
    let complete = candidates(loaded, settings)
        .into_iter()
        .filter(|candidate| candidate.target().is_some());
    known.extend(complete.map(|candidate| candidate.family.id.to_owned()));
    known
}

/// The database to use.
///
/// A choice (`--target`, `--database-url`, `database.target`, `database.family`) decides alone. Without one, all
/// complete families must name the same server, and the highest of them gives role and password.
pub(crate) fn database(loaded: &Loaded, settings: &DatabaseSettings) -> Result<DatabaseTarget> {
    let layers = &loaded.layers;
    let chosen = text(layers, "database.target")?;
    let from_flag = |origin: &Origin| matches!(origin, Origin::Flag { .. });
    let flag_url = names::family(names::FLAG_FAMILY)
        .map(|family| candidate(loaded, settings, family))
        .filter(|candidate| !matches!(candidate.state, State::Absent));
    if let Some(candidate) = flag_url {
        if let Some((_, origin)) = chosen.filter(|(_, origin)| from_flag(origin)) {
            return Err(bad(
                "target",
                origin,
                "give either --target or --database-url, not both",
            ));
        }
        return finish(names::FLAG_FAMILY, candidate.state, Vec::new);
    }
    let family = text(layers, "database.family")?;
    match (chosen, family) {
        (Some((name, origin)), other) => {
            if let Some((_, family_origin)) = other
                && !from_flag(origin)
            {
                let why = format!("`database.target` is set too, in {origin}; keep one of the two");
                return Err(bad("database.family", family_origin, why));
            }
            named(loaded, settings, name)
        }
        (None, Some((id, origin))) => {
            if names::family(id).is_none() {
                let all: Vec<_> = names::FAMILIES
                    .iter()
                    .skip(1)
                    .map(|family| family.id)
                    .collect();
                return Err(bad(
                    "database.family",
                    origin,
                    format!("must be one of {}", all.join(", ")),
                ));
            }
            named(loaded, settings, id)
        }
        (None, None) => automatic(loaded, candidates(loaded, settings)),
    }
}

fn automatic(loaded: &Loaded, mut candidates: Vec<Candidate>) -> Result<DatabaseTarget> {
    candidates.retain(|candidate| !matches!(candidate.state, State::Absent));
    let non_production_set = candidates.iter().any(|candidate| {
        candidate.family.id.ends_with("-development") || candidate.family.id.ends_with("-test")
    });
    let mut complete = Vec::new();
    let mut incomplete = Vec::new();
    let mut by_name = Vec::new();
    for candidate in candidates {
        let family = candidate.family;
        match candidate.state {
            State::Complete(target) if family.selection == Selection::ByNameOnly => {
                by_name.push(format!("{} ({})", family.id, target.server()));
            }
            State::Complete(target) => complete.push((family, *target)),
            // it may well point at another server than the others: nobody can tell
            State::Invalid(error) if family.selection != Selection::ByNameOnly => {
                return Err(error);
            }
            State::Invalid(_) | State::Absent => {}
            State::Incomplete { missing, .. } => {
                incomplete.push(format!("{} lacks {}", family.title, missing.join(", ")));
            }
        }
    }
    let servers: std::collections::BTreeSet<_> =
        complete.iter().map(|(_, target)| target.server()).collect();
    if servers.len() > 1 {
        let servers = complete.iter().map(|(family, target)| {
            let origin = target
                .provenance
                .get(Field::Host.as_str())
                .unwrap_or(&Origin::Default);
            format!("{} names {} ({origin})", family.id, target.server())
        });
        let choices = complete
            .iter()
            .map(|(family, _)| family.id.to_owned())
            .collect();
        return Err(ConfigError::Conflict {
            servers: servers.collect(),
            choices,
        });
    }
    let Some((family, target)) = complete.into_iter().next() else {
        let named = |found: bool| {
            let sources = loaded
                .sources
                .iter()
                .filter(move |source| source.found == found);
            sources.map(|source| source.name.clone()).collect()
        };
        let (looked, absent) = (named(true), named(false));
        let mut choices = target_names(&loaded.layers);
        choices.extend(by_name);
        return Err(ConfigError::NoTarget {
            looked,
            absent,
            incomplete,
            choices,
        });
    };
    if family.selection == Selection::Production && non_production_set {
        return Err(ConfigError::Production {
            family: family.id,
            server: target.server().to_string(),
        });
    }
    Ok(target)
}

/// Do two targets log in differently on the same server?
pub(crate) fn login_difference(
    left: &DatabaseTarget,
    right: &DatabaseTarget,
) -> Option<&'static str> {
    if left.user != right.user {
        return Some("role");
    }
    fn password(target: &DatabaseTarget) -> Option<&str> {
        target.password.as_ref().map(|text| text.expose_secret())
    }
    (password(left) != password(right)).then_some("password")
}
