//! Which way a server takes to another: straight, unless a detour is known.
//!
//! Servers know each other by their real addresses, which they tell each other and clients. Whoever runs
//! several of them on one machine and wants to cut them from each other (`castle dev partition`) gives each
//! its own detours. Nothing but a dial looks here.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// Detours by the address that they are for; cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Routes(Arc<BTreeMap<SocketAddr, SocketAddr>>);

impl Routes {
    /// Where to connect in order to reach `address`.
    pub fn to(&self, address: SocketAddr) -> SocketAddr {
        self.0.get(&address).copied().unwrap_or(address)
    }
}

impl FromIterator<(SocketAddr, SocketAddr)> for Routes {
    fn from_iter<T: IntoIterator<Item = (SocketAddr, SocketAddr)>>(detours: T) -> Self {
        Routes(Arc::new(detours.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_a_detour_takes_one() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let routes = Routes::from_iter([(at(1), at(10))]);
        assert_eq!((routes.to(at(1)), routes.to(at(2))), (at(10), at(2)));
        assert_eq!(Routes::default().to(at(1)), at(1));
    }
}
