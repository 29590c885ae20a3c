//! Reading launchd agents, as far as they say what runs, where and when.

use std::path::PathBuf;

/// What an agent says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) label: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) folder: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) times: Vec<String>,
    pub(super) disabled: bool,
    pub(super) outputs: Vec<PathBuf>,
}

/// Reads an XML property list; `None` for anything else, such as a binary one.
pub(super) fn parse(text: &str) -> Option<Agent> {
    let body = text.split_once("<plist")?.1.split_once("<dict>")?.1;
    let mut agent = Agent::default();
    let mut key = String::new();
    let mut path: Vec<String> = Vec::new();
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('<') {
        let _ = before;
        let (tag, after) = after.split_once('>')?;
        rest = after;
        match tag.trim() {
            "key" => {
                let (name, after) = rest.split_once("</key>")?;
                key = unescape(name);
                rest = after;
            }
            "string" | "integer" | "real" => {
                let (value, after) = rest.split_once("</")?;
                rest = after.split_once('>')?.1;
                agent.take(&path, &key, &unescape(value));
            }
            "true/" | "true /" => agent.take(&path, &key, "true"),
            "false/" | "false /" => agent.take(&path, &key, "false"),
            "array" | "dict" => path.push(key.clone()),
            "/array" => {
                path.pop();
            }
            "/dict" if path.pop().is_none() => break,
            _ => {}
        }
    }
    Some(agent)
}

impl Agent {
    fn take(&mut self, path: &[String], key: &str, value: &str) {
        let outer = path.first().map_or(key, String::as_str);
        match (outer, path.is_empty()) {
            ("Label", true) => self.label = Some(value.to_owned()),
            ("Program", true) if self.arguments.is_empty() => self.arguments.push(value.to_owned()),
            ("ProgramArguments", false) => self.arguments.push(value.to_owned()),
            ("WorkingDirectory", true) => self.folder = Some(value.into()),
            ("UserName", true) => self.user = Some(value.to_owned()),
            ("Disabled", true) => self.disabled = value == "true",
            ("StandardOutPath" | "StandardErrorPath", true) => self.outputs.push(value.into()),
            ("StartInterval" | "RunAtLoad", true) if value != "false" => {
                self.times.push(format!("{key}={value}"));
            }
            ("StartCalendarInterval" | "KeepAlive", _) if value != "false" => {
                self.times.push(format!("{outer}.{key}={value}"));
            }
            _ => {}
        }
    }
}

fn unescape(text: &str) -> String {
    text.trim()
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}
