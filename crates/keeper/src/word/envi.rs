//! envi: the version, by which clients decide what they may use, and what the edge knows of its host.

use std::fmt::Write;

use crate::keeper::Keeper;

impl Keeper {
    pub(super) fn envi(&self) -> String {
        let config = &self.server.config;
        let mut text = format!("Environment:\nzookeeper.version={}\n", config.version);
        for (name, value) in &config.environment {
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }
}
