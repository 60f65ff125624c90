//! The resolver and how it is set up.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use dane::Profile;
use dnssec::{AnchorError, LocalPolicy, TrustAnchors};
use hickory_proto::rr::Name;
use mxtls_policy::{DaneRules, InsecureMx};
use rand::{SeedableRng, rngs::StdRng};
use rustls_pki_types::CertificateDer;
#[cfg(feature = "mta-sts")]
use rustls_pki_types::UnixTime;

use crate::{
    address_limits::AddressLimits,
    auto::Auto,
    delegation::Reach,
    destination::Domain,
    dns::Dns,
    dns_over_tls::DnsOverTlsError,
    families::Families,
    network::Network,
    recursion::Recursion,
    root_hints::{RootHints, RootHintsError},
    system,
    transport::Transport,
    trust_ad::TrustAd,
    upstream::Upstream,
    validator::Validator,
};

/// Finds mail servers and the policy that each must meet. Cheap to clone; clones share their caches.
///
/// # How a question is asked
/// The upstreams are asked in order, each for the [timeout](MxResolverBuilder::timeout) at the most; the next one is asked
/// after silence, after an answer that cannot be read, after a referral, and after any response code but NOERROR and
/// NXDOMAIN. Where what an upstream says comes to no verdict, because it is bogus or costs more work than a question is
/// worth, all is asked again from the next one on; the next question goes to the first one again.
///
/// A question over UDP that gets no answer is sent again, each time with an id and a port of its own: the first wait is a
/// fifteenth of the timeout, but half a second at the most, and each further one is twice as long. With the default of 5
/// seconds that is at once, after 0.33, 1 and 2.33 seconds; it is never more than six times. Answers to the earlier ones
/// still count, and what answers none of them is ignored. A truncated answer is asked for again over TCP. All the questions
/// behind one verdict have a minute together.
///
/// What does not depend on each other is asked at once: the addresses of hosts, of ten at a time, and the record of MTA-STS; what will
/// probably be needed to validate an answer, beside the question; and the TLSA records of a host beside its addresses where its
/// zone is known to be signed. Nobody waits for what turns out not to be needed.
///
/// Questions that are in flight are not asked a second time: who asks the same meanwhile waits for the same answer.
/// Verdicts are kept as long as their TTLs and signatures hold, and no longer than a day; denials no longer than three hours
/// (RFC 2308 §5). That a question failed is remembered for five seconds, for whatever reason it did (RFC 9520 §3.2),
/// unless it is about a `_mta-sts` record, without which mail may go out: that one is asked for at each attempt.
/// What takes more than 64 kilobytes is not kept.
#[derive(Clone)]
pub struct MxResolver(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) dns: Arc<Dns>,
    pub(crate) families: Families,
    pub(crate) port: u16,
    pub(crate) dane: DaneRules,
    pub(crate) own_names: Vec<Domain>,
    pub(crate) max_hosts: usize,
    pub(crate) address_limits: AddressLimits,
    seed: Option<u64>,
    #[cfg(feature = "mta-sts")]
    pub(crate) mta_sts: crate::mta_sts_discovery::MtaSts,
}

/// Why a resolver cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A file cannot be read.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The trust anchors cannot be read.
    #[error("{}: {error}", path.display())]
    TrustAnchor {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        error: AnchorError,
    },
    /// The root hints cannot be read.
    #[error("{}: {error}", path.display())]
    RootHints {
        /// The file.
        path: PathBuf,
        /// What is wrong, and in which line.
        error: RootHintsError,
    },
    /// A resolver whose AD bit anybody on the path could have set.
    #[error(
        "the AD bit of {0} counts for nothing: it is not on this machine, and not said to be trusted (--trust-resolver)"
    )]
    UntrustedResolver(Upstream),
    /// No server of DNS over TLS can be authenticated, for example because the root certificates are unreadable.
    #[error("{0}")]
    DnsOverTls(DnsOverTlsError),
    /// The HTTPS client for MTA-STS policies cannot be set up, for example because the root certificates are unreadable.
    #[cfg(feature = "mta-sts")]
    #[error("{0}")]
    PolicyFetcher(mta_sts::BuildError),
}

impl MxResolver {
    /// A resolver over the system's DNS servers, or where these do not pass DNSSEC records on, from the root; validating from
    /// the keys of the IANA root.
    ///
    /// # Errors
    /// See [`MxResolverBuilder::build`].
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Sets a resolver up.
    pub fn builder() -> MxResolverBuilder {
        MxResolverBuilder::default()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// One that has this way to verdicts, and asks nobody.
    #[cfg(test)]
    pub(crate) fn over(way: impl crate::dns::Way) -> Self {
        let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
        let mut inner = Arc::into_inner(Self::builder().upstream(nobody).build().unwrap().0).unwrap();
        inner.dns = Arc::new(Dns::new(way));
        Self(Arc::new(inner))
    }
}

impl Inner {
    pub(crate) fn rng(&self) -> StdRng {
        match self.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => rand::make_rng(),
        }
    }
}

/// How the status of an answer is found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Dnssec {
    /// Like [`Validate`](Self::Validate) where the upstream carries DNSSEC, else like [`Recursive`](Self::Recursive).
    ///
    /// The first look-up comes with a probe of each upstream, by the zone with the trust anchor: its keys, a signed record and a
    /// signed denial; and where these do not come within half a second, a name below it that nobody asks for, with a word of
    /// DNSSEC and without. Where each upstream answers, but not with DNSSEC records, and from the root they come, resolution goes
    /// from the root for an hour, until the next probe, and a warning says so once. Where neither works, every look-up fails with
    /// one sentence on what to do; so it does where none carries DNSSEC and one gives no answer, since that does not tell what it
    /// carries. After ten seconds the next look-up probes again.
    ///
    /// From the root, questions go out in clear text, also where the upstream is asked over TLS, and names that only the
    /// upstream's network knows are not found.
    #[default]
    Auto,
    /// Answers come over the upstream, and are validated here (RFC 4035 §5).
    Validate,
    /// The upstream validates and says so by the AD bit (RFC 4035 §3.2.3, RFC 7672 §2.1.1). It must be on this machine or
    /// [be trusted](MxResolverBuilder::trust_resolver). A probe every minute tells an upstream that never sets the bit from an
    /// insecure zone.
    TrustAd,
    /// Answers come from the zones' own servers, from the root on (RFC 1034 §5.3.3), and are validated here. No upstream is
    /// asked.
    Recursive,
}

/// How a resolver is set up. Everything has a default.
#[derive(Clone, Debug)]
#[must_use]
pub struct MxResolverBuilder {
    upstreams: Vec<Upstream>,
    roots: Option<Vec<CertificateDer<'static>>>,
    trust_anchor: Option<PathBuf>,
    dnssec: Dnssec,
    trust_resolver: bool,
    root_hints: Option<PathBuf>,
    dns_port: u16,
    timeout: Duration,
    case_randomization: bool,
    rsa_sha1: bool,
    families: Families,
    port: u16,
    dane: DaneRules,
    own_names: Vec<Domain>,
    max_hosts: usize,
    address_limits: AddressLimits,
    seed: Option<u64>,
    #[cfg(feature = "mta-sts")]
    pub(crate) policy_hosts: crate::mta_sts_discovery::PolicyHosts,
}

impl Default for MxResolverBuilder {
    fn default() -> Self {
        Self {
            upstreams: vec![],
            roots: None,
            trust_anchor: None,
            dnssec: Dnssec::default(),
            trust_resolver: false,
            root_hints: None,
            dns_port: 53,
            timeout: Duration::from_secs(5),
            case_randomization: false,
            rsa_sha1: true,
            families: Families::Both,
            port: 25,
            dane: DaneRules::default(),
            own_names: vec![],
            max_hosts: 64,
            address_limits: AddressLimits { excluded: vec![], most: 16 },
            seed: None,
            #[cfg(feature = "mta-sts")]
            policy_hosts: crate::mta_sts_discovery::PolicyHosts::default(),
        }
    }
}

impl MxResolverBuilder {
    /// Adds an upstream DNS server: a socket address, or an [`Upstream`] where it speaks DNS over TLS. They are tried in
    /// order. Without any, the system's are used, as resolv.conf(5) has it. An upstream must be a recursive resolver. It is not
    /// trusted, except with [`Dnssec::TrustAd`].
    pub fn upstream(mut self, server: impl Into<Upstream>) -> Self {
        self.upstreams.push(server.into());
        self
    }

    /// The roots (DER) that upstreams of DNS over TLS and policy hosts are held against, instead of the platform's.
    pub fn roots(mut self, roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        self.roots = Some(roots.into_iter().collect());
        self
    }

    /// DS or DNSKEY records in zone-file text that replace the built-in anchors of the IANA root.
    pub fn trust_anchor_file(mut self, path: impl AsRef<Path>) -> Self {
        self.trust_anchor = Some(path.as_ref().to_owned());
        self
    }

    /// How the status of an answer is found. Default: [`Dnssec::Auto`].
    pub fn dnssec(mut self, dnssec: Dnssec) -> Self {
        self.dnssec = dnssec;
        self
    }

    /// Whether the upstreams, and the path to them, are trusted: for [`Dnssec::TrustAd`] with one that is not on this machine.
    /// Default: no.
    pub fn trust_resolver(mut self, trusted: bool) -> Self {
        self.trust_resolver = trusted;
        self
    }

    /// The root's servers, in the form of IANA's `named.root`, in place of those that are built in: for resolution from the
    /// root. Whoever brings their own may have name servers at any address; else those that the internet at large cannot
    /// reach are not asked.
    pub fn root_hints_file(mut self, path: impl AsRef<Path>) -> Self {
        self.root_hints = Some(path.as_ref().to_owned());
        self
    }

    /// The port of the name servers in resolution from the root, for labs. Default: 53.
    pub fn dns_port(mut self, port: u16) -> Self {
        self.dns_port = port;
        self
    }

    /// How long one upstream may take for one question. Default: 5 seconds.
    ///
    /// Within that time a question over UDP is sent again, see [`MxResolver`]. From the root on, one name server may take a
    /// third of it, but a second where there is one, and the whole way four times as long.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks over UDP in mixed case, and ignores answers that do not repeat the question letter for letter ("0x20",
    /// draft-vixie-dnsext-dns0x20). It makes forging harder where nothing is signed, and costs every answer of the few
    /// upstreams that do not keep the case: they are as good as silent. Default: off.
    pub fn case_randomization(mut self, on: bool) -> Self {
        self.case_randomization = on;
        self
    }

    /// Whether zones signed with RSASHA1 or RSASHA1-NSEC3-SHA1 are validated; without it they count as unsigned, and
    /// DANE does not apply to what is in them. Default: on. RFC 9905 §2 tells operators to turn it off.
    pub fn rsa_sha1(mut self, on: bool) -> Self {
        self.rsa_sha1 = on;
        self
    }

    /// The address families that are used: of mail servers, of policy hosts, and of name servers in resolution from the root.
    /// Upstreams are the caller's own choice. Default: both.
    pub fn families(mut self, families: Families) -> Self {
        self.families = families;
        self
    }

    /// The SMTP port; TLSA names follow it (RFC 7672 §2.2.3). Default: 25.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Which TLSA records can be used. Default: [`Profile::Smtp`], without PKIX-TA(0) and PKIX-EE(1) (RFC 7672 §3.1.3).
    pub fn dane_profile(mut self, profile: Profile) -> Self {
        self.dane.profile = profile;
        self
    }

    /// What secure TLSA records are worth at hosts that were found insecurely (RFC 7672 §2.2.1). Default:
    /// [`InsecureMx::Dane`], as much as at others.
    pub fn insecure_mx(mut self, insecure_mx: InsecureMx) -> Self {
        self.dane.insecure_mx = insecure_mx;
        self
    }

    /// Adds a name of the caller's own as a mail server. Where the servers of a domain are among its own, these and all that
    /// are no better are left out, so that no mail comes back; where none is left, the domain fails for good (RFC 5321 §5.1).
    /// Names are compared as MX records have them, and hosts that the caller names not at all. Default: none.
    pub fn own_name(mut self, name: Domain) -> Self {
        self.own_names.push(name);
        self
    }

    /// Adds a network to which nothing is connected: no mail server, whoever names it or its address, and no policy host. The
    /// upstreams are the caller's own choice and do not count. Default: none.
    pub fn exclude(mut self, network: Network) -> Self {
        self.address_limits.excluded.push(network);
        self
    }

    /// So many hosts of a domain are looked at, the best ones first; 0 counts as 1. Each costs several look-ups. Default: 64,
    /// more than any honest domain has.
    pub fn max_hosts(mut self, hosts: usize) -> Self {
        self.max_hosts = hosts.max(1);
        self
    }

    /// So many addresses of a host are tried, in their order; less than 2 counts as 2, for RFC 5321 §5.1 asks for two at
    /// least. Default: 16.
    pub fn max_addresses(mut self, addresses: usize) -> Self {
        self.address_limits.most = addresses.max(2);
        self
    }

    /// Makes the order of equal preferences repeatable. Default: random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The HTTPS port of policy hosts, for labs. Default: 443 (RFC 8461 §3.3).
    #[cfg(feature = "mta-sts")]
    pub fn policy_port(mut self, port: u16) -> Self {
        self.policy_hosts.port = Some(port);
        self
    }

    /// How long fetching one policy may take. Default: one minute (RFC 8461 §3.3).
    #[cfg(feature = "mta-sts")]
    pub fn policy_timeout(mut self, timeout: Duration) -> Self {
        self.policy_hosts.timeout = Some(timeout);
        self
    }

    /// Judges the certificates of policy hosts as of this time. Default: now.
    #[cfg(feature = "mta-sts")]
    pub fn policy_certificates_at(mut self, time: UnixTime) -> Self {
        self.policy_hosts.at = Some(time);
        self
    }

    /// Sets the resolver up. Nothing is asked yet.
    ///
    /// # Errors
    /// A file cannot be read or understood, root certificates are needed and cannot be had, or
    /// the AD bit of an upstream that is not trusted is to count.
    pub fn build(self) -> Result<MxResolver, BuildError> {
        let anchors = match &self.trust_anchor {
            Some(path) => read_anchors(path)?,
            None => TrustAnchors::iana(),
        };
        // Any zone with an anchor will do for a probe, the root best.
        let anchor = anchors.zones().into_iter().min_by_key(|zone| zone.iter().count()).cloned();
        let anchor = anchor.unwrap_or_else(Name::root);
        let mut policy = LocalPolicy::new(anchors);
        policy.rsa_sha1 = self.rsa_sha1;
        let dns = Arc::new(match self.dnssec {
            Dnssec::Auto => {
                let over = |servers| Ok(Arc::new(Validator::new(self.transport(servers)?, policy.clone())));
                let servers = self.servers()?;
                let upstream = over(servers.clone())?;
                let each: Vec<_> = match servers.len() {
                    1 => vec![Arc::clone(&upstream)],
                    _ => servers
                        .into_iter()
                        .map(|server| over(vec![server]))
                        .collect::<Result<_, BuildError>>()?,
                };
                let root = Validator::new(self.recursion()?, policy.clone());
                Dns::new(Auto::new(upstream, each, root, anchor))
            }
            Dnssec::Validate => Dns::new(Validator::new(self.transport(self.servers()?)?, policy)),
            Dnssec::TrustAd => Dns::new(TrustAd::new(self.trusted_transports()?, anchor)),
            Dnssec::Recursive => Dns::new(Validator::new(self.recursion()?, policy)),
        });
        Ok(MxResolver(Arc::new(Inner {
            #[cfg(feature = "mta-sts")]
            mta_sts: crate::mta_sts_discovery::MtaSts::new(
                self.policy_hosts,
                self.roots,
                Arc::clone(&dns),
                self.families,
                self.address_limits.clone(),
            )?,
            dns,
            families: self.families,
            port: self.port,
            dane: self.dane,
            own_names: self.own_names,
            max_hosts: self.max_hosts,
            address_limits: self.address_limits,
            seed: self.seed,
        })))
    }
}

impl MxResolverBuilder {
    fn servers(&self) -> Result<Vec<Upstream>, BuildError> {
        if self.upstreams.is_empty() {
            system::servers().map_err(|error| BuildError::File { path: system::FILE.into(), error })
        } else {
            Ok(self.upstreams.clone())
        }
    }

    fn transport(&self, servers: Vec<Upstream>) -> Result<Transport, BuildError> {
        Transport::new(servers, self.timeout, self.case_randomization, self.roots.as_deref())
            .map_err(BuildError::DnsOverTls)
    }

    /// RFC 7672 §2.1.1: over TLS too an AD bit is only as good as who set it.
    fn trusted_transports(&self) -> Result<Vec<[Transport; 2]>, BuildError> {
        let trusted = |server: Upstream| match self.trust_resolver || server.is_on_this_machine() {
            true => Ok([self.transport(vec![server.clone()])?, self.transport(vec![server])?]),
            false => Err(BuildError::UntrustedResolver(server)),
        };
        self.servers()?.into_iter().map(trusted).collect()
    }

    fn recursion(&self) -> Result<Recursion, BuildError> {
        let (hints, reach) = match &self.root_hints {
            Some(path) => (RootHints::parse(&read(path)?), Reach::Any),
            None => (RootHints::iana(), Reach::Public),
        };
        let path = || self.root_hints.clone().unwrap_or_else(|| "built in".into());
        let hints = hints.map_err(|error| BuildError::RootHints { path: path(), error })?;
        Ok(Recursion::new(hints, reach, self.families, self.dns_port, self.timeout, self.case_randomization))
    }
}

fn read(path: &Path) -> Result<String, BuildError> {
    std::fs::read_to_string(path).map_err(|error| BuildError::File { path: path.to_owned(), error })
}

fn read_anchors(path: &Path) -> Result<TrustAnchors, BuildError> {
    TrustAnchors::parse(&read(path)?)
        .map_err(|error| BuildError::TrustAnchor { path: path.to_owned(), error })
}
