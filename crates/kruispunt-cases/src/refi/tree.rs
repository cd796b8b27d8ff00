//! XML as a tree whose elements keep their bytes.

use super::RefiError;
use quick_xml::Reader;
use quick_xml::escape::unescape;
use quick_xml::events::Event;
use std::fmt::Write as _;

/// What stands inside an element.
#[derive(Clone, Debug)]
pub(crate) enum Kid {
    /// An element, by number.
    Element(usize),
    /// Text: as written, and as meant.
    Text(String, String),
    /// Comments and instructions, as written.
    Raw(String),
}

/// An element.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    /// The name without prefix.
    pub(crate) name: String,
    /// The start tag, as written.
    head: String,
    /// Names as written and values as meant.
    attributes: Vec<(String, String)>,
    kids: Vec<Kid>,
    /// The end tag, as written; empty when the start tag closes itself.
    tail: String,
}

/// A document that writes itself as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    before: String,
    elements: Vec<Element>,
    after: String,
    /// The prefix of the root, colon included.
    prefix: String,
}

/// More elements inside each other than any project has.
const DEEP: usize = 400;

impl Tree {
    pub(crate) fn read(bytes: &[u8], file: &str) -> Result<Self, RefiError> {
        let broken = |problem: String| RefiError::Xml { file: file.to_owned(), problem };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| broken(format!("byte {} is not UTF-8", error.valid_up_to())))?;
        let (mark, text) = match text.strip_prefix('\u{feff}') {
            Some(rest) => ("\u{feff}", rest),
            None => ("", text),
        };
        let mut tree = Self {
            before: mark.to_owned(),
            elements: Vec::new(),
            after: String::new(),
            prefix: String::new(),
        };
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        let mut open: Vec<usize> = Vec::new();
        let mut from = 0;
        loop {
            let event = reader.read_event().map_err(|error| broken(format!("{error}")))?;
            let to = reader.buffer_position() as usize;
            let raw = text.get(from..to).unwrap_or_default();
            match event {
                Event::Eof => break,
                Event::DocType(_) => {
                    return Err(broken("a document type declaration is not allowed".to_owned()));
                }
                Event::Start(_) | Event::Empty(_) => {
                    if open.len() >= DEEP {
                        return Err(broken(format!("more than {DEEP} elements inside each other")));
                    }
                    if open.is_empty() && !tree.elements.is_empty() {
                        return Err(broken("there is more than one root".to_owned()));
                    }
                    let element = Element::of(raw).map_err(broken)?;
                    let number = tree.elements.len();
                    tree.elements.push(element);
                    if let Some(&parent) = open.last() {
                        tree.elements[parent].kids.push(Kid::Element(number));
                    }
                    if matches!(event, Event::Start(_)) {
                        open.push(number);
                    }
                }
                Event::End(_) => {
                    let Some(number) = open.pop() else {
                        return Err(broken("an element ends that did not start".to_owned()));
                    };
                    raw.clone_into(&mut tree.elements[number].tail);
                }
                Event::Text(_) | Event::GeneralRef(_) if !open.is_empty() => {
                    let value = unescape(raw)
                        .map_err(|_| broken("an entity that XML does not define".to_owned()))?;
                    tree.put(&open, Kid::Text(raw.to_owned(), value.into_owned()));
                }
                Event::CData(_) => {
                    let inner =
                        raw.strip_prefix("<![CDATA[").and_then(|raw| raw.strip_suffix("]]>"));
                    let value = inner.unwrap_or_default().to_owned();
                    tree.put(&open, Kid::Text(raw.to_owned(), value));
                }
                Event::Decl(_) => {
                    let low = raw.to_ascii_lowercase();
                    if low.contains("encoding") && !low.contains("utf-8") {
                        return Err(broken("declares another encoding than UTF-8".to_owned()));
                    }
                    tree.put(&open, Kid::Raw(raw.to_owned()));
                }
                _ => tree.put(&open, Kid::Raw(raw.to_owned())),
            }
            from = to;
        }
        if !open.is_empty() || tree.elements.is_empty() {
            return Err(broken("it ends before its root element does".to_owned()));
        }
        let head = &tree.elements[0].head;
        let named = head[1..].split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
        if let Some((prefix, _)) = named.split_once(':') {
            tree.prefix = format!("{prefix}:");
        }
        Ok(tree)
    }

    fn put(&mut self, open: &[usize], kid: Kid) {
        if let Some(&parent) = open.last() {
            self.elements[parent].kids.push(kid);
            return;
        }
        let (Kid::Raw(raw) | Kid::Text(raw, _)) = kid else { return };
        let place = if self.elements.is_empty() { &mut self.before } else { &mut self.after };
        place.push_str(&raw);
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let mut out = self.before.clone();
        self.write_element(0, &mut out);
        out.push_str(&self.after);
        out.into_bytes()
    }

    fn write_element(&self, number: usize, out: &mut String) {
        let element = &self.elements[number];
        out.push_str(&element.head);
        for kid in &element.kids {
            match kid {
                Kid::Element(number) => self.write_element(*number, out),
                Kid::Text(raw, _) | Kid::Raw(raw) => out.push_str(raw),
            }
        }
        out.push_str(&element.tail);
    }

    pub(crate) fn get(&self, number: usize) -> &Element {
        &self.elements[number]
    }

    pub(crate) fn len(&self) -> usize {
        self.elements.len()
    }

    /// The elements inside one, in order.
    pub(crate) fn children(&self, number: usize) -> impl Iterator<Item = usize> + '_ {
        self.elements[number].kids.iter().filter_map(|kid| match kid {
            Kid::Element(number) => Some(*number),
            _ => None,
        })
    }

    /// The first element of that name inside one.
    pub(crate) fn child(&self, number: usize, name: &str) -> Option<usize> {
        self.children(number).find(|&kid| self.elements[kid].name == name)
    }

    /// The text inside an element, elements inside it left out.
    pub(crate) fn text(&self, number: usize) -> String {
        let kids = self.elements[number].kids.iter();
        kids.map(|kid| match kid {
            Kid::Text(_, value) => value.as_str(),
            _ => "",
        })
        .collect()
    }

    /// All elements below one, parents first, in order.
    pub(crate) fn below(&self, number: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut left: Vec<usize> = self.children(number).collect();
        left.reverse();
        while let Some(at) = left.pop() {
            found.push(at);
            let from = left.len();
            left.extend(self.children(at));
            left[from..].reverse();
        }
        found
    }

    /// Makes an element inside `parent`, before the first child whose name comes later in `order`.
    pub(crate) fn add(
        &mut self,
        parent: usize,
        name: &str,
        attributes: &[(&str, &str)],
        order: &[&str],
    ) -> usize {
        let mut head = format!("<{}{name}", self.prefix);
        for (name, value) in attributes {
            let _ = write!(head, " {name}=\"{}\"", quoted(value));
        }
        head.push('>');
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let number = self.elements.len();
        self.elements.push(Element {
            name: name.to_owned(),
            head,
            attributes: attributes.iter().map(owned).collect(),
            kids: Vec::new(),
            tail: format!("</{}{name}>", self.prefix),
        });
        let rank = |name: &str| order.iter().position(|own| *own == name);
        let own = rank(name);
        let later = |kid: &Kid| match kid {
            Kid::Element(at) => rank(&self.elements[*at].name) > own && own.is_some(),
            _ => false,
        };
        let kids = &self.elements[parent].kids;
        // Before what comes later, else after the last element, so that white space stays behind.
        let last =
            kids.iter().rposition(|kid| matches!(kid, Kid::Element(_))).map_or(0, |at| at + 1);
        let place = kids.iter().position(later).unwrap_or(last);
        self.open(parent);
        self.elements[parent].kids.insert(place, Kid::Element(number));
        number
    }

    /// Gives an element that closed itself an end tag.
    fn open(&mut self, number: usize) {
        let element = &mut self.elements[number];
        if element.tail.is_empty() {
            let named = element.head[1..].split([' ', '\t', '\r', '\n', '/', '>']).next();
            element.tail = format!("</{}>", named.unwrap_or_default());
            let cut = element.head.trim_end_matches('>').trim_end_matches('/').trim_end();
            element.head = format!("{cut}>");
        }
    }

    /// Puts text in the place of all that an element holds.
    pub(crate) fn set_text(&mut self, number: usize, text: &str) {
        self.open(number);
        self.elements[number].kids = vec![Kid::Text(escape(text), text.to_owned())];
    }

    /// Takes an element out of its parent.
    pub(crate) fn remove(&mut self, parent: usize, kid: usize) {
        self.elements[parent].kids.retain(|own| !matches!(own, Kid::Element(at) if *at == kid));
    }

    /// Sets an attribute, in its place or at the end of the start tag; other bytes stay.
    pub(crate) fn set(&mut self, number: usize, name: &str, value: &str) {
        let element = &mut self.elements[number];
        if element.attribute(name) == Some(value) {
            return;
        }
        if let Some((from, to)) = span(&element.head, name) {
            element.head.replace_range(from..to, &quoted(value));
        } else {
            let end = element.head.trim_end_matches('>').trim_end_matches('/').trim_end().len();
            element.head.insert_str(end, &format!(" {name}=\"{}\"", quoted(value)));
        }
        match element.attributes.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => value.clone_into(own),
            None => element.attributes.push((name.to_owned(), value.to_owned())),
        }
    }
}

impl Element {
    fn of(raw: &str) -> Result<Self, String> {
        let named = raw[1..].split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
        let name = named.rsplit(':').next().unwrap_or_default().to_owned();
        let mut attributes: Vec<(String, String)> = Vec::new();
        for (name, value) in scan(raw)? {
            let value = unescape(&raw[value.0..value.1])
                .map_err(|_| "an attribute with an entity that XML does not define".to_owned())?;
            let name = &raw[name.0..name.1];
            if attributes.iter().any(|(own, _)| own == name) {
                return Err("an attribute occurs twice in one element".to_owned());
            }
            attributes.push((name.to_owned(), value.into_owned()));
        }
        Ok(Self { name, head: raw.to_owned(), attributes, kids: Vec::new(), tail: String::new() })
    }

    /// An attribute, by its name as written.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

type Span = (usize, usize);

/// Where names and values of attributes stand in a start tag.
fn scan(head: &str) -> Result<Vec<(Span, Span)>, String> {
    let bytes = head.as_bytes();
    let white = |at: usize| bytes[at].is_ascii_whitespace();
    let mut at = 1;
    while at < bytes.len() && !white(at) && !matches!(bytes[at], b'/' | b'>') {
        at += 1;
    }
    let mut found = Vec::new();
    let bad = || "an attribute without a value in quotes".to_owned();
    loop {
        while at < bytes.len() && white(at) {
            at += 1;
        }
        if at >= bytes.len() || matches!(bytes[at], b'/' | b'>') {
            return Ok(found);
        }
        let name = at;
        while at < bytes.len() && !white(at) && !matches!(bytes[at], b'=' | b'>') {
            at += 1;
        }
        let end = at;
        while at < bytes.len() && white(at) {
            at += 1;
        }
        if at >= bytes.len() || bytes[at] != b'=' {
            return Err(bad());
        }
        at += 1;
        while at < bytes.len() && white(at) {
            at += 1;
        }
        let quote = *bytes.get(at).filter(|quote| matches!(quote, b'"' | b'\'')).ok_or_else(bad)?;
        let from = at + 1;
        let close = bytes[from..].iter().position(|&byte| byte == quote).ok_or_else(bad)?;
        found.push(((name, end), (from, from + close)));
        at = from + close + 1;
    }
}

fn span(head: &str, name: &str) -> Option<Span> {
    let found = scan(head).ok()?;
    found.into_iter().find(|(own, _)| &head[own.0..own.1] == name).map(|(_, value)| value)
}

/// Text for an attribute, where XML would make white space of line ends.
fn quoted(text: &str) -> String {
    escape(text).replace('\n', "&#10;").replace('\t', "&#9;").replace('\'', "&#39;")
}

/// Text for XML; what XML 1.0 cannot hold is left out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(letter),
            '\r' => escaped.push_str("&#13;"),
            letter if letter.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

impl Element {
    /// The XML namespace this element declares for itself.
    pub(crate) fn space(&self) -> Option<&str> {
        let named =
            self.head[1..].split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
        match named.split_once(':') {
            Some((prefix, _)) => self.attribute(&format!("xmlns:{prefix}")),
            None => self.attribute("xmlns"),
        }
    }
}
