//! Which of a host's addresses are connected to, and how many.

use std::net::IpAddr;

use mxtls_policy::{Explanation, Failure, FailureCode};

use crate::network::Network;

/// What the caller says of addresses, whoever names them.
#[derive(Clone, Debug)]
pub(crate) struct AddressLimits {
    /// Nothing in these networks is connected to.
    pub(crate) excluded: Vec<Network>,
    /// So many addresses of a host are tried: two at least, for RFC 5321 §5.1 asks for that.
    pub(crate) most: usize,
}

/// What is left of a host's addresses, in their order and never empty.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) addresses: Vec<IpAddr>,
    /// What was left out.
    pub(crate) explain: Vec<Explanation>,
}

impl AddressLimits {
    /// The addresses of `host` that may be connected to.
    ///
    /// # Errors
    /// All are excluded.
    pub(crate) fn admit(&self, host: &str, found: &[IpAddr]) -> Result<Admitted, Failure> {
        let excluding = |address: &IpAddr| self.excluded.iter().find(|network| network.contains(*address));
        let mut addresses: Vec<IpAddr> = found.to_vec();
        addresses.retain(|address| excluding(address).is_none());
        let first = found.iter().find_map(|address| Some((address, excluding(address)?)));
        let mut explain = vec![];
        if let Some((address, network)) = first {
            let detail = format!("{address} is in {network}");
            if addresses.is_empty() {
                let message = format!("Connections to {host} are excluded by configuration.");
                return Err(Failure::new(FailureCode::ExcludedAddress, message).detail(detail));
            }
            let count = found.len().saturating_sub(addresses.len());
            let result = format!("{count} of {} addresses excluded: {detail}", found.len());
            explain.push(Explanation::new("excluded-address", host, result));
        }
        if addresses.len() > self.most {
            let result = format!("the first {} of {} addresses are used", self.most, addresses.len());
            explain.push(Explanation::new("address-limit", host, result).rfc("RFC 5321 5.1"));
            addresses.truncate(self.most);
        }
        Ok(Admitted { addresses, explain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smtp_17_what_is_left_of_the_addresses() {
        let all = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "::ffff:192.0.2.3"];
        for (excluded, most, left, steps, why) in [
            (&["0.0.0.0/0", "::/0"][..], 16, None, vec![], "nothing"),
            (&["192.0.2.0/24", "2001:db8::/32"], 16, None, vec![], "a mapped address is an IPv4 address"),
            (
                &["192.0.2.0/24"],
                16,
                Some(vec!["2001:db8::1"]),
                vec!["3 of 4 addresses excluded: 192.0.2.1 is in 192.0.2.0/24"],
                "one family",
            ),
            (
                &["192.0.2.2"],
                2,
                Some(vec!["192.0.2.1", "2001:db8::1"]),
                vec![
                    "1 of 4 addresses excluded: 192.0.2.2 is in 192.0.2.2/32",
                    "the first 2 of 3 addresses are used",
                ],
                "the limit counts what may be connected to",
            ),
            (&["198.51.100.0/24"], 4, Some(all.to_vec()), vec![], "others"),
        ] {
            let excluded = excluded.iter().map(|network| network.parse().unwrap()).collect();
            let found = all.map(|address| address.parse().unwrap());
            let limits = AddressLimits { excluded, most };
            match limits.admit("mx.example", &found) {
                Ok(admitted) => {
                    let addresses: Vec<_> = admitted.addresses.iter().map(ToString::to_string).collect();
                    assert_eq!(
                        Some(addresses),
                        left.map(|left| left.into_iter().map(str::to_owned).collect()),
                        "{why}"
                    );
                    let said: Vec<_> = admitted.explain.into_iter().map(|step| step.result).collect();
                    assert_eq!(said, steps, "{why}");
                }
                Err(failure) => {
                    assert_eq!((failure.code, left), (FailureCode::ExcludedAddress, None), "{why}");
                    assert_eq!(failure.enhanced_status, "4.4.4", "{why}");
                }
            }
        }
    }
}
