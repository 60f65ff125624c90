//! The servers of the lab's small internet: one port, an address for each.

use std::net::Ipv4Addr;

use hickory_proto::{
    op::Message,
    rr::{Name, RecordType},
};

use super::{World, authority, front, zone::label_count};

/// Whom a question reaches, by the address that it is sent to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Face {
    /// A recursive server that does not validate, and passes all records on.
    Recursive,
    /// A recursive server of before DNSSEC: it knows nothing of DO, and loses every signature and proof.
    Oblivious,
    /// A recursive server behind something that drops every question with DO.
    WithoutDo,
    /// A recursive server that validates: it sets AD, and what is bogus it does not give. It does no such thing really: it
    /// knows how each zone is signed by the word for it.
    Validating,
    /// The same behind something that clears the AD bit.
    WithoutAd,
    /// The name servers of all zones with so many labels, for which they answer with authority: they refer to those below.
    /// Zones with more than five are at the last of them.
    Authority(u8),
}

/// Labels of the zones that the last of the name servers serves, and of no fewer.
const MAX_LABELS: u8 = 5;

impl Face {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        [Self::Recursive, Self::Oblivious, Self::WithoutDo, Self::Validating, Self::WithoutAd]
            .into_iter()
            .chain((0..=MAX_LABELS).map(Self::Authority))
    }

    /// The name servers of the zone `origin`.
    pub(super) fn of_zone(origin: &Name) -> Self {
        Self::Authority(label_count(origin).min(usize::from(MAX_LABELS)) as u8)
    }

    pub(super) fn address(self) -> Ipv4Addr {
        match self {
            Self::Recursive => Ipv4Addr::LOCALHOST,
            Self::Oblivious => Ipv4Addr::new(127, 53, 1, 1),
            Self::Validating => Ipv4Addr::new(127, 53, 1, 2),
            Self::WithoutAd => Ipv4Addr::new(127, 53, 1, 3),
            Self::WithoutDo => Ipv4Addr::new(127, 53, 1, 4),
            Self::Authority(labels) => Ipv4Addr::new(127, 53, 0, labels + 1),
        }
    }

    /// Whether the question gets there.
    pub(super) fn hears(self, query: &Message) -> bool {
        self != Self::WithoutDo || query.edns.as_ref().is_none_or(|edns| !edns.flags().dnssec_ok)
    }

    /// What it answers, before anybody on the path has touched it.
    pub(super) fn answer(self, world: &World, query: &Message) -> Message {
        match self {
            Self::Recursive | Self::WithoutDo => front::answer(world, query),
            Self::Oblivious => {
                let mut without_edns = query.clone();
                without_edns.edns = None;
                front::answer(world, &without_edns)
            }
            Self::Validating => front::validated(world, query),
            Self::WithoutAd => {
                let mut message = front::validated(world, query);
                message.metadata.authentic_data = false;
                message
            }
            Self::Authority(_) => authority::answer(self, world, query),
        }
    }

    /// The header that its messages have, whatever else somebody on the path puts into them.
    pub(super) fn sign_off(self, message: &mut Message) {
        if let Self::Authority(_) = self {
            message.metadata.authoritative = true;
            message.metadata.recursion_available = false;
        }
    }

    /// Whether the answer to this question, rather than a referral, is its business.
    pub(super) fn decides(self, world: &World, name: &Name, rtype: RecordType) -> bool {
        match self {
            Self::Authority(_) => self == Self::of_zone(front::zone_for(world, name, rtype).origin()),
            Self::Recursive | Self::Oblivious | Self::WithoutDo | Self::Validating | Self::WithoutAd => true,
        }
    }

    /// Whether somebody sits on the path to it who forges. The others only fail at times.
    pub(super) fn is_attacked(self) -> bool {
        matches!(self, Self::Recursive | Self::Authority(_))
    }
}
