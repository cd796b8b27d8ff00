//! Tokens to expressions (precedence climbing).

use super::Fault;
use super::lex::{Span, Token};
use std::fmt;

/// A parsed expression and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Number(f64, String),
    Text(String),
    Name(String),
    Minus(Box<Node>),
    Binary(&'static str, Box<Node>, Box<Node>),
    Call(String, Vec<(Option<String>, Node)>),
    /// `f[x]` and, where true, `f[[x]]`: slopes that differ between levels.
    Index(Box<Node>, Vec<Node>, bool),
}

/// How tightly an operator binds; `**` and `^` bind to the right.
fn power(op: &str) -> Option<(u8, u8)> {
    Some(match op {
        "<" | "<=" | ">" | ">=" | "==" | "!=" => (3, 4),
        "+" | "-" => (5, 6),
        "*" | "/" => (7, 8),
        ":" => (9, 10),
        "^" | "**" => (14, 13),
        _ => return None,
    })
}
const UNARY: u8 = 11;

pub(super) struct Parser<'a> {
    tokens: &'a [(Token, Span)],
    at: usize,
}

impl<'a> Parser<'a> {
    pub(super) const fn new(tokens: &'a [(Token, Span)]) -> Self {
        Self { tokens, at: 0 }
    }

    pub(super) fn peek(&self) -> &(Token, Span) {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn next(&mut self) -> (Token, Span) {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn eat(&mut self, op: &str) -> bool {
        let found = matches!(self.peek().0, Token::Op(own) if own == op);
        self.at += usize::from(found);
        found
    }

    /// An expression of operators that bind at least as tightly as `floor`.
    pub(super) fn expression(&mut self, floor: u8, depth: usize) -> Result<Node, Fault> {
        if depth > 100 {
            return Err(Fault::new("the formula is nested too deeply", self.peek().1));
        }
        let mut left = self.operand(depth)?;
        loop {
            if self.eat("[") {
                let double = self.eat("[");
                let mut slopes = vec![self.expression(0, depth + 1)?];
                while self.eat(",") {
                    slopes.push(self.expression(0, depth + 1)?);
                }
                self.close("]")?;
                if double {
                    self.close("]")?;
                }
                let span = left.span.to(self.tokens[self.at - 1].1);
                left = Node { span, kind: Kind::Index(Box::new(left), slopes, double) };
                continue;
            }
            let (Token::Op(op), _) = *self.peek() else { return Ok(left) };
            let Some((own, right_floor)) = power(op) else { return Ok(left) };
            if own < floor {
                return Ok(left);
            }
            self.at += 1;
            let right = self.expression(right_floor, depth + 1)?;
            let span = left.span.to(right.span);
            left = Node { kind: Kind::Binary(op, Box::new(left), Box::new(right)), span };
        }
    }

    fn operand(&mut self, depth: usize) -> Result<Node, Fault> {
        let (token, span) = self.next();
        let kind = match token {
            Token::Number(value, text) => Kind::Number(value, text),
            Token::Text(text) => Kind::Text(text),
            Token::Op("-") => {
                let inner = self.expression(UNARY, depth + 1)?;
                let span = span.to(inner.span);
                return Ok(Node { kind: Kind::Minus(Box::new(inner)), span });
            }
            Token::Op("+") => return self.expression(UNARY, depth + 1),
            Token::Op("(") => {
                let inner = self.expression(0, depth + 1)?;
                self.close(")")?;
                return Ok(inner);
            }
            Token::Name(name) => {
                if !self.eat("(") {
                    return Ok(Node { kind: Kind::Name(name), span });
                }
                let arguments = self.arguments(depth)?;
                let end = self.tokens[self.at - 1].1;
                return Ok(Node { kind: Kind::Call(name, arguments), span: span.to(end) });
            }
            Token::End => {
                return Err(Fault::new("the formula ends where a term is expected", span));
            }
            Token::Op(_) => return Err(Fault::new("a term is expected here", span)),
        };
        Ok(Node { kind, span })
    }

    fn arguments(&mut self, depth: usize) -> Result<Vec<(Option<String>, Node)>, Fault> {
        let mut arguments = Vec::new();
        if self.eat(")") {
            return Ok(arguments);
        }
        loop {
            let mut keyword = None;
            if let (Token::Name(name), _) = self.peek().clone()
                && matches!(self.tokens.get(self.at + 1), Some((Token::Op("="), _)))
            {
                self.at += 2;
                keyword = Some(name);
            }
            arguments.push((keyword, self.expression(0, depth + 1)?));
            if self.eat(",") {
                continue;
            }
            self.close(")")?;
            return Ok(arguments);
        }
    }

    fn close(&mut self, bracket: &'static str) -> Result<(), Fault> {
        if self.eat(bracket) {
            return Ok(());
        }
        let message =
            if bracket == ")" { "a `)` or `,` is expected here" } else { "a `]` is expected here" };
        Err(Fault::new(message, self.peek().1))
    }
}

impl fmt::Display for Node {
    /// As Python prints it; names of coefficients follow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operand = |f: &mut fmt::Formatter<'_>, node: &Self, floor: u8| match &node.kind {
            Kind::Binary(op, ..) if power(op).is_some_and(|(own, _)| own < floor) => {
                write!(f, "({node})")
            }
            _ => write!(f, "{node}"),
        };
        match &self.kind {
            Kind::Number(_, text) => f.write_str(text),
            Kind::Text(text) => write!(f, "'{text}'"),
            Kind::Name(name) => f.write_str(name),
            Kind::Minus(inner) => {
                f.write_str("-")?;
                operand(f, inner, UNARY)
            }
            Kind::Binary(op, left, right) => {
                let (own, right_floor) = power(op).unwrap_or((0, 0));
                operand(f, left, if own > right_floor { own + 1 } else { own })?;
                match *op {
                    ":" => f.write_str(":")?,
                    "^" => f.write_str(" ** ")?,
                    op => write!(f, " {op} ")?,
                }
                operand(f, right, right_floor)
            }
            Kind::Call(name, arguments) => {
                write!(f, "{name}(")?;
                for (at, (keyword, value)) in arguments.iter().enumerate() {
                    let comma = if at > 0 { ", " } else { "" };
                    match keyword {
                        Some(keyword) => write!(f, "{comma}{keyword}={value}")?,
                        None => write!(f, "{comma}{value}")?,
                    }
                }
                f.write_str(")")
            }
            Kind::Index(inner, slopes, double) => {
                let names: Vec<String> = slopes.iter().map(ToString::to_string).collect();
                let (open, close) = if *double { ("[[", "]]") } else { ("[", "]") };
                write!(f, "{inner}{open}{}{close}", names.join(", "))
            }
        }
    }
}
