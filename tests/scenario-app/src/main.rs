//! The application that the black-box tests drive.
//!
//! The same routes for every framework and every store; the configuration file alone decides.
//! What a route does stands in `actions` and `answers`, which no framework knows; a framework's
//! own module only routes and extracts.

mod actions;
mod answers;
mod application;
mod axum_server;
mod late;
mod monotonic;
mod options;
mod shutdown;

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::application::Application;
use crate::options::{Framework, Options};

fn main() -> ExitCode {
    let options = Options::parse();
    log_to_stderr();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", described(&*error));
            ExitCode::FAILURE
        }
    }
}

fn log_to_stderr() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter.from_env_lossy())
        .with_writer(io::stderr)
        .init();
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let application = Application::open(&options.config)?;
        application.prove().await?;
        let listener = tokio::net::TcpListener::bind(options.listen).await?;
        let address = listener.local_addr()?;
        writeln!(io::stdout(), "listening on http://{address}")?;
        match options.framework {
            Framework::Axum => axum_server::serve(listener, application.clone()).await?,
        }
        application.drain().await;
        Ok(())
    })
}

/// An error with what lies behind it, as far as it does not say so itself.
fn described(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            let _ = write!(text, ": {cause_text}");
        }
        source = cause.source();
    }
    text
}
