//! Java's login configuration: named sections of login modules with options.
//!
//! `Server { org.apache.zookeeper.server.auth.DigestLoginModule required user_bob="secret"; };` with
//! comments as in Java. Read with the rules of `com.sun.security.auth.login.ConfigFile`.

use std::collections::BTreeMap;

/// The sections of a file by name.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Jaas(BTreeMap<String, Vec<LoginModule>>);

/// One login module of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct LoginModule {
    /// The name of its class.
    pub(crate) class: String,
    /// Its options.
    pub(crate) options: BTreeMap<String, String>,
}

impl LoginModule {
    /// The users in options `user_NAME="password"`.
    pub(crate) fn users(&self) -> BTreeMap<String, String> {
        let user =
            |(key, value): (&String, &String)| Some((key.strip_prefix("user_")?.to_owned(), value.clone()));
        self.options.iter().filter_map(user).collect()
    }
}

impl Jaas {
    /// Reads the text of a file. The error says in which line it is wrong.
    pub(crate) fn parse(text: &str) -> Result<Jaas, String> {
        let mut tokens = Tokens { rest: text, line: 1 };
        let mut sections = BTreeMap::new();
        while let Some(name) = tokens.next()? {
            tokens.expect("{")?;
            let mut modules = Vec::new();
            loop {
                let class = tokens.need("the name of a login module")?;
                if class == "}" {
                    break;
                }
                modules.push(tokens.module(class)?);
            }
            tokens.expect(";")?;
            if sections.insert(name.clone(), modules).is_some() {
                return Err(tokens.error(&format!("the section {name} comes twice")));
            }
        }
        Ok(Jaas(sections))
    }

    /// The modules of a section.
    pub(crate) fn section(&self, name: &str) -> Option<&[LoginModule]> {
        self.0.get(name).map(Vec::as_slice)
    }
}

struct Tokens<'a> {
    rest: &'a str,
    line: usize,
}

impl Tokens<'_> {
    /// The rest of a module: its flag and its options, to the semicolon.
    fn module(&mut self, class: String) -> Result<LoginModule, String> {
        let flag = self.need("a flag such as `required`")?;
        if !["required", "requisite", "sufficient", "optional"].contains(&flag.to_ascii_lowercase().as_str())
        {
            return Err(self.error(&format!("{flag:?} is not required, requisite, sufficient or optional")));
        }
        let mut options = BTreeMap::new();
        loop {
            let key = self.need("an option or a semicolon")?;
            if key == ";" {
                return Ok(LoginModule { class, options });
            }
            self.expect("=")?;
            let value = self.need("a value")?;
            options.insert(key, value);
        }
    }

    fn expect(&mut self, wanted: &str) -> Result<(), String> {
        match self.next()? {
            Some(token) if token == wanted => Ok(()),
            Some(token) => Err(self.error(&format!("{wanted:?} is expected, not {token:?}"))),
            None => Err(self.error(&format!("{wanted:?} is expected, not the end"))),
        }
    }

    fn need(&mut self, what: &str) -> Result<String, String> {
        self.next()?.ok_or_else(|| self.error(&format!("{what} is expected, not the end")))
    }

    fn error(&self, what: &str) -> String {
        format!("line {}: {what}", self.line)
    }

    fn advance(&mut self, bytes: usize) -> &str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn skip(&mut self) -> Result<(), String> {
        loop {
            let blank = self.rest.len() - self.rest.trim_start().len();
            self.advance(blank);
            if self.rest.starts_with("//") || self.rest.starts_with('#') {
                let end = self.rest.find('\n').unwrap_or(self.rest.len());
                self.advance(end);
            } else if self.rest.starts_with("/*") {
                let Some(end) = self.rest.find("*/") else {
                    return Err(self.error("a comment is not closed"));
                };
                self.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }

    fn next(&mut self) -> Result<Option<String>, String> {
        self.skip()?;
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        match first {
            '{' | '}' | ';' | '=' => {
                self.advance(1);
                Ok(Some(first.to_string()))
            }
            '"' | '\'' => self.quoted(first).map(Some),
            _ => {
                let ends = |char: char| char.is_whitespace() || matches!(char, '{' | '}' | ';' | '=' | '"');
                let end = self.rest.find(ends).unwrap_or(self.rest.len());
                Ok(Some(self.advance(end).to_owned()))
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, char)) = chars.next() {
            match char {
                _ if char == quote => {
                    self.advance(at + 1);
                    return Ok(value);
                }
                '\\' => value.extend(chars.next().map(|(_, escaped)| match escaped {
                    'n' => '\n',
                    't' => '\t',
                    other => other,
                })),
                '\n' => break,
                _ => value.push(char),
            }
        }
        Err(self.error("a quote is not closed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_modules_with_options() {
        let text = "// users\nServer { /* all\n of them */ org.apache.DigestLoginModule required\n \
                    user_super=\"admin \\\"s\\\"\" user_bob=\"x;y\" debug=true; };\n# more\nOther { a.B optional; };\n";
        let jaas = Jaas::parse(text).expect("it is well-formed");
        let [module] = jaas.section("Server").expect("it is there") else { panic!("one module") };
        assert_eq!(module.class, "org.apache.DigestLoginModule");
        let users = [("bob", "x;y"), ("super", "admin \"s\"")];
        assert_eq!(module.users(), users.map(|(user, word)| (user.to_owned(), word.to_owned())).into());
        assert_eq!(module.options["debug"], "true");
        assert_eq!(jaas.section("Other").map(<[_]>::len), Some(1));
        assert_eq!(jaas.section("Client"), None);
        assert_eq!(Jaas::parse(""), Ok(Jaas::default()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let check =
            |text: &str, expect: &str| assert_eq!(Jaas::parse(text), Err(expect.to_owned()), "{text}");
        check("Server", "line 1: \"{\" is expected, not the end");
        check(
            "Server {\n a.B needed;\n};",
            "line 2: \"needed\" is not required, requisite, sufficient or optional",
        );
        check("Server { a.B required x; };", "line 1: \"=\" is expected, not \";\"");
        check("Server { a.B required x=\"y; };", "line 1: a quote is not closed");
        check("Server { a.B required x=y; }", "line 1: \";\" is expected, not the end");
        check("/* \n", "line 1: a comment is not closed");
        check("A { a.B required; };\nA { a.B required; };", "line 2: the section A comes twice");
    }
}
