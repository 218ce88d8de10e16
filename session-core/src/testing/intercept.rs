//! A store around a store, with a hook before and after each operation.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Acquire, Create, Cursor, EndReason, Extend, LeaseToken, LeaseUse, Lifetime, Load, MetaRow,
    MetaSet, Page, Ping, PrincipalKey, Record, Revision, Route, Save, Scope, SessionStore,
    StoreError, StoreKey, Swept, Touch,
};

/// What happens around every operation of an [`Intercepted`] store.
#[async_trait]
pub trait Intercept: Debug + Send + Sync + 'static {
    /// Runs before the operation.
    ///
    /// # Errors
    /// An error is the operation's answer, and the operation does not happen.
    async fn before(&self, operation: Operation) -> Result<(), StoreError>;

    /// Runs after the operation, if it succeeded.
    ///
    /// # Errors
    /// An error takes the place of the answer; the operation has happened.
    async fn after(&self, operation: Operation) -> Result<(), StoreError>;
}

/// A store that asks a hook before and after each operation of the store inside.
#[derive(Debug)]
pub struct Intercepted<I> {
    inner: Arc<dyn SessionStore>,
    hook: I,
    scope: Option<Scope>,
}

impl<I: Intercept> Intercepted<I> {
    /// A store around `inner`.
    #[must_use]
    pub fn new(inner: Arc<dyn SessionStore>, hook: I) -> Self {
        Self {
            inner,
            hook,
            scope: None,
        }
    }

    /// The same store with another claim of who sees it: with a memory store that claims
    /// [`Scope::Shared`], the instances of a farm fit into one test.
    #[must_use]
    pub fn claiming(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The hook.
    #[must_use]
    pub fn hook(&self) -> &I {
        &self.hook
    }
}

/// Declares [`Operation`] and forwards each operation to the store inside.
macro_rules! operations {
    ($($variant:ident $name:ident($($argument:ident: $kind:ty),*) -> $outcome:ty;)*) => {
        /// An operation of [`SessionStore`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $(
                #[doc = concat!("[`", stringify!($name), "`](SessionStore::", stringify!($name), ")")]
                $variant,
            )*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name of the method.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($name),)*
                }
            }
        }

        #[async_trait]
        impl<I: Intercept> SessionStore for Intercepted<I> {
            fn name(&self) -> &'static str {
                self.inner.name()
            }

            fn scope(&self) -> Scope {
                self.scope.unwrap_or_else(|| self.inner.scope())
            }

            fn endpoint(&self, route: Route) -> u16 {
                self.inner.endpoint(route)
            }

            $(
                async fn $name(self: Arc<Self>, $($argument: $kind),*) -> Result<$outcome, StoreError> {
                    self.hook.before(Operation::$variant).await?;
                    let answer = Arc::clone(&self.inner).$name($($argument),*).await?;
                    self.hook.after(Operation::$variant).await?;
                    Ok(answer)
                }
            )*
        }
    };
}

operations! {
    Create create(key: StoreKey, record: Record, lifetime: Lifetime) -> Create;
    Load load(key: StoreKey) -> Load;
    Save save(
        key: StoreKey, base: Revision, record: Record, lifetime: Lifetime, lease: LeaseUse
    ) -> Save;
    Touch touch(key: StoreKey) -> Touch;
    Rename rename(
        from: StoreKey, to: StoreKey, base: Revision, record: Record, lifetime: Lifetime,
        lease: LeaseUse
    ) -> Save;
    Delete delete(key: StoreKey, reason: EndReason) -> bool;
    Acquire acquire(key: StoreKey, lease: Duration, wait: Duration) -> Acquire;
    Extend extend(key: StoreKey, token: LeaseToken, lease: Duration) -> Extend;
    Release release(key: StoreKey, token: LeaseToken) -> bool;
    List list(principal: PrincipalKey, after: Option<Cursor>) -> Page;
    DeleteAll delete_all(principal: PrincipalKey, except: Option<StoreKey>) -> u64;
    Sweep sweep(limit: usize) -> Vec<Swept>;
    MetaGet meta_get(name: String) -> Option<MetaRow>;
    MetaCompareAndSet meta_compare_and_set(
        name: String, expected: Option<Revision>, value: Bytes
    ) -> MetaSet;
    Ping ping() -> Ping;
}
