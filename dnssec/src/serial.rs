//! How the fields of a proof are serialized.

use hickory_proto::{
    dnssec::{Algorithm, DigestType},
    rr::{Name, RecordType},
};
use serde::Serializer;

use crate::shown::Shown;

pub(crate) fn name<S: Serializer>(name: &Name, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Shown(name))
}

pub(crate) fn optional_name<S: Serializer>(name: &Option<Name>, serializer: S) -> Result<S::Ok, S::Error> {
    match name {
        Some(name) => serializer.collect_str(&Shown(name)),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn record_type<S: Serializer>(record_type: &RecordType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(record_type)
}

pub(crate) fn algorithm<S: Serializer>(algorithm: &Algorithm, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*algorithm))
}

pub(crate) fn digest<S: Serializer>(digest: &DigestType, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*digest))
}
