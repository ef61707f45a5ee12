//! A demand from text.

use alloc::vec::Vec;

use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{Demand, Freshness, Scope};

use crate::answer;

/// Why a demand was refused. The numbers are known to the JavaScript side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    NoWorkspace = -1,
    NotAWorkspace = -2,
    NotAScope = -3,
    NotAFreshness = -4,
    TooMany = -5,
    /// Not written as [`compile`] reads it: the JavaScript side's mistake.
    Illegible = -6,
}

/// Reads one item a line. Its first character tells what it is: `w` a workspace's key, `a` a scope that must be
/// granted, `o` a scope of which one must be, `f` the freshness, `e` that an eventual answer will do, `b` that a brief one will.
pub(crate) fn compile(text: &[u8]) -> Result<Demand, Refused> {
    let (mut workspaces, mut all_of, mut any_of) = (Vec::new(), Vec::new(), Vec::new());
    let (mut freshness, mut or_eventual, mut in_full) = (Freshness::default(), false, true);
    for line in text.split(|byte| *byte == b'\n') {
        let Some((kind, item)) = line.split_first() else { continue };
        let item = core::str::from_utf8(item).map_err(|_| Refused::Illegible)?;
        match kind {
            b'w' => workspaces.push(WorkspaceKey::parse(item).map_err(|_| Refused::NotAWorkspace)?),
            b'a' => all_of.push(Scope::parse(item).map_err(|_| Refused::NotAScope)?),
            b'o' => any_of.push(Scope::parse(item).map_err(|_| Refused::NotAScope)?),
            b'f' => freshness = parse_freshness(item).ok_or(Refused::NotAFreshness)?,
            b'e' => or_eventual = true,
            b'b' => in_full = false,
            _ => return Err(Refused::Illegible),
        }
    }
    let mut demand = Demand::of_any(workspaces).map_err(|_| Refused::NoWorkspace)?;
    (demand.all_of, demand.any_of) = (all_of, any_of);
    (demand.freshness, demand.or_eventual, demand.in_full) = (freshness, or_eventual, in_full);
    Ok(demand)
}

fn parse_freshness(text: &str) -> Option<Freshness> {
    let levels = [Freshness::Snapshot, Freshness::Eventual, Freshness::Bounded, Freshness::Strong];
    levels.into_iter().find(|level| answer::freshness(*level) == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn every_line_counts() {
        let demand = compile(b"w0Ab3dE\nw000001\naorders:read\noa\nob.c\nfeventual").unwrap();
        let keys: Vec<_> = demand.workspaces().iter().map(WorkspaceKey::as_str).collect();
        assert_eq!(keys, ["0Ab3dE", "000001"]);
        assert_eq!(demand.all_of, [Scope::parse("orders:read").unwrap()]);
        assert_eq!(demand.any_of, [Scope::parse("a").unwrap(), Scope::parse("b.c").unwrap()]);
        assert_eq!(demand.freshness, Freshness::Eventual);
        assert!(!demand.or_eventual);
        let demand = compile(b"w0Ab3dE\ne").unwrap();
        assert_eq!((demand.freshness, demand.or_eventual, demand.in_full), (Freshness::Bounded, true, true));
        assert!(!compile(b"w0Ab3dE\nb").unwrap().in_full);
        let levels = [Freshness::Snapshot, Freshness::Eventual, Freshness::Bounded, Freshness::Strong];
        for (name, level) in ["snapshot", "eventual", "bounded", "strong"].iter().zip(levels) {
            assert_eq!(compile(format!("w0Ab3dE\nf{name}").as_bytes()).unwrap().freshness, level);
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let refused = [
            ("", Refused::NoWorkspace),
            ("aorders:read\nfstrong", Refused::NoWorkspace),
            ("w0Ab3d", Refused::NotAWorkspace),
            ("w", Refused::NotAWorkspace),
            ("w0Ab3dE\na", Refused::NotAScope),
            ("w0Ab3dE\naorders:*", Refused::NotAScope),
            ("w0Ab3dE\noa b", Refused::NotAScope),
            ("w0Ab3dE\nfStrong", Refused::NotAFreshness),
            ("w0Ab3dE\nf", Refused::NotAFreshness),
            ("w0Ab3dE\nxyz", Refused::Illegible),
            ("w0Ab3dE\n\u{e9}", Refused::Illegible),
        ];
        for (text, refused) in refused {
            assert_eq!(compile(text.as_bytes()), Err(refused), "{text:?}");
        }
    }
}
