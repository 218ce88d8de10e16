//! What the tables are called.

/// The longest name that fits every database once a suffix such as `_principal` is added.
const LONGEST: usize = 48;

/// The names of a store's tables, checked, so that they can stand in a statement between quotes.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The database schema that the tables are in.
    pub(crate) schema: String,
    /// The table of sessions; the names of the others begin with it.
    pub(crate) table: String,
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl Default for Names {
    fn default() -> Self {
        Self {
            schema: "public".to_owned(),
            table: "sessions".to_owned(),
        }
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl Names {
    /// Sets the schema, unless the name is none.
    #[cfg(any(test, feature = "postgres"))]
    pub(crate) fn set_schema(&mut self, name: &str) -> Result<(), &'static str> {
        self.schema = checked(name)?;
        Ok(())
    }

    /// Sets the table, unless the name is none.
    pub(crate) fn set_table(&mut self, name: &str) -> Result<(), &'static str> {
        self.table = checked(name)?;
        Ok(())
    }

    /// The schema's name between quotes.
    #[cfg(feature = "postgres")]
    pub(crate) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema)
    }

    /// The table of sessions, qualified.
    pub(crate) fn sessions(&self) -> String {
        self.qualified("")
    }

    /// The table of control rows, qualified.
    pub(crate) fn control(&self) -> String {
        self.qualified("_control")
    }

    /// The table with the schema's version and the sweeper's lease, qualified.
    pub(crate) fn version(&self) -> String {
        self.qualified("_schema")
    }

    /// The name of an index, which is in the schema of its table.
    pub(crate) fn index(&self, suffix: &str) -> String {
        format!("\"{}{suffix}\"", self.table)
    }

    fn qualified(&self, suffix: &str) -> String {
        format!("\"{}\".\"{}{suffix}\"", self.schema, self.table)
    }
}

/// What to write instead of a name that was refused.
pub(crate) const FIX: &str =
    "use letters, digits and underscores, not a digit first, 48 characters at most";

/// The name, if it can stand between quotes.
pub(crate) fn checked(name: &str) -> Result<String, &'static str> {
    let first = name.bytes().next().ok_or("an empty name")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.len() > LONGEST {
        return Err("a name that is too long");
    }
    if first.is_ascii_digit() || !name.bytes().all(allowed) {
        return Err("a name with other than letters, digits and underscores");
    }
    Ok(name.to_owned())
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn names_stand_between_quotes() {
        let mut names = Names::default();
        assert_eq!(names.sessions(), r#""public"."sessions""#);
        names.set_schema("Web").unwrap();
        names.set_table("shop_1").unwrap();
        assert_eq!(names.control(), r#""Web"."shop_1_control""#);
        assert_eq!(names.index("_due"), r#""shop_1_due""#);
    }

    #[test]
    fn what_could_end_the_quotes_is_refused() {
        let long = "x".repeat(49);
        for name in ["", "1a", "a\"b", "a b", "a.b", "a;b", "ä", "a\0", &long] {
            assert!(Names::default().set_table(name).is_err(), "{name}");
        }
    }
}
