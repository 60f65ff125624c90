//! The names of the matrix's rows.

use serde::Serialize;

/// The rows of the matrix.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatrixId {
    /// MX, address and usable TLSA records all secure.
    DaneUsable,
    /// Secure TLSA records that authenticate nothing, no enforced MTA-STS policy: none is usable, or the MX is insecure and the
    /// caller chose [`InsecureMx::Encrypt`](crate::InsecureMx).
    DaneUnusable,
    /// The same beside an enforced MTA-STS policy.
    DaneUnusableStsEnforce,
    /// An insecure MX names a host with secure usable TLSA records.
    DaneInsecureMx,
    /// The same beside an enforced MTA-STS policy.
    DaneInsecureMxStsEnforce,
    /// No DANE; an enforced MTA-STS policy.
    StsEnforce,
    /// No DANE; an MTA-STS policy in testing.
    StsTesting,
    /// Neither.
    Opportunistic,
    /// The MX look-up ended in an error.
    MxError,
    /// The address or TLSA look-up of a host ended in an error.
    HostError,
}
