//! Who may do what: roles of staff, scopes of partners' keys, and the stores that they are for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{NotAKey, StoreId};

crate::text_enum! {
    /// What somebody may do in a store. Each role includes the ones before it, which the order of variants says.
    pub enum Role {
        /// Helps shoppers: checks, hand-overs.
        Clerk = "clerk",
        /// Decides: refunds, corrections.
        Supervisor = "supervisor",
        /// Manages accounts, partners and keys.
        Admin = "admin",
    }
}

crate::text_enum! {
    /// What a partner's key may be used for.
    pub enum Scope {
        /// Read the catalogue.
        CatalogRead = "catalog:read",
        /// Change the catalogue.
        CatalogWrite = "catalog:write",
        /// Subscribe to events.
        EventsRead = "events:read",
        /// Verify exit passes: a gate.
        ExitVerify = "exit:verify",
    }
}

/// One store, or all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Stores {
    /// All stores, those to come included: `*`.
    All,
    /// This store.
    One(StoreId),
}

impl Stores {
    /// Whether the store is one of these.
    pub fn include(&self, store: &StoreId) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == store,
        }
    }

    /// Whether all of `others` are among these.
    pub fn include_all(&self, others: &Self) -> bool {
        match others {
            Self::All => *self == Self::All,
            Self::One(store) => self.include(store),
        }
    }
}

impl std::str::FromStr for Stores {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        if text == "*" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

impl TryFrom<String> for Stores {
    type Error = NotAKey;

    fn try_from(text: String) -> Result<Self, NotAKey> {
        text.parse()
    }
}

impl std::fmt::Display for Stores {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All => formatter.write_str("*"),
            Self::One(store) => store.fmt(formatter),
        }
    }
}

impl From<Stores> for String {
    fn from(stores: Stores) -> Self {
        stores.to_string()
    }
}

crate::stored_as_text!(Stores);

/// A role in one store or in all of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// A store's number, or `*` for all stores.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = r"^(\*|[A-Za-z0-9._-]+)$")]
    pub store: Stores,
    /// The role there.
    pub role: Role,
}

impl Grant {
    /// Whether the grant gives at least this role in all of these stores.
    pub fn gives(&self, role: Role, stores: &Stores) -> bool {
        self.role >= role && self.store.include_all(stores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(store: &str, role: Role) -> Grant {
        Grant { store: store.parse().expect("stores"), role }
    }

    #[test]
    fn a_role_includes_the_ones_before_it_and_never_another_store() {
        let one: Stores = "0001".parse().expect("a store");
        let other: Stores = "0002".parse().expect("a store");
        assert!(grant("0001", Role::Supervisor).gives(Role::Clerk, &one));
        assert!(!grant("0001", Role::Supervisor).gives(Role::Admin, &one));
        assert!(!grant("0001", Role::Admin).gives(Role::Clerk, &other));
        assert!(!grant("0001", Role::Admin).gives(Role::Clerk, &Stores::All));
        assert!(grant("*", Role::Clerk).gives(Role::Clerk, &other));
        assert!(grant("*", Role::Admin).gives(Role::Admin, &Stores::All));
    }
}
