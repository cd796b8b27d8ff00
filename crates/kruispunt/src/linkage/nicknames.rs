//! Given names that one person goes by.

use super::canon;
use rustc_hash::FxHashMap;

/// One line for each given name with the short and foreign forms that persons are known by.
const LISTED: &str = "\
jan johan johannes john jean hans juan giovanni ivan joannes jo
jozef joseph josef jef jos yusuf youssef yousef youssouf jusuf giuseppe jose
willem wim guillaume william bill will guglielmo wilhelm
pieter piet peter pierre petrus pedro pietro piotr pjotr
frans francois franciscus francis francesco francisco frank
karel charles carolus karl carl carlos carlo
lodewijk louis ludovicus lou luis luigi ludwig
hendrik henri henricus rik henk henry heinrich enrique enrico
jacob jacobus jaak jacques james jim yakup yaqub koen
antoon anton antonius toon tony antoine antonio
michiel michel michael mike miguel mikhail michal
andries andreas andre andrew andrea andrzej andrei andrey
thomas tom tomas tommaso
nicolaas nicolas nikolaas klaas nico nicola mikolaj nikolai
gerard geert gerardus gert gerrit
robert rob bob roberto bert
alexander alex sander alexandre aleksander aleksandr sacha sasha xander
maria marie maryam meryem mariam myriam miriam mia marija mariya
elisabeth elizabeth els lies liesbeth elise isabelle betty
catharina katrien katrijn trijn catherine kathy karin katarzyna ekaterina katja
margaretha margriet griet marguerite margaret greta magda
johanna jeanne joanna jo hanne anna-johanna
anna anne an annie ania
helena helene lena leen elena olena
theresia trees therese teresa
mohamed mohammed muhammad mohammad mehmet mehmed muhammed mhamed med mo moha
ahmed ahmad ahmet
ali aly
hassan hasan hassane
hussein husain houssein hossein huseyin husayn hoceine
ibrahim brahim abraham ebrahim avraham
ismail smail ishmael ismael esmail
musa moussa mozes moses musab
omar umar omer umer amor
othman osman usman outhman
mustafa mustapha moustapha moestafa
abdellah abdallah abdullah abdoullah
abderrahman abdurrahman abdelrahman abderrahmane
abdelkader abdulkadir abdelqader kader
fatima fatma fatima-zahra fatoumata fatimah fadma
aicha aisha aysha ayse aischa
khadija hatice khadidja hadidja
zeynep zainab zineb zaynab zeinab
ayse aysegul
emine amina aminah
hamza hamzah
hafsa hafssa
yasin yassine yassin yacine
bilal billal bilel
said saeed sait
rachid rashid rasit
khalid khaled halit
tarik tariq tarek
sergei sergey serge sergio
vladimir wladimir volodymyr wladyslaw
dmitri dmitry dimitri dmytro
olga olha
svetlana switlana
";

/// Groups of names by canonical spelling; a name may stand in several.
#[derive(Debug, Default)]
pub(super) struct Nicknames {
    groups: FxHashMap<String, Vec<u32>>,
}

impl Nicknames {
    /// The listed groups, and those of `more`.
    pub(super) fn new(listed: bool, more: &[Vec<String>]) -> Self {
        let mut own = Self::default();
        let mut next = 0;
        if listed {
            for line in LISTED.lines() {
                for name in line.split(' ') {
                    own.add(name, next);
                }
                next += 1;
            }
        }
        for group in more {
            for name in group {
                own.add(name, next);
            }
            next += 1;
        }
        own
    }

    fn add(&mut self, name: &str, group: u32) {
        let mut key = String::new();
        if canon::name(name, &mut key) {
            let groups = self.groups.entry(key).or_default();
            if groups.last() != Some(&group) {
                groups.push(group);
            }
        }
    }

    /// The groups of a canonical name, ascending.
    pub(super) fn of(&self, canonical: &str) -> Vec<u32> {
        self.groups.get(canonical).cloned().unwrap_or_default()
    }
}

/// Whether two ascending lists have a group in common.
pub(super) fn shared(a: &[u32], b: &[u32]) -> bool {
    a.iter().any(|own| b.binary_search(own).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_group_share_it_and_others_do_not() {
        let own = vec![vec!["Bea".to_owned(), "Beatrijs".to_owned()]];
        let names = Nicknames::new(true, &own);
        let same = |a: &str, b: &str| shared(&names.of(a), &names.of(b));
        assert!(same("jef", "joseph") && same("mehmet", "mohamed") && same("bea", "beatrijs"));
        assert!(!same("jef", "jan") && !same("nobody", "nobody"));
        assert!(!shared(&Nicknames::new(false, &own).of("jef"), &names.of("jef")));
    }
}
