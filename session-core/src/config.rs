//! Configuration: builder, file and environment, which say the same things by the same names.

mod advice;
mod builder;
mod environment;
mod error;
mod file;
mod key;
mod limits;
mod machine_key;
mod session;
mod session_keys;
mod settings;
mod source;
mod store;
mod value;

pub use self::builder::SessionConfigBuilder;
pub use self::environment::Environment;
pub use self::error::ConfigError;
pub use self::file::ConfigFile;
pub(crate) use self::limits::LONGEST_SESSION;
pub use self::machine_key::MachineKeyConfig;
pub use self::session::SessionConfig;
pub use self::store::StoreConfig;
