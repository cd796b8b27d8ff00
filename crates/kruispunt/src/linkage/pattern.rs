//! Regular expressions, as far as settings of other programs use them.
//!
//! Matching is by a list of threads (Pike's machine), so that no pattern takes more than its length
//! times that of the text for each place to begin.

/// Steps a pattern may have.
const LONGEST: usize = 4000;
/// Groups within groups.
const DEEPEST: usize = 16;

/// A compiled pattern: letters, classes, `.`, `^`, `$`, groups, `|` and greedy counts.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    One(Class),
    Split(usize, usize),
    Jump(usize),
    Begin,
    End,
    Found,
}

/// Ranges of letters, or all but them.
#[derive(Clone, Debug, Default)]
struct Class {
    but: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn has(&self, letter: char) -> bool {
        self.but != self.ranges.iter().any(|&(from, to)| (from..=to).contains(&letter))
    }
}

enum Node {
    One(Class),
    Begin,
    End,
    All(Vec<Self>),
    Any(Vec<Self>),
    Times(Box<Self>, usize, Option<usize>),
}

struct Reader<'a> {
    letters: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Pattern {
    /// Reads a pattern; nothing where it asks for more than is known here.
    pub(super) fn new(text: &str) -> Option<Self> {
        let mut reader = Reader { letters: text.chars().peekable() };
        let node = reader.any(DEEPEST)?;
        if reader.letters.next().is_some() {
            return None;
        }
        let mut own = Self { steps: Vec::new() };
        own.write(&node)?;
        own.steps.push(Step::Found);
        Some(own)
    }

    fn write(&mut self, node: &Node) -> Option<()> {
        if self.steps.len() > LONGEST {
            return None;
        }
        match node {
            Node::One(class) => self.steps.push(Step::One(class.clone())),
            Node::Begin => self.steps.push(Step::Begin),
            Node::End => self.steps.push(Step::End),
            Node::All(of) => of.iter().try_for_each(|own| self.write(own))?,
            Node::Any(of) => {
                let mut ends = Vec::new();
                for (at, own) in of.iter().enumerate() {
                    if at + 1 == of.len() {
                        self.write(own)?;
                        continue;
                    }
                    let split = self.steps.len();
                    self.steps.push(Step::Split(split + 1, 0));
                    self.write(own)?;
                    ends.push(self.steps.len());
                    self.steps.push(Step::Jump(0));
                    self.steps[split] = Step::Split(split + 1, self.steps.len());
                }
                for end in ends {
                    self.steps[end] = Step::Jump(self.steps.len());
                }
            }
            Node::Times(own, least, most) => {
                (0..*least).try_for_each(|_| self.write(own))?;
                let Some(most) = most else {
                    let split = self.steps.len();
                    self.steps.push(Step::Split(split + 1, 0));
                    self.write(own)?;
                    self.steps.push(Step::Jump(split));
                    self.steps[split] = Step::Split(split + 1, self.steps.len());
                    return Some(());
                };
                let mut splits = Vec::new();
                for _ in *least..*most {
                    splits.push(self.steps.len());
                    self.steps.push(Step::Split(self.steps.len() + 1, 0));
                    self.write(own)?;
                }
                for split in splits {
                    self.steps[split] = Step::Split(split + 1, self.steps.len());
                }
            }
        }
        Some(())
    }

    /// The first match, the leftmost.
    pub(super) fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        starts.into_iter().find_map(|from| self.at(text, from).map(|to| &text[from..to]))
    }

    /// Where a match that begins at `from` ends.
    fn at(&self, text: &str, from: usize) -> Option<usize> {
        let (mut now, mut next) = (Vec::new(), Vec::new());
        let mut seen = vec![usize::MAX; self.steps.len()];
        let mut end = None;
        self.follow(0, (from, text.len()), &mut seen, &mut now);
        let mut letters = text[from..].char_indices().map(|(at, letter)| (from + at, Some(letter)));
        let mut last = Some((text.len(), None));
        while let Some((at, letter)) = letters.next().or_else(|| last.take()) {
            next.clear();
            for &step in &now {
                match &self.steps[step] {
                    Step::Found => {
                        end = Some(at);
                        // What stands behind was less wanted.
                        break;
                    }
                    Step::One(class) => {
                        if let Some(letter) = letter.filter(|&letter| class.has(letter)) {
                            let place = (at + letter.len_utf8(), text.len());
                            self.follow(step + 1, place, &mut seen, &mut next);
                        }
                    }
                    _ => {}
                }
            }
            std::mem::swap(&mut now, &mut next);
            if now.is_empty() {
                break;
            }
        }
        end
    }

    /// Adds the steps that read a letter and are reached from `step` without one.
    fn follow(
        &self,
        step: usize,
        (at, end): (usize, usize),
        seen: &mut [usize],
        into: &mut Vec<usize>,
    ) {
        let mut open = vec![step];
        while let Some(step) = open.pop() {
            if seen[step] == at {
                continue;
            }
            seen[step] = at;
            match self.steps[step] {
                Step::Jump(to) => open.push(to),
                Step::Split(first, second) => open.extend([second, first]),
                Step::Begin if at == 0 => open.push(step + 1),
                Step::End if at == end => open.push(step + 1),
                Step::Begin | Step::End => {}
                Step::One(_) | Step::Found => into.push(step),
            }
        }
    }
}

impl Reader<'_> {
    fn any(&mut self, depth: usize) -> Option<Node> {
        let depth = depth.checked_sub(1)?;
        let mut of = vec![self.all(depth)?];
        while self.letters.next_if_eq(&'|').is_some() {
            of.push(self.all(depth)?);
        }
        Some(Node::Any(of))
    }

    fn all(&mut self, depth: usize) -> Option<Node> {
        let mut of = Vec::new();
        while let Some(&letter) = self.letters.peek() {
            if matches!(letter, '|' | ')') {
                break;
            }
            let one = self.one(depth)?;
            of.push(self.times(one)?);
        }
        Some(Node::All(of))
    }

    fn one(&mut self, depth: usize) -> Option<Node> {
        Some(match self.letters.next()? {
            '^' => Node::Begin,
            '$' => Node::End,
            '.' => Node::One(Class { but: true, ranges: vec![('\n', '\n')] }),
            '[' => Node::One(self.class()?),
            '\\' => Node::One(self.escaped()?),
            '(' => {
                if self.letters.next_if_eq(&'?').is_some() {
                    self.letters.next_if_eq(&':')?;
                }
                let inner = self.any(depth)?;
                self.letters.next_if_eq(&')')?;
                inner
            }
            '*' | '+' | '?' | '{' => return None,
            letter => Node::One(Class { but: false, ranges: vec![(letter, letter)] }),
        })
    }

    fn times(&mut self, one: Node) -> Option<Node> {
        let (least, most) = match self.letters.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.letters.next();
                let mut text = String::new();
                while let Some(letter) = self.letters.next_if(|letter| *letter != '}') {
                    text.push(letter);
                }
                let number = |text: &str| text.parse::<usize>().ok().filter(|&n| n <= 100);
                match text.split_once(',') {
                    None => (number(&text)?, Some(number(&text)?)),
                    Some((least, "")) => (number(least)?, None),
                    Some((least, most)) => (number(least)?, Some(number(most)?)),
                }
            }
            _ => return Some(one),
        };
        self.letters.next()?;
        // Counts that take as little as they can, and counts of counts.
        if matches!(self.letters.peek(), Some('?' | '*' | '+' | '{')) {
            return None;
        }
        Some(Node::Times(Box::new(one), least, most))
    }

    fn escaped(&mut self) -> Option<Class> {
        let word = || vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')];
        let space = || vec![(' ', ' '), ('\t', '\r')];
        let (but, ranges) = match self.letters.next()? {
            'd' => (false, vec![('0', '9')]),
            'D' => (true, vec![('0', '9')]),
            'w' => (false, word()),
            'W' => (true, word()),
            's' => (false, space()),
            'S' => (true, space()),
            't' => (false, vec![('\t', '\t')]),
            'n' => (false, vec![('\n', '\n')]),
            letter if letter.is_alphanumeric() => return None,
            letter => (false, vec![(letter, letter)]),
        };
        Some(Class { but, ranges })
    }

    fn class(&mut self) -> Option<Class> {
        let but = self.letters.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let from = match self.letters.next()? {
                ']' if !ranges.is_empty() => break,
                // Classes by name.
                '[' if self.letters.peek() == Some(&':') => return None,
                '\\' => {
                    let own = self.escaped()?;
                    match own.ranges[..] {
                        [(letter, to)] if letter == to && !own.but => letter,
                        _ if own.but => return None,
                        _ => {
                            ranges.extend(own.ranges);
                            continue;
                        }
                    }
                }
                letter => letter,
            };
            let mut ahead = self.letters.clone();
            if ahead.next() == Some('-') && ahead.peek().is_some_and(|&letter| letter != ']') {
                self.letters.next();
                let to = match self.letters.next()? {
                    '\\' => match self.escaped()?.ranges[..] {
                        [(letter, to)] if letter == to => letter,
                        _ => return None,
                    },
                    letter => letter,
                };
                if to < from {
                    return None;
                }
                ranges.push((from, to));
            } else {
                ranges.push((from, from));
            }
        }
        Some(Class { but, ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(pattern: &str, text: &str) -> Option<String> {
        Pattern::new(pattern).and_then(|own| own.find(text).map(str::to_owned))
    }

    #[test]
    fn patterns_of_splink_find_what_they_ask_for() {
        for (pattern, text, expected) in [
            ("^[^@]+", "ann.maes@home.be", Some("ann.maes")),
            ("^[^@]+", "@home.be", None),
            ("^[A-Za-z]{1,2}[0-9][A-Za-z0-9]? [0-9]", "SW1A 1AA", Some("SW1A 1")),
            ("^[A-Za-z]{1,2}[0-9][A-Za-z0-9]?", "m1 2ab", Some("m1")),
            ("^[A-Za-z]{1,2}", "1B", None),
            ("a|ab", "xab", Some("a")),
            ("(ab|a)+b?$", "aabab", Some("aabab")),
            ("x*", "aa", Some("")),
            (r"\d{2,3}", "a1b1234", Some("123")),
            (r"[\w.-]+", "é-a.b c", Some("-a.b")),
            ("b$", "bab", Some("b")),
            ("(?:a|)b", "cb", Some("b")),
            ("[]a]+", "b]a", Some("]a")),
        ] {
            assert_eq!(found(pattern, text).as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn what_is_not_known_is_no_pattern() {
        for pattern in ["(", "a**", "a+?", "(?=a)", r"\b", "[a", "[z-a]", "{2}", "a{1000}", "a)"] {
            assert!(Pattern::new(pattern).is_none(), "{pattern}");
        }
        assert!(Pattern::new(&"(".repeat(100)).is_none());
        assert!(Pattern::new("((a{100}){100}){100}").is_none());
    }

    /// The twin tries every way, first wish first.
    fn twin(nodes: &[(char, usize, usize)], text: &[char]) -> Option<usize> {
        let Some(&(letter, least, most)) = nodes.first() else { return Some(0) };
        let there = text.iter().take_while(|&&own| letter == '.' || own == letter).count();
        (least..=most.min(there)).rev().find_map(|n| twin(&nodes[1..], &text[n..]).map(|to| to + n))
    }

    proptest! {
        #[test]
        fn counts_are_greedy_from_the_left(
            nodes in proptest::collection::vec((prop::sample::select(vec!['a', 'b', '.']), 0_usize..3, 0_usize..3), 1..5),
            text in "[ab]{0,8}",
        ) {
            let nodes: Vec<(char, usize, usize)> =
                nodes.into_iter().map(|(letter, least, more)| (letter, least, least + more)).collect();
            let parts: Vec<String> =
                nodes.iter().map(|(letter, least, most)| format!("{letter}{{{least},{most}}}")).collect();
            let pattern = parts.concat();
            let letters: Vec<char> = text.chars().collect();
            let expected = (0..=letters.len())
                .find_map(|from| twin(&nodes, &letters[from..]).map(|n| text[from..from + n].to_owned()));
            prop_assert_eq!(found(&pattern, &text), expected);
        }

        #[test]
        fn any_text_is_a_pattern_or_not(pattern in ".{0,12}", text in ".{0,12}") {
            let _ = found(&pattern, &text);
        }
    }
}
