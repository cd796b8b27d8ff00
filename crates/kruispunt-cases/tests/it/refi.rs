//! Projects: what was read is written, and no bytes make it panic.

use kruispunt_cases::refi::{Limits, NewCode, Project};
use proptest::prelude::*;

const BOOK: &str = "<?xml version='1.0'?>\n<CodeBook xmlns=\"urn:QDA-XML:codebook:1.0\" odd = 'x'>\n <Codes>\n  <Code guid=\"11111111-0000-4000-8000-000000000002\" name=\"a &amp; b\" isCodable=\"true\"/><!-- c -->\n </Codes>\n</CodeBook>\n";

fn read(text: &str) -> Project {
    Project::from_bytes(text.as_bytes(), Limits::default()).expect("a codebook")
}

#[test]
fn a_change_that_changes_nothing_keeps_every_byte() {
    let same = NewCode { name: "a & b".to_owned(), ..NewCode::default() };
    let changed = read(BOOK).recoded(&[("a & b".to_owned(), same)]).expect("recoded");
    assert_eq!(changed.to_bytes().expect("bytes"), BOOK.as_bytes());
}

#[test]
fn a_new_code_stands_inside_its_parent_and_the_rest_stays() {
    let new =
        NewCode { name: "c".to_owned(), parent: Some("a & b".to_owned()), ..NewCode::default() };
    let bytes = read(BOOK).with_codes(&[new]).expect("added").to_bytes().expect("bytes");
    let text = String::from_utf8(bytes).expect("UTF-8");
    let (before, rest) = text.split_once("<Code guid=\"").expect("the parent");
    assert!(BOOK.starts_with(before));
    assert!(rest.contains("</Code></Code><!-- c -->"));
    assert!(text.ends_with("<!-- c -->\n </Codes>\n</CodeBook>\n"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(at in 0..BOOK.len(), bytes in proptest::collection::vec(any::<u8>(), 0..6)) {
        let mut text = BOOK.as_bytes().to_vec();
        text.splice(at..(at + bytes.len()).min(BOOK.len()), bytes);
        if let Ok(project) = Project::from_bytes(&text, Limits::default()) {
            prop_assert_eq!(&project.to_bytes().expect("bytes"), &text);
            prop_assert!(project.codes().is_ok());
        }
        let mut zip = b"PK\x03\x04".to_vec();
        zip.extend_from_slice(&text);
        prop_assert!(Project::from_bytes(&zip, Limits::default()).is_err());
    }
}
