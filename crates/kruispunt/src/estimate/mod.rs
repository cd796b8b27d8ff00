//! Fixed-effects regression.
