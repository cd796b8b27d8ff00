//! Which rows of two registers are one person.
