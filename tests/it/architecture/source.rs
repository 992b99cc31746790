//! Reads a Rust file just far enough to know which paths of the program it names: words and signs without comments and
//! texts, the module that each stands in, and paths spelled out of nested `use`.

/// A file as words and signs.
pub struct Source {
    module: Vec<String>,
    tokens: Vec<Token>,
}

struct Token {
    text: String,
    line: usize,
}

/// A path from the program's root that a file names.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub path: Vec<String>,
    pub line: usize,
}

impl Source {
    /// Reads a file by its path from the package's root.
    pub fn read(name: &str, text: &str) -> Self {
        let inside = name.trim_start_matches("src/").trim_end_matches(".rs");
        let module = inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
        Self { module: module.map(str::to_owned).collect(), tokens: tokens(text) }
    }

    /// Every path that begins at `crate`, `super` or, in the binary, the library's name.
    pub fn named(&self) -> Vec<Named> {
        let mut found = Vec::new();
        let mut inline: Vec<(usize, &str)> = Vec::new();
        let mut depth = 0;
        for at in 0..self.tokens.len() {
            match self.text(at) {
                "{" => {
                    depth += 1;
                    if at >= 2 && self.text(at - 2) == "mod" {
                        inline.push((depth, self.text(at - 1)));
                    }
                }
                "}" => {
                    inline.retain(|(opened, _)| *opened != depth);
                    depth -= 1;
                }
                "crate" | "aisle" if self.begins(at) => self.spell(at + 2, &mut Vec::new(), &mut found),
                "super" if self.begins(at) => {
                    let inner = inline.iter().map(|(_, name)| (*name).to_owned());
                    let mut prefix: Vec<String> = self.module.iter().cloned().chain(inner).collect();
                    let mut next = at;
                    while self.text(next) == "super" {
                        prefix.pop();
                        next += 2;
                    }
                    self.spell(next, &mut prefix, &mut found);
                }
                _ => {}
            }
        }
        // A path within the own room was spelled through `super`, an empty one names the root itself.
        found.retain(|named| !named.path.is_empty());
        found
    }

    /// The modules that a file declares for others to enter, with their lines.
    pub fn public_modules(&self) -> Vec<(String, usize)> {
        let declared =
            (1..self.tokens.len()).filter(|at| self.text(*at) == "mod" && self.text(at + 2) == ";");
        declared
            .filter(|at| matches!(self.text(at - 1), "pub" | ")"))
            .map(|at| (self.text(at + 1).to_owned(), self.tokens[at].line))
            .collect()
    }

    /// The first line with this word.
    pub fn line_of(&self, word: &str) -> Option<usize> {
        self.tokens.iter().find(|token| token.text == word).map(|token| token.line)
    }

    /// Whether a path begins here.
    fn begins(&self, at: usize) -> bool {
        self.text(at + 1) == "::" && (at == 0 || self.text(at - 1) != "::")
    }

    /// Follows a path from here on, into every branch of a group.
    fn spell(&self, mut at: usize, prefix: &mut Vec<String>, found: &mut Vec<Named>) {
        let known = prefix.len();
        loop {
            let text = self.text(at);
            if text == "{" {
                at += 1;
                while !matches!(self.text(at), "}" | "") {
                    self.spell(at, prefix, found);
                    at = self.after_branch(at);
                }
                break;
            }
            if is_word(text) {
                prefix.push(text.to_owned());
            }
            if !is_word(text) || self.text(at + 1) != "::" {
                let line = self.tokens.get(at).map_or(0, |token| token.line);
                found.push(Named { path: prefix.clone(), line });
                break;
            }
            at += 2;
        }
        prefix.truncate(known);
    }

    /// Where the next branch of a group begins, or where the group ends.
    fn after_branch(&self, mut at: usize) -> usize {
        let mut depth = 0;
        loop {
            match self.text(at) {
                "" => return at,
                "{" => depth += 1,
                "}" if depth == 0 => return at,
                "}" => depth -= 1,
                "," if depth == 0 => return at + 1,
                _ => {}
            }
            at += 1;
        }
    }

    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The words and signs of a text; comments, texts and characters are left out.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            comment(rest)
        } else if let Some(length) = quoted(rest) {
            length
        } else {
            let word = rest.find(|each: char| !each.is_alphanumeric() && each != '_').unwrap_or(rest.len());
            let length = if word > 0 {
                word
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            tokens.push(Token { text: rest[..length].to_owned(), line });
            length
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// How long the comment is; comments nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// How long the text or character is that begins here; nothing when none does.
fn quoted(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r", "b", "c", ""].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    });
    if let Some(prefix) = prefix {
        let hashes = text[prefix.len()..].chars().take_while(|each| *each == '#').count();
        let start = prefix.len() + hashes + 1;
        if prefix.ends_with('r') {
            let end = format!("\"{}", "#".repeat(hashes));
            return Some(text[start..].find(&end).map_or(text.len(), |length| start + length + end.len()));
        }
        return (hashes == 0).then(|| closed(text, start, '"'));
    }
    // A lifetime is no character: it has no second quote right behind its first letter.
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    (first == '\\' || inside[first.len_utf8()..].starts_with('\'')).then(|| closed(text, 1, '\''))
}

/// Where the text that began before `start` ends.
fn closed(text: &str, start: usize, quote: char) -> usize {
    let mut escaped = false;
    for (at, each) in text[start..].char_indices() {
        match each {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if each == quote => return start + at + each.len_utf8(),
            _ => {}
        }
    }
    text.len()
}
