//! Who is served what: routes, keys, addresses, where a player starts, players that come back.
