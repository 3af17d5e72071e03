//! The table of broker settings is in order, and values come from where they should.

use super::broker_keys::Kind;
use super::*;

#[test]
fn broker_keys_are_sorted_and_their_defaults_fit() {
    for pair in BrokerKey::all().windows(2) {
        assert!(pair[0].name < pair[1].name, "{} {}", pair[0].name, pair[1].name);
    }
    for key in BrokerKey::all() {
        assert!(key.default.is_none_or(|default| key.fits(default)), "{}", key.name);
        assert!(!key.documentation.is_empty(), "{}", key.name);
        assert!(key.kind != Kind::Password || key.default.is_none(), "{}", key.name);
    }
}

#[test]
fn topics_inherit_only_from_broker_settings_that_exist() {
    for key in ConfigKey::all() {
        for synonym in key.synonyms {
            assert!(BrokerKey::find(synonym.name).is_some(), "{} of {}", synonym.name, key.name);
        }
    }
}
