//! The cppunit tests of ZooKeeper's C client, fetched as Debian's source package and built without its Maven and
//! autotools (`conformance/c/build.sh`).

use std::fs;
use std::path::Path;

use crate::run::{Outcome, command, root, run_quietly};
use crate::tools::{directory, path, read_all, remove, stamped};

const RELEASE: &str = "bookworm";

/// Fetches, patches and builds, unless that was done.
pub(crate) fn install() -> Outcome {
    let home = root().join("conformance/c");
    let (build, settings) = (home.join("build.sh"), home.join("config.h"));
    stamped("zktest-mt", &format!("{RELEASE}{}", read_all(&[&build, &settings])?), || {
        let work = directory().join("sources/zookeeper-c");
        remove(&work)?;
        fs::create_dir_all(&work).map_err(|error| format!("{}: {error}", work.display()))?;
        fetch(&work)?;
        let source = work.join("source");
        // Debian's mends of the client; the rest of the package is about Java.
        let patches = "tar xf ../*.debian.tar.xz -C ..; for name in $(grep -v '^#' ../debian/patches/series); do if \
                       grep -q zookeeper-client/zookeeper-client-c ../debian/patches/$name; then patch -p1 -s < \
                       ../debian/patches/$name; fi; done";
        let unpack = format!(
            "set -e; mkdir source; tar xf *.orig.tar.gz --strip-components=1 -C source; cd source; {patches}"
        );
        run_quietly("unpack ZooKeeper's C client", command("sh", &["-c", &unpack]).current_dir(&work))?;
        let jars = directory().join("jars/zookeeper-3.8");
        let find = format!("ls {}/zookeeper-jute-*.jar", path(&jars));
        let jute = command("sh", &["-c", &find]).output().map_err(|error| format!("{find}: {error}"))?;
        let jute = String::from_utf8_lossy(&jute.stdout).trim().to_owned();
        let output = directory().join("zktest-mt");
        run_quietly(
            "build the tests of ZooKeeper's C client",
            &mut command(path(&build), &[path(&source), &jute, path(&output)]),
        )?;
        remove(&work.join("lists"))
    })
}

/// Sources are not among the packages that a machine usually lists, so they get a list of their own here, from the
/// mirror that the machine has anyway.
fn fetch(work: &Path) -> Outcome {
    let failed = |error: std::io::Error| format!("{}: {error}", work.display());
    for place in ["lists/partial", "parts"] {
        fs::create_dir_all(work.join(place)).map_err(failed)?;
    }
    let list = format!("deb-src {} {RELEASE} main\n", mirror());
    fs::write(work.join("sources.list"), list).map_err(failed)?;
    let options = [
        format!("Dir::Etc::SourceList={}", work.join("sources.list").display()),
        format!("Dir::Etc::SourceParts={}", work.join("parts").display()),
        format!("Dir::State::Lists={}", work.join("lists").display()),
        "APT::Sandbox::User=root".to_owned(),
    ];
    let apt = |words: &[&str]| {
        let mut command = command("apt-get", &["-qq"]);
        for option in &options {
            command.args(["-o", option]);
        }
        command.args(words).current_dir(work);
        command
    };
    run_quietly("list of Debian's sources", &mut apt(&["update"]))?;
    run_quietly("source of ZooKeeper's C client", &mut apt(&["source", "--download-only", "zookeeper"]))
}

/// The first mirror of Debian proper that the machine's own lists name.
fn mirror() -> String {
    let mut lists = vec![Path::new("/etc/apt/sources.list").to_owned()];
    if let Ok(parts) = fs::read_dir("/etc/apt/sources.list.d") {
        lists.extend(parts.flatten().map(|entry| entry.path()));
    }
    let text: String = lists.iter().filter_map(|list| fs::read_to_string(list).ok()).collect();
    let mut words = text.split_whitespace();
    let found =
        words.find(|word| word.starts_with("http") && word.trim_end_matches('/').ends_with("/debian"));
    found.unwrap_or("http://deb.debian.org/debian").to_owned()
}
