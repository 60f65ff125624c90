//! DNSSEC verdicts on DNS answers.

mod anchor;
mod failure;
mod key;
mod limits;
mod proof;
mod question;
mod validation;
mod verdict;

pub use anchor::{AnchorError, AnchorFault, TrustAnchors};
pub use failure::{Failure, FailureKind, Reason, SignatureFault};
pub use limits::{Limit, Limits};
pub use proof::{Denial, Denied, Insecurity, Proof, SignatureUse, Trust, ZoneStep};
pub use question::{FetchError, Question};
pub use validation::{Step, Validation};
pub use verdict::{Hop, HopKind, Outcome, Status, Verdict};
