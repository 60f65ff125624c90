//! TLSA records (DANE): reading them, choosing those that count, and holding a server's certificates against them.

mod association;
mod budget;
mod certificate;
mod chain;
mod der;
mod error;
mod extensions;
mod name_constraints;
mod path;
mod record;
mod reference_id;
mod selection;
mod signature;
mod soundness;
mod validity;
mod verify;

pub use certificate::leaf_spki;
pub use error::{MalformedCertificate, PathFault, VerifyError, Work};
pub use record::{Matching, RecordError, Selector, TlsaRecord, Usage};
pub use reference_id::{ReferenceIds, owner_name};
pub use selection::{Selection, Unusable, UsableRecords, UsableTlsa, select};
pub use verify::{Match, verify};
