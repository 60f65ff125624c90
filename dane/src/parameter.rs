use std::fmt;

/// Certificate usages (RFC 6698 §2.1.1; acronyms: RFC 7218 §2.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Usage {
    /// PKIX-TA(0), "CA constraint".
    PkixTa,
    /// PKIX-EE(1), "service certificate constraint".
    PkixEe,
    /// DANE-TA(2), "trust anchor assertion".
    DaneTa,
    /// DANE-EE(3), "domain-issued certificate".
    DaneEe,
}

impl Usage {
    /// The usage of this number, where one is assigned.
    pub fn from_octet(octet: u8) -> Option<Self> {
        [Self::PkixTa, Self::PkixEe, Self::DaneTa, Self::DaneEe]
            .into_iter()
            .find(|usage| usage.octet() == octet)
    }

    /// Its number in DNS.
    pub fn octet(self) -> u8 {
        match self {
            Self::PkixTa => 0,
            Self::PkixEe => 1,
            Self::DaneTa => 2,
            Self::DaneEe => 3,
        }
    }

    /// Acronym and number, `DANE-EE(3)`.
    pub fn description(self) -> &'static str {
        match self {
            Self::PkixTa => "PKIX-TA(0)",
            Self::PkixEe => "PKIX-EE(1)",
            Self::DaneTa => "DANE-TA(2)",
            Self::DaneEe => "DANE-EE(3)",
        }
    }

    /// What a record of this usage says about the server, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::PkixTa => "The chain leads to a trusted root and has this CA certificate in it.",
            Self::PkixEe => "The server has this certificate, and its chain leads to a trusted root.",
            Self::DaneTa => {
                "The chain leads to this trust anchor, and its first certificate is for the name of the server."
            }
            Self::DaneEe => "The server has this certificate; its names, dates and issuer do not count.",
        }
    }
}

/// Selectors (RFC 6698 §2.1.2; acronyms: RFC 7218 §2.2).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Selector {
    /// Cert(0): the whole certificate.
    Cert,
    /// SPKI(1): its SubjectPublicKeyInfo.
    Spki,
}

impl Selector {
    /// The selector of this number, where one is assigned.
    pub fn from_octet(octet: u8) -> Option<Self> {
        [Self::Cert, Self::Spki].into_iter().find(|selector| selector.octet() == octet)
    }

    /// Its number in DNS.
    pub fn octet(self) -> u8 {
        match self {
            Self::Cert => 0,
            Self::Spki => 1,
        }
    }

    /// Acronym and number, `SPKI(1)`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Cert => "Cert(0)",
            Self::Spki => "SPKI(1)",
        }
    }

    /// What is compared, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Cert => "The whole certificate is compared.",
            Self::Spki => "The public key is compared, with its algorithm and parameters.",
        }
    }
}

/// Matching types (RFC 6698 §2.1.3; acronyms: RFC 7218 §2.3).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Matching {
    /// Full(0): the data itself.
    Full,
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
}

impl Matching {
    /// The matching type of this number, where one is assigned.
    pub fn from_octet(octet: u8) -> Option<Self> {
        [Self::Full, Self::Sha256, Self::Sha512].into_iter().find(|matching| matching.octet() == octet)
    }

    /// Its number in DNS.
    pub fn octet(self) -> u8 {
        match self {
            Self::Full => 0,
            Self::Sha256 => 1,
            Self::Sha512 => 2,
        }
    }

    /// Acronym and number, `SHA2-256(1)`.
    pub fn description(self) -> &'static str {
        match self {
            Self::Full => "Full(0)",
            Self::Sha256 => "SHA2-256(1)",
            Self::Sha512 => "SHA2-512(2)",
        }
    }

    /// How it is compared, in a sentence.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Full => "The data is the very thing that is compared.",
            Self::Sha256 => "The data is the SHA-256 digest of that, 32 octets.",
            Self::Sha512 => "The data is the SHA-512 digest of that, 64 octets.",
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl fmt::Display for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}
