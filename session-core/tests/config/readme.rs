//! The configuration that the README shows.

use session_core::{ConfigFile, Environment, SessionConfig};

const README: &str = include_str!("../../../README.md");

/// The only block of TOML.
fn block() -> &'static str {
    let after = README.split_once("```toml\n").unwrap_or_default().1;
    after.split_once("```").unwrap_or_default().0
}

/// `text` with `line` no longer commented out.
fn with(text: &str, line: &str) -> String {
    text.replace(line, line.trim_start_matches("# "))
}

fn commented_settings() -> impl Iterator<Item = &'static str> {
    let lines = block().lines();
    lines.filter(|line| line.starts_with("# ") && line.contains(" = "))
}

#[test]
fn it_is_the_default() {
    let config = ConfigFile::parse(block(), "README.md", &Environment::empty());
    let config = config.expect("the README's configuration");
    let default = SessionConfig::builder("shop").build().expect("defaults");
    assert_eq!(format!("{:?}", config.session), format!("{default:?}"));
    assert!(!config.machine_key.create());
    assert!(!config.machine_key.insecure_world_readable());
}

#[test]
fn what_is_commented_out_exists() {
    let mut lines = 0;
    for line in commented_settings() {
        lines += 1;
        let whole = with(block(), line);
        let parsed = ConfigFile::parse(&whole, "README.md", &Environment::empty());
        let error = parsed.err().map(|error| error.to_string());
        let unknown = error.is_some_and(|error| error.contains("unknown name"));
        assert!(!unknown, "{line}");
    }
    assert_eq!(lines, 5);
}

#[test]
fn it_has_every_name() {
    let whole = commented_settings().fold(block().to_owned(), |text, line| with(&text, line));
    let table: toml::Table = whole.parse().expect("TOML");
    for top in ["session", "machine_key"] {
        for name in super::names::settings_inside(top) {
            let found = name
                .split('.')
                .try_fold(toml::Value::Table(table.clone()), |value, part| {
                    value.get(part).cloned()
                });
            assert!(found.is_some(), "{name}");
        }
    }
}
