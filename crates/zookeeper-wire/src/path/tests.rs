use super::PathError::*;
use super::*;

#[test]
fn paths_obey_the_rules() {
    let check = |path: &str, expect| assert_eq!(validate(path), expect, "{path:?}");
    check("/", Ok(()));
    check("/a", Ok(()));
    check("/a/b.c/...", Ok(()));
    check("/a /ä/中", Ok(()));
    check("", Err(NotAbsolute));
    check("a", Err(NotAbsolute));
    check("/a/", Err(TrailingSlash));
    check("//a", Err(EmptyName));
    check("/a//b", Err(EmptyName));
    check("/.", Err(Relative));
    check("/a/../b", Err(Relative));
    for bad in
        ['\0', '\u{1}', '\u{1f}', '\u{7f}', '\u{9f}', '\u{e000}', '\u{f8ff}', '\u{fff0}', '\u{ffff}', '😀']
    {
        check(&format!("/a{bad}"), Err(BadCharacter(bad)));
    }
    for good in ['\u{20}', '\u{7e}', '\u{a0}', '\u{d7ff}', '\u{f900}', '\u{ffef}'] {
        check(&format!("/a{good}"), Ok(()));
    }
}

#[test]
fn sequential_paths_may_end_in_a_slash() {
    let check = |path: &str, expect| assert_eq!(validate_sequential(path), expect, "{path:?}");
    check("/a/", Ok(()));
    check("/a/..", Ok(()));
    check("/a//", Err(EmptyName));
    check("a", Err(NotAbsolute));
}

#[test]
fn a_path_falls_into_parent_and_name() {
    let check = |path, expect_parent, expect_name| {
        assert_eq!((parent(path), name(path)), (expect_parent, expect_name));
    };
    check("/", None, "");
    check("/a", Some("/"), "a");
    check("/a/b", Some("/a"), "b");
    check("/a/", Some("/a"), "");
}
