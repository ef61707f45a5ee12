//! Requirements in text form.

use alloc::vec::Vec;

use counterfoil_token::WorkspaceKey;
use counterfoil_verify::{Demand, Freshness, Scope};

use crate::contract::{DemandFault, DemandLine};

/// Parses one item per line. The first character of a line says what it contains: see [`DemandLine`].
pub(crate) fn compile(text: &[u8]) -> Result<Demand, DemandFault> {
    let (mut workspaces, mut all_of, mut any_of) = (Vec::new(), Vec::new(), Vec::new());
    let (mut freshness, mut or_eventual, mut in_full) = (Freshness::default(), false, true);
    for line in text.split(|byte| *byte == b'\n') {
        let Some((kind, item)) = line.split_first() else { continue };
        let item = core::str::from_utf8(item).map_err(|_| DemandFault::Illegible)?;
        match DemandLine::of(*kind).ok_or(DemandFault::Illegible)? {
            DemandLine::Workspace => {
                workspaces.push(WorkspaceKey::parse(item).map_err(|_| DemandFault::InvalidWorkspace)?);
            }
            kind @ (DemandLine::AllOf | DemandLine::AnyOf) => {
                let scope = Scope::parse(item).map_err(|_| DemandFault::InvalidScope)?;
                if kind == DemandLine::AllOf { &mut all_of } else { &mut any_of }.push(scope);
            }
            DemandLine::Freshness => freshness = parse_freshness(item).ok_or(DemandFault::InvalidFreshness)?,
            DemandLine::OrEventual => or_eventual = true,
            DemandLine::Brief => in_full = false,
        }
    }
    let mut demand = Demand::of_any(workspaces).map_err(|_| DemandFault::NoWorkspace)?;
    (demand.all_of, demand.any_of) = (all_of, any_of);
    (demand.freshness, demand.or_eventual, demand.in_full) = (freshness, or_eventual, in_full);
    Ok(demand)
}

#[inline(never)]
fn parse_freshness(text: &str) -> Option<Freshness> {
    Freshness::ALL.into_iter().find(|level| level.as_str() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn every_line_of_a_requirement_is_parsed() {
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
    fn invalid_requirement_lines_are_reported() {
        let refused = [
            ("", DemandFault::NoWorkspace),
            ("aorders:read\nfstrong", DemandFault::NoWorkspace),
            ("w0Ab3d", DemandFault::InvalidWorkspace),
            ("w", DemandFault::InvalidWorkspace),
            ("w0Ab3dE\na", DemandFault::InvalidScope),
            ("w0Ab3dE\naorders:*", DemandFault::InvalidScope),
            ("w0Ab3dE\noa b", DemandFault::InvalidScope),
            ("w0Ab3dE\nfStrong", DemandFault::InvalidFreshness),
            ("w0Ab3dE\nf", DemandFault::InvalidFreshness),
            ("w0Ab3dE\nxyz", DemandFault::Illegible),
            ("w0Ab3dE\n\u{e9}", DemandFault::Illegible),
        ];
        for (text, refused) in refused {
            assert_eq!(compile(text.as_bytes()), Err(refused), "{text:?}");
        }
    }
}
