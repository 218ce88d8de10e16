//! Messages all over the library name commands. Each of them exists.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::run;

/// The sources of the crates whose messages users see.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<_> = [
        "session-core/src",
        "session-axum/src",
        "stores",
        "session-cli/src",
    ]
    .iter()
    .map(|folder| root.join(folder))
    .collect();
    let mut files = vec![root.join("README.md"), root.join("docs/sessionctl.md")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.retain(|path| {
        path.extension()
            .is_some_and(|end| end == "rs" || end == "md")
    });
    files
}

/// What is said behind the program's name, where a command line stands in backquotes.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    let said = text.split("`sessionctl ").skip(1);
    said.filter_map(|rest| rest.split(['`', '\n']).next())
}

#[test]
fn commands_that_messages_name_exist() {
    let mut count = 0;
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        for command in commands(&text) {
            let words: Vec<_> = command.split_whitespace().collect();
            let is_verb = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            let verbs = words
                .iter()
                .take_while(is_verb)
                .filter(|word| !word.starts_with('-'));
            let help = run(verbs.copied().chain(["--help"]));
            assert_eq!(help.status, 0, "{command}: {}", path.display());
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(help.out.contains(flag), "{command}: {}", path.display());
            }
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
