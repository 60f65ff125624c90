//! What the NSEC3 records of a message say together (RFC 5155 §8).

use hickory_proto::{
    dnssec::{Nsec3HashAlgorithm, rdata::NSEC3},
    rr::{Name, RecordType, RecordTypeSet},
};

use crate::{
    Denied, Insecurity, Limit,
    denial::{Closer, Existence, is_cut},
    proof::Denial,
    work::Work,
};

/// The verified NSEC3 records of one zone in one message.
#[derive(Debug)]
pub(crate) struct Nsec3Chain<'m> {
    zone: &'m Name,
    links: Vec<Link<'m>>,
    /// Names hashed so far.
    hashed: Vec<(Name, Hash)>,
}

/// SHA-1, the one hash algorithm there is (RFC 5155 §11).
type Hash = [u8; 20];

#[derive(Debug)]
struct Link<'m> {
    owner: &'m Name,
    from: Hash,
    to: Hash,
    nsec3: &'m NSEC3,
}

impl Link<'_> {
    fn covers(&self, hash: &Hash) -> bool {
        match self.from < self.to {
            true => self.from < *hash && *hash < self.to,
            // The last link of the chain, and the only one of a zone of one name (RFC 5155 §3.1.7).
            false => *hash > self.from || *hash < self.to,
        }
    }

    fn denial(&self, about: &Name, says: Denied) -> Denial {
        Denial { owner: self.owner.clone(), record_type: RecordType::NSEC3, about: about.clone(), says }
    }
}

impl<'m> Nsec3Chain<'m> {
    pub(crate) fn new(zone: &'m Name) -> Self {
        Self { zone, links: Vec::new(), hashed: Vec::new() }
    }

    /// Adds a verified record; one whose owner is no hash directly below the zone's apex is none of the chain.
    pub(crate) fn add(&mut self, owner: &'m Name, nsec3: &'m NSEC3) {
        let from = owner.iter().next().and_then(base32hex);
        let to = Hash::try_from(nsec3.next_hashed_owner_name());
        if let (Some(from), Ok(to)) = (from, to)
            && owner.base_name() == *self.zone
        {
            self.links.push(Link { owner, from, to, nsec3 });
        }
    }

    /// What the records say about the existence of a name.
    pub(crate) fn existence(&mut self, name: &Name, work: &mut Work) -> Result<Existence<'m>, Limit> {
        match self.parameters(work) {
            Parameters::Usable => {}
            Parameters::TooManyIterations(n) => return Ok(Existence::TooManyIterations(n)),
            Parameters::Unusable => return Ok(Existence::Unproven),
        }
        if let Some(types) = self.matching(name, Denied::Type, work)? {
            return Ok(Existence::Exists(types));
        }
        // RFC 5155 §8.3: the closest encloser is the longest name above with a matching record, and the name
        // one label longer is covered by another.
        let mut next_closer = name.clone();
        while next_closer != *self.zone && !next_closer.is_root() {
            let encloser = next_closer.base_name();
            let Some(types) = self.matching(&encloser, Denied::Encloser, work)? else {
                next_closer = encloser;
                continue;
            };
            // RFC 5155 §8.3, RFC 6672 §5.3.4.1: the zone knows nothing below a delegation or a DNAME.
            if is_cut(types) || types.contains(RecordType::DNAME) {
                return Ok(Existence::Unproven);
            }
            return Ok(match self.covering(&next_closer, work)? {
                Some(opt_out) => Existence::Absent { encloser, opt_out },
                None => Existence::Unproven,
            });
        }
        Ok(Existence::Unproven)
    }

    /// Proves that the name one label longer than a wildcard's `encloser` does not exist (RFC 5155 §8.8).
    pub(crate) fn no_closer(
        &mut self,
        name: &Name,
        encloser: &Name,
        work: &mut Work,
    ) -> Result<Closer, Limit> {
        match self.parameters(work) {
            Parameters::Usable => {}
            Parameters::TooManyIterations(n) => return Ok(Closer::Insecure(Insecurity::Iterations(n))),
            Parameters::Unusable => return Ok(Closer::Unproven),
        }
        let next_closer = name.trim_to(encloser.iter().count() + 1);
        Ok(match self.covering(&next_closer, work)? {
            Some(true) => Closer::Insecure(Insecurity::OptOut),
            Some(false) => Closer::None,
            None => Closer::Unproven,
        })
    }

    fn parameters(&self, work: &Work) -> Parameters {
        let Some(first) = self.links.first() else { return Parameters::Unusable };
        // RFC 5155 §8.2: records of two chains prove nothing together.
        let of_first = |link: &Link<'_>| {
            link.nsec3.iterations() == first.nsec3.iterations() && link.nsec3.salt() == first.nsec3.salt()
        };
        if !self.links.iter().all(of_first) {
            return Parameters::Unusable;
        }
        match first.nsec3.iterations() {
            n if n > work.budget.limits.nsec3_iterations => Parameters::TooManyIterations(n),
            _ => Parameters::Usable,
        }
    }

    /// The types at a name whose hash is the owner of a record.
    fn matching(
        &mut self,
        name: &Name,
        says: Denied,
        work: &mut Work,
    ) -> Result<Option<&'m RecordTypeSet>, Limit> {
        let Some(hash) = self.hash(name, work)? else { return Ok(None) };
        let Some(link) = self.links.iter().find(|link| link.from == hash) else { return Ok(None) };
        work.evidence.proof.add_denial(link.denial(name, says));
        Ok(Some(link.nsec3.type_set()))
    }

    /// Whether the span that covers a name is opt-out; `None` where none covers it.
    fn covering(&mut self, name: &Name, work: &mut Work) -> Result<Option<bool>, Limit> {
        let Some(hash) = self.hash(name, work)? else { return Ok(None) };
        let Some(link) = self.links.iter().find(|link| link.covers(&hash)) else { return Ok(None) };
        work.evidence.proof.add_denial(link.denial(name, Denied::Name));
        Ok(Some(link.nsec3.opt_out()))
    }

    fn hash(&mut self, name: &Name, work: &mut Work) -> Result<Option<Hash>, Limit> {
        if let Some((_, hash)) = self.hashed.iter().find(|(known, _)| known == name) {
            return Ok(Some(*hash));
        }
        let Some(first) = self.links.first() else { return Ok(None) };
        work.budget.nsec3_hash(first.nsec3.salt())?;
        let digest = Nsec3HashAlgorithm::SHA1.hash(first.nsec3.salt(), name, first.nsec3.iterations());
        let Ok(digest) = digest else { return Ok(None) };
        let Ok(hash) = Hash::try_from(digest.as_ref()) else { return Ok(None) };
        self.hashed.push((name.clone(), hash));
        Ok(Some(hash))
    }
}

enum Parameters {
    Usable,
    TooManyIterations(u16),
    Unusable,
}

/// Decodes the hash in an owner label: 32 digits of base32 with the extended hex alphabet (RFC 4648 §7).
fn base32hex(label: &[u8]) -> Option<Hash> {
    if label.len() != 32 {
        return None;
    }
    let mut bytes = Vec::with_capacity(20);
    for digits in label.chunks(8) {
        let mut group = 0u64;
        for digit in digits {
            let value = match digit.to_ascii_lowercase() {
                digit @ b'0'..=b'9' => digit - b'0',
                digit @ b'a'..=b'v' => digit - b'a' + 10,
                _ => return None,
            };
            group = group << 5 | u64::from(value);
        }
        bytes.extend(group.to_be_bytes().into_iter().skip(3));
    }
    match Hash::try_from(bytes) {
        Ok(hash) => Some(hash),
        Err(_) => None,
    }
}
