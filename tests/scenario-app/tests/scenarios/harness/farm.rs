//! [`Farm`]: one way to run the application.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::backend::{Backend, Store};
use super::instance::{Instance, Launch, Refused, launch};
use super::secrets;
use super::settings::Settings;
use super::site::Site;

/// A framework, a store, and how many processes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Combination {
    framework: &'static str,
    store: Store,
    instances: usize,
}

impl Combination {
    pub(crate) const fn new(framework: &'static str, store: Store, instances: usize) -> Self {
        Self {
            framework,
            store,
            instances,
        }
    }
}

/// A place to open sites in, which share a key ring.
#[derive(Debug)]
pub(crate) struct Farm {
    combination: Combination,
    backend: Backend,
    directory: TempDir,
    files: AtomicUsize,
}

impl Farm {
    pub(crate) fn new(combination: Combination) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            combination,
            backend: Backend::start(combination.store, directory.path()),
            directory,
            files: AtomicUsize::new(0),
        }
    }

    /// A farm of the same kind with a ring and a store of its own.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.combination)
    }

    /// What a case starts from: a cookie that travels over plain HTTP, and a ring that the
    /// first process makes.
    pub(crate) fn settings(&self) -> Settings {
        Settings::default()
            .set("session.app", "scenarios")
            .set("session.cookie.name", super::COOKIE)
            .literal("session.cookie.insecure_allow_http", "true")
            .set("store.url", self.backend.url())
            .set("machine_key.ring", self.ring().to_str().unwrap())
            .literal("machine_key.create", "true")
    }

    pub(crate) fn backend(&self) -> &Backend {
        &self.backend
    }

    pub(crate) fn ring(&self) -> PathBuf {
        self.path("machine-key.toml")
    }

    /// A path in the farm's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) async fn open(&self) -> Site {
        self.open_with(|settings| settings).await
    }

    /// Starts every instance with changed settings.
    pub(crate) async fn open_with(&self, change: impl FnOnce(Settings) -> Settings) -> Site {
        let settings = change(self.settings());
        self.start(self.combination.instances, &settings, None)
            .await
    }

    /// Starts one instance with these settings.
    pub(crate) async fn open_at(&self, settings: Settings) -> Site {
        self.start(1, &settings, None).await
    }

    /// The same, with everything logged.
    pub(crate) async fn open_tracing(&self, change: impl FnOnce(Settings) -> Settings) -> Site {
        let settings = change(self.settings());
        let instances = self.combination.instances;
        self.start(instances, &settings, Some("trace")).await
    }

    /// The settings for several instances with one store; `None`, and a line in the output,
    /// where the store is seen by one process only.
    pub(crate) fn shared_settings(&self, why: &str) -> Option<Settings> {
        if !self.backend.is_shared() {
            skipped(why);
            return None;
        }
        Some(self.settings())
    }

    /// At least two instances with one store; `None`, and a line in the output, where the store
    /// is seen by one process only.
    pub(crate) async fn open_shared(&self, why: &str) -> Option<Site> {
        self.open_shared_with(why, |settings| settings).await
    }

    /// The same with changed settings.
    pub(crate) async fn open_shared_with(
        &self,
        why: &str,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Option<Site> {
        let settings = change(self.shared_settings(why)?);
        let instances = self.combination.instances.max(2);
        Some(self.start(instances, &settings, None).await)
    }

    async fn start(&self, instances: usize, settings: &Settings, filter: Option<&str>) -> Site {
        let config = self.write(settings);
        let mut started = Vec::new();
        for _ in 0..instances {
            started.push(self.start_one(&config, filter).await);
        }
        let site = Site::new(started, self.backend.census());
        site.ready().await;
        site
    }

    /// One more instance.
    pub(crate) async fn instance(&self, settings: &Settings) -> Instance {
        self.start_one(&self.write(settings), None).await
    }

    async fn start_one(&self, config: &Path, filter: Option<&str>) -> Instance {
        let started = launch(self.launch(config, filter)).await;
        started.unwrap_or_else(|refused| panic!("not started: {refused:?}"))
    }

    /// Starts one process that is expected to refuse.
    pub(crate) async fn refusal(&self, settings: &Settings) -> Refused {
        self.refusal_of(&self.write(settings)).await
    }

    /// Starts one process, with a configuration file that is expected to be refused.
    pub(crate) async fn refusal_of(&self, config: &Path) -> Refused {
        let started = launch(self.launch(config, None)).await;
        started.expect_err("started with what it should have refused")
    }

    fn launch<'a>(&self, config: &'a Path, filter: Option<&'a str>) -> Launch<'a> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        Launch {
            framework: self.combination.framework,
            config,
            filter,
            log: self.path(&format!("{number}.log")),
        }
    }

    fn write(&self, settings: &Settings) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.path(&format!("{number}.toml"));
        fs::write(&path, settings.to_toml()).unwrap();
        path
    }
}

/// Every case ends with a look at everything that its processes wrote. S29.
impl Drop for Farm {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            secrets::assert_unwritten(self.directory.path(), &self.ring());
        }
    }
}

#[expect(clippy::print_stdout, reason = "a case that shows nothing says so")]
fn skipped(why: &str) {
    println!("skipped: {why} needs a store that two processes see");
}
