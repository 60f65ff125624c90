//! DNSSEC verdicts on DNS answers.

mod alias;
mod anchor;
mod answers;
mod denial;
mod failure;
mod key;
mod limits;
mod nsec;
mod nsec3;
mod proof;
mod question;
mod rrset;
mod validation;
mod verdict;
mod zone;

pub use anchor::{AnchorError, AnchorFault, TrustAnchors};
pub use failure::{Failure, FailureKind, Reason, SignatureFault};
pub use limits::{Limit, Limits};
pub use proof::{Denial, Denied, Insecurity, Proof, SignatureUse, Trust, ZoneStep};
pub use question::{FetchError, Question};
pub use validation::{Step, Validation};
pub use verdict::{Hop, HopKind, Outcome, Status, Verdict};
