//! The files that a reconfiguration writes beside `zoo.cfg`, as the original writes them.
//!
//! | File | Holds |
//! |---|---|
//! | `zoo.cfg.dynamic.next` | a membership that was proposed, with its version inside |
//! | `zoo.cfg.dynamic.VERSION` | one that is in force; the version is hexadecimal |
//! | `zoo.cfg` | the rest, and `dynamicConfigFile=` with the path of the one in force |
//! | `zoo.cfg.bak` | `zoo.cfg` before the first of these |
//!
//! Sources: `QuorumPeerConfig.writeDynamicConfig`, `editStaticConfig`. Comments and the order of lines stay
//! here, which the original loses.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zab::{Configuration, InFile, ServerId};

/// Where the membership is written down.
#[derive(Clone, Debug)]
pub struct DynamicFiles {
    /// `zoo.cfg`.
    pub file: PathBuf,
    /// Our number: what its line says of clients need not stand in `zoo.cfg`.
    pub own: ServerId,
}

impl DynamicFiles {
    /// A copy of `zoo.cfg` as the administrator wrote it; nothing if it names a dynamic file already.
    pub fn keep_original(&self) -> io::Result<()> {
        let text = fs::read_to_string(&self.file)?;
        if text.lines().any(|line| key_of(line) == "dynamicConfigFile") {
            return Ok(());
        }
        replace(&with_end(&self.file, ".bak"), &text)
    }

    /// A membership was proposed.
    pub fn foresee(&self, configuration: &Configuration) -> io::Result<()> {
        replace(&next_file(&self.file), &configuration.file(InFile::WithVersion))
    }

    /// A membership is in force.
    pub fn reconfigure(&self, configuration: &Configuration) -> io::Result<()> {
        let dynamic = with_end(&self.file, &format!(".dynamic.{:x}", configuration.version));
        replace(&dynamic, &configuration.file(InFile::WithoutVersion))?;
        let text = fs::read_to_string(&self.file)?;
        let own = configuration.members.get(&self.own);
        let in_line = |named: bool, key: &str, prefix: &str| named && key.starts_with(prefix);
        let stays = |line: &&str| {
            let key = key_of(line);
            let moved = ["server.", "group", "weight", "dynamicConfigFile", "peerType", "version"];
            !(moved.iter().any(|prefix| key.starts_with(prefix))
                || in_line(own.is_some_and(|own| own.client.is_some()), key, "clientPort")
                || in_line(own.is_some_and(|own| own.secure_client.is_some()), key, "secureClientPort"))
        };
        let mut kept: String = text.lines().filter(stays).map(|line| format!("{line}\n")).collect();
        let path = fs::canonicalize(&dynamic)?;
        kept += &format!("dynamicConfigFile={}\n", path.display());
        replace(&self.file, &kept)?;
        let next = next_file(&self.file);
        match fs::read_to_string(&next).map(|text| Configuration::parse(&text)) {
            Ok(Ok(later)) if later.version > configuration.version => Ok(()),
            Ok(_) => fs::remove_file(&next),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What stands in the place of a membership that was proposed.
pub(super) fn next_file(file: &Path) -> PathBuf {
    with_end(file, ".dynamic.next")
}

/// The version that ends the name of a dynamic file, if one does.
pub(super) fn version_of(name: &str) -> Option<i64> {
    i64::from_str_radix(name.rsplit_once('.')?.1, 16).ok()
}

fn key_of(line: &str) -> &str {
    let line = line.trim();
    if line.starts_with(['#', '!']) {
        return "";
    }
    line.split(['=', ':', ' ', '\t']).next().unwrap_or(line)
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// The whole file or none of it, durably.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let beside = with_end(file, ".tmp");
    let mut new = File::create(&beside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&beside, file)?;
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_membership_moves_from_the_static_file_to_a_dynamic_one() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("zoo.cfg");
        let text = "# ours\ntickTime=2000\nserver.1=a:1:2\nserver.2=b:1:2\nclientPort=5\npeerType=observer\n";
        fs::write(&file, text).unwrap();
        let files = DynamicFiles { file: file.clone(), own: ServerId(1) };
        let read = |end: &str| fs::read_to_string(with_end(&file, end)).ok();
        files.keep_original().unwrap();
        assert_eq!(read(".bak").as_deref(), Some(text));
        let lines = "server.1=a:1:2:participant;0.0.0.0:5\nserver.2=b:1:2:participant";
        let configuration = Configuration::parse(&format!("{lines}\nversion=1f")).unwrap();
        files.foresee(&configuration).unwrap();
        assert_eq!(read(".dynamic.next"), Some(format!("{lines}\nversion=1f")));
        files.reconfigure(&configuration).unwrap();
        assert_eq!(read(".dynamic.1f").as_deref(), Some(lines));
        assert_eq!(read(".dynamic.next"), None);
        let path = fs::canonicalize(with_end(&file, ".dynamic.1f")).unwrap();
        let path = path.to_str().unwrap();
        let kept = format!("# ours\ntickTime=2000\ndynamicConfigFile={path}\n");
        assert_eq!(read("").as_deref(), Some(kept.as_str()));
        // Another of the same kind, while a later one is proposed.
        let later = Configuration { version: 0x30, ..configuration.clone() };
        files.foresee(&later).unwrap();
        files.reconfigure(&Configuration { version: 0x20, ..configuration }).unwrap();
        assert_eq!(read(".dynamic.next"), Some(format!("{lines}\nversion=30")));
        files.keep_original().unwrap();
        assert_eq!(read(".bak").as_deref(), Some(text));
    }

    #[test]
    fn members_stand_in_one_file_only() {
        let directory = tempfile::tempdir().unwrap();
        let (file, dynamic) = (directory.path().join("zoo.cfg"), directory.path().join("members"));
        fs::write(&dynamic, "server.1=a:1:2\nserver.2=b:1:2\n").unwrap();
        let text = format!("dataDir=/d\nserver.3=c:1:2\ndynamicConfigFile={}\n", dynamic.display());
        fs::write(&file, text).unwrap();
        let refused = super::super::KeeperConfig::read(&file).unwrap_err().to_string();
        assert!(refused.contains("server.3: it belongs into"), "{refused}");
    }

    #[test]
    fn the_version_is_the_end_of_the_name() {
        let check = |name, expect| assert_eq!(version_of(name), expect, "{name}");
        check("/etc/zoo.cfg.dynamic.100000000", Some(0x1_0000_0000));
        check("/etc/zoo.cfg.dynamic", None);
        check("/etc/members", None);
    }
}
